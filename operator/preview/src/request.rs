//! From the command line to the Restore that `velero restore create` would send.

use jiff::Zoned;
use k8s_openapi::api::core::v1::TypedLocalObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use lateen_actions::matching::parse_selector;
use lateen_api::v1::{Backup, Restore, RestoreSpec, RestoreStatusSpec};

use crate::PlanError;
use crate::args::{PlanArgs, SpecArgs};
use crate::file;

/// The Restore, in the server's namespace and with a name.
pub(crate) fn restore(args: &PlanArgs) -> Result<Restore, PlanError> {
    let mut restore = match &args.filename {
        Some(path) => file::restore(path)?,
        None => from_flags(&args.spec)?,
    };
    restore.metadata.namespace = Some(args.connection.namespace.clone());
    if let Some(name) = &args.name {
        restore.metadata.name = Some(name.clone());
    }
    if restore.metadata.name.as_deref().is_none_or(str::is_empty) {
        let RestoreSpec { backup_name, schedule_name, .. } = &restore.spec;
        let source = if backup_name.is_empty() { schedule_name } else { backup_name };
        restore.metadata.name = Some(format!("{source}-{}", Zoned::now().strftime("%Y%m%d%H%M%S")));
    }
    Ok(restore)
}

fn from_flags(args: &SpecArgs) -> Result<Restore, PlanError> {
    let or_selectors = args.or_selector.as_deref().map(|text| text.split(" or ").collect::<Vec<_>>());
    let spec =
        RestoreSpec {
            backup_name: args.from_backup.clone().unwrap_or_default(),
            schedule_name: args.from_schedule.clone().unwrap_or_default(),
            included_namespaces: args.include_namespaces.clone(),
            excluded_namespaces: args.exclude_namespaces.clone(),
            included_resources: args.include_resources.clone(),
            excluded_resources: args.exclude_resources.clone(),
            namespace_mapping: args.namespace_mappings.iter().cloned().collect(),
            label_selector: args.selector.as_deref().map(|text| selector("--selector", text)).transpose()?,
            or_label_selectors: or_selectors
                .unwrap_or_default()
                .into_iter()
                .map(|text| selector("--or-selector", text))
                .collect::<Result<_, _>>()?,
            restore_pvs: args.restore_volumes,
            preserve_node_ports: args.preserve_nodeports,
            include_cluster_resources: args.include_cluster_resources,
            existing_resource_policy: args.existing_resource_policy.clone().unwrap_or_default(),
            item_operation_timeout: args.item_operation_timeout.unwrap_or_default(),
            // As Velero's CLI does, which sends the excluded kinds only beside included ones.
            restore_status: (!args.status_include_resources.is_empty()).then(|| RestoreStatusSpec {
                included_resources: args.status_include_resources.clone(),
                excluded_resources: args.status_exclude_resources.clone(),
            }),
            resource_modifier: args.resource_modifier_configmap.as_ref().map(|name| {
                TypedLocalObjectReference { api_group: None, kind: "configmap".into(), name: name.clone() }
            }),
            ..RestoreSpec::default()
        };
    let mut restore = Restore { spec, ..Restore::default() };
    restore.metadata.labels = Some(args.labels.iter().cloned().collect());
    restore.metadata.annotations = Some(args.annotations.iter().cloned().collect());
    Ok(restore)
}

fn selector(flag: &str, text: &str) -> Result<LabelSelector, PlanError> {
    let parsed = parse_selector(text).map_err(|error| PlanError::Usage(format!("{flag}: {error}")))?;
    Ok(parsed.into())
}

/// With `--allow-partially-failed`: the newest backup of the schedule that can be restored from, whether or not all of it is there.
pub(crate) fn newest_usable(backups: &[Backup]) -> Option<String> {
    let usable = backups.iter().filter(|backup| backup.phase().is_restorable());
    let started = |backup: &&Backup| {
        backup.status.as_ref().and_then(|status| status.start_timestamp.as_ref()).map(|time| time.0)
    };
    usable.max_by_key(started).and_then(|backup| backup.metadata.name.clone())
}

#[cfg(test)]
mod tests;

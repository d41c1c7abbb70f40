//! From a Restore as somebody wrote it to a request that the engine can run, or to everything that is wrong with it.
//!
//! What is filled in (kinds that are never restored, the backup of a schedule, the time limit of operations) is written into the
//! Restore, so that it tells what was run; it is kept even when validation fails. A Restore that was prepared before comes out the same:
//! a run that begins again restores the same backup, and keeps the time at which it started. After this nobody reads the raw spec.

mod backup;
mod hooks;
mod lists;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::GoDuration;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, BackupStorageLocation, Restore, RestorePhase, RestoreSpec};

pub use self::backup::Source;
pub use self::lists::NON_RESTORABLE;
use super::existing::ExistingPolicy;
use super::order::Priorities;
use crate::hooks::restore::RestoreHooks;
use crate::include_exclude::IncludesExcludes;
use crate::selector::Selection;

/// The only kind of object that resource modifiers can be in, in any case of letters.
const MODIFIER_KIND: &str = "configmap";

/// What the server says where a Restore says nothing.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// `--default-item-operation-timeout`.
    pub item_operation_timeout: GoDuration,
    /// `--restore-resource-priorities`.
    pub priorities: Priorities,
}

/// What was looked up.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The Backups that [`Source`] asks for, as far as there are any.
    pub backups: Vec<Backup>,
    /// All locations of the namespace.
    pub locations: Vec<BackupStorageLocation>,
    /// What is wrong with the ConfigMap that [`modifier_of`] names, whole messages; empty where it names none.
    pub modifier_faults: Vec<String>,
}

/// A restore that can be run.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// metadata.name.
    pub name: String,
    /// metadata.namespace.
    pub namespace: String,
    /// metadata.uid.
    pub uid: String,
    /// The backup that it restores.
    pub backup_name: String,
    /// The schedule that made the backup; empty for none.
    pub schedule_name: String,
    /// The location that the backup lies in, and the restore's own files will.
    pub location: BackupStorageLocation,
    /// Namespaces of the backup to include; empty or `*` for all.
    pub included_namespaces: Vec<String>,
    /// Namespaces of the backup to leave out.
    pub excluded_namespaces: Vec<String>,
    /// Other names for namespaces: the one in the backup, the one in the cluster.
    pub namespace_mapping: BTreeMap<String, String>,
    /// Kinds to include, empty for all.
    pub included_resources: Vec<String>,
    /// Kinds to leave out, those that are never restored among them.
    pub excluded_resources: Vec<String>,
    /// None: cluster-scoped objects come with a restore of all namespaces, or with an object that needs them.
    pub cluster_resources: Option<bool>,
    /// The filter by label.
    pub selection: Selection,
    /// Kinds restored with their status. None: no kind.
    pub status_kinds: Option<IncludesExcludes>,
    /// What becomes of objects that exist.
    pub existing: ExistingPolicy,
    /// Services keep all their node ports.
    pub preserve_node_ports: bool,
    /// None: data of volumes come back where the backup has them. False: volumes come back without their data.
    pub restore_volumes: Option<bool>,
    /// Claims whose data cannot be brought back are restored as empty volumes, because somebody asked for it.
    pub allow_empty_volumes: bool,
    /// Name of the ConfigMap with the resource modifiers, in the Restore's namespace.
    pub modifier: Option<String>,
    /// Commands to run in restored pods.
    pub hooks: RestoreHooks,
    /// How long an operation that an action left running may take.
    pub item_operation_timeout: GoDuration,
    /// The order of kinds.
    pub priorities: Priorities,
}

/// The name of the ConfigMap in the Restore's namespace that its resource modifiers are in, if it has any.
pub fn modifier_of(spec: &RestoreSpec) -> Option<&str> {
    let reference = spec.resource_modifier.as_ref()?;
    reference.kind.eq_ignore_ascii_case(MODIFIER_KIND).then_some(reference.name.as_str())
}

/// Completes `restore` in place and validates it; without a fault it is in phase `InProgress`. On a fault it is in `FailedValidation` with
/// every message, or in `Failed` if its run had begun before: then objects may have been restored.
pub fn prepare(
    restore: &mut Restore,
    observed: &Observed,
    defaults: &Defaults,
    now: Timestamp,
) -> Option<RestoreRequest> {
    let mut faults = Vec::new();
    let source = Source::of(restore);
    let goes_on = has_begun(restore);
    let namespace = restore.metadata.namespace.clone().unwrap_or_default();
    let spec = &mut restore.spec;
    lists::complete(spec);
    spec.item_operation_timeout = spec.item_operation_timeout.or(defaults.item_operation_timeout);
    lists::check(spec, &mut faults);
    let selection = check_selectors(spec, &mut faults);
    backup::check(&source, &mut faults);
    let hooks = hooks::check(&spec.hooks, &mut faults);
    let existing = check_policies(spec, &mut faults);
    let chosen = backup::choose(spec, &source, observed, &namespace, goes_on, &mut faults);
    faults.extend(observed.modifier_faults.iter().cloned());
    match (chosen, selection, hooks, existing, faults.is_empty()) {
        (Some(location), Some(selection), Some(hooks), Some(existing), true) => {
            start(restore, now);
            Some(request(restore, defaults, location, selection, hooks, existing))
        }
        _ => {
            refuse(restore, faults, now);
            None
        }
    }
}

/// Whether a server has begun to restore it.
fn has_begun(restore: &Restore) -> bool {
    !matches!(restore.phase(), RestorePhase::New | RestorePhase::FailedValidation)
}

fn start(restore: &mut Restore, now: Timestamp) {
    let status = restore.status.get_or_insert_default();
    status.phase = Some(RestorePhase::InProgress);
    status.validation_errors = Vec::new();
    status.start_timestamp.get_or_insert(Time(now));
}

fn refuse(restore: &mut Restore, faults: Vec<String>, now: Timestamp) {
    let goes_on = has_begun(restore);
    let status = restore.status.get_or_insert_default();
    if goes_on {
        status.phase = Some(RestorePhase::Failed);
        status.failure_reason = format!("the restore cannot go on: {}", faults.join("; "));
        status.completion_timestamp = Some(Time(now));
    } else {
        status.phase = Some(RestorePhase::FailedValidation);
        status.validation_errors = faults;
    }
}

fn request(
    restore: &Restore,
    defaults: &Defaults,
    location: BackupStorageLocation,
    selection: Selection,
    hooks: RestoreHooks,
    existing: ExistingPolicy,
) -> RestoreRequest {
    let (metadata, spec) = (&restore.metadata, &restore.spec);
    let allow_empty = metadata.annotations.as_ref().and_then(|all| all.get(annotations::ALLOW_EMPTY_VOLUMES));
    RestoreRequest {
        name: metadata.name.clone().unwrap_or_default(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        backup_name: spec.backup_name.clone(),
        schedule_name: spec.schedule_name.clone(),
        location,
        included_namespaces: spec.included_namespaces.clone(),
        excluded_namespaces: spec.excluded_namespaces.clone(),
        namespace_mapping: spec.namespace_mapping.clone(),
        included_resources: spec.included_resources.clone(),
        excluded_resources: spec.excluded_resources.clone(),
        cluster_resources: spec.include_cluster_resources,
        selection,
        status_kinds: spec.restore_status.as_ref().map(|lists| {
            IncludesExcludes::new(
                lists.included_resources.iter().cloned(),
                lists.excluded_resources.iter().cloned(),
            )
        }),
        existing,
        preserve_node_ports: spec.preserve_node_ports == Some(true),
        restore_volumes: spec.restore_pvs,
        allow_empty_volumes: allow_empty.is_some_and(|value| value == "true"),
        modifier: modifier_of(spec).map(str::to_owned),
        hooks,
        item_operation_timeout: spec.item_operation_timeout,
        priorities: defaults.priorities.clone(),
    }
}

fn check_selectors(spec: &RestoreSpec, faults: &mut Vec<String>) -> Option<Selection> {
    if spec.label_selector.is_some() && !spec.or_label_selectors.is_empty() {
        faults.push(
            "encountered labelSelector as well as orLabelSelectors in restore spec, only one can be specified".into(),
        );
        return None;
    }
    match Selection::parse(spec.label_selector.as_ref(), Some(&spec.or_label_selectors)) {
        Ok(selection) => Some(selection),
        Err(error) => {
            faults.push(format!("invalid label selector: {error}"));
            None
        }
    }
}

/// What is to become of objects that exist; and whether somebody asks for rules that nobody here reads.
fn check_policies(spec: &RestoreSpec, faults: &mut Vec<String>) -> Option<ExistingPolicy> {
    let existing = ExistingPolicy::parse(&spec.existing_resource_policy);
    if existing.is_none() {
        faults.push(format!("Invalid ExistingResourcePolicy: {}", spec.existing_resource_policy));
    }
    if let Some(reference) = &spec.resource_modifier
        && modifier_of(spec).is_none()
    {
        let kind = &reference.kind;
        faults.push(format!(
            "resource modifiers are read from a ConfigMap, not from an object of kind {kind:?}"
        ));
    }
    if spec.resource_policy.is_some() {
        faults.push(
            "spec.resourcePolicy is set, but this version of the server reads no resource policies for restores"
                .into(),
        );
    }
    existing
}

#[cfg(test)]
mod tests;

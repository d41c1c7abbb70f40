//! From a Restore as somebody wrote it to a request that the engine can run, or to everything that is wrong with it.
//!
//! What is filled in (kinds that are never restored, the backup of a schedule, the time limit of operations) is written into the
//! Restore, so that it tells what was run; it is kept even when validation fails. After this nobody reads the raw spec.

mod unsupported;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::v1::{Backup, BackupPhase, BackupStorageLocation, Restore, RestorePhase, RestoreSpec};
use lateen_api::{GoDuration, labels};

pub use unsupported::asks_in_vain;

use super::existing::ExistingPolicy;
use super::order::Priorities;
use crate::include_exclude::{IncludesExcludes, check_lists};
use crate::selector::Selection;

/// Kinds that describe a cluster or a run and not what runs in it: restoring them would do harm.
pub const NON_RESTORABLE: [&str; 9] = [
    "nodes",
    "events",
    "events.events.k8s.io",
    "backups.velero.io",
    "restores.velero.io",
    "resticrepositories.velero.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "backuprepositories.velero.io",
];

/// What the server says where a Restore says nothing.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// `--default-item-operation-timeout`.
    pub item_operation_timeout: GoDuration,
    /// `--restore-resource-priorities`.
    pub priorities: Priorities,
}

/// Which Backups have to be looked up to decide about a Restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The one of this name.
    Backup(String),
    /// All with this value of the schedule label.
    Schedule(String),
    /// None: the spec names no source, or two.
    Unclear,
}

impl Source {
    /// As the spec names it.
    pub fn of(spec: &RestoreSpec) -> Self {
        match (spec.backup_name.as_str(), spec.schedule_name.as_str()) {
            ("", "") => Self::Unclear,
            (backup, "") => Self::Backup(backup.to_owned()),
            ("", schedule) => Self::Schedule(schedule.to_owned()),
            _ => Self::Unclear,
        }
    }
}

/// What was looked up.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The Backups that [`Source`] asks for, as far as there are any.
    pub backups: Vec<Backup>,
    /// All locations of the namespace.
    pub locations: Vec<BackupStorageLocation>,
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
    /// The order of kinds.
    pub priorities: Priorities,
}

/// Completes `restore` in place and validates it. On an error the restore is in phase `FailedValidation` with every message; otherwise
/// in `InProgress`, started `now`.
pub fn prepare(
    restore: &mut Restore,
    observed: &Observed,
    defaults: &Defaults,
    now: Timestamp,
) -> Option<RestoreRequest> {
    let namespace = restore.metadata.namespace.clone().unwrap_or_default();
    let spec = &mut restore.spec;
    let mut faults = Vec::new();
    complete(spec, defaults);
    check_lists_of(spec, &mut faults);
    let selection = check_selectors(spec, &mut faults);
    let found = choose_backup(spec, &namespace, observed, &mut faults);
    let existing = ExistingPolicy::parse(&spec.existing_resource_policy);
    if existing.is_none() {
        faults.push(format!("Invalid ExistingResourcePolicy: {}", spec.existing_resource_policy));
    }
    faults.extend(unsupported::check(spec));

    let status = restore.status.get_or_insert_default();
    status.validation_errors.clone_from(&faults);
    let (Some((backup, location)), Some(selection), Some(existing), true) =
        (found, selection, existing, faults.is_empty())
    else {
        status.phase = Some(RestorePhase::FailedValidation);
        return None;
    };
    status.phase = Some(RestorePhase::InProgress);
    status.start_timestamp = Some(Time(now));
    let spec = &restore.spec;
    Some(RestoreRequest {
        name: restore.metadata.name.clone().unwrap_or_default(),
        namespace,
        uid: restore.metadata.uid.clone().unwrap_or_default(),
        backup_name: backup,
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
        priorities: defaults.priorities.clone(),
    })
}

fn complete(spec: &mut RestoreSpec, defaults: &Defaults) {
    for kind in NON_RESTORABLE {
        if !spec.excluded_resources.iter().any(|excluded| excluded == kind) {
            spec.excluded_resources.push(kind.to_owned());
        }
    }
    spec.item_operation_timeout = spec.item_operation_timeout.or(defaults.item_operation_timeout);
}

fn check_lists_of(spec: &RestoreSpec, faults: &mut Vec<String>) {
    let in_vain =
        NON_RESTORABLE.iter().filter(|kind| spec.included_resources.iter().any(|included| included == *kind));
    faults.extend(in_vain.map(|kind| format!("{kind} are non-restorable resources")));
    let kinds = check_lists(&spec.included_resources, &spec.excluded_resources);
    faults
        .extend(kinds.into_iter().map(|fault| format!("Invalid included/excluded resource lists: {fault}")));
    let namespaces = check_lists(&spec.included_namespaces, &spec.excluded_namespaces);
    faults.extend(
        namespaces.into_iter().map(|fault| format!("Invalid included/excluded namespace lists: {fault}")),
    );
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

/// Finds the backup and its location, and writes into the spec which backup and schedule it turned out to be.
fn choose_backup(
    spec: &mut RestoreSpec,
    namespace: &str,
    observed: &Observed,
    faults: &mut Vec<String>,
) -> Option<(String, BackupStorageLocation)> {
    match Source::of(spec) {
        Source::Unclear => {
            faults.push(
                "Either a backup or schedule must be specified as a source for the restore, but not both"
                    .into(),
            );
            return None;
        }
        Source::Schedule(_) => spec.backup_name = newest_of_schedule(&observed.backups, faults)?,
        Source::Backup(_) => {}
    }
    let name = &spec.backup_name;
    let Some(backup) = observed.backups.iter().find(|backup| backup.metadata.name.as_ref() == Some(name))
    else {
        faults.push(format!(
            "Error retrieving backup: can't find backup {namespace}/{name}: Backup.velero.io {name:?} not found"
        ));
        return None;
    };
    let wanted = &backup.spec.storage_location;
    let Some(location) = observed.locations.iter().find(|l| l.metadata.name.as_ref() == Some(wanted)) else {
        faults.push(format!("Error retrieving backup: BackupStorageLocation.velero.io {wanted:?} not found"));
        return None;
    };
    if !location.is_available() {
        faults.push(format!("The BSL {wanted} is unavailable, cannot retrieve the backup"));
        return None;
    }
    if spec.schedule_name.is_empty() {
        let labels = backup.metadata.labels.as_ref();
        spec.schedule_name =
            labels.and_then(|labels| labels.get(labels::SCHEDULE_NAME)).cloned().unwrap_or_default();
    }
    Some((name.clone(), location.clone()))
}

/// The newest completed one; a backup that never started counts as the oldest.
fn newest_of_schedule(backups: &[Backup], faults: &mut Vec<String>) -> Option<String> {
    if backups.is_empty() {
        faults.push("No backups found for schedule".into());
    }
    let completed = backups.iter().filter(|backup| *backup.phase() == BackupPhase::Completed);
    let started =
        |backup: &&Backup| backup.status.as_ref().and_then(|s| s.start_timestamp.as_ref()).map(|time| time.0);
    let newest = completed.max_by_key(started).and_then(|backup| backup.metadata.name.clone());
    if newest.is_none() {
        faults.push("No completed backups found for schedule".into());
    }
    newest
}

#[cfg(test)]
mod tests;

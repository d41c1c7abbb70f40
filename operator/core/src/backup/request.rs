//! From a Backup as somebody wrote it to a request that the engine can run, or to everything that is wrong with it.
//!
//! Defaults are written into the Backup, so that it tells what was run; they are kept even when validation fails. After this nobody
//! reads the raw spec.

mod unsupported;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::labels::{self, annotations};
use lateen_api::v1::{AccessMode, Backup, BackupPhase, BackupSpec, BackupStorageLocation};
use lateen_api::{GoDuration, names};

use super::filter::{ResourceLists, SNAPSHOT_CONTENT_KIND, SNAPSHOT_KIND};
use crate::archive::FORMAT_VERSION;
use crate::include_exclude::{check_lists, check_scoped_lists};
use crate::namespaces::check_namespaces;
use crate::selector::Selection;

/// What the server says where a Backup says nothing.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// `--default-backup-storage-location`.
    pub storage_location: String,
    /// `--default-backup-ttl`.
    pub ttl: GoDuration,
    /// `--default-item-operation-timeout`.
    pub item_operation_timeout: GoDuration,
    /// `--resource-timeout`, told in an annotation.
    pub resource_timeout: GoDuration,
    /// `--volume-group-snapshot-label-key`.
    pub volume_group_label: String,
}

/// Default of `spec.csiSnapshotTimeout`, which has no flag.
const CSI_SNAPSHOT_TIMEOUT: GoDuration = GoDuration::from_mins(10);

/// What has to be looked up for a decision.
#[derive(Debug, Clone)]
pub struct Observed {
    /// All locations of the namespace.
    pub locations: Vec<BackupStorageLocation>,
    /// Names of namespaces labelled to be left out.
    pub namespaces_labelled_out: Vec<String>,
    /// `gitVersion`, `major` and `minor` of the API server.
    pub server_version: (String, String, String),
}

/// A backup that can be run.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// metadata.name.
    pub name: String,
    /// metadata.uid.
    pub uid: String,
    /// The location that it goes to.
    pub location: BackupStorageLocation,
    /// Namespaces to include; `*` for all.
    pub included_namespaces: Vec<String>,
    /// Namespaces to leave out.
    pub excluded_namespaces: Vec<String>,
    /// The filter by kind, not yet resolved.
    pub resources: ResourceLists,
    /// The filter by label.
    pub selection: Selection,
}

/// Completes `backup` in place and validates it. On an error the backup is in phase `FailedValidation` with every message; otherwise in
/// `InProgress`, started `now`.
pub fn prepare(
    backup: &mut Backup,
    observed: &Observed,
    defaults: &Defaults,
    now: Timestamp,
) -> Option<BackupRequest> {
    let mut faults = Vec::new();
    complete(backup, observed, defaults, now);
    let location = check_location(backup, observed, defaults, &mut faults);
    let resources = check_resources(&mut backup.spec, &mut faults);
    let spec = &mut backup.spec;
    if spec.included_namespaces.is_empty() {
        spec.included_namespaces = vec!["*".into()];
    }
    let namespaces = check_namespaces(&spec.included_namespaces, &spec.excluded_namespaces);
    faults.extend(
        namespaces.into_iter().map(|fault| format!("Invalid included/excluded namespace lists: {fault}")),
    );
    let selection = check_selectors(spec, &mut faults);
    faults.extend(unsupported::check(spec));

    let status = backup.status.get_or_insert_default();
    status.queue_position = 0;
    status.validation_errors.clone_from(&faults);
    match (location, selection, faults.is_empty()) {
        (Some(location), Some(selection), true) => {
            status.phase = Some(BackupPhase::InProgress);
            status.start_timestamp = Some(Time(now));
            Some(BackupRequest {
                name: backup.metadata.name.clone().unwrap_or_default(),
                uid: backup.metadata.uid.clone().unwrap_or_default(),
                location,
                included_namespaces: backup.spec.included_namespaces.clone(),
                excluded_namespaces: backup.spec.excluded_namespaces.clone(),
                resources,
                selection,
            })
        }
        _ => {
            status.phase = Some(BackupPhase::FailedValidation);
            None
        }
    }
}

fn complete(backup: &mut Backup, observed: &Observed, defaults: &Defaults, now: Timestamp) {
    let spec = &mut backup.spec;
    spec.ttl = spec.ttl.or(defaults.ttl);
    if spec.volume_group_snapshot_label_key.is_empty() {
        spec.volume_group_snapshot_label_key.clone_from(&defaults.volume_group_label);
    }
    spec.csi_snapshot_timeout = spec.csi_snapshot_timeout.or(CSI_SNAPSHOT_TIMEOUT);
    spec.item_operation_timeout = spec.item_operation_timeout.or(defaults.item_operation_timeout);
    if spec.default_volumes_to_restic == Some(true) {
        spec.default_volumes_to_fs_backup = Some(true);
    }
    spec.default_volumes_to_fs_backup.get_or_insert(false);
    spec.snapshot_move_data.get_or_insert(false);
    spec.excluded_namespaces.extend(observed.namespaces_labelled_out.iter().cloned());
    let expiration = now.checked_add(spec.ttl.to_signed()).unwrap_or(Timestamp::MAX);

    let status = backup.status.get_or_insert_default();
    status.version = 1;
    FORMAT_VERSION.clone_into(&mut status.format_version);
    status.expiration = Some(Time(expiration));

    let (git_version, major, minor) = &observed.server_version;
    let annotated = backup.metadata.annotations.get_or_insert_default();
    let told = [
        (annotations::SOURCE_CLUSTER_VERSION, git_version.clone()),
        (annotations::SOURCE_CLUSTER_MAJOR_VERSION, major.clone()),
        (annotations::SOURCE_CLUSTER_MINOR_VERSION, minor.clone()),
        (annotations::RESOURCE_TIMEOUT, defaults.resource_timeout.to_string()),
    ];
    annotated.extend(told.map(|(key, value)| (key.to_owned(), value)));
}

/// Chooses the location, labels the backup with it and checks that it can be written to.
fn check_location(
    backup: &mut Backup,
    observed: &Observed,
    defaults: &Defaults,
    faults: &mut Vec<String>,
) -> Option<BackupStorageLocation> {
    let by_default = backup.spec.storage_location.is_empty();
    if by_default {
        let marked = observed.locations.iter().find(|l| l.spec.default).and_then(|l| l.metadata.name.clone());
        backup.spec.storage_location = marked.unwrap_or_else(|| defaults.storage_location.clone());
    }
    let name = backup.spec.storage_location.clone();
    let label = (labels::STORAGE_LOCATION.to_owned(), names::valid_name(&name));
    backup.metadata.labels.get_or_insert_default().extend([label]);

    let Some(location) = observed.locations.iter().find(|l| l.metadata.name.as_deref() == Some(&name)) else {
        let default = if by_default { "server default" } else { "default" };
        faults.push(format!(
            "an existing backup storage location was not specified at backup creation time and the {default} {name} was not found. Please address this issue (see `velero backup-location -h` for options) and create a new backup. Error: BackupStorageLocation.velero.io {name:?} not found"
        ));
        return None;
    };
    if location.spec.access_mode == Some(AccessMode::ReadOnly) {
        faults.push(format!(
            "backup can't be created because backup storage location {name} is currently in read-only mode"
        ));
    }
    if !location.is_available() {
        faults.push(format!(
            "backup can't be created because BackupStorageLocation {name} is in Unavailable status."
        ));
    }
    Some(location.clone())
}

/// Decides between the two generations of filters, leaves the snapshot kinds out, and checks the lists.
fn check_resources(spec: &mut BackupSpec, faults: &mut Vec<String>) -> ResourceLists {
    let old = spec.include_cluster_resources.is_some()
        || !spec.included_resources.is_empty()
        || !spec.excluded_resources.is_empty();
    let new = [
        &spec.included_cluster_scoped_resources,
        &spec.excluded_cluster_scoped_resources,
        &spec.included_namespace_scoped_resources,
        &spec.excluded_namespace_scoped_resources,
    ];
    if old && new.iter().any(|list| !list.is_empty()) {
        faults.push(
            "include-resources, exclude-resources and include-cluster-resources are old filter parameters.\ninclude-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.\nThey cannot be used together"
                .into(),
        );
    }
    let tell = |faults: &mut Vec<String>, prefix: &str, found: Vec<String>| {
        let valid = found.is_empty();
        faults.extend(found.into_iter().map(|fault| format!("{prefix}: {fault}")));
        valid
    };
    if old {
        let (included, excluded) = (&mut spec.included_resources, &mut spec.excluded_resources);
        if tell(faults, "Invalid included/excluded resource lists", check_lists(included, excluded)) {
            leave_out(&[SNAPSHOT_KIND, SNAPSHOT_CONTENT_KIND], included, excluded);
        }
        ResourceLists::Global {
            included: spec.included_resources.clone(),
            excluded: spec.excluded_resources.clone(),
            cluster_resources: spec.include_cluster_resources,
        }
    } else {
        let (included, excluded) =
            (&mut spec.included_cluster_scoped_resources, &mut spec.excluded_cluster_scoped_resources);
        if tell(
            faults,
            "Invalid cluster-scoped included/excluded resource lists",
            check_scoped_lists(included, excluded),
        ) {
            leave_out(&[SNAPSHOT_CONTENT_KIND], included, excluded);
        }
        let (included, excluded) =
            (&mut spec.included_namespace_scoped_resources, &mut spec.excluded_namespace_scoped_resources);
        if tell(
            faults,
            "Invalid namespace-scoped included/excluded resource lists",
            check_scoped_lists(included, excluded),
        ) {
            leave_out(&[SNAPSHOT_KIND], included, excluded);
        }
        ResourceLists::Scoped {
            cluster_included: spec.included_cluster_scoped_resources.clone(),
            cluster_excluded: spec.excluded_cluster_scoped_resources.clone(),
            namespaced_included: spec.included_namespace_scoped_resources.clone(),
            namespaced_excluded: spec.excluded_namespace_scoped_resources.clone(),
        }
    }
}

fn leave_out(kinds: &[&str], included: &mut Vec<String>, excluded: &mut Vec<String>) {
    for kind in kinds {
        if !excluded.iter().any(|e| e == kind) {
            excluded.push((*kind).to_owned());
        }
    }
    included.retain(|i| !excluded.contains(i));
}

fn check_selectors(spec: &BackupSpec, faults: &mut Vec<String>) -> Option<Selection> {
    if spec.label_selector.is_some() && !spec.or_label_selectors.is_empty() {
        faults.push(
            "encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified"
                .into(),
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

#[cfg(test)]
mod tests;

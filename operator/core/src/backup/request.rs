//! From a Backup as somebody wrote it to a request that the engine can run, or to everything that is wrong with it.
//!
//! Defaults are written into the Backup, so that it tells what was run; they are kept even when validation fails. A Backup that was
//! prepared before comes out the same: a run that begins again adds nothing twice. After this nobody reads the raw spec.

mod defaults;
mod locations;
mod policy;
mod resources;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::GoDuration;
use lateen_api::v1::{
    Backup, BackupHooks, BackupPhase, BackupSpec, BackupStorageLocation, VolumeSnapshotLocation,
};

pub use self::defaults::Defaults;
pub use self::policy::{PolicyConfigMap, PolicyReference};
use super::filter::ResourceLists;
use super::policies::ResourcePolicies;
use crate::namespaces::check_namespaces;
use crate::selector::Selection;

/// What a look-up found, or why the API server refused it. A server that does not answer is no refusal: then nothing is known, and there
/// is nothing to prepare yet.
pub type Looked<T> = Result<T, String>;

/// What has to be looked up for a decision.
#[derive(Debug, Clone)]
pub struct Observed {
    /// All storage locations of the namespace.
    pub locations: Looked<Vec<BackupStorageLocation>>,
    /// All snapshot locations of the namespace.
    pub snapshot_locations: Looked<Vec<VolumeSnapshotLocation>>,
    /// Names of namespaces labelled to be left out.
    pub namespaces_labelled_out: Looked<Vec<String>>,
    /// The ConfigMap that [`PolicyReference`] names; None where the Backup names none.
    pub policy: Option<PolicyConfigMap>,
    /// `gitVersion`, `major` and `minor` of the API server.
    pub server_version: (String, String, String),
}

/// A backup that can be run: all that the engine reads.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// metadata.name.
    pub name: String,
    /// metadata.namespace.
    pub namespace: String,
    /// metadata.uid.
    pub uid: String,
    /// metadata.labels: native snapshots are tagged with them.
    pub labels: BTreeMap<String, String>,
    /// metadata.annotations: some settings of a backup stand there.
    pub annotations: BTreeMap<String, String>,
    /// The location that it goes to.
    pub location: BackupStorageLocation,
    /// Where native snapshots go: one location for each provider, sorted by name.
    pub snapshot_locations: Vec<VolumeSnapshotLocation>,
    /// Namespaces to include; `*` for all.
    pub included_namespaces: Vec<String>,
    /// Namespaces to leave out.
    pub excluded_namespaces: Vec<String>,
    /// All namespaces were asked for: none is missing but those whose owners keep them out of backups. Such a backup is one of the whole
    /// cluster, with its cluster-scoped objects.
    pub all_namespaces: bool,
    /// The filter by kind, not yet resolved.
    pub resources: ResourceLists,
    /// The filter by label.
    pub selection: Selection,
    /// What to do with which volume. What they say about kinds is in [`Self::resources`] already.
    pub policies: Option<ResourcePolicies>,
    /// Commands to run in pods, as the spec has them.
    pub hooks: BackupHooks,
    /// Which objects come first: plural of a kind -> names, `namespace/name` or `name`. Read it with
    /// [`names_in_order`](super::ordered::names_in_order).
    pub ordered_resources: BTreeMap<String, Vec<String>>,
    /// None: volumes are kept by snapshots where that is possible.
    pub snapshot_volumes: Option<bool>,
    /// The content of CSI snapshots is copied to the repository.
    pub snapshot_move_data: bool,
    /// The files of all pod volumes are copied unless a pod says otherwise.
    pub default_volumes_to_fs_backup: bool,
    /// Who copies volumes; empty or `velero` is the built-in data mover.
    pub data_mover: String,
    /// Files of volumes that are read side by side; 0 leaves the number to the uploader.
    pub parallel_files_upload: i64,
    /// Label key of claims that are snapshotted together.
    pub volume_group_label: String,
    /// How long to wait for a CSI snapshot.
    pub csi_snapshot_timeout: GoDuration,
    /// How long an operation that an action left running may take.
    pub item_operation_timeout: GoDuration,
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
    defaults::complete(backup, observed, defaults, now);
    let location = locations::choose_storage(backup, observed, defaults, &mut faults);
    let snapshot_locations = locations::choose_snapshots(&mut backup.spec, observed, defaults, &mut faults);
    leave_out_labelled(&mut backup.spec, observed, &mut faults);
    let mut resources = resources::check(&mut backup.spec, &mut faults);
    check_namespace_lists(&mut backup.spec, &mut faults);
    let selection = check_selectors(&backup.spec, &mut faults);
    let policies = policy::read(backup, observed, &mut resources, &mut faults);

    let valid = faults.is_empty();
    let status = backup.status.get_or_insert_default();
    status.queue_position = 0;
    status.validation_errors = faults;
    match (location, selection, valid) {
        (Some(location), Some(selection), true) => {
            status.phase = Some(BackupPhase::InProgress);
            status.start_timestamp = Some(Time(now));
            Some(request(backup, observed, location, snapshot_locations, resources, selection, policies))
        }
        _ => {
            status.phase = Some(BackupPhase::FailedValidation);
            None
        }
    }
}

fn request(
    backup: &Backup,
    observed: &Observed,
    location: BackupStorageLocation,
    snapshot_locations: Vec<VolumeSnapshotLocation>,
    resources: ResourceLists,
    selection: Selection,
    policies: Option<ResourcePolicies>,
) -> BackupRequest {
    let (metadata, spec) = (&backup.metadata, &backup.spec);
    let kept_out = observed.namespaces_labelled_out.as_deref().unwrap_or_default();
    BackupRequest {
        name: metadata.name.clone().unwrap_or_default(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        labels: metadata.labels.clone().unwrap_or_default(),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        location,
        snapshot_locations,
        included_namespaces: spec.included_namespaces.clone(),
        excluded_namespaces: spec.excluded_namespaces.clone(),
        all_namespaces: spec.included_namespaces.iter().any(|name| name == "*")
            && spec.excluded_namespaces.iter().all(|name| kept_out.contains(name)),
        resources,
        selection,
        policies,
        hooks: spec.hooks.clone(),
        ordered_resources: ordered(&spec.ordered_resources),
        snapshot_volumes: spec.snapshot_volumes,
        snapshot_move_data: spec.snapshot_move_data.unwrap_or_default(),
        default_volumes_to_fs_backup: spec.default_volumes_to_fs_backup.unwrap_or_default(),
        data_mover: spec.datamover.clone(),
        parallel_files_upload: spec.uploader_config.as_ref().map_or(0, |config| config.parallel_files_upload),
        volume_group_label: spec.volume_group_snapshot_label_key.clone(),
        csi_snapshot_timeout: spec.csi_snapshot_timeout,
        item_operation_timeout: spec.item_operation_timeout,
    }
}

/// Names of objects have no blanks, so those around a comma are somebody's way of writing.
fn ordered(lists: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let names = |list: &str| {
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    lists.iter().map(|(kind, list)| (kind.trim().to_owned(), names(list))).collect()
}

/// Namespaces whose owners keep them out of backups join the list of those to leave out.
fn leave_out_labelled(spec: &mut BackupSpec, observed: &Observed, faults: &mut Vec<String>) {
    match &observed.namespaces_labelled_out {
        Ok(names) => {
            for name in names {
                if !spec.excluded_namespaces.contains(name) {
                    spec.excluded_namespaces.push(name.clone());
                }
            }
        }
        Err(reason) => {
            faults.push(format!("error listing the namespaces that are labelled to be left out: {reason}"));
        }
    }
}

fn check_namespace_lists(spec: &mut BackupSpec, faults: &mut Vec<String>) {
    if spec.included_namespaces.is_empty() {
        spec.included_namespaces = vec!["*".into()];
    }
    let found = check_namespaces(&spec.included_namespaces, &spec.excluded_namespaces);
    faults
        .extend(found.into_iter().map(|fault| format!("Invalid included/excluded namespace lists: {fault}")));
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

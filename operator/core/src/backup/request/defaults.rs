//! What a Backup says after preparation where its author said nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::GoDuration;
use lateen_api::labels::annotations;
use lateen_api::v1::Backup;

use super::Observed;
use crate::archive::FORMAT_VERSION;

/// What the server says where a Backup says nothing.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `--default-backup-storage-location`.
    pub storage_location: String,
    /// `--default-volume-snapshot-locations`: provider -> name of the location that is taken where there are several.
    pub snapshot_locations: BTreeMap<String, String>,
    /// `--default-backup-ttl`.
    pub ttl: GoDuration,
    /// `--default-item-operation-timeout`.
    pub item_operation_timeout: GoDuration,
    /// `--resource-timeout`, told in an annotation.
    pub resource_timeout: GoDuration,
    /// `--volume-group-snapshot-label-key`.
    pub volume_group_label: String,
    /// `--default-volumes-to-fs-backup`.
    pub volumes_to_fs_backup: bool,
    /// `--default-snapshot-move-data`.
    pub snapshot_move_data: bool,
}

/// Default of `spec.csiSnapshotTimeout`, which has no flag.
const CSI_SNAPSHOT_TIMEOUT: GoDuration = GoDuration::from_mins(10);

/// Fills in what does not need a choice: times, volumes, versions, and where the backup comes from.
pub(super) fn complete(backup: &mut Backup, observed: &Observed, defaults: &Defaults, now: Timestamp) {
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
    spec.default_volumes_to_fs_backup.get_or_insert(defaults.volumes_to_fs_backup);
    spec.snapshot_move_data.get_or_insert(defaults.snapshot_move_data);
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

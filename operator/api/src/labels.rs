//! Labels, and in the modules below annotations and finalizers, that tie objects together.
//!
//! Names with the prefix `velero.io/` are those of Velero, which its CLI, other servers and users' manifests rely on; ours have the
//! prefix `lateen.dev/`. Each line says on which objects the key is and what its value is. "Shortened" means
//! [`crate::names::valid_name`].

pub mod annotations;
pub mod finalizers;

/// On all that a backup or restore made: name of the Backup, shortened.
pub const BACKUP_NAME: &str = "velero.io/backup-name";
/// On volume backups and deletion requests: UID of the Backup.
pub const BACKUP_UID: &str = "velero.io/backup-uid";
/// On all that a restore made: name of the Restore, shortened.
pub const RESTORE_NAME: &str = "velero.io/restore-name";
/// On volume restores and what restores leave for each other: UID of the Restore.
pub const RESTORE_UID: &str = "velero.io/restore-uid";
/// On a Backup: name of the Schedule that made it.
pub const SCHEDULE_NAME: &str = "velero.io/schedule-name";
/// On a Backup or BackupRepository: name of its BackupStorageLocation, shortened.
pub const STORAGE_LOCATION: &str = "velero.io/storage-location";
/// On a BackupRepository: namespace whose volumes it holds, shortened.
pub const VOLUME_NAMESPACE: &str = "velero.io/volume-namespace";
/// On a BackupRepository: what wrote it, `kopia` or in old ones `restic`.
pub const REPOSITORY_TYPE: &str = "velero.io/repository-type";
/// On a maintenance Job and its pod: name of the BackupRepository, or a hash of it.
pub const REPOSITORY_NAME: &str = "velero.io/repo-name";
/// On a PodVolumeRestore: UID of the pod that is filled.
pub const POD_UID: &str = "velero.io/pod-uid";
/// On volume backups and restores: UID of the claim.
pub const PVC_UID: &str = "velero.io/pvc-uid";
/// On a data mover's pod: name of its DataUpload.
pub const DATA_UPLOAD: &str = "velero.io/data-upload";
/// On a data mover's pod: name of its DataDownload.
pub const DATA_DOWNLOAD: &str = "velero.io/data-download";
/// On the pod that hosts a volume's copying: name of its PodVolumeBackup.
pub const POD_VOLUME_BACKUP: &str = "velero.io/pod-volume-backup";
/// On the pod that hosts a volume's writing: name of its PodVolumeRestore. With `RestoreItemAction` as value, on a ConfigMap: settings
/// of the restore of pod volumes.
pub const POD_VOLUME_RESTORE: &str = "velero.io/pod-volume-restore";
/// On hosting pods: which group of pods it belongs to for anti-affinity, `snapshot-exposer` or `generic-restore-exposer`.
pub const EXPOSER_POD_GROUP: &str = "velero.io/exposer-pod-group";
/// On volume backups and restores that are being prepared: `true`.
pub const EXPOSE_ON_GOING: &str = "velero.io/expose-on-going";
/// On a ConfigMap with what a deletion must know about a moved snapshot: `true`.
pub const DATA_UPLOAD_SNAPSHOT_INFO: &str = "velero.io/data-upload-snapshot-info";
/// On a DataUpload or DataDownload: id of the operation that it carries out.
pub const ASYNC_OPERATION_ID: &str = "velero.io/async-operation-id";
/// On a ConfigMap with the result of a DataUpload: the claim, by [`crate::names::claim_label_value`].
pub const PVC_NAMESPACE_NAME: &str = "velero.io/pvc-namespace-name";
/// On a ConfigMap that a restore leaves for itself: what it is for, `DataUpload`.
pub const RESOURCE_USAGE: &str = "velero.io/resource-usage";
/// On any object: `true` leaves it out of backups; on a Namespace, with all that is in it.
pub const EXCLUDE_FROM_BACKUP: &str = "velero.io/exclude-from-backup";
/// On a claim: name of the group with which it is snapshotted, under the key that is used unless a backup names another.
pub const VOLUME_GROUP: &str = "velero.io/volume-group";
/// On a claim in an archive, as label and annotation: name of its VolumeSnapshot.
pub const VOLUME_SNAPSHOT_NAME: &str = "velero.io/volume-snapshot-name";
/// On a VolumeSnapshotClass, with any value: the one to use for its driver.
pub const CSI_VOLUME_SNAPSHOT_CLASS: &str = "velero.io/csi-volumesnapshot-class";
/// On a VolumeGroupSnapshotClass: `true` for the one to use for its driver.
pub const CSI_VOLUME_GROUP_SNAPSHOT_CLASS: &str = "velero.io/csi-volumegroupsnapshot-class";
/// On a restored volume and in the selector of its claim: what joins the two.
pub const DYNAMIC_PV_RESTORE: &str = "velero.io/dynamic-pv-restore";
/// On a Backup that is due for removal: why it cannot be removed, `BSLNotFound`, `BSLCannotGet` or `BSLReadOnly`.
pub const GC_FAILURE: &str = "velero.io/gc-failure";
/// On a ConfigMap, with any value: it holds the settings of an item action, which a second label names.
pub const PLUGIN_CONFIG: &str = "velero.io/plugin-config";
/// With [`PLUGIN_CONFIG`]: a table of storage classes to change in a restore.
pub const CHANGE_STORAGE_CLASS: &str = "velero.io/change-storage-class";
/// With [`PLUGIN_CONFIG`]: a table of image names to change in a restore.
pub const CHANGE_IMAGE_NAME: &str = "velero.io/change-image-name";
/// On everything an installation brings along: `velero`.
pub const COMPONENT: &str = "component";
/// On pods of an installation: what they do, `node-agent`.
pub const ROLE: &str = "role";

/// On a ConfigMap, with any value: it is an item action.
pub const ITEM_ACTION: &str = "lateen.dev/item-action";
/// On a ConfigMap that has [`ITEM_ACTION`] too, there with the value `chunk`: it holds a part of the component of an action, whose ConfigMap
/// this names, shortened.
pub const ITEM_ACTION_CHUNK: &str = "lateen.dev/item-action-chunk";

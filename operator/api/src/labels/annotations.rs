//! Annotations: what servers tell each other and users tell servers about one object.

/// On a Backup: version of the cluster that it was made of, as `v1.36.3`.
pub const SOURCE_CLUSTER_VERSION: &str = "velero.io/source-cluster-k8s-gitversion";
/// On a Backup: major version of the cluster that it was made of.
pub const SOURCE_CLUSTER_MAJOR_VERSION: &str = "velero.io/source-cluster-k8s-major-version";
/// On a Backup: minor version of the cluster that it was made of.
pub const SOURCE_CLUSTER_MINOR_VERSION: &str = "velero.io/source-cluster-k8s-minor-version";
/// On a Backup: how long its server waits for things of the cluster, a duration of Go.
pub const RESOURCE_TIMEOUT: &str = "velero.io/resource-timeout";
/// On a Backup or Restore: how long copying the files of volumes may take, a duration of Go, instead of the server's setting.
pub const POD_VOLUME_TIMEOUT: &str = "velero.io/pod-volume-timeout";
/// On a pod: names of the volumes whose files are copied, with commas between them.
pub const BACKUP_VOLUMES: &str = "backup.velero.io/backup-volumes";
/// On a pod: names of the volumes whose files are not copied, with commas between them.
pub const BACKUP_VOLUMES_EXCLUDES: &str = "backup.velero.io/backup-volumes-excludes";
/// On an item that an action returns: `true` takes its related items even if filters leave them out. Not stored.
pub const MUST_INCLUDE_ADDITIONAL_ITEMS: &str = "backup.velero.io/must-include-additional-items";
/// On a claim that an action returns: `true` says that its volume is not of a CSI driver. Not stored.
pub const SKIPPED_NO_CSI_PV: &str = "backup.velero.io/skipped-no-csi-pv";
/// On an item that an action returns, with any value: it is left out after all.
pub const SKIP_FROM_BACKUP: &str = "velero.io/skip-from-backup";
/// On a PodVolumeBackup: name of the claim of its volume.
pub const PVC_NAME: &str = "velero.io/pvc-name";
/// On pods of very old backups, followed by the name of a volume: id of its snapshot.
pub const LEGACY_SNAPSHOT_PREFIX: &str = "snapshot.velero.io/";
/// On a claim in an archive: namespace and name of the DataUpload that moved its data.
pub const DATA_UPLOAD_NAME: &str = "velero.io/data-upload-name";
/// On a claim in an archive: name of its VolumeSnapshot.
pub const VOLUME_SNAPSHOT_NAME: &str = "velero.io/volume-snapshot-name";
/// On a VolumeSnapshot in an archive: the storage's handle of it.
pub const VOLUME_SNAPSHOT_HANDLE: &str = "velero.io/csi-volumesnapshot-handle";
/// On a VolumeSnapshot in an archive: size that a volume made from it has, a quantity.
pub const VOLUME_SNAPSHOT_RESTORE_SIZE: &str = "velero.io/csi-volumesnapshot-restore-size";
/// On a VolumeSnapshot in an archive: name of the CSI driver.
pub const CSI_DRIVER_NAME: &str = "velero.io/csi-driver-name";
/// On a VolumeSnapshot in an archive: deletion policy of its content, `Delete` or `Retain`.
pub const CSI_VSC_DELETION_POLICY: &str = "velero.io/csi-vsc-deletion-policy";
/// On a VolumeSnapshot in an archive: the storage's handle of the group it was taken in.
pub const VOLUME_GROUP_SNAPSHOT_HANDLE: &str = "velero.io/csi-volumegroupsnapshot-handle";
/// On a claim: VolumeSnapshotClass to use for it.
pub const CSI_VOLUME_SNAPSHOT_CLASS: &str = "velero.io/csi-volumesnapshot-class";
/// On a Backup or Schedule, followed by the name of a CSI driver in lower case: VolumeSnapshotClass to use for that driver.
pub const CSI_VOLUME_SNAPSHOT_CLASS_PREFIX: &str = "velero.io/csi-volumesnapshot-class_";
/// On a claim: VolumeGroupSnapshotClass to use for its group.
pub const CSI_VOLUME_GROUP_SNAPSHOT_CLASS: &str = "velero.io/csi-volume-group-snapshot-class";
/// On a Backup, followed by the name of a CSI driver: VolumeGroupSnapshotClass to use for that driver.
pub const CSI_VOLUME_GROUP_SNAPSHOT_CLASS_PREFIX: &str = "velero.io/csi-volumegroupsnapshot-class_";
/// On any object in a backup: `true` or `false`, whether its status is restored, whatever the Restore says.
pub const RESTORE_STATUS: &str = "velero.io/restore-status";
/// On a restored volume: the name that it had.
pub const ORIGINAL_PV_NAME: &str = "velero.io/original-pv-name";

/// On a VolumeSnapshotClass, with any value: it is the default of its driver.
pub const DEFAULT_SNAPSHOT_CLASS: &str = "snapshot.storage.kubernetes.io/is-default-class";
/// On a VolumeSnapshotClass: name of the Secret for listing snapshots.
pub const SNAPSHOTTER_LIST_SECRET_NAME: &str = "csi.storage.k8s.io/snapshotter-list-secret-name";
/// On a VolumeSnapshotClass: namespace of the Secret for listing snapshots.
pub const SNAPSHOTTER_LIST_SECRET_NAMESPACE: &str = "csi.storage.k8s.io/snapshotter-list-secret-namespace";
/// On a VolumeSnapshotContent: name of the Secret for its snapshot.
pub const SNAPSHOTTER_SECRET_NAME: &str = "csi.storage.k8s.io/snapshotter-secret-name";
/// On a VolumeSnapshotContent: namespace of the Secret for its snapshot.
pub const SNAPSHOTTER_SECRET_NAMESPACE: &str = "csi.storage.k8s.io/snapshotter-secret-namespace";

/// On a pod: a hook before it is backed up; followed by `container`, `command`, `on-error` or `timeout`.
pub const PRE_BACKUP_HOOK_PREFIX: &str = "pre.hook.backup.velero.io/";
/// On a pod: a hook after it is backed up; followed by the same.
pub const POST_BACKUP_HOOK_PREFIX: &str = "post.hook.backup.velero.io/";
/// On a pod: the old name of a hook before it is backed up; followed by the same.
pub const LEGACY_BACKUP_HOOK_PREFIX: &str = "hook.backup.velero.io/";
/// On a pod: a hook after it is restored; followed by `container`, `command`, `on-error`, `exec-timeout`, `wait-timeout` or
/// `wait-for-ready`.
pub const POST_RESTORE_HOOK_PREFIX: &str = "post.hook.restore.velero.io/";
/// On a pod: an init container for its restore; followed by `container-image`, `container-name`, `command` or `timeout`.
pub const INIT_RESTORE_HOOK_PREFIX: &str = "init.hook.restore.velero.io/";

/// On a Backup or Restore: the record of its run, which a server that starts again goes on from.
pub const RUN: &str = "lateen.dev/run";
/// On a ConfigMap that is an item action: what became of it, as JSON with `state`, `message` and `digest`.
pub const ITEM_ACTION_STATUS: &str = "lateen.dev/item-action-status";
/// On a Backup or Restore: the item actions that it was made with, as a JSON list of `name`, `digest` and `source`.
/// On an answered ServerStatusRequest: the item actions in use, as in [`crate::item_actions`].
pub const ITEM_ACTIONS: &str = "lateen.dev/item-actions";
/// On a Restore: `true` restores claims as empty volumes whose data the backup holds and this server cannot bring back.
pub const ALLOW_EMPTY_VOLUMES: &str = "lateen.dev/allow-empty-volumes";

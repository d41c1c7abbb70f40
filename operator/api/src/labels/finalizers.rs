//! Finalizers: who has to clean up before an object may go.

/// On a Restore: its files in the location.
pub const RESTORE_EXTERNAL_RESOURCES: &str = "restores.velero.io/external-resources-finalizer";
/// On a PodVolumeBackup or PodVolumeRestore: the copying that may still run.
pub const POD_VOLUME: &str = "velero.io/pod-volume-finalizer";
/// On a DataUpload or DataDownload: the movement that may still run.
pub const DATA_UPLOAD_DOWNLOAD: &str = "velero.io/data-upload-download-finalizer";
/// On a VolumeSnapshotContent, for a while: the snapshot must outlive the cleaning up of its objects.
pub const VOLUME_SNAPSHOT_CONTENT_PROTECTION: &str = "velero.io/volume-snapshot-content-protect-finalizer";

//! The eleven kinds of `velero.io/v1`.
//!
//! Fields follow the schema of the recorded CRDs, one to one. A Go pointer is an `Option`; any other Go field that may be missing is a
//! plain value whose default means "not set" (an empty string, an empty list, zero). A status is an `Option`, and so is a phase in it:
//! the accessors on the kinds (`Backup::phase` and so on) read "none yet" as what it means.
//!
//! Enums keep a value that they do not know in their `Other` variant, so that an object of a newer server can still be read and is
//! written back as it was. `Other` is not part of the schema: the API server refuses it for what we create ourselves.
//!
//! None of the CRDs has a status subresource: write status with an ordinary patch, a patch to `/status` is a 404.

mod backup;
mod backup_repository;
mod backup_storage_location;
mod data_movement;
mod delete_backup_request;
mod download_request;
mod hooks;
mod pod_volume_backup;
mod pod_volume_restore;
mod restore;
mod schedule;
mod server_status_request;
mod volume_snapshot_location;

pub use backup::{
    Backup, BackupExecHook, BackupHook, BackupHooks, BackupPhase, BackupProgress, BackupResourceHookSpec,
    BackupSpec, BackupStatus, BackupTemplateMetadata, BackupUploaderConfig,
};
pub use backup_repository::{
    BackupRepository, BackupRepositoryPhase, BackupRepositorySpec, BackupRepositoryStatus, MaintenanceResult,
    MaintenanceRun,
};
pub use backup_storage_location::{
    AccessMode, BackupStorageLocation, BackupStorageLocationPhase, BackupStorageLocationSpec,
    BackupStorageLocationStatus, ObjectStorageLocation,
};
pub use data_movement::{DataMovementPhase, DataMovementProgress, UploaderType};
pub use delete_backup_request::{
    DeleteBackupRequest, DeleteBackupRequestPhase, DeleteBackupRequestSpec, DeleteBackupRequestStatus,
};
pub use download_request::{
    DownloadRequest, DownloadRequestPhase, DownloadRequestSpec, DownloadRequestStatus, DownloadTarget,
    DownloadTargetKind,
};
pub use hooks::{HookErrorMode, HookStatus};
pub use pod_volume_backup::{PodVolumeBackup, PodVolumeBackupSpec, PodVolumeBackupStatus};
pub use pod_volume_restore::{PodVolumeRestore, PodVolumeRestoreSpec, PodVolumeRestoreStatus};
pub use restore::{
    Restore, RestoreExecHook, RestoreHooks, RestoreInitHook, RestorePhase, RestorePostHook, RestoreProgress,
    RestoreResourceHookSpec, RestoreSpec, RestoreStatus, RestoreStatusSpec, RestoreUploaderConfig,
};
pub use schedule::{Schedule, SchedulePhase, ScheduleSpec, ScheduleStatus};
pub use server_status_request::{
    PluginInfo, ServerStatusRequest, ServerStatusRequestPhase, ServerStatusRequestSpec,
    ServerStatusRequestStatus,
};
pub use volume_snapshot_location::{
    VolumeSnapshotLocation, VolumeSnapshotLocationPhase, VolumeSnapshotLocationSpec,
    VolumeSnapshotLocationStatus,
};

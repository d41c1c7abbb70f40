//! What a server reports about a backup: how far it is, what it counted, how it ended.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    encoding::{display_as_written, is_default, null_as_default},
    v1::HookStatus,
};

/// How far a backup is.
///
/// `New` -> `Queued` -> `ReadyToStart` -> `InProgress`, on over `WaitingForPluginOperations` and `Finalizing` to `Completed`; each of
/// the two stages has a twin for runs that have an error already, which leads to `PartiallyFailed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum BackupPhase {
    /// Created, not yet seen by a server. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// In line behind other backups; `queuePosition` says where.
    Queued,
    /// Its turn has come, no worker has taken it yet.
    ReadyToStart,
    /// Refused because of what its spec says; nothing was copied. Terminal.
    FailedValidation,
    /// Items are being copied.
    InProgress,
    /// Items are copied without an error, operations of item actions still run.
    WaitingForPluginOperations,
    /// Items are copied with errors, or an operation failed, and operations still run.
    WaitingForPluginOperationsPartiallyFailed,
    /// All operations ended well; what they changed is added to the backup.
    Finalizing,
    /// All operations ended and there were errors; what they changed is added to the backup.
    FinalizingPartiallyFailed,
    /// Everything is in the location. Terminal.
    Completed,
    /// The backup is in the location and can be restored, but some items are missing or incomplete. Terminal.
    PartiallyFailed,
    /// There is no usable backup. Terminal.
    Failed,
    /// The backup and what belongs to it are being removed.
    Deleting,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(BackupPhase);

impl BackupPhase {
    /// Whether no server will ever change it again, short of deletion: the phases that `velero backup create --wait` waits for.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::FailedValidation | Self::Completed | Self::PartiallyFailed | Self::Failed)
    }

    /// Whether a restore can be made from the backup.
    pub fn is_restorable(&self) -> bool {
        matches!(self, Self::Completed | Self::PartiallyFailed)
    }
}

/// How far a backup is and how it ended.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupStatus {
    /// Major version of the archive format, for old readers. Always 1.
    pub version: i64,
    /// Version of the archive format: `major.minor.patch`.
    pub format_version: String,
    /// From when on the backup may be removed.
    #[schemars(extend("nullable" = true))]
    pub expiration: Option<Time>,
    /// How far the backup is.
    pub phase: Option<BackupPhase>,
    /// Place in the line while the phase is `Queued`, the first being 1; otherwise zero.
    pub queue_position: i64,
    /// Why the spec was refused, one reason each.
    #[schemars(extend("nullable" = true))]
    pub validation_errors: Vec<String>,
    /// When copying began. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub start_timestamp: Option<Time>,
    /// When the backup reached its last phase, also if it failed. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub completion_timestamp: Option<Time>,
    /// Native volume snapshots that were asked for.
    pub volume_snapshots_attempted: i64,
    /// Native volume snapshots that were taken.
    pub volume_snapshots_completed: i64,
    /// Why the whole backup failed.
    pub failure_reason: String,
    /// Warnings in the backup's log.
    pub warnings: i64,
    /// Errors in the backup's log, failed operations included.
    pub errors: i64,
    /// How many items there are and how many are done. Refreshed now and then while the backup runs.
    #[schemars(extend("nullable" = true))]
    pub progress: Option<BackupProgress>,
    /// CSI volume snapshots that were asked for.
    pub csi_volume_snapshots_attempted: i64,
    /// CSI volume snapshots that were taken.
    pub csi_volume_snapshots_completed: i64,
    /// Operations that item actions left running.
    pub backup_item_operations_attempted: i64,
    /// Operations among them that ended well.
    pub backup_item_operations_completed: i64,
    /// Operations among them that failed.
    pub backup_item_operations_failed: i64,
    /// How many hooks ran.
    #[schemars(extend("nullable" = true))]
    pub hook_status: Option<HookStatus>,
}

/// How many items there are and how many are done.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupProgress {
    /// Items to copy, as far as is known: item actions can add some until the end.
    pub total_items: i64,
    /// Items copied so far.
    pub items_backed_up: i64,
}

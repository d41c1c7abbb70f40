//! What a server reports about a restore: how far it is, what it counted, how it ended.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    encoding::{display_as_written, is_default, null_as_default},
    v1::HookStatus,
};

/// How far a restore is.
///
/// `New` -> `InProgress`, on over `WaitingForPluginOperations` and `Finalizing` to `Completed`; each of the two stages has a twin for
/// runs that have an error already, which leads to `PartiallyFailed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RestorePhase {
    /// Created, not yet seen by a server. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// Refused because of what its spec says; nothing was restored. Terminal.
    FailedValidation,
    /// Items are being created.
    InProgress,
    /// Items are created without an error, operations of item actions still run.
    WaitingForPluginOperations,
    /// Items are created with errors, or an operation failed, and operations still run.
    WaitingForPluginOperationsPartiallyFailed,
    /// Everything was restored. Terminal.
    Completed,
    /// The restore ended, but some items could not be restored. Terminal.
    PartiallyFailed,
    /// The restore could not be carried through. Terminal.
    Failed,
    /// All operations ended well; what has to come last is being done.
    Finalizing,
    /// All operations ended and there were errors; what has to come last is being done.
    FinalizingPartiallyFailed,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(RestorePhase);

impl RestorePhase {
    /// Whether no server will ever change it again: the phases that `velero restore create --wait` waits for.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::FailedValidation | Self::Completed | Self::PartiallyFailed | Self::Failed)
    }
}

/// How far a restore is and how it ended.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreStatus {
    /// How far the restore is.
    pub phase: Option<RestorePhase>,
    /// Why the spec was refused, one reason each.
    #[schemars(extend("nullable" = true))]
    pub validation_errors: Vec<String>,
    /// Warnings in the restore's results.
    pub warnings: i64,
    /// Errors in the restore's results.
    pub errors: i64,
    /// Why the whole restore failed.
    pub failure_reason: String,
    /// When restoring began. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub start_timestamp: Option<Time>,
    /// When the restore reached its last phase, also if it failed. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub completion_timestamp: Option<Time>,
    /// How many items there are and how many are done. Refreshed now and then while the restore runs.
    #[schemars(extend("nullable" = true))]
    pub progress: Option<RestoreProgress>,
    /// Operations that item actions left running.
    pub restore_item_operations_attempted: i64,
    /// Operations among them that ended well.
    pub restore_item_operations_completed: i64,
    /// Operations among them that failed.
    pub restore_item_operations_failed: i64,
    /// How many hooks ran.
    #[schemars(extend("nullable" = true))]
    pub hook_status: Option<HookStatus>,
}

/// How many items there are and how many are done.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreProgress {
    /// Items to restore, as far as is known: item actions can add some until the end.
    pub total_items: i64,
    /// Items restored so far.
    pub items_restored: i64,
}

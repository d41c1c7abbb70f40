//! DeleteBackupRequest: asks a server to remove a backup and all that belongs to it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default};

/// Which backup is removed.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["backupName"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "DeleteBackupRequest",
    namespaced,
    status = "DeleteBackupRequestStatus",
    derive = "Default",
    derive = "PartialEq",
    printcolumn(name = "BackupName", json_path = ".spec.backupName", type_ = "string"),
    printcolumn(name = "Status", json_path = ".status.phase", type_ = "string"),
    doc = "Asks for a backup to be removed together with its files, its snapshots and the restores made from it."
)]
pub struct DeleteBackupRequestSpec {
    /// Name of the Backup.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub backup_name: String,
}

absent_spec_is_default!(DeleteBackupRequestSpec);

/// How far the removal is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeleteBackupRequestPhase {
    /// Not yet looked at. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// The removal is going on.
    InProgress,
    /// The removal has ended; the errors say whether it worked.
    Processed,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(DeleteBackupRequestPhase);

/// What became of the request.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DeleteBackupRequestStatus {
    /// How far the removal is.
    pub phase: Option<DeleteBackupRequestPhase>,
    /// What could not be removed, and why.
    #[schemars(extend("nullable" = true))]
    pub errors: Vec<String>,
}

impl DeleteBackupRequest {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &DeleteBackupRequestPhase {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_ref());
        phase.unwrap_or(&DeleteBackupRequestPhase::New)
    }
}

//! DataDownload: asks for the content of a volume to be brought back from the repository.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    GoDuration,
    encoding::{absent_spec_is_default, is_default, null_as_default},
    v2alpha1::{DataMovementPhase, DataMovementProgress, NodeOs},
};

/// Which snapshot is brought back, and into which volume.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend(
    "required" = ["backupStorageLocation", "operationTimeout", "snapshotID", "sourceNamespace", "targetVolume"]
))]
#[kube(
    group = "velero.io",
    version = "v2alpha1",
    kind = "DataDownload",
    namespaced,
    status = "DataDownloadStatus",
    derive = "Default",
    derive = "PartialEq",
    printcolumn(name = "Status", json_path = ".status.phase", type_ = "string"),
    printcolumn(name = "Started", json_path = ".status.startTimestamp", type_ = "date"),
    printcolumn(
        name = "Bytes Done",
        json_path = ".status.progress.bytesDone",
        type_ = "integer",
        format = "int64"
    ),
    printcolumn(
        name = "Total Bytes",
        json_path = ".status.progress.totalBytes",
        type_ = "integer",
        format = "int64"
    ),
    printcolumn(name = "Storage Location", json_path = ".spec.backupStorageLocation", type_ = "string"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(name = "Node", json_path = ".status.node", type_ = "string"),
    doc = "Asks a data mover to bring the content of a volume back from the repository."
)]
pub struct DataDownloadSpec {
    /// The volume to write to.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub target_volume: TargetVolume,
    /// Name of the BackupStorageLocation that the repository is in.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// Which data mover writes. Empty or `velero` is the built-in one.
    pub datamover: String,
    /// Name of the snapshot in the repository.
    #[serde(rename = "snapshotID")]
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub snapshot_id: String,
    /// Namespace that the volume was in when it was backed up; it says which repository to read.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// Settings that the data mover knows.
    pub data_mover_config: BTreeMap<String, String>,
    /// Whether to stop.
    pub cancel: bool,
    /// How long the steps on the way may take that wait for the storage.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub operation_timeout: GoDuration,
    /// Operating system of the nodes that the volume can be mounted on.
    #[serde(rename = "nodeOS")]
    pub node_os: Option<NodeOs>,
    /// Size of the snapshot in bytes.
    #[schemars(extend("x-lateen-format" = "int64"))]
    pub snapshot_size: i64,
}

absent_spec_is_default!(DataDownloadSpec);

/// The volume that is written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["namespace", "pv", "pvc"]))]
pub struct TargetVolume {
    /// Name of the claim.
    #[serde(deserialize_with = "null_as_default")]
    pub pvc: String,
    /// Name of the volume; empty before there is one.
    #[serde(deserialize_with = "null_as_default")]
    pub pv: String,
    /// Namespace of the claim.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
}

/// How far the writing is and what came of it.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DataDownloadStatus {
    /// How far the writing is.
    pub phase: Option<DataMovementPhase>,
    /// What went wrong, or other words about the state.
    pub message: String,
    /// When writing began. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub start_timestamp: Option<Time>,
    /// When it ended, also if it failed. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub completion_timestamp: Option<Time>,
    /// How much data there is and how much of it was written.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub progress: DataMovementProgress,
    /// Name of the node that writes.
    pub node: String,
    /// Name of the node that took the request.
    pub accepted_by_node: String,
    /// When a node took the request.
    #[schemars(extend("nullable" = true))]
    pub accepted_timestamp: Option<Time>,
}

impl DataDownload {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &DataMovementPhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&DataMovementPhase::New)
    }
}

//! DataUpload: asks for the content of a volume snapshot to be copied into the repository.

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

/// Which snapshot is copied, and where to.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend(
    "required" = ["backupStorageLocation", "operationTimeout", "snapshotType", "sourceNamespace", "sourcePVC"]
))]
#[kube(
    group = "velero.io",
    version = "v2alpha1",
    kind = "DataUpload",
    namespaced,
    status = "DataUploadStatus",
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
    printcolumn(
        name = "Incremental Bytes",
        json_path = ".status.incrementalBytes",
        type_ = "integer",
        format = "int64",
        priority = 10
    ),
    printcolumn(name = "Storage Location", json_path = ".spec.backupStorageLocation", type_ = "string"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(name = "Node", json_path = ".status.node", type_ = "string"),
    doc = "Asks a data mover to copy the content of a volume snapshot into the repository."
)]
pub struct DataUploadSpec {
    /// Kind of the snapshot. `CSI` is the only one.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub snapshot_type: String,
    /// The snapshot, where its kind is `CSI`.
    #[serde_with(skip_apply)]
    #[schemars(extend("nullable" = true))]
    pub csi_snapshot: Option<CsiSnapshot>,
    /// Name of the claim whose volume was snapshotted.
    #[serde(rename = "sourcePVC")]
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub source_pvc: String,
    /// Namespace of the claim.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// Which data mover copies. Empty or `velero` is the built-in one.
    pub datamover: String,
    /// Name of the BackupStorageLocation that the repository is in.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// Settings that the data mover knows.
    #[schemars(extend("nullable" = true))]
    pub data_mover_config: BTreeMap<String, String>,
    /// Whether to stop.
    pub cancel: bool,
    /// How long the steps on the way may take that wait for the storage.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub operation_timeout: GoDuration,
}

absent_spec_is_default!(DataUploadSpec);

/// A CSI volume snapshot.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["storageClass", "volumeSnapshot"]))]
pub struct CsiSnapshot {
    /// Name of the VolumeSnapshot.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub volume_snapshot: String,
    /// Name of the StorageClass of the claim.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub storage_class: String,
    /// Name of the VolumeSnapshotClass.
    pub snapshot_class: String,
    /// Name of the CSI driver.
    pub driver: String,
}

/// How far the copying is and what came of it.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DataUploadStatus {
    /// How far the copying is.
    pub phase: Option<DataMovementPhase>,
    /// Path on the node that was copied.
    pub path: String,
    /// Name of the snapshot in the repository.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: String,
    /// What else the data mover has to say to whoever restores.
    #[schemars(extend("nullable" = true))]
    pub data_mover_result: BTreeMap<String, String>,
    /// What went wrong, or other words about the state.
    pub message: String,
    /// When copying began. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub start_timestamp: Option<Time>,
    /// When it ended, also if it failed. The server's clock.
    #[schemars(extend("nullable" = true))]
    pub completion_timestamp: Option<Time>,
    /// How much data there is and how much of it was copied.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub progress: DataMovementProgress,
    /// Bytes that the repository did not have yet.
    #[schemars(extend("x-lateen-format" = "int64"))]
    pub incremental_bytes: i64,
    /// Name of the node that copies.
    pub node: String,
    /// Operating system of the nodes that the volume can be mounted on.
    #[serde(rename = "nodeOS")]
    pub node_os: Option<NodeOs>,
    /// Name of the node that took the request.
    pub accepted_by_node: String,
    /// When a node took the request.
    #[schemars(extend("nullable" = true))]
    pub accepted_timestamp: Option<Time>,
}

impl DataUpload {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &DataMovementPhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&DataMovementPhase::New)
    }
}

//! PodVolumeRestore: asks for the files of one volume to be brought back from the repository into a restored pod.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    encoding::{absent_spec_is_default, is_default, null_as_default},
    schema::shapes::ObjectReferenceShape,
    v1::{DataMovementPhase, DataMovementProgress, UploaderType},
};

/// Which snapshot is brought back, and into which volume.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend(
    "required" = ["backupStorageLocation", "pod", "repoIdentifier", "snapshotID", "sourceNamespace", "volume"]
))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "PodVolumeRestore",
    namespaced,
    status = "PodVolumeRestoreStatus",
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
    printcolumn(name = "Uploader Type", json_path = ".spec.uploaderType", type_ = "string"),
    doc = "Asks for the files of one volume of a pod to be brought back from the repository."
)]
pub struct PodVolumeRestoreSpec {
    /// The pod, as restored.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "ObjectReferenceShape")]
    pub pod: ObjectReference,
    /// Name of the volume in the pod.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub volume: String,
    /// Name of the BackupStorageLocation that the repository is in.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// Where a repository of an old kind is; empty today.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub repo_identifier: String,
    /// What wrote the snapshot and reads it now.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub uploader_type: UploaderType,
    /// Name of the snapshot in the repository.
    #[serde(rename = "snapshotID")]
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub snapshot_id: String,
    /// Namespace that the volume was in when it was backed up; it says which repository to read.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// Settings that what reads the files knows.
    #[schemars(extend("nullable" = true))]
    pub uploader_settings: BTreeMap<String, String>,
    /// Whether to stop.
    pub cancel: bool,
    /// Size of the snapshot in bytes.
    #[schemars(extend("x-lateen-format" = "int64"))]
    pub snapshot_size: i64,
}

absent_spec_is_default!(PodVolumeRestoreSpec);

/// How far the writing is and what came of it.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PodVolumeRestoreStatus {
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
    /// When a node took the request.
    #[schemars(extend("nullable" = true))]
    pub accepted_timestamp: Option<Time>,
    /// Name of the node that writes.
    pub node: String,
}

impl PodVolumeRestore {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &DataMovementPhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&DataMovementPhase::New)
    }
}

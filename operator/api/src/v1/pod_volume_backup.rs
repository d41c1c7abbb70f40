//! PodVolumeBackup: asks for the files of one volume of a running pod to be copied into the repository.

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

/// Which volume is copied, and where to.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "node", "pod", "repoIdentifier", "volume"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "PodVolumeBackup",
    namespaced,
    status = "PodVolumeBackupStatus",
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
    printcolumn(name = "Uploader", json_path = ".spec.uploaderType", type_ = "string"),
    doc = "Asks for the files of one volume of a pod to be copied into the repository."
)]
pub struct PodVolumeBackupSpec {
    /// Name of the node that the pod runs on.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub node: String,
    /// The pod.
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
    /// What copies the files.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub uploader_type: UploaderType,
    /// Names and values to keep with the snapshot in the repository.
    pub tags: BTreeMap<String, String>,
    /// Settings that what copies the files knows.
    #[schemars(extend("nullable" = true))]
    pub uploader_settings: BTreeMap<String, String>,
    /// Whether to stop.
    pub cancel: bool,
}

absent_spec_is_default!(PodVolumeBackupSpec);

/// How far the copying is and what came of it.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PodVolumeBackupStatus {
    /// How far the copying is.
    pub phase: Option<DataMovementPhase>,
    /// Path on the node that was copied.
    pub path: String,
    /// Name of the snapshot in the repository.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: String,
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
    /// When a node took the request.
    #[schemars(extend("nullable" = true))]
    pub accepted_timestamp: Option<Time>,
}

impl PodVolumeBackup {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &DataMovementPhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&DataMovementPhase::New)
    }
}

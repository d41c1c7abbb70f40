//! BackupRepository: the repository in a location that holds the volumes of one namespace.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    GoDuration,
    encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default},
    v1::UploaderType,
};

/// Which repository it is and how it is looked after.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "maintenanceFrequency", "volumeNamespace"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "BackupRepository",
    plural = "backuprepositories",
    namespaced,
    status = "BackupRepositoryStatus",
    derive = "Default",
    derive = "PartialEq",
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(name = "Repository Type", json_path = ".spec.repositoryType", type_ = "string"),
    doc = "The repository in a storage location that holds the volumes of one namespace."
)]
pub struct BackupRepositorySpec {
    /// Namespace whose volumes the repository holds.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub volume_namespace: String,
    /// Name of the BackupStorageLocation that the repository is in.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// What wrote the repository and can read it.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub repository_type: UploaderType,
    /// Where a repository of an old kind is. No longer used.
    pub restic_identifier: String,
    /// How often the repository is maintained. Zero leaves it to the kind of repository.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub maintenance_frequency: GoDuration,
    /// Settings that the kind of repository knows.
    #[schemars(extend("nullable" = true))]
    pub repository_config: BTreeMap<String, String>,
}

absent_spec_is_default!(BackupRepositorySpec);

/// Whether the repository can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum BackupRepositoryPhase {
    /// Not yet looked at. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// It can be used.
    Ready,
    /// It cannot be used; the message says why.
    NotReady,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

/// How a maintenance ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MaintenanceResult {
    /// It was carried through.
    Succeeded,
    /// It was not.
    Failed,
    /// A value that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(BackupRepositoryPhase, MaintenanceResult);

/// What a server knows about the repository.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupRepositoryStatus {
    /// Whether the repository can be used.
    pub phase: Option<BackupRepositoryPhase>,
    /// Why it cannot be used.
    pub message: String,
    /// When it was last maintained.
    #[schemars(extend("nullable" = true))]
    pub last_maintenance_time: Option<Time>,
    /// The latest maintenances, the oldest first.
    pub recent_maintenance: Vec<MaintenanceRun>,
}

/// One maintenance of a repository.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct MaintenanceRun {
    /// How it ended.
    pub result: Option<MaintenanceResult>,
    /// When it began.
    #[schemars(extend("nullable" = true))]
    pub start_timestamp: Option<Time>,
    /// When it ended.
    #[schemars(extend("nullable" = true))]
    pub complete_timestamp: Option<Time>,
    /// What went wrong.
    pub message: String,
}

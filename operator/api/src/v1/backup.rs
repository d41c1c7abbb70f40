//! Backup: one run that copies what a cluster holds into a storage location, and the record of it.
//!
//! This file has the spec, [`status`] what a server reports, [`hooks`] the commands that run in pods around the copying.

mod hooks;
mod status;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::TypedLocalObjectReference, apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use hooks::{BackupExecHook, BackupHook, BackupHooks, BackupResourceHookSpec};
pub use status::{BackupPhase, BackupProgress, BackupStatus};

use crate::{
    GoDuration,
    encoding::{absent_spec_is_default, is_default, null_as_default},
    schema::shapes::{LabelSelectorShape, TypedLocalObjectReferenceShape},
};

/// What a backup takes, where it puts it and how long it is kept.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "Backup",
    namespaced,
    status = "BackupStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A run that copies objects and volumes of this cluster into a storage location, and what became of it."
)]
pub struct BackupSpec {
    /// What the template of a Schedule puts on the backups made from it. Without meaning in a Backup itself.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: BackupTemplateMetadata,
    /// Namespaces to take, by name or by a pattern with `*`, `?` or `[...]`. Empty or `*` takes all of them.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Vec<String>,
    /// Namespaces to leave out, by name or by a pattern. Stronger than the list of included ones.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Vec<String>,
    /// Kinds to take, by resource name with or without group. Empty takes all. Not together with the lists per scope.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Vec<String>,
    /// Kinds to leave out, by resource name with or without group. Not together with the lists per scope.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Vec<String>,
    /// Cluster-scoped kinds to take; `*` takes all of them.
    #[schemars(extend("nullable" = true))]
    pub included_cluster_scoped_resources: Vec<String>,
    /// Cluster-scoped kinds to leave out; `*` leaves all of them out.
    #[schemars(extend("nullable" = true))]
    pub excluded_cluster_scoped_resources: Vec<String>,
    /// Namespaced kinds to take; empty or `*` takes all of them.
    #[schemars(extend("nullable" = true))]
    pub included_namespace_scoped_resources: Vec<String>,
    /// Namespaced kinds to leave out; `*` leaves all of them out.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespace_scoped_resources: Vec<String>,
    /// Takes only objects whose labels match. Not together with `orLabelSelectors`.
    #[schemars(with = "LabelSelectorShape", extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// Takes only objects whose labels match at least one of these.
    #[schemars(with = "Vec<LabelSelectorShape>", extend("nullable" = true))]
    pub or_label_selectors: Vec<LabelSelector>,
    /// Whether volumes are kept by snapshots of their storage. Not set: where a snapshot location for them is there.
    #[schemars(extend("nullable" = true))]
    pub snapshot_volumes: Option<bool>,
    /// How long the backup is kept, counted from its start. Zero takes the server's default.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub ttl: GoDuration,
    /// Label key of claims: claims with the same value under it are snapshotted together, as one group.
    pub volume_group_snapshot_label_key: String,
    /// Whether cluster-scoped objects are taken. Not set: those that belong to what else is taken, or all in a backup of everything.
    #[schemars(extend("nullable" = true))]
    pub include_cluster_resources: Option<bool>,
    /// Commands to run in pods before and after they are taken.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub hooks: BackupHooks,
    /// Name of the BackupStorageLocation that the backup goes to. Empty takes the default one.
    pub storage_location: String,
    /// Names of the VolumeSnapshotLocations to use, at most one for each provider.
    pub volume_snapshot_locations: Vec<String>,
    /// Old name of `defaultVolumesToFsBackup`.
    #[schemars(extend("nullable" = true))]
    pub default_volumes_to_restic: Option<bool>,
    /// Whether the files of all pod volumes are copied unless a pod says otherwise. Not set: the server's default.
    #[schemars(extend("nullable" = true))]
    pub default_volumes_to_fs_backup: Option<bool>,
    /// Objects to take first and in which order: the resource name of a kind, and the names of its objects with commas between them
    /// (`namespace/name` where the kind is namespaced).
    #[schemars(extend("nullable" = true))]
    pub ordered_resources: BTreeMap<String, String>,
    /// How long to wait until a CSI snapshot has been taken. Zero takes the server's default.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub csi_snapshot_timeout: GoDuration,
    /// How long an operation that an item action left running may take. Zero takes the server's default.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub item_operation_timeout: GoDuration,
    /// The ConfigMap with the policies for this backup: what to do with which volumes, what to take and leave out.
    #[schemars(with = "TypedLocalObjectReferenceShape")]
    pub resource_policy: Option<TypedLocalObjectReference>,
    /// Whether the content of CSI snapshots is copied to the repository. Not set: the server's default.
    #[schemars(extend("nullable" = true))]
    pub snapshot_move_data: Option<bool>,
    /// Which data mover copies volumes. Empty or `velero` is the built-in one.
    pub datamover: String,
    /// Settings for copying the files of volumes.
    #[schemars(extend("nullable" = true))]
    pub uploader_config: Option<BackupUploaderConfig>,
}

absent_spec_is_default!(BackupSpec);

/// What a Schedule's template gives to the backups made from it.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupTemplateMetadata {
    /// Labels of the backups; when there are none, they get those of the Schedule.
    pub labels: BTreeMap<String, String>,
}

/// Settings for copying the files of volumes into the repository.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupUploaderConfig {
    /// How many files are read side by side. Zero leaves the number to the uploader.
    pub parallel_files_upload: i64,
}

impl Backup {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &BackupPhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&BackupPhase::New)
    }
}

//! Restore: one run that brings back what a backup holds, and the record of it.
//!
//! This file has the spec, [`status`] what a server reports, [`hooks`] the commands that run in the pods that were restored.

mod hooks;
mod status;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::TypedLocalObjectReference, apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use hooks::{RestoreExecHook, RestoreHooks, RestoreInitHook, RestorePostHook, RestoreResourceHookSpec};
pub use status::{RestorePhase, RestoreProgress, RestoreStatus};

use crate::{
    GoDuration,
    encoding::{absent_spec_is_default, is_default, null_as_default},
    schema::shapes::{LabelSelectorShape, TypedLocalObjectReferenceShape},
};

/// Which backup is restored, what of it, and how it is changed on the way.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "Restore",
    namespaced,
    status = "RestoreStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A run that brings objects and volumes of a backup back into this cluster, and what became of it."
)]
pub struct RestoreSpec {
    /// Name of the Backup to restore from. Not together with `scheduleName` when the restore is created.
    pub backup_name: String,
    /// Name of a Schedule whose newest completed backup is restored.
    pub schedule_name: String,
    /// Namespaces of the backup to restore, by name or pattern. Empty or `*` restores all of them.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Vec<String>,
    /// Namespaces of the backup to leave out, by name or pattern.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Vec<String>,
    /// Kinds to restore, by resource name with or without group. Empty restores all that can be restored.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Vec<String>,
    /// Kinds to leave out, by resource name with or without group.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Vec<String>,
    /// Namespaces that get another name: the name in the backup, and the name to restore it under.
    pub namespace_mapping: BTreeMap<String, String>,
    /// Restores only objects whose labels match. Not together with `orLabelSelectors`.
    #[schemars(with = "LabelSelectorShape", extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// Restores only objects whose labels match at least one of these.
    #[schemars(with = "Vec<LabelSelectorShape>", extend("nullable" = true))]
    pub or_label_selectors: Vec<LabelSelector>,
    /// Whether volumes are brought back from their snapshots. Not set: where the backup has one.
    #[serde(rename = "restorePVs")]
    #[schemars(extend("nullable" = true))]
    pub restore_pvs: Option<bool>,
    /// Kinds whose `status` is restored as well. Not set: none.
    #[schemars(extend("nullable" = true))]
    pub restore_status: Option<RestoreStatusSpec>,
    /// Whether Services keep the node ports that they had. Not set: only those that somebody had chosen.
    #[schemars(extend("nullable" = true))]
    pub preserve_node_ports: Option<bool>,
    /// Whether cluster-scoped objects are restored. Not set: those that restored objects need, or all in a restore of everything.
    #[schemars(extend("nullable" = true))]
    pub include_cluster_resources: Option<bool>,
    /// Commands and init containers for restored pods.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub hooks: RestoreHooks,
    /// What happens to an object that is in the cluster already: `none` leaves it alone, `update` patches it. Empty: `none`.
    #[schemars(extend("nullable" = true))]
    pub existing_resource_policy: String,
    /// How long an operation that an item action left running may take. Zero takes the server's default.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub item_operation_timeout: GoDuration,
    /// The ConfigMap with rules that change objects before they are created.
    #[schemars(with = "TypedLocalObjectReferenceShape", extend("nullable" = true))]
    pub resource_modifier: Option<TypedLocalObjectReference>,
    /// The ConfigMap with the policies for this restore: what to do with which volumes.
    #[schemars(with = "TypedLocalObjectReferenceShape", extend("nullable" = true))]
    pub resource_policy: Option<TypedLocalObjectReference>,
    /// Settings for writing the files of volumes.
    #[schemars(extend("nullable" = true))]
    pub uploader_config: Option<RestoreUploaderConfig>,
}

absent_spec_is_default!(RestoreSpec);

/// Kinds whose `status` is restored.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreStatusSpec {
    /// Kinds to restore with their status. Empty or `*`: all.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Vec<String>,
    /// Kinds to restore without their status.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Vec<String>,
}

/// Settings for writing the files of volumes from the repository.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreUploaderConfig {
    /// Whether runs of zeros become holes in the files.
    #[schemars(extend("nullable" = true))]
    pub write_sparse_files: Option<bool>,
    /// How many files are written side by side. Zero leaves the number to the uploader.
    pub parallel_files_download: i64,
}

impl Restore {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &RestorePhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&RestorePhase::New)
    }
}

//! What a restore runs in the pods that it brings back: init containers before they start, commands once they run.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    GoDuration,
    encoding::{is_default, null_as_default},
    schema::shapes::{LabelSelectorShape, RawObjectShape},
    v1::HookErrorMode,
};

/// The hooks of a restore.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreHooks {
    /// Hooks and which objects they are for. All that match an object are run.
    pub resources: Vec<RestoreResourceHookSpec>,
}

/// Hooks for a selection of pods.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub struct RestoreResourceHookSpec {
    /// Name of the group of hooks, for logs and messages.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespaces in which the hooks apply, as they are called in this cluster. Empty: in all.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Vec<String>,
    /// Namespaces in which the hooks do not apply, as they are called in this cluster.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Vec<String>,
    /// Kinds to which the hooks apply. Empty: to all that can have hooks, which is pods.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Vec<String>,
    /// Kinds to which the hooks do not apply.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Vec<String>,
    /// Only objects whose labels match.
    #[schemars(with = "LabelSelectorShape", extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// The hooks, in this order.
    pub post_hooks: Vec<RestorePostHook>,
}

/// One hook: a command or a set of init containers.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestorePostHook {
    /// A command to run in a container of the restored pod.
    pub exec: Option<RestoreExecHook>,
    /// Init containers to add to the pod before it is created.
    pub init: Option<RestoreInitHook>,
}

/// A command in a container, and how long and how strictly it is taken.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["command"]))]
pub struct RestoreExecHook {
    /// Container of the pod. Empty: the first one.
    pub container: String,
    /// The program and its arguments. No shell is involved unless the program is one.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// What a failure means. Not set: `Continue`.
    pub on_error: Option<HookErrorMode>,
    /// How long the command may take once it runs. Zero: 30 seconds.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub exec_timeout: GoDuration,
    /// How long to wait until the container runs, or is ready. Zero: as long as the restore has something else to do, and then for as long as
    /// its `itemOperationTimeout`.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub wait_timeout: GoDuration,
    /// Whether to wait until the container is ready, not only running; then all hooks for this container wait for that.
    #[schemars(extend("nullable" = true))]
    pub wait_for_ready: Option<bool>,
}

/// Init containers to add to a pod.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreInitHook {
    /// The containers, as in a pod's own list; put before those that the pod has.
    #[schemars(with = "Vec<RawObjectShape>", extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub init_containers: Vec<Value>,
    /// How long they may take together. Zero: no limit.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub timeout: GoDuration,
}

//! Commands that a backup runs in pods, before and after it copies them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    GoDuration,
    encoding::{is_default, null_as_default},
    schema::shapes::LabelSelectorShape,
    v1::HookErrorMode,
};

/// The hooks of a backup.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupHooks {
    /// Hooks and which objects they are for. All that match an object are run.
    #[schemars(extend("nullable" = true))]
    pub resources: Vec<BackupResourceHookSpec>,
}

/// Hooks for a selection of pods.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub struct BackupResourceHookSpec {
    /// Name of the group of hooks, for logs and messages.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespaces in which the hooks apply. Empty: in all.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Vec<String>,
    /// Namespaces in which the hooks do not apply.
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
    /// Hooks to run before the object is copied, in this order.
    pub pre: Vec<BackupHook>,
    /// Hooks to run after the object and all that belongs to it are copied, in this order.
    pub post: Vec<BackupHook>,
}

/// One hook.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["exec"]))]
pub struct BackupHook {
    /// The command to run in a container of the pod.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub exec: BackupExecHook,
}

/// A command in a container, and how long and how strictly it is taken.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["command"]))]
pub struct BackupExecHook {
    /// Container of the pod. Empty: the first one.
    pub container: String,
    /// The program and its arguments. No shell is involved unless the program is one.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// What a failure means. Not set: `Fail`.
    pub on_error: Option<HookErrorMode>,
    /// How long the command may take. Zero: 30 seconds.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub timeout: GoDuration,
}

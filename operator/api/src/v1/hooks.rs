//! What the hooks of backups and restores have in common.
//!
//! A hook is a command in a container of a pod. This module says how a failing one is taken and how they are counted; which pods and
//! when is in the specs of the two kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{display_as_written, is_default, null_as_default};

/// What a failing hook means for the item it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HookErrorMode {
    /// Report the failure and go on with the item.
    Continue,
    /// Give the item up.
    Fail,
    /// A value that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

/// How many hooks a run had.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HookStatus {
    /// Hooks that were started, whatever came of them. Hooks of items that were never reached are not counted.
    pub hooks_attempted: i64,
    /// Hooks among them that ended in an error or ran out of time.
    pub hooks_failed: i64,
}

display_as_written!(HookErrorMode);

//! What a script answered, before it becomes the outcome of a role.

use crate::{Identity, ObjectRef, Patch, bindings::lateen::item_action::types};

/// What becomes of the item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// RFC 7396, an object as text.
    Merge(String),
    /// RFC 6902, an array as text.
    Json(String),
}

/// The answer for one item.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Verdict {
    /// Of the item itself.
    pub change: Change,
    /// Another apiVersion, kind or name, which a change must not touch.
    pub identity: Option<Identity>,
    /// Leave the item out, for this reason.
    pub skip: Option<String>,
    /// What the script named by `also`, in its order.
    pub related: Vec<ObjectRef>,
    /// Backup: related objects come in even if filters leave them out. Means nothing in the other roles.
    pub must_include: bool,
}

impl Verdict {
    /// The item is left out, for this reason.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self { skip: Some(reason.into()), ..Self::default() }
    }

    /// The item changed as a [`diff`](crate::diff()) says.
    pub fn patch(patch: Patch) -> Self {
        let Patch { operations, identity } = patch;
        let change = if operations.is_empty() {
            Change::Unchanged
        } else {
            Change::Json(crate::patch::text(&operations))
        };
        Self { change, identity, ..Self::default() }
    }
}

impl From<Change> for types::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Unchanged => Self::Unchanged,
            Change::Merge(patch) => Self::MergePatch(patch),
            Change::Json(patch) => Self::JsonPatch(patch),
        }
    }
}

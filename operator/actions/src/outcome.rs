//! What comes back to the engine for one item.
//!
//! There is no `Result` here: an item on which an action failed is an outcome like any other, with the notes that were made before it failed. The
//! engine decides by [`ActionError::policy`] whether the item or the whole run fails; policy `warn` has already become a note.

use serde_json::Value;

use crate::{manifest::FailurePolicy, operation::StartedOperation, subject::ObjectRef};

/// What one action made of an item; the item itself is in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Which action.
    pub action: String,
    /// Objects that come along, in this order, before the next action is called. On restore with their namespaces in the archive.
    pub related: Vec<ObjectRef>,
    /// Backup: they come in even if the backup's filters leave them out.
    pub must_include: bool,
    /// Restore: wait until the action says that they are ready, so many seconds at most; 0 for the server's own time-out.
    pub wait_seconds: Option<u32>,
    /// Work that goes on after the call. It counts even where the item is left out.
    pub operation: Option<StartedOperation>,
    /// Lines for the log of the run, in their order.
    pub notes: Vec<Note>,
}

/// What the actions made of an item, at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemEnd {
    /// The item after all actions that succeeded.
    pub item: Value,
    /// Whether it differs from the one that went in.
    pub changed: bool,
    /// An action wants it left out.
    pub skip: Option<Skip>,
    /// The action that failed, if one did; no action after it was called.
    pub error: Option<ActionError>,
}

/// Both together, for who has nothing to do between two actions.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemResult {
    /// The item after all actions that succeeded.
    pub item: Value,
    /// Whether it differs from the one that went in.
    pub changed: bool,
    /// An action wants it left out.
    pub skip: Option<Skip>,
    /// Objects that come along, of all actions.
    pub related: Vec<ObjectRef>,
    /// An action asked for related objects whatever the backup's filters say.
    pub must_include: bool,
    /// The longest that an action wants to wait for related objects.
    pub wait_seconds: Option<u32>,
    /// Work that goes on.
    pub operations: Vec<StartedOperation>,
    /// Lines for the log of the run, in their order.
    pub notes: Vec<Note>,
    /// The action that failed, if one did; no action after it was called.
    pub error: Option<ActionError>,
}

impl ItemResult {
    /// Nobody was asked.
    pub(crate) fn unchanged(item: Value) -> Self {
        Self {
            item,
            changed: false,
            skip: None,
            related: Vec::new(),
            must_include: false,
            wait_seconds: None,
            operations: Vec::new(),
            notes: Vec::new(),
            error: None,
        }
    }
}

/// What came of asking all actions for a deleted or a related item; each of them is asked, whatever the others say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskedAll {
    /// What belongs together with the item, without repetition; empty on deletion.
    pub related: Vec<ObjectRef>,
    /// Lines for the log of the run, in their order.
    pub notes: Vec<Note>,
    /// The actions that failed.
    pub errors: Vec<ActionError>,
}

/// An action wants an item left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Which one.
    pub action: String,
    /// In its words.
    pub reason: String,
}

/// An action failed on an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("action {action} failed on {item}: {reason}")]
pub struct ActionError {
    /// Which one.
    pub action: String,
    /// The item, as `deployments.apps/shop/web`.
    pub item: String,
    /// What happened, for people.
    pub reason: String,
    /// What that means; never [`FailurePolicy::Warn`].
    pub policy: FailurePolicy,
}

/// A line for the log of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// The action it comes from.
    pub action: String,
    /// One line.
    pub message: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteLevel {
    /// Shown only where debug output is on.
    Debug,
    /// The ordinary line.
    Info,
    /// Counts as a warning of the run.
    Warn,
    /// Counts as an error of the run; the item itself goes on.
    Error,
}

//! What comes back to the engine for one item.
//!
//! There is no `Result` here: an item on which an action failed is an outcome like any other, with the notes that were made before it failed. The
//! engine decides by [`ActionError::policy`] whether the item or the whole run fails; policy `warn` has already become a note.

use serde_json::Value;

use crate::{manifest::FailurePolicy, subject::ObjectRef};

/// What the actions made of an item on backup.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupItemResult {
    /// The item after all actions that succeeded.
    pub item: Value,
    /// Whether it differs from the one that went in.
    pub changed: bool,
    /// An action wants it left out.
    pub skip: Option<Skip>,
    /// Objects to back up too, in this order.
    pub related: Vec<ObjectRef>,
    /// They come in even if the backup's filters leave them out.
    pub must_include: bool,
    /// Lines for the log of the run, in their order.
    pub notes: Vec<Note>,
    /// The action that failed, if one did; no action after it was called.
    pub error: Option<ActionError>,
}

/// What the actions made of an item on restore.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreItemResult {
    /// The item after all actions that succeeded.
    pub item: Value,
    /// Whether it differs from the one that went in.
    pub changed: bool,
    /// An action wants it left out.
    pub skip: Option<Skip>,
    /// Items of the archive to restore first, in this order, with their namespaces in the archive.
    pub related: Vec<ObjectRef>,
    /// Lines for the log of the run, in their order.
    pub notes: Vec<Note>,
    /// The action that failed, if one did; no action after it was called.
    pub error: Option<ActionError>,
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

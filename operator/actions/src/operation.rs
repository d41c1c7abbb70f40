//! Work that an action began and that goes on after the call: what the engine has to remember of it, and how far it is.

use crate::subject::ObjectRef;

/// An operation that an action began. Everything that another process needs to follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedOperation {
    /// Which action.
    pub action: String,
    /// SHA-256 of its component, in hexadecimal: which code it was.
    pub digest: String,
    /// Chosen by the action; unique in the run.
    pub id: String,
    /// Backup: objects to read again when it has ended.
    pub post_items: Vec<ObjectRef>,
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    /// Waiting, or under way.
    Running,
    /// Ended well.
    Completed,
    /// Ended badly, for this reason.
    Failed(String),
}

/// How far an operation is, as its action says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationProgress {
    /// Where it stands.
    pub state: OperationState,
    /// In `units`; 0 when unknown.
    pub done: u64,
    /// In `units`; 0 when unknown.
    pub total: u64,
    /// `Bytes`; empty when there is nothing to count.
    pub units: String,
    /// For people.
    pub description: String,
    /// Milliseconds since 1970 UTC; `None`: not started.
    pub started_ms: Option<u64>,
    /// Milliseconds since 1970 UTC; `None`: now.
    pub updated_ms: Option<u64>,
}

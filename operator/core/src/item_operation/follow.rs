//! What operations of backups and of restores have in common: whoever follows them needs no more than this.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Answer, BackupOperation, Counts, OperationStatus, ResourceIdentifier, RestoreOperation, Verdict,
};

/// An operation that an action has begun and is asked about.
pub trait ItemOperation {
    /// metadata.name of the Backup or Restore.
    fn run(&self) -> &str;
    /// Name of the action.
    fn action(&self) -> &str;
    /// As the action calls it.
    fn id(&self) -> &str;
    /// The item that it began with.
    fn item(&self) -> &ResourceIdentifier;
    /// Where it stands.
    fn status(&self) -> &OperationStatus;
    /// Takes in what its action answered at `now`; see [`OperationStatus::take_in`].
    fn take_in(&mut self, answer: Answer, now: Timestamp, timeout: Duration) -> Verdict;
}

impl ItemOperation for BackupOperation {
    fn run(&self) -> &str {
        &self.spec.backup_name
    }

    fn action(&self) -> &str {
        &self.spec.backup_item_action
    }

    fn id(&self) -> &str {
        &self.spec.operation_id
    }

    fn item(&self) -> &ResourceIdentifier {
        &self.spec.resource_identifier
    }

    fn status(&self) -> &OperationStatus {
        &self.status
    }

    fn take_in(&mut self, answer: Answer, now: Timestamp, timeout: Duration) -> Verdict {
        self.status.take_in(Some(&self.spec.backup_item_action), answer, now, timeout)
    }
}

impl ItemOperation for RestoreOperation {
    fn run(&self) -> &str {
        &self.spec.restore_name
    }

    fn action(&self) -> &str {
        &self.spec.restore_item_action
    }

    fn id(&self) -> &str {
        &self.spec.operation_id
    }

    fn item(&self) -> &ResourceIdentifier {
        &self.spec.resource_identifier
    }

    fn status(&self) -> &OperationStatus {
        &self.status
    }

    fn take_in(&mut self, answer: Answer, now: Timestamp, timeout: Duration) -> Verdict {
        self.status.take_in(None, answer, now, timeout)
    }
}

/// How many operations stand where.
pub fn counts<O: ItemOperation>(operations: &[O]) -> Counts {
    Counts::of(operations.iter().map(ItemOperation::status))
}

//! How a backup ends: the phase that its errors and operations leave it in.

use lateen_api::v1::BackupPhase;

/// What is known when all items are in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemsDone {
    /// Errors in the journal.
    pub errors: u64,
    /// Asynchronous operations still running.
    pub operations_running: u64,
}

/// The phase after the items.
pub fn after_items(done: ItemsDone) -> BackupPhase {
    match (done.operations_running > 0, done.errors > 0) {
        (true, false) => BackupPhase::WaitingForPluginOperations,
        (true, true) => BackupPhase::WaitingForPluginOperationsPartiallyFailed,
        (false, false) => BackupPhase::Finalizing,
        (false, true) => BackupPhase::FinalizingPartiallyFailed,
    }
}

/// The phase after finalizing. None: the phase is not one that finalizing ends.
pub fn after_finalizing(phase: &BackupPhase) -> Option<BackupPhase> {
    match phase {
        BackupPhase::Finalizing => Some(BackupPhase::Completed),
        BackupPhase::FinalizingPartiallyFailed => Some(BackupPhase::PartiallyFailed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completed_is_only_reached_without_errors() {
        let end = |errors| after_finalizing(&after_items(ItemsDone { errors, operations_running: 0 }));
        assert_eq!(end(0), Some(BackupPhase::Completed));
        assert_eq!(end(1), Some(BackupPhase::PartiallyFailed));
        assert_eq!(after_finalizing(&BackupPhase::WaitingForPluginOperations), None);
    }
}

//! One round of questions: every operation that runs, to the action that began it.
//!
//! What actions say on the way is for the server's own log; what becomes of an operation is for the run.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lateen_actions::{ActionRun, Note, NoteLevel, Role};
use lateen_core::item_operation::{Answer, BackupOperation, OperationState, Progress};
use lateen_core::journal::Entry;
use tokio_util::sync::CancellationToken;

/// What came of a round, beside the operations' new statuses.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Whether any operation says anything new.
    pub changed: bool,
    /// One for each operation that failed in this round.
    pub errors: Vec<Entry>,
}

/// Asks about all operations that run. Where the server shuts down meanwhile, the rest is left for the next one: a call that was cut short
/// says nothing about its operation.
pub(super) async fn ask(
    actions: &Arc<ActionRun>,
    operations: &mut [BackupOperation],
    timeout: Duration,
    shutdown: &CancellationToken,
) -> Round {
    let mut round = Round::default();
    let mut session = actions.session();
    for operation in operations.iter_mut().filter(|operation| operation.status.phase.is_running()) {
        let (action, id) = (operation.spec.backup_item_action.clone(), operation.spec.operation_id.clone());
        let (answer, notes) = session.progress(Role::Backup, &action, &id).await;
        trace(operation, &notes);
        if shutdown.is_cancelled() {
            break;
        }
        let verdict = operation.status.take_in(&action, understood(answer), Timestamp::now(), timeout);
        if verdict.cancel {
            let (cancelled, notes) = session.cancel(Role::Backup, &action, &id).await;
            trace(operation, &notes);
            if let Err(reason) = cancelled {
                tracing::warn!(
                    backup = operation.spec.backup_name,
                    action,
                    operation = id,
                    reason,
                    "an operation was not cancelled"
                );
            }
        }
        round.changed |= verdict.changed;
        round.errors.extend(verdict.error.map(|error| told(operation, error)));
    }
    round
}

/// Tells actions to end what they have begun. Best effort: who cannot be told is named in the server's log.
pub(in crate::backup) async fn cancel<'a>(
    actions: &Arc<ActionRun>,
    backup: &str,
    operations: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let mut session = actions.session();
    for (action, id) in operations {
        if let (Err(reason), _) = session.cancel(Role::Backup, action, id).await {
            tracing::warn!(backup, action, operation = id, reason, "an operation was not cancelled");
        }
    }
}

fn understood(answer: Result<lateen_actions::OperationProgress, String>) -> Answer {
    let time = |ms: u64| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok();
    answer.map(|progress| Progress {
        state: match progress.state {
            lateen_actions::OperationState::Running => OperationState::Running,
            lateen_actions::OperationState::Completed => OperationState::Completed,
            lateen_actions::OperationState::Failed(reason) => OperationState::Failed(reason),
        },
        done: progress.done,
        total: progress.total,
        units: progress.units,
        description: progress.description,
        started: progress.started_ms.and_then(time),
        updated: progress.updated_ms.and_then(time),
    })
}

/// The failure of an operation as a line of its run.
fn told(operation: &BackupOperation, error: String) -> Entry {
    let item = &operation.spec.resource_identifier;
    let object = item.object();
    Entry::error("An operation of the item failed")
        .about(item.kind(), object.namespace.as_deref(), &object.name)
        .with("operation", &operation.spec.operation_id)
        .with("error", error)
}

fn trace(operation: &BackupOperation, notes: &[Note]) {
    let (backup, id) = (operation.spec.backup_name.as_str(), operation.spec.operation_id.as_str());
    for Note { level, action, message } in notes {
        match level {
            NoteLevel::Debug | NoteLevel::Info => {
                tracing::debug!(backup, action, operation = id, "{message}");
            }
            NoteLevel::Warn | NoteLevel::Error => tracing::warn!(backup, action, operation = id, "{message}"),
        }
    }
}

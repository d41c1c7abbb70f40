//! Operations of backups and restores: every one that runs is asked about, and the action that began it can be told to end it.
//!
//! What actions say on the way is for the server's own log; what becomes of an operation is for the run.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lateen_actions::{ActionRun, Note, NoteLevel, OperationProgress, Role};
use lateen_core::item_operation::{Answer, ItemOperation, OperationState, Progress};
use tokio_util::sync::CancellationToken;

/// The shortest time between two rounds, whatever the flag says: a round is a request for the location and some for each operation.
pub const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// How a round asks.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The actions.
    pub actions: &'a Arc<ActionRun>,
    /// What they have begun the operations as.
    pub role: Role,
    /// How long an operation may take.
    pub timeout: Duration,
    /// The server is going down.
    pub shutdown: &'a CancellationToken,
}

/// What came of a round, beside the operations' new statuses.
#[derive(Debug)]
pub struct Round<T> {
    /// Whether any operation says anything new.
    pub changed: bool,
    /// One for each operation that failed in this round.
    pub errors: Vec<T>,
}

impl Asking<'_> {
    /// Asks about all operations that run; `told` makes of each that failed, and why, what the run says about it. Where the server shuts
    /// down meanwhile, the rest is left for the next one: a call that was cut short says nothing about its operation.
    pub async fn ask<O: ItemOperation, T>(
        self,
        operations: &mut [O],
        told: impl Fn(&O, String) -> T,
    ) -> Round<T> {
        let Self { actions, role, timeout, shutdown } = self;
        let mut round = Round { changed: false, errors: Vec::new() };
        let mut session = actions.session();
        for operation in operations.iter_mut().filter(|operation| operation.status().phase.is_running()) {
            let (action, id) = (operation.action().to_owned(), operation.id().to_owned());
            let (answer, notes) = session.progress(role, &action, &id).await;
            trace(operation, &notes);
            if shutdown.is_cancelled() {
                break;
            }
            let verdict = operation.take_in(understood(answer), Timestamp::now(), timeout);
            if verdict.cancel {
                let (cancelled, notes) = session.cancel(role, &action, &id).await;
                trace(operation, &notes);
                if let Err(reason) = cancelled {
                    not_cancelled(operation.run(), &action, &id, &reason);
                }
            }
            round.changed |= verdict.changed;
            round.errors.extend(verdict.error.map(|error| told(operation, error)));
        }
        round
    }
}

/// Tells actions to end what they have begun. Best effort: who cannot be told is named in the server's log.
pub async fn cancel<'a>(
    actions: &Arc<ActionRun>,
    role: Role,
    run: &str,
    operations: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let mut session = actions.session();
    for (action, id) in operations {
        if let (Err(reason), _) = session.cancel(role, action, id).await {
            not_cancelled(run, action, id, &reason);
        }
    }
}

fn not_cancelled(run: &str, action: &str, id: &str, reason: &str) {
    tracing::warn!(run, action, operation = id, reason, "an operation was not cancelled");
}

fn understood(answer: Result<OperationProgress, String>) -> Answer {
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

fn trace(operation: &impl ItemOperation, notes: &[Note]) {
    let (run, id) = (operation.run(), operation.id());
    for Note { level, action, message } in notes {
        match level {
            NoteLevel::Debug | NoteLevel::Info => {
                tracing::debug!(run, action, operation = id, "{message}");
            }
            NoteLevel::Warn | NoteLevel::Error => tracing::warn!(run, action, operation = id, "{message}"),
        }
    }
}

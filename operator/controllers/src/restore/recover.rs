//! Restores that a server before this one left in the middle of their items: they are begun again.
//!
//! What had been created is there and carries the label of the Restore, so that a second run finds it, counts it as created, and does once
//! more what follows a creation. Nothing is created twice, because a create of what exists is refused. A run that gets no further, time
//! after time, ends its server perhaps: it is given up.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use lateen_api::v1::{Restore, RestorePhase};
use lateen_cluster::resource::patch_checked;
use lateen_core::run_record::{Found, MAX_RESTORE_ATTEMPTS, RunRecord};
use tokio_util::sync::CancellationToken;

use super::finish::{self, TakenOver, is_left_behind};
use super::run::end;
use super::{LOOK_EVERY, Left};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::metrics::RunEvent;
use crate::run_status::{RunStatus, StatusError, record_of};

/// Whether somebody was in the middle of the items, and is there no more.
pub(super) fn is_interrupted(context: &Context, restore: &Restore) -> bool {
    let found = RunRecord::found(record_of(restore).as_ref(), "InProgress", &context.leader);
    *restore.phase() == RestorePhase::InProgress && found != Found::Ours
}

/// Why an interrupted Restore is not begun again, if so.
pub(super) fn given_up(restore: &Restore) -> Option<String> {
    let record = next_record(restore, "");
    // The attempt that would begin now is one more than those that were.
    (record.attempt > MAX_RESTORE_ATTEMPTS)
        .then(|| RunRecord::given_up(record_of(restore).as_ref(), MAX_RESTORE_ATTEMPTS))
        .flatten()
}

/// When the Restore began: with its first attempt.
pub(super) fn started(restore: &Restore) -> Timestamp {
    let started = restore.status.as_ref().and_then(|status| status.start_timestamp.as_ref());
    started.map_or_else(Timestamp::now, |time| time.0)
}

/// Begins a run, the first or another one: `prepared` and the record are written on the state `seen`.
pub(super) async fn begin(
    context: &Context,
    seen: &Restore,
    prepared: Restore,
) -> Result<RunStatus<Restore>, StatusError> {
    let record = next_record(seen, &context.leader);
    let begin = |restore: &mut Restore| *restore = prepared;
    RunStatus::begin_with(context.api(), seen.clone(), &context.leader, record, begin).await
}

fn next_record(restore: &Restore, leader: &str) -> RunRecord {
    let before = record_of(restore);
    if *restore.phase() != RestorePhase::InProgress {
        return RunRecord::start(before.as_ref(), leader);
    }
    let progress = restore.status.as_ref().and_then(|status| status.progress.as_ref());
    let done = progress.map_or(0, |progress| progress.items_restored.max(0)).unsigned_abs();
    RunRecord::start_again(before.as_ref(), leader, done)
}

/// Ends a Restore that cannot be begun again.
pub(super) async fn give_up(context: &Context, seen: &Restore, reason: String) {
    let name = seen.name_any();
    tracing::error!(restore = name, reason, "an interrupted restore is given up");
    let mut changed = seen.clone();
    end(&mut changed, RestorePhase::Failed);
    changed.status.get_or_insert_default().failure_reason = reason;
    match patch_checked(&context.api(), seen, &changed).await {
        Ok(_) => context.metrics.restore(RunEvent::Failure, &seen.spec.schedule_name),
        Err(error) => {
            let error = error_chain(&error);
            tracing::warn!(
                restore = name,
                error,
                "cannot write down that an interrupted restore is given up"
            );
        }
    }
}

/// Goes on with a Restore that is after its items. What fails for a passing reason is tried again a little later.
pub(super) async fn take_over(context: &Context, seen: Arc<Restore>, deleted: CancellationToken) -> Left {
    let name = seen.name_any();
    match finish::take_over(context, &seen, deleted).await {
        Ok(TakenOver::Finish(finishing)) => Left::Finish(finishing),
        Ok(TakenOver::Ended(end)) => {
            context.metrics.restore(end, &seen.spec.schedule_name);
            Left::Nothing
        }
        Err(error) => {
            let error = error_chain(&error);
            tracing::warn!(restore = name, error, "cannot go on with a restore that is not finished");
            context.shutdown.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
            match context.api::<Restore>().get_opt(&name).await {
                Ok(Some(fresh)) if fresh.uid() == seen.uid() && is_left_behind(context, &fresh) => {
                    Left::TakeOver(Arc::new(fresh))
                }
                Ok(_) => Left::Nothing,
                Err(_) => Left::TakeOver(seen),
            }
        }
    }
}

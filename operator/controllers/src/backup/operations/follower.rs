//! One backup whose items are done: a look at its operations, and at the end how it ended.
//!
//! Order of what is written: results, log, operations, document, and last the object. Whoever comes after a crash between two of these
//! finds in the document what the object does not say yet, and counts errors by what is written down: nothing is counted twice, and a
//! failed operation is never forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_actions::Stage;
use lateen_api::labels::annotations;
use lateen_api::v1::{AccessMode, Backup, BackupPhase, BackupStorageLocation};
use lateen_core::backup::operations::{is_finalizing, is_waiting, write_down};
use lateen_core::item_operation::counts;
use lateen_store::{BackupDir, BackupStore};

use super::asking;
use super::followed::Followed;
use super::takeover::{self, TakenOver};
use crate::backup::facts::{schedule_of, told_to_actions};
use crate::backup::finalize::{self, FinishError, Finishing};
use crate::backup::stored;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::item_actions;
use crate::location;
use crate::metrics::RunEvent;
use crate::run_log::{RunKind, RunLog};
use crate::run_status::StatusError;

/// How often progress goes into the bucket at most, where `velero backup describe --details` finds it: a file of some KiB a minute.
const PROGRESS_EVERY: Duration = Duration::from_mins(1);

/// What comes after a look.
pub(super) enum Next {
    /// Another look, later.
    Follow(Box<Followed>),
    /// The same from the beginning: it could not be taken over now.
    Again,
    /// Nothing: it is over, or not ours.
    Leave,
}

/// As [`look_at`]. Boxed here, because the compiler cannot see elsewhere that the work may move between threads.
pub(super) fn look<'a>(
    context: &'a Context,
    follower: Option<Followed>,
    seen: &'a Arc<Backup>,
) -> BoxFuture<'a, Next> {
    look_at(context, follower, seen).boxed()
}

/// Looks at a backup. What fails for a passing reason is told in the log and tried again with the next look.
async fn look_at(context: &Context, follower: Option<Followed>, seen: &Arc<Backup>) -> Next {
    let name = seen.name_any();
    let store = match open(context, seen).await {
        Ok(Opened::Store(store)) => store,
        Ok(Opened::Unusable(reason)) => return end_without_location(context, seen, reason).await,
        Err(error) => {
            tracing::warn!(backup = name, error, "cannot open the location of a backup that is not finished");
            return follower.map_or(Next::Again, |follower| Next::Follow(Box::new(follower)));
        }
    };
    let Ok(dir) = BackupDir::new(&name) else { return Next::Leave };
    let mut follower = match follower {
        Some(follower) => follower,
        None => match takeover::take_over(context, &store, &dir, seen).await {
            Ok(TakenOver::Follow(follower)) => *follower,
            Ok(TakenOver::Ended(event)) => {
                context.metrics.backup(event, schedule_of(seen));
                return Next::Leave;
            }
            Err(error) if error.is_final() => return Next::Leave,
            Err(error) => {
                let error = error_chain(&error);
                tracing::warn!(backup = name, error, "cannot go on with a backup that is not finished");
                return Next::Again;
            }
        },
    };
    match follower.go_on(context, &store, &dir).await {
        Ok(None) => Next::Follow(Box::new(follower)),
        Ok(Some(event)) => {
            context.metrics.backup(event, schedule_of(seen));
            tracing::info!(backup = name, ?event, "backup ended");
            Next::Leave
        }
        Err(error) if error.is_final() => {
            tracing::warn!(backup = name, error = error_chain(&error), "a backup is not followed any more");
            Next::Leave
        }
        Err(error) => {
            tracing::warn!(
                backup = name,
                error = error_chain(&error),
                "cannot go on with a backup; trying again"
            );
            Next::Follow(Box::new(follower))
        }
    }
}

enum Opened {
    Store(BackupStore),
    /// Nothing can be written there any more.
    Unusable(String),
}

async fn open(context: &Context, backup: &Backup) -> Result<Opened, String> {
    let name = &backup.spec.storage_location;
    let found = context.api::<BackupStorageLocation>().get_opt(name).await;
    let Some(found) = found.map_err(|error| error_chain(&error))? else {
        return Ok(Opened::Unusable(format!("the backup storage location {name} does not exist any more")));
    };
    if found.spec.access_mode == Some(AccessMode::ReadOnly) {
        return Ok(Opened::Unusable(format!("the backup storage location {name} is read-only")));
    }
    location::open(context, &found).await.map(Opened::Store).map_err(|error| error_chain(&error))
}

/// Without a location neither the operations nor the end of the backup can be written down: it ends here, and says why.
async fn end_without_location(context: &Context, seen: &Arc<Backup>, reason: String) -> Next {
    tracing::warn!(backup = seen.name_any(), reason, "a backup that was not finished has lost its location");
    let ended = takeover::adopt(context, seen, |backup| {
        let status = backup.status.get_or_insert_default();
        status.phase = Some(BackupPhase::PartiallyFailed);
        status.failure_reason = format!("{reason}; what was left to do for the backup was not done");
        status.errors += 1;
        status.completion_timestamp = Some(Time(Timestamp::now()));
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    })
    .await;
    match ended {
        Ok(_) => context.metrics.backup(RunEvent::PartialFailure, schedule_of(seen)),
        Err(StatusError::NotOurs | StatusError::Gone) => {}
        Err(error) => {
            let (backup, error) = (seen.name_any(), error_chain(&error));
            tracing::warn!(backup, error, "cannot write down how a backup without a location ended");
            return Next::Again;
        }
    }
    Next::Leave
}

impl Followed {
    /// A step towards the end; the end if it is reached.
    async fn go_on(
        &mut self,
        context: &Context,
        store: &BackupStore,
        dir: &BackupDir,
    ) -> Result<Option<RunEvent>, FinishError> {
        let now = self.status.current();
        if is_waiting(now.phase()) {
            self.poll(context, &now).await;
            if context.shutdown.is_cancelled() {
                return Ok(None);
            }
            self.write_down(context, store, dir, &now).await?;
        }
        let now = self.status.current();
        if !is_finalizing(now.phase()) {
            return Ok(None);
        }
        let finishing = Finishing {
            context,
            status: &self.status,
            store,
            dir,
            operations: &self.operations,
            set: &self.set,
            catalog: None,
        };
        Ok(Some(finalize::finish(finishing).await?))
    }

    async fn poll(&mut self, context: &Context, now: &Backup) {
        let set = Arc::clone(&self.set);
        let actions =
            item_actions::go_on(context, &told_to_actions(now, &self.catalog), Stage::Operations, set);
        let round = asking::ask(context, now, &actions, &mut self.operations).await;
        self.stale |= round.changed;
        self.untold.extend(round.errors);
    }

    /// Brings what is new into the bucket and onto the object: everything where an operation failed or none runs any more, otherwise the
    /// counters, and the progress now and then.
    async fn write_down(
        &mut self,
        context: &Context,
        store: &BackupStore,
        dir: &BackupDir,
        now: &Backup,
    ) -> Result<(), FinishError> {
        let counts = counts(&self.operations);
        let change = move |backup: &mut Backup| {
            if is_waiting(backup.phase()) {
                write_down(backup.status.get_or_insert_default(), counts);
            }
        };
        let mut then = now.clone();
        change(&mut then);
        let all = !self.untold.is_empty() || then.phase() != now.phase();
        if all {
            self.tell(context, store, dir, counts.running() == 0).await?;
        }
        if all || (self.stale && self.stored.elapsed() >= PROGRESS_EVERY) {
            stored::put_operations(store, dir, &self.operations).await?;
            self.stale = false;
            self.stored = Instant::now();
        }
        if all {
            let mut document = stored::whole_document(context, now).await?;
            document.modify(change);
            stored::put_document(store, dir, &document).await?;
        }
        self.status.update(change).await?;
        Ok(())
    }

    /// Adds what operations failed with to the run's results and log.
    async fn tell(
        &mut self,
        context: &Context,
        store: &BackupStore,
        dir: &BackupDir,
        ended: bool,
    ) -> Result<(), FinishError> {
        let name = format!("{}/{}", context.namespace, self.status.current().name_any());
        let options = &context.options;
        let (log, journal) = RunLog::create(&options.scratch, options.log_format, RunKind::Backup, &name)?;
        for entry in &self.untold {
            journal.write(entry.clone());
        }
        if ended {
            let counts = counts(&self.operations);
            let line = format!("All operations have ended: {} well, {} not", counts.completed, counts.failed);
            journal.info(line);
        }
        stored::add_results(store, dir, journal.results()).await?;
        stored::append_log(store, dir, &log).await?;
        self.untold.clear();
        Ok(())
    }
}

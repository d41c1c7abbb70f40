//! The course of a run of a backup, from the request to the last file.
//!
//! Order: the archive is streamed out while items are collected; then the side files, then the log, and at last `velero-backup.json`,
//! written only if nobody else wrote it. Without that document nothing in the bucket looks like a backup. A run that cannot finish
//! removes what it wrote, except its log. One that the server's end interrupts leaves the Backup as it is: the next server begins it again.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, BackupPhase};
use lateen_cluster::discovery::Discovery;
use lateen_core::backup::outcome::{ItemsDone, after_items};
use lateen_core::backup::request::BackupRequest;
use lateen_core::backup::tally::Progress;
use lateen_core::item_operation::counts;
use lateen_store::BackupDir;

use super::facts::schedule_of;
use super::files::{self, SideFiles};
use super::finalize::{self, FinishError, Finishing};
use super::run::Run;
use super::run_error::RunError;
use super::stored::StoredError;
use super::taking::{self, Taken, progress};
use super::{operations, recover};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::location;
use crate::metrics::RunEvent;
use crate::run_log::{RunKind, RunLog};
use crate::run_status::{RunStatus, SharedRunStatus, StatusError};

/// Runs a backup that is in phase `InProgress` and ours, and writes down how it ended. None: it has not ended; its operations are waited
/// for elsewhere, or the next server begins it again.
pub(super) async fn run(
    context: &Context,
    discovery: &Discovery,
    request: BackupRequest,
    status: RunStatus<Backup>,
) -> Option<RunEvent> {
    let name = format!("{}/{}", context.namespace, request.name);
    let status = status.share();
    match execute(context, discovery, &request, &status).await {
        Ok(end) => return end,
        Err(RunError::Status(StatusError::NotOurs | StatusError::Gone)) => {
            tracing::warn!(backup = name, "stopped working on a backup that is not this server's any more");
        }
        // The record stays: the next server finds the run interrupted and begins it again.
        Err(RunError::Shutdown) => {
            tracing::warn!(backup = name, "the backup was interrupted by the server's end");
            return None;
        }
        // The backup is complete in the bucket: nothing may be removed any more. Whoever leads next adopts the document.
        Err(RunError::Finish(FinishError::Status(error))) => {
            let error = error_chain(&error);
            tracing::error!(backup = name, error, "cannot write down how the backup ended");
        }
        Err(error) => fail(context, &name, &status, &error).await,
    }
    Some(RunEvent::Failure)
}

async fn fail(context: &Context, name: &str, status: &SharedRunStatus<Backup>, error: &RunError) {
    let reason = error_chain(error);
    tracing::error!(backup = name, error = reason, "backup failed");
    if let Err(error) = recover::cancel_operations(context, &status.current()).await {
        let error = error_chain(&*error);
        tracing::warn!(backup = name, error, "cannot end the operations of a failed backup");
    }
    let failed = status.update(move |backup| {
        let status = backup.status.get_or_insert_default();
        status.phase = Some(BackupPhase::Failed);
        status.failure_reason.clone_from(&reason);
        status.completion_timestamp = Some(Time(Timestamp::now()));
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    });
    match failed.await {
        Ok(()) => {
            let ended = status.current();
            if let Some(of) = &ended.status {
                context.metrics.backup_ended(of, schedule_of(&ended));
            }
        }
        // The record stays: whoever leads next finds the run interrupted and ends it.
        Err(error) => {
            let error = error_chain(&error);
            tracing::error!(backup = name, error, "cannot write down that the backup failed");
        }
    }
}

async fn execute(
    context: &Context,
    discovery: &Discovery,
    request: &BackupRequest,
    status: &SharedRunStatus<Backup>,
) -> Result<Option<RunEvent>, RunError> {
    let name = format!("{}/{}", context.namespace, request.name);
    let (log, journal) =
        RunLog::create(&context.options.scratch, context.options.log_format, RunKind::Backup, &name)?;
    let store = location::open(context, &request.location).await?;
    let dir = BackupDir::new(&request.name)?;
    if store.backup_exists(&dir).await? {
        return Err(RunError::Exists);
    }
    let run = Run { context, discovery, request, status: status.clone(), store, dir, journal, log };
    let written = write_files(&run).await;
    if let Err(error) = &written
        && error.leaves_files_of_its_own()
    {
        run.clean_up(&name, error).await;
    }
    written
}

async fn write_files(run: &Run<'_>) -> Result<Option<RunEvent>, RunError> {
    let Taken { tally, mut operations, volumes, hooks, actions } = taking::take(run).await?;
    let catalog = &run.discovery.catalog;
    let now = run.status.current();
    operations::first_poll(run.context, &now, catalog, &actions, &mut operations, &run.journal).await;
    let results = run.journal.results();
    let files =
        SideFiles { tally: &tally, operations: &operations, volumes: &volumes.infos, results: &results };
    files::put_side_files(&run.store, &run.dir, files).await?;
    run.journal.info(format!("Backed up a total of {} items", tally.taken()));
    files::put_log(&run.store, &run.dir, &run.log).await?;

    let operations_running = counts(&operations).running();
    let (warnings, errors, taken) = (run.journal.warnings(), run.journal.errors(), tally.taken());
    let phase = after_items(ItemsDone { errors, operations_running });
    let of_status = operations.clone();
    let items_done = move |backup: &mut Backup| {
        let status = backup.status.get_or_insert_default();
        status.phase = Some(phase.clone());
        status.warnings = warnings as i64;
        status.errors = errors as i64;
        status.progress = Some(progress(Progress { total: taken, done: taken }));
        status.hook_status = Some(hooks.clone());
        operations::count_operations(status, &of_status);
    };
    if !operations.is_empty() {
        operations::hand_over(run.context, &run.status, &run.store, &run.dir, items_done).await?;
        return Ok(None);
    }
    run.status.update(items_done).await?;
    let finishing = Finishing {
        context: run.context,
        status: &run.status,
        store: &run.store,
        dir: &run.dir,
        operations: &operations,
        set: &actions,
        catalog: Some(catalog),
    };
    Ok(Some(finalize::finish(finishing).await?))
}

impl RunError {
    /// Whether what is in the bucket is this run's, and not the files of another backup, of another server's run, or of one that is complete.
    fn leaves_files_of_its_own(&self) -> bool {
        let of_another = matches!(
            self,
            Self::Stored(StoredError::OfAnother) | Self::Finish(FinishError::Stored(StoredError::OfAnother))
        );
        let handed_over = matches!(
            self,
            Self::Status(StatusError::NotOurs)
                | Self::Stored(StoredError::Status(StatusError::NotOurs))
                | Self::Finish(
                    FinishError::Status(_) | FinishError::Stored(StoredError::Status(StatusError::NotOurs))
                )
        );
        !of_another && !handed_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_server_that_took_over_are_left_alone() {
        let not_ours = || StatusError::NotOurs;
        let taken_over = [
            RunError::Status(not_ours()),
            RunError::Stored(not_ours().into()),
            RunError::Finish(not_ours().into()),
            RunError::Finish(StoredError::from(not_ours()).into()),
            RunError::Stored(StoredError::OfAnother),
        ];
        assert!(taken_over.iter().all(|error| !error.leaves_files_of_its_own()));
        assert!(RunError::Shutdown.leaves_files_of_its_own());
    }
}

//! One run of a restore, from the request to the point where its items are through.
//!
//! Order: the archive is read whole before anything is changed; then the plan is made and carried out. Files are stored afterwards
//! ([`super::files`]), when the next restore may be at its items already. A fault of the archive is an error of the run's results and nothing is restored; a run that cannot go on is
//! failed, with its log stored as far as it came. One that the server's end interrupts stays as it is: the next server begins it again.

use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_actions::{ActionSet, Modifier, Purpose};
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, Restore, RestorePhase, RestoreProgress};
use lateen_cluster::discovery;
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::{RestoreOperation, RunIdentity};
use lateen_core::journal::{Entry, Journal};
use lateen_core::restore::outcome::{Progress, RestoredItems};
use lateen_core::restore::request::RestoreRequest;
use lateen_core::restore::reset::restore_labels;
use lateen_store::{BackupStore, RestoreDir, RestoreFile};
use tokio_util::sync::CancellationToken;

use super::decisions::Decisions;
use super::executor::{self, Executor, Restoring};
use super::facts::told_to_actions;
use super::files::ItemsThrough;
use super::finish::cancel_left;
use super::hooks::PodHooks;
use super::run_error::{Reporter, RunError};
use super::sessions::Sessions;
use super::source::{Prepared, Source};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::item_actions;
use crate::location;
use crate::metrics::RunEvent;
use crate::run_log::{RunKind, RunLog};
use crate::run_status::{SharedRunStatus, StatusError};

/// A Restore in phase `InProgress` that is ours to run.
pub(super) struct Begun {
    /// What is to be restored.
    pub(super) request: RestoreRequest,
    /// From what.
    pub(super) backup: Backup,
    /// What changes the items at last.
    pub(super) modifier: Option<Arc<Modifier>>,
    /// The Restore.
    pub(super) status: SharedRunStatus<Restore>,
    /// A run before this one was interrupted.
    pub(super) again: bool,
    /// Somebody wants the Restore gone, or the server ends.
    pub(super) deleted: CancellationToken,
}

/// What comes after a run.
pub(super) enum End {
    /// Its items are through: its files are to be stored, and there may be more to do.
    Through(Box<ItemsThrough>),
    /// It has ended.
    Ended(RunEvent),
    /// The server's end, or somebody who wants the Restore gone, has stopped it.
    Stopped,
}

/// Runs a restore.
pub(super) async fn run(context: &Context, begun: Begun) -> End {
    let name = format!("{}/{}", context.namespace, begun.request.name);
    let status = begun.status.clone();
    match Box::pin(execute(context, begun)).await {
        Ok(through) => return End::Through(through),
        // The record stays: the next server finds the run interrupted and begins it again.
        Err(RunError::Shutdown) => {
            tracing::warn!(restore = name, "the restore was interrupted");
            return End::Stopped;
        }
        Err(RunError::Status(StatusError::NotOurs | StatusError::Gone)) => {
            tracing::warn!(restore = name, "stopped working on a restore that is not this server's any more");
        }
        Err(error) => fail(&name, &status, &error_chain(&error)).await,
    }
    End::Ended(RunEvent::Failure)
}

/// Writes down that a run cannot go on.
pub(super) async fn fail(name: &str, status: &SharedRunStatus<Restore>, reason: &str) {
    tracing::error!(restore = name, error = reason, "restore failed");
    let reason = format!("restore execution failed: {reason}");
    let failed = status
        .update(move |restore| {
            end(restore, RestorePhase::Failed);
            restore.status.get_or_insert_default().failure_reason.clone_from(&reason);
        })
        .await;
    if let Err(error) = failed {
        // The record stays: whoever leads next finds the run interrupted and goes on with it.
        let error = error_chain(&error);
        tracing::error!(restore = name, error, "cannot write down that the restore failed");
    }
}

async fn execute(context: &Context, begun: Begun) -> Result<Box<ItemsThrough>, RunError> {
    let name = format!("{}/{}", context.namespace, begun.request.name);
    let (log, journal) =
        RunLog::create(&context.options.scratch, context.options.log_format, RunKind::Restore, &name)?;
    let store = location::open(context, &begun.request.location).await?;
    let dir = RestoreDir::new(&begun.request.name)?;
    let (status, backup, deleted) = (begun.status.clone(), begun.backup.clone(), begun.deleted.clone());
    let location = begun.request.location.clone();
    journal.info(if begun.again { "going on with an interrupted restore" } else { "starting restore" });
    let restored = match restore_items(context, begun, &store, &journal).await {
        Ok(restored) => restored,
        Err(error) => {
            journal.write(Entry::error("the restore cannot go on").with("error", error_chain(&error)));
            if let Err(error) = log.upload(&store, &dir.key(RestoreFile::Log)).await {
                let error = error_chain(&error);
                tracing::warn!(restore = name, error, "cannot upload the log of a restore that cannot go on");
            }
            return Err(error);
        }
    };
    journal.info("all items are through");
    let Restored { items, operations, set, catalog, hooks } = restored;
    Ok(Box::new(ItemsThrough {
        context: context.clone(),
        status,
        backup,
        location,
        journal,
        log,
        restored: items,
        operations,
        set,
        catalog,
        hooks,
        deleted,
    }))
}

/// Writes the last phase into a restore.
pub(super) fn end(restore: &mut Restore, phase: RestorePhase) {
    let status = restore.status.get_or_insert_default();
    status.phase = Some(phase);
    status.completion_timestamp = Some(Time(Timestamp::now()));
    restore.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
}

/// What the items have led to.
struct Restored {
    items: RestoredItems,
    operations: Vec<RestoreOperation>,
    set: Arc<ActionSet>,
    catalog: Arc<Catalog>,
    hooks: PodHooks,
}

/// Everything from the archive to the last item.
async fn restore_items(
    context: &Context,
    begun: Begun,
    store: &BackupStore,
    journal: &Journal,
) -> Result<Restored, RunError> {
    let Begun { request, backup, modifier, status, again, .. } = begun;
    if again {
        cancel_left(context, &status).await.map_err(RunError::Operations)?;
    }
    let catalog = Arc::new(discovery::discover(&context.client).await?.catalog);
    let restore = status.current();
    let told = told_to_actions(&restore, &backup, &catalog);
    let actions = item_actions::begin_with(context, &told, modifier.as_deref(), journal);
    let used = item_actions::record(&actions, Purpose::Restore);
    item_actions::write_shared_record(&status, used).await?;
    let patience = request.item_operation_timeout;
    let hooks = PodHooks::new(context, &request.name, request.hooks.clone(), patience);
    let mut restored = Restored {
        items: RestoredItems::default(),
        operations: Vec::new(),
        set: Arc::clone(actions.set()),
        catalog: Arc::clone(&catalog),
        hooks: hooks.clone(),
    };
    let source = Source { context, request: &request, backup: &backup, store, catalog: &catalog };
    let Some(Prepared { spool, plan, volumes }) = source.prepare(journal).await? else {
        return Ok(restored);
    };
    let executor = Executor::new(
        Decisions {
            context: context.clone(),
            identity: RunIdentity { name: request.name.clone(), uid: request.uid.clone() },
            plan,
            spool,
            journal: journal.clone(),
            sessions: Sessions::new(actions),
            volumes,
            labels: restore_labels(&request.backup_name, &request.name),
            restore_created: restore.creation_timestamp().map(|time| time.0),
            again,
            catalog: RwLock::new(catalog),
            request,
        },
        executor::Purpose::Restore(Restoring { status: status.clone(), hooks }),
    );
    let executor = Arc::new(executor);
    let mut reporter = Reporter::new(status, write_progress);
    Arc::clone(&executor).run(&mut reporter).await?;
    (restored.items, restored.operations) = executor.take_results();
    Ok(restored)
}

/// Puts a progress into a restore.
fn write_progress(restore: &mut Restore, now: Progress) {
    restore.status.get_or_insert_default().progress = Some(progress(now));
}

fn progress(now: Progress) -> RestoreProgress {
    RestoreProgress { total_items: now.total as i64, items_restored: now.done as i64 }
}

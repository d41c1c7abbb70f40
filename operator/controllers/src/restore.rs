//! Restores: run one at a time in the order of their arrival, and ended honestly if a server before this one left them behind.
//!
//! One task watches and decides, the run is another. Every Restore gets a finalizer, so that its files in the location go with it.

mod destination;
mod executor;
mod finalizer;
mod item;
mod namespace_step;
mod namespaces;
mod placement;
mod preparation;
mod recover;
mod run;
mod run_error;
mod spool;
mod waiting;

use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use kube::ResourceExt;
use lateen_api::v1::{Backup, BackupStorageLocation, Restore, RestorePhase};
use lateen_api::{labels, names};
use lateen_cluster::resource::patch_checked;
use lateen_cluster::watch::watch;
use lateen_core::restore::order::{ParsePrioritiesError, Priorities};
use lateen_core::restore::request::{Defaults, Observed, RestoreRequest, Source, prepare};
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;
use crate::metrics::RunEvent;
use crate::run_status::{RunStatus, StatusError};

/// How often Restores are looked at when nothing happens: what failed for a passing reason is tried again then.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// The run that is under way.
struct Running {
    restore: String,
    task: JoinHandle<()>,
}

/// Works on Restores until the server shuts down. A run that is under way then ends as failed before this returns.
pub async fn control(context: Context) {
    let mut events = std::pin::pin!(watch::<Restore>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<Restore>::default();
    let mut recovered = false;
    let mut running: Option<Running> = None;
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            Some(told) = events.next() => known.take_in(told),
            () = ended(&mut running) => running = None,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !known.is_complete() {
            continue;
        }
        if !recovered {
            recover::end_interrupted(&context, known.all()).await;
            recovered = true;
        }
        let busy = running.as_ref().map(|running| running.restore.as_str());
        keep_finalizers(&context, &known, busy).await;
        if running.is_none() {
            running = start_next(&context, &known);
        }
    }
    if let Some(running) = running {
        // The run sees the shutdown itself and says so in the status.
        let _ = running.task.await;
    }
}

async fn ended(running: &mut Option<Running>) {
    match running {
        Some(running) => {
            if let Err(panic) = (&mut running.task).await {
                tracing::error!(restore = running.restore, %panic, "a restore's run broke off");
            }
        }
        None => std::future::pending().await,
    }
}

/// Adds the finalizer where it is missing and lets deleted Restores go; one that is being run waits for its end.
async fn keep_finalizers(context: &Context, known: &Known<Restore>, busy: Option<&str>) {
    for restore in known.all() {
        match (finalizer::is_deleted(restore), finalizer::holds(restore)) {
            (true, true) if busy != Some(restore.name_any().as_str()) => {
                finalizer::release(context, restore).await;
            }
            (false, false) => finalizer::add(context, restore).await,
            _ => {}
        }
    }
}

/// Starts the oldest new Restore, if there is one. One without its finalizer waits until the watch has told of it.
fn start_next(context: &Context, known: &Known<Restore>) -> Option<Running> {
    let new = known.all().filter(|restore| {
        *restore.phase() == RestorePhase::New && !finalizer::is_deleted(restore) && finalizer::holds(restore)
    });
    let next = Arc::clone(new.min_by_key(|restore| (restore.creation_timestamp(), restore.name_any()))?);
    let (context, restore) = (context.clone(), next.name_any());
    let task = tokio::spawn(async move { Box::pin(validate_and_run(&context, &next)).await });
    Some(Running { restore, task })
}

/// Observe, decide, run, report.
async fn validate_and_run(context: &Context, seen: &Restore) {
    let name = seen.name_any();
    let (observed, defaults) = match observe(context, seen).await {
        Ok(found) => found,
        Err(error) => {
            // The Restore stays new and is tried again at the next look.
            tracing::warn!(
                restore = name,
                error = error_chain(&*error),
                "cannot look up what the restore needs"
            );
            context.shutdown.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
            return;
        }
    };
    let mut prepared = seen.clone();
    let request = prepare(&mut prepared, &observed, &defaults, Timestamp::now());
    let schedule = prepared.spec.schedule_name.clone();
    let Some(request) = request else {
        let errors = prepared.status.as_ref().map(|s| s.validation_errors.join("; ")).unwrap_or_default();
        tracing::warn!(restore = name, errors, "the restore is not valid");
        match patch_checked(&context.api(), seen, &prepared).await {
            Ok(_) => {
                context.metrics.restore(RunEvent::Attempt, &schedule);
                context.metrics.restore(RunEvent::ValidationFailure, &schedule);
            }
            Err(error) => {
                tracing::warn!(
                    restore = name,
                    error = error_chain(&error),
                    "cannot write down that the restore is not valid"
                );
            }
        }
        return;
    };
    let backup = backup_of(&observed, &request);
    match RunStatus::begin(context.api(), seen.clone(), &context.leader, |restore| *restore = prepared).await
    {
        Ok(status) => {
            tracing::info!(restore = name, backup = request.backup_name, "restore started");
            context.metrics.restore(RunEvent::Attempt, &schedule);
            let end = run::run(context, request, &backup, status).await;
            context.metrics.restore(end, &schedule);
            tracing::info!(restore = name, ?end, "restore ended");
        }
        Err(StatusError::NotOurs | StatusError::Gone) => {}
        Err(error) => {
            tracing::warn!(restore = name, error = error_chain(&error), "the restore was not started");
        }
    }
}

fn backup_of(observed: &Observed, request: &RestoreRequest) -> Backup {
    let found = observed.backups.iter().find(|backup| backup.name_any() == request.backup_name);
    found.cloned().unwrap_or_default()
}

async fn observe(
    context: &Context,
    restore: &Restore,
) -> Result<(Observed, Defaults), Box<dyn std::error::Error + Send + Sync>> {
    let backups = match Source::of(&restore.spec) {
        Source::Backup(name) => context.api::<Backup>().get_opt(&name).await?.into_iter().collect(),
        Source::Schedule(name) => {
            let selector = format!("{}={}", labels::SCHEDULE_NAME, names::valid_name(&name));
            context.list::<Backup>(&selector).await?
        }
        Source::Unclear => Vec::new(),
    };
    let locations = context.list::<BackupStorageLocation>("").await?;
    let defaults = Defaults {
        item_operation_timeout: context.options.item_operation_timeout,
        priorities: priorities(context)?,
    };
    Ok((Observed { backups, locations }, defaults))
}

fn priorities(context: &Context) -> Result<Priorities, ParsePrioritiesError> {
    context.options.restore_priorities.as_deref().map_or_else(|| Ok(Priorities::default()), str::parse)
}

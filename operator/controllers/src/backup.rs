//! Backups: queued in the order of their arrival, run one at a time, and begun again if a server before this one left them behind.
//!
//! One task watches and decides, the run is another. The queue moves whenever a run ends, however it ends.

pub mod archive;
mod block;
mod chosen;
mod collect;
mod course;
mod engine;
mod facts;
pub mod files;
mod finalize;
mod gathered;
pub mod hooks;
mod items;
mod observe;
pub mod operations;
mod post_items;
mod recover;
mod run;
mod run_error;
mod scope;
mod stored;
mod sweep;
mod taking;
pub mod volumes;
mod workers;

use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use kube::ResourceExt;
use lateen_api::v1::{Backup, BackupPhase};
use lateen_cluster::resource::patch_checked;
use lateen_cluster::watch::watch;
use lateen_core::backup::queue::{self, Waiting};
use lateen_core::backup::request::prepare;
use tokio::task::JoinHandle;

use self::facts::schedule_of;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;
use crate::metrics::RunEvent;
use crate::run_status::{RunStatus, StatusError};

/// How often the queue is looked at when nothing happens: what failed for a passing reason is tried again then.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// Works on Backups until the server shuts down. A run that is under way then closes what it has opened before this returns; the next server
/// begins it again.
pub async fn control(context: Context) {
    let mut events = std::pin::pin!(watch::<Backup>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<Backup>::default();
    let mut recovered = false;
    let mut running: Option<JoinHandle<()>> = None;
    loop {
        tokio::select! {
            // First, or a run that was interrupted would make place for the next one, which would lose an attempt.
            biased;
            () = context.shutdown.cancelled() => break,
            Some(told) = events.next() => known.take_in(told),
            () = ended(&mut running) => running = None,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !known.is_complete() {
            continue;
        }
        if !recovered {
            recover::end_interrupted(&context, known.all());
            recovered = true;
        }
        enqueue_new(&context, &known).await;
        if running.is_none() {
            running = start_next(&context, &known).await;
        }
    }
    if let Some(run) = running {
        // The run sees the shutdown itself; it runs the post hooks that are due and leaves nothing half-written.
        let _ = run.await;
    }
}

async fn ended(running: &mut Option<JoinHandle<()>>) {
    match running {
        Some(run) => {
            if let Err(panic) = run.await {
                tracing::error!(%panic, "a backup's run broke off");
            }
        }
        None => std::future::pending().await,
    }
}

/// Gives every new Backup its place.
async fn enqueue_new(context: &Context, known: &Known<Backup>) {
    let mut queue = waiting(known);
    let new =
        known.all().filter(|b| *b.phase() == BackupPhase::New && b.metadata.deletion_timestamp.is_none());
    let mut new: Vec<&Arc<Backup>> = new.collect();
    new.sort_by_key(|b| (b.creation_timestamp(), b.name_any()));
    for backup in new {
        let position = queue::next_position(&queue);
        if set_queued(context, backup, position).await {
            queue.push(Waiting { name: backup.name_any(), position });
        }
    }
}

fn waiting(known: &Known<Backup>) -> Vec<Waiting> {
    let queued = known.all().filter(|b| matches!(b.phase(), BackupPhase::Queued | BackupPhase::ReadyToStart));
    let position = |b: &Arc<Backup>| b.status.as_ref().map_or(0, |s| s.queue_position);
    queued.map(|b| Waiting { name: b.name_any(), position: position(b) }).collect()
}

async fn set_queued(context: &Context, backup: &Arc<Backup>, position: i64) -> bool {
    patch(context, backup, |changed| {
        let status = changed.status.get_or_insert_default();
        status.phase = Some(BackupPhase::Queued);
        status.queue_position = position;
    })
    .await
    .is_some()
}

/// A patch on the state that was seen. None: it did not happen; if the state has changed, the watch will tell and the matter is decided
/// anew.
async fn patch(context: &Context, seen: &Backup, change: impl FnOnce(&mut Backup)) -> Option<Backup> {
    let mut changed = seen.clone();
    change(&mut changed);
    match patch_checked(&context.api(), seen, &changed).await {
        Ok(patched) => Some(patched),
        Err(error) => {
            tracing::debug!(
                backup = seen.name_any(),
                error = error_chain(&error),
                "the backup was not patched"
            );
            None
        }
    }
}

/// Starts the first in the queue, if there is one.
async fn start_next(context: &Context, known: &Known<Backup>) -> Option<JoinHandle<()>> {
    let queue = waiting(known);
    let next = queue::next(&queue)?;
    let seen = known.get(&next.name)?;
    let ready = patch(context, seen, |backup| {
        let status = backup.status.get_or_insert_default();
        status.phase = Some(BackupPhase::ReadyToStart);
        status.queue_position = 0;
    })
    .await?;
    let left: Vec<Waiting> = queue.iter().filter(|w| w.name != next.name).cloned().collect();
    for moved in queue::renumber(&left) {
        if let Some(backup) = known.get(&moved.name) {
            set_queued(context, backup, moved.position).await;
        }
    }
    let context = context.clone();
    Some(tokio::spawn(async move { Box::pin(validate_and_run(&context, ready)).await }))
}

/// Observe, decide, run, report.
async fn validate_and_run(context: &Context, ready: Backup) {
    let name = ready.name_any();
    let (discovery, observed) = match observe::observe(context, &ready).await {
        Ok(found) => found,
        Err(error) => {
            // The Backup stays in ReadyToStart and is tried again at the next look.
            tracing::warn!(
                backup = name,
                error = error_chain(&*error),
                "cannot look up what the backup needs"
            );
            context.shutdown.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
            return;
        }
    };
    let mut prepared = ready.clone();
    let request = prepare(&mut prepared, &observed, &context.options.backup_defaults, Timestamp::now());
    let Some(request) = request else {
        let errors = prepared.status.as_ref().map(|s| s.validation_errors.join("; ")).unwrap_or_default();
        tracing::warn!(backup = name, errors, "the backup is not valid");
        context.metrics.backup(RunEvent::ValidationFailure, schedule_of(&ready));
        if let Err(error) = patch_checked(&context.api(), &ready, &prepared).await {
            tracing::warn!(
                backup = name,
                error = error_chain(&error),
                "cannot write down that the backup is not valid"
            );
        }
        return;
    };
    match RunStatus::begin(context.api(), ready, &context.leader, |backup| *backup = prepared).await {
        Ok(status) => {
            tracing::info!(backup = name, location = request.location.name_any(), "backup started");
            let schedule = schedule_of(status.current()).to_owned();
            context.metrics.backup(RunEvent::Attempt, &schedule);
            let end = course::run(context, &discovery, request, status).await;
            if let Some(end) = end {
                context.metrics.backup(end, &schedule);
                tracing::info!(backup = name, ?end, "backup ended");
            }
        }
        Err(StatusError::NotOurs | StatusError::Gone) => {}
        Err(error) => {
            tracing::warn!(backup = name, error = error_chain(&error), "the backup was not started");
        }
    }
}

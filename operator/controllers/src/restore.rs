//! Restores: their items are restored one Restore at a time, in the order of their arrival; what is left to do then holds up no other.
//!
//! One task watches and decides, the run is another, and each Restore whose items are through has one more. A Restore that a server before
//! this one left in the middle is begun again, before all others: what that server created is recognised. Every Restore gets a finalizer,
//! so that its files in the location go with it.

mod decisions;
mod destination;
mod dynamic_volumes;
mod executor;
mod facts;
mod files;
mod finalizer;
mod finish;
mod foresight;
mod hooks;
mod in_hand;
mod item;
mod modifier;
mod namespace_step;
mod namespaces;
mod observe;
mod operations_file;
mod placement;
mod preparation;
pub mod preview;
mod recover;
mod run;
mod run_error;
mod served;
mod sessions;
mod source;
mod spool;
mod versions;
mod volumes;
mod waiting;
mod way;

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kube::ResourceExt;
use lateen_api::v1::{Restore, RestorePhase};
use lateen_cluster::resource::patch_checked;
use lateen_cluster::watch::watch;
use lateen_core::restore::request::prepare;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use self::files::{ItemsThrough, store_files};
use self::finish::{Finishing, finish, is_left_behind};
use self::run::{Begun, End};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;
use crate::metrics::RunEvent;
use crate::run_status::StatusError;

/// How often Restores are looked at when nothing happens: what failed for a passing reason is tried again then.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// A task that works on a Restore.
struct Work {
    restore: String,
    schedule: String,
    /// Cancelled when somebody wants the Restore gone; with the server's end, too.
    deleted: CancellationToken,
}

/// What a task leaves to do.
enum Left {
    /// Its items are through, and its files are to be stored.
    Store(Box<ItemsThrough>),
    /// Its files are stored, and there may be more to do.
    Finish(Box<Finishing>),
    /// It cannot be taken over now, and is to be looked at again.
    TakeOver(Arc<Restore>),
    /// Nothing.
    Nothing,
}

/// Who works on which Restore.
struct Desk {
    context: Context,
    tasks: JoinSet<Left>,
    works: HashMap<Id, Work>,
    /// The task whose Restore's items are being restored.
    items: Option<Id>,
}

/// Works on Restores until the server shuts down. What is under way then stays as it is, for the next server.
pub async fn control(context: Context) {
    let mut events = std::pin::pin!(watch::<Restore>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<Restore>::default();
    let mut taken_over = false;
    let mut desk = Desk::new(context.clone());
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            Some(told) = events.next() => known.take_in(told),
            () = desk.one_ended() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !known.is_complete() {
            continue;
        }
        if !taken_over {
            let left = known.all().filter(|restore| is_left_behind(&context, restore)).cloned();
            left.for_each(|restore| desk.take_over(restore));
            taken_over = true;
        }
        desk.keep_finalizers(&known).await;
        desk.start_next(&known);
    }
    desk.finish().await;
}

impl Desk {
    fn new(context: Context) -> Self {
        Self { context, tasks: JoinSet::new(), works: HashMap::new(), items: None }
    }

    fn spawn(
        &mut self,
        seen: &Restore,
        deleted: CancellationToken,
        work: impl Future<Output = Left> + Send + 'static,
    ) -> Id {
        let id = self.tasks.spawn(work).id();
        let schedule = seen.spec.schedule_name.clone();
        self.works.insert(id, Work { restore: seen.name_any(), schedule, deleted });
        id
    }

    /// Waits for the end of a task, and goes on with what it leaves.
    async fn one_ended(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, left) = match ended {
            Ok((id, left)) => (id, left),
            Err(panic) => {
                tracing::error!(%panic, "a task that works on a restore broke off");
                (panic.id(), Left::Nothing)
            }
        };
        if self.items == Some(id) {
            self.items = None;
        }
        let Some(work) = self.works.remove(&id) else { return };
        match left {
            Left::Store(through) => {
                let id = self.tasks.spawn(store(*through)).id();
                self.works.insert(id, work);
            }
            Left::Finish(finishing) => {
                let (context, schedule) = (self.context.clone(), work.schedule.clone());
                let id = self.tasks.spawn(finish_boxed(context, schedule, finishing)).id();
                self.works.insert(id, work);
            }
            Left::TakeOver(restore) if !self.context.shutdown.is_cancelled() => self.take_over(restore),
            Left::TakeOver(_) | Left::Nothing => {}
        }
    }

    fn take_over(&mut self, restore: Arc<Restore>) {
        let deleted = self.context.shutdown.child_token();
        let (context, seen, token) = (self.context.clone(), Arc::clone(&restore), deleted.clone());
        self.spawn(&restore, deleted, async move { recover::take_over(&context, seen, token).await });
    }

    async fn finish(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Adds the finalizer where it is missing and lets deleted Restores go; one that is being worked on is stopped first.
    async fn keep_finalizers(&self, known: &Known<Restore>) {
        for restore in known.all() {
            match (finalizer::is_deleted(restore), finalizer::holds(restore)) {
                (true, true) => {
                    let name = restore.name_any();
                    match self.works.values().find(|work| work.restore == name) {
                        Some(work) => work.deleted.cancel(),
                        None => finalizer::release(&self.context, restore).await,
                    }
                }
                (false, false) => finalizer::add(&self.context, restore).await,
                _ => {}
            }
        }
    }

    /// Starts the next Restore, unless one is at its items: one that was interrupted, or else the oldest new one. One without its finalizer
    /// waits until the watch has told of it.
    fn start_next(&mut self, known: &Known<Restore>) {
        if self.items.is_some() {
            return;
        }
        let waiting = known.all().filter(|restore| {
            let due =
                *restore.phase() == RestorePhase::New || recover::is_interrupted(&self.context, restore);
            due && !finalizer::is_deleted(restore) && finalizer::holds(restore)
        });
        let next = waiting.min_by_key(|restore| {
            (*restore.phase() == RestorePhase::New, restore.creation_timestamp(), restore.name_any())
        });
        let Some(next) = next.cloned() else { return };
        let deleted = self.context.shutdown.child_token();
        let (context, seen, token) = (self.context.clone(), Arc::clone(&next), deleted.clone());
        let run = async move { Box::pin(validate_and_run(&context, &seen, token)).await };
        self.items = Some(self.spawn(&next, deleted, run));
    }
}

/// Stores the files of a restore whose items are through.
async fn store(through: ItemsThrough) -> Left {
    let (context, status) = (through.context.clone(), through.status.clone());
    match store_files(through).await {
        Ok(Some(finishing)) => Left::Finish(Box::new(finishing)),
        Ok(None) => Left::Nothing,
        Err(error) => {
            let restore = status.current();
            let name = format!("{}/{}", context.namespace, restore.name_any());
            run::fail(&name, &status, &error_chain(&error)).await;
            context.metrics.restore(RunEvent::Failure, &restore.spec.schedule_name);
            Left::Nothing
        }
    }
}

/// Brings a restore to its end. Boxed here, because the compiler cannot see elsewhere that the work may move between threads.
fn finish_boxed(context: Context, schedule: String, finishing: Box<Finishing>) -> BoxFuture<'static, Left> {
    async move {
        let name = finishing.status.current().name_any();
        if let Some(end) = finish(*finishing).await {
            context.metrics.restore(end, &schedule);
            tracing::info!(restore = name, ?end, "restore ended");
        }
        Left::Nothing
    }
    .boxed()
}

/// Observe, decide, run, report.
async fn validate_and_run(context: &Context, seen: &Restore, deleted: CancellationToken) -> Left {
    let name = seen.name_any();
    let interrupted = recover::is_interrupted(context, seen);
    if interrupted && let Some(reason) = recover::given_up(seen) {
        recover::give_up(context, seen, reason).await;
        return Left::Nothing;
    }
    let (observed, modifier, defaults) = match observe::observe(context, seen).await {
        Ok(found) => found,
        Err(error) => {
            // The Restore stays as it is and is tried again at the next look.
            let error = error_chain(&*error);
            tracing::warn!(restore = name, error, "cannot look up what the restore needs");
            context.shutdown.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
            return Left::Nothing;
        }
    };
    let mut prepared = seen.clone();
    let request = prepare(&mut prepared, &observed, &defaults, recover::started(seen));
    let schedule = prepared.spec.schedule_name.clone();
    let Some(request) = request else {
        refuse(context, seen, prepared, interrupted).await;
        return Left::Nothing;
    };
    let backup = observe::backup_of(&observed, &request);
    let status = match recover::begin(context, seen, prepared).await {
        Ok(status) => status.share(),
        Err(StatusError::NotOurs | StatusError::Gone) => return Left::Nothing,
        Err(error) => {
            tracing::warn!(restore = name, error = error_chain(&error), "the restore was not started");
            return Left::Nothing;
        }
    };
    tracing::info!(restore = name, backup = request.backup_name, interrupted, "restore started");
    if !interrupted {
        context.metrics.restore(RunEvent::Attempt, &schedule);
    }
    let begun = Begun { request, backup, modifier, status, again: interrupted, deleted };
    match Box::pin(run::run(context, begun)).await {
        End::Through(through) => Left::Store(through),
        End::Ended(end) => {
            context.metrics.restore(end, &schedule);
            tracing::info!(restore = name, ?end, "restore ended");
            Left::Nothing
        }
        End::Stopped => Left::Nothing,
    }
}

/// Writes down that a Restore cannot be run: it is not valid, or not any more.
async fn refuse(context: &Context, seen: &Restore, prepared: Restore, interrupted: bool) {
    let (name, schedule) = (seen.name_any(), prepared.spec.schedule_name.clone());
    let status = prepared.status.clone().unwrap_or_default();
    if interrupted {
        return recover::give_up(context, seen, status.failure_reason).await;
    }
    let errors = status.validation_errors.join("; ");
    tracing::warn!(restore = name, errors, "the restore is not valid");
    match patch_checked(&context.api(), seen, &prepared).await {
        Ok(_) => {
            context.metrics.restore(RunEvent::Attempt, &schedule);
            context.metrics.restore(RunEvent::ValidationFailure, &schedule);
        }
        Err(error) => {
            let error = error_chain(&error);
            tracing::warn!(restore = name, error, "cannot write down that the restore is not valid");
        }
    }
}

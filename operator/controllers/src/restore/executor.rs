//! A plan carried out: definitions, namespaces, then tier after tier, with several workers inside a tier.
//!
//! The plan has no choices; what only the cluster can answer is decided per item ([`super::item`]). An item that fails is an error of that
//! item. Only an action whose policy says so, the loss of the run or the end of the server stop the workers, between two items. How many
//! requests are under way at a time is the client's business, which asks the API server for as much as it bears.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lateen_api::v1::Restore;
use lateen_core::item_operation::RestoreOperation;
use lateen_core::journal::Level;
use lateen_core::restore::outcome::{Progress, RestoredItems};
use lateen_core::restore::plan::{PlannedItem, Tier};
use lateen_core::results::Place;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::decisions::Decisions;
use super::foresight::Foresight;
use super::hooks::PodHooks;
use super::in_hand::{Chain, InHand};
use super::namespaces::Namespaces;
use super::run_error::{Reporter, RunError};
use crate::run_status::SharedRunStatus;

/// Items in the works at a time: as many as the client has requests under way at most. Each waits for the API server most of the time and
/// holds one object, some KiB.
const WORKERS: usize = 64;

/// Items handed out ahead of the workers, so that none waits for the plan. Some 200 bytes each.
const ITEMS_AHEAD: usize = 256;

/// How often the status is looked at while the last items of a kind are in the works.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What the items are gone through for.
pub(super) enum Purpose {
    /// They are restored.
    Restore(Restoring),
    /// It is found out what a restore would do.
    Foresee(Arc<Foresight>),
}

/// What only counts where items are restored.
pub(super) struct Restoring {
    /// The run's record: operations are remembered in it.
    pub(super) status: SharedRunStatus<Restore>,
    /// Commands in pods that were created.
    pub(super) hooks: PodHooks,
}

/// Shared by all workers: what was decided, which never changes, and what has become of the items.
pub(super) struct Executor {
    decisions: Decisions,
    /// Whether the cluster is changed, or only looked at.
    pub(super) purpose: Purpose,
    items: Mutex<RestoredItems>,
    operations: Mutex<Vec<RestoreOperation>>,
    /// Who works on which item.
    pub(super) in_hand: InHand,
    /// The namespaces that are there.
    pub(super) namespaces: Namespaces,
    /// Planned items that are through.
    visited: AtomicU64,
    /// Why the run has to stop, if it has to.
    pub(super) stop: Stop,
}

impl Deref for Executor {
    type Target = Decisions;

    fn deref(&self) -> &Decisions {
        &self.decisions
    }
}

/// The first reason to stop, and a way to tell all workers.
#[derive(Default)]
pub(super) struct Stop {
    /// Cancelled when the run is to stop.
    pub(super) token: CancellationToken,
    reason: Mutex<Option<RunError>>,
}

impl Stop {
    /// Stops the run. Only the first reason counts.
    pub(super) fn because(&self, reason: RunError) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.token.cancel();
    }

    fn take(&self) -> Result<(), RunError> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl Executor {
    /// With nothing restored yet.
    pub(super) fn new(decisions: Decisions, purpose: Purpose) -> Self {
        Self {
            decisions,
            purpose,
            items: Mutex::default(),
            operations: Mutex::default(),
            in_hand: InHand::default(),
            namespaces: Namespaces::default(),
            visited: AtomicU64::new(0),
            stop: Stop::default(),
        }
    }

    /// Carries the plan out.
    pub(super) async fn run(self: Arc<Self>, reporter: &mut Reporter<'_>) -> Result<(), RunError> {
        self.tell_what_is_left_out();
        if let Some(tier) = &self.plan.definitions {
            self.tier(tier, reporter).await?;
            self.refresh_catalog().await;
        }
        self.make_namespaces().await;
        for tier in &self.plan.tiers {
            self.tier(tier, reporter).await?;
        }
        // The server's end may have come after the last item was handed out.
        if self.context.shutdown.is_cancelled() { Err(RunError::Shutdown) } else { Ok(()) }
    }

    /// What is restored, where something is.
    pub(super) fn restoring(&self) -> Option<&Restoring> {
        match &self.purpose {
            Purpose::Restore(restoring) => Some(restoring),
            Purpose::Foresee(_) => None,
        }
    }

    /// An action has begun work that goes on. Whoever finds the run interrupted reads in its record that there is something to end.
    pub(super) async fn begin_operation(&self, operation: RestoreOperation) {
        if let Some(restoring) = self.restoring() {
            let (action, id) =
                (operation.spec.restore_item_action.clone(), operation.spec.operation_id.clone());
            restoring.status.record_soon(move |record| record.remember_operation(&action, &id)).await;
        }
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// What has become of the items, and the operations, at the end.
    pub(super) fn take_results(&self) -> (RestoredItems, Vec<RestoreOperation>) {
        let operations = std::mem::take(&mut *self.operations.lock().unwrap_or_else(PoisonError::into_inner));
        (std::mem::take(&mut *self.items()), operations)
    }

    /// The record of the items.
    pub(super) fn items(&self) -> std::sync::MutexGuard<'_, RestoredItems> {
        // A worker that panicked between two entries has left the record whole.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the run is.
    pub(super) fn progress(&self) -> Progress {
        self.items().progress(self.plan.len() as u64, self.visited.load(Ordering::Relaxed))
    }

    fn tell_what_is_left_out(&self) {
        for left_out in &self.plan.left_out {
            let target = left_out.namespace.as_deref().map(|namespace| self.plan.scope().target(namespace));
            let place = Place::of(target);
            if left_out.reason.is_error() {
                self.journal.result(Level::Error, &place, left_out.text());
            } else if left_out.reason.is_warning() && !left_out.kind.is("namespaces") {
                // That namespaces are put together is what was asked for; that an object is lost by it is not.
                self.journal.result(Level::Warning, &place, left_out.text());
            } else {
                self.journal.info(format!("Not restored: {}", left_out.text()));
            }
        }
    }

    async fn make_namespaces(self: &Arc<Self>) {
        let mut tasks = JoinSet::new();
        for step in &self.plan.namespaces {
            if tasks.len() >= WORKERS {
                tasks.join_next().await;
            }
            if self.context.shutdown.is_cancelled() {
                break;
            }
            let (executor, step) = (Arc::clone(self), step.clone());
            tasks.spawn(async move { executor.ensure_namespace(&step).await });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Restores one kind: this task hands the items out and reports, the workers do the rest.
    async fn tier(self: &Arc<Self>, tier: &Tier, reporter: &mut Reporter<'_>) -> Result<(), RunError> {
        self.journal.info(format!("Restoring resource '{}': {} items", tier.kind, tier.len()));
        let (sender, receiver) = mpsc::channel::<PlannedItem>(ITEMS_AHEAD);
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS.min(tier.len()) {
            workers.spawn(Arc::clone(self).work(Arc::clone(&receiver)));
        }
        drop(receiver);
        for item in tier.items() {
            if self.stop.token.is_cancelled() || sender.send(item).await.is_err() {
                break;
            }
            self.report(reporter).await;
        }
        drop(sender);
        let mut tick = tokio::time::interval(REPORT_EVERY);
        loop {
            tokio::select! {
                worker = workers.join_next() => match worker {
                    Some(Ok(())) => {}
                    Some(Err(panic)) => self.stop.because(RunError::Worker(panic)),
                    None => break,
                },
                _ = tick.tick() => self.report(reporter).await,
            }
        }
        self.stop.take()
    }

    async fn report(&self, reporter: &mut Reporter<'_>) {
        if self.context.shutdown.is_cancelled() {
            self.stop.because(RunError::Shutdown);
        }
        if let Err(error) = reporter.report(self.progress()).await {
            self.stop.because(error.into());
        }
    }

    async fn work(self: Arc<Self>, queue: Arc<tokio::sync::Mutex<mpsc::Receiver<PlannedItem>>>) {
        loop {
            let next = async { queue.lock().await.recv().await };
            let item = tokio::select! {
                biased;
                () = self.stop.token.cancelled() => None,
                item = next => item,
            };
            let Some(item) = item else { return };
            if let Err(reason) = self.restore(Chain::next(), item, 0).await {
                self.stop.because(reason);
            }
            self.visited.fetch_add(1, Ordering::Relaxed);
        }
    }
}

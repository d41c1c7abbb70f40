//! A plan carried out: definitions, namespaces, then tier after tier, with several workers inside a tier.
//!
//! The plan has no choices; what only the cluster can answer is decided per item ([`super::item`]). An item that fails is an error of that
//! item. Only an action whose policy says so, the loss of the run or the end of the server stop the workers, between two items.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lateen_actions::{ActionRun, ActionSession};
use lateen_cluster::discovery;
use lateen_core::catalog::Catalog;
use lateen_core::journal::{Entry, Journal, Level};
use lateen_core::kind::{GroupResource, ServedKind};
use lateen_core::restore::outcome::{Progress, RestoredItems};
use lateen_core::restore::plan::{PlannedItem, RestorePlan, Tier};
use lateen_core::restore::request::RestoreRequest;
use lateen_core::restore::volumes::BackupMethod;
use lateen_core::results::Place;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::namespaces::Namespaces;
use super::run_error::{Reporter, RunError};
use super::spool::Spool;
use crate::context::Context;
use crate::error_chain::error_chain;

/// Items in the works at a time. Each waits for the API server most of the time; 16 keep one busy without filling its queues (client-go
/// allows 100 requests a second to a client by default, an item takes two or three).
const WORKERS: usize = 16;

/// Items handed out ahead of the workers, so that none waits for the plan. Some 200 bytes each.
const ITEMS_AHEAD: usize = 64;

/// How long kinds whose definitions are established may take to appear in discovery, which the API server refreshes about every second.
const DISCOVERY_LAG: Duration = Duration::from_secs(30);

/// Between two looks at discovery while waiting for a kind.
const DISCOVERY_POLL: Duration = Duration::from_millis(500);

/// Everything that workers share.
pub(super) struct Executor {
    /// The server.
    pub(super) context: Context,
    /// What to restore.
    pub(super) request: RestoreRequest,
    /// In which order.
    pub(super) plan: RestorePlan,
    /// From where.
    pub(super) spool: Spool,
    /// The run's journal.
    pub(super) journal: Journal,
    /// The actions that the run began with.
    pub(super) actions: Arc<ActionRun>,
    /// How the data of volumes was backed up.
    pub(super) methods: BTreeMap<String, BackupMethod>,
    /// The labels that restored objects carry.
    pub(super) labels: [(&'static str, String); 2],
    /// When the Restore was created, by the API server's clock.
    pub(super) restore_created: Option<Timestamp>,
    /// What became of the items.
    pub(super) items: Mutex<RestoredItems>,
    /// The namespaces that are there.
    pub(super) namespaces: Namespaces,
    /// Volumes that are not restored: their claims get new ones.
    pub(super) released_volumes: Mutex<BTreeSet<String>>,
    /// What the cluster serves; newer after definitions were restored.
    pub(super) catalog: RwLock<Arc<Catalog>>,
    /// Planned items that are through.
    pub(super) visited: AtomicU64,
    /// Why the run has to stop, if it has to.
    pub(super) stop: Stop,
}

/// The first reason to stop, and a way to tell all workers.
#[derive(Default)]
pub(super) struct Stop {
    token: CancellationToken,
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
    /// Carries the plan out.
    pub(super) async fn run(self: Arc<Self>, reporter: &mut Reporter<'_>) -> Result<(), RunError> {
        self.tell_what_is_left_out();
        let mut sessions: Vec<ActionSession> = (0..WORKERS).map(|_| self.actions.session()).collect();
        if let Some(tier) = &self.plan.definitions {
            self.tier(tier, &mut sessions, reporter).await?;
            self.refresh_catalog().await;
        }
        self.make_namespaces().await;
        for tier in &self.plan.tiers {
            self.tier(tier, &mut sessions, reporter).await?;
        }
        Ok(())
    }

    /// The kind that the cluster serves, if it does.
    pub(super) fn served(&self, kind: &GroupResource) -> Option<ServedKind> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).get(kind).cloned()
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
            if left_out.reason.is_error() {
                let target =
                    left_out.namespace.as_deref().map(|namespace| self.plan.scope().target(namespace));
                self.journal.result(Level::Error, &Place::of(target), left_out.text());
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
    async fn tier(
        self: &Arc<Self>,
        tier: &Tier,
        sessions: &mut Vec<ActionSession>,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), RunError> {
        self.journal.info(format!("Restoring resource '{}': {} items", tier.kind, tier.len()));
        let (sender, receiver) = mpsc::channel::<PlannedItem>(ITEMS_AHEAD);
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        let mut workers = JoinSet::new();
        for session in sessions.drain(..) {
            workers.spawn(Arc::clone(self).work(Arc::clone(&receiver), session));
        }
        for item in tier.items() {
            let stopped = self.stop.token.is_cancelled();
            if stopped || sender.send(item).await.is_err() {
                break;
            }
            self.report(reporter).await;
        }
        drop(sender);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                worker = workers.join_next() => match worker {
                    Some(Ok(session)) => sessions.push(session),
                    Some(Err(panic)) => {
                        let error = Entry::error("a worker of the restore broke off").with("error", &panic);
                        self.journal.write(error);
                        sessions.push(self.actions.session());
                    }
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

    async fn work(
        self: Arc<Self>,
        queue: Arc<tokio::sync::Mutex<mpsc::Receiver<PlannedItem>>>,
        mut session: ActionSession,
    ) -> ActionSession {
        loop {
            let next = async { queue.lock().await.recv().await };
            let item = tokio::select! {
                biased;
                () = self.stop.token.cancelled() => None,
                item = next => item,
            };
            let Some(item) = item else { return session };
            if let Err(reason) = self.restore_planned(&mut session, item).await {
                self.stop.because(reason);
            }
            self.visited.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks again what the cluster serves, until it knows the kinds whose definitions were restored or has had time enough.
    async fn refresh_catalog(&self) {
        if self.items().changed() == 0 {
            return;
        }
        let deadline = Instant::now() + DISCOVERY_LAG;
        loop {
            match discovery::discover(&self.context.client).await {
                Ok(found) => {
                    *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found.catalog);
                }
                Err(error) => {
                    let line =
                        format!("cannot tell the kinds of the restored definitions: {}", error_chain(&error));
                    self.journal.result(Level::Warning, &Place::Run, line);
                    return;
                }
            }
            let missing = self.plan.tiers.iter().any(|tier| self.is_awaited(tier));
            if !missing || Instant::now() >= deadline || self.context.shutdown.is_cancelled() {
                return;
            }
            tokio::time::sleep(DISCOVERY_POLL).await;
        }
    }

    /// A kind that is not served yet and whose definition is in the cluster now.
    fn is_awaited(&self, tier: &Tier) -> bool {
        tier.pending
            && self.served(&tier.kind).is_none()
            && self.items().is_definition_there(&tier.kind.to_string())
    }
}

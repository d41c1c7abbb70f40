//! Restores after their items: their operations are followed until all have ended, hooks in pods are waited for, volumes that were
//! provisioned anew get what they had, and then the restore says how it ended.
//!
//! Each has a task of its own: a restore that waits holds up no other. What it waits for is in its files in the bucket and in the cluster,
//! so any server can go on: one that finds such a restore takes it over.
//!
//! Order of what is written: results, log, operations, and last the object. Errors are counted in the results: whoever comes after a crash
//! between two of these counts none twice and forgets none. What fails for a passing reason is tried again; what cannot be done is an error
//! of the restore, which then never ends as `Completed`.

pub(super) mod asking;
mod last;
mod lines;
mod open;
mod stopping;
mod takeover;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::ResourceExt;
use lateen_actions::ActionSet;
use lateen_api::v1::{Backup, Restore, RestorePhase};
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::{RestoreOperation, counts};
use lateen_core::journal::Level;
use lateen_core::kind::ObjectName;
use lateen_core::restore::operations::{Told, is_waiting, note_fault, write_down};
use lateen_store::{BackupStore, InvalidName, RestoreDir};
use tokio_util::sync::CancellationToken;

pub(super) use self::asking::cancel_left;
use self::lines::Lines;
use self::open::Opened;
pub(super) use self::stopping::Stopped;
pub(super) use self::takeover::{TakenOver, is_left_behind, take_over};
use super::hooks::PodHooks;
use super::operations_file::put_operations;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::metrics::RunEvent;
use crate::operations::SHORTEST_PAUSE;
use crate::run_files::RunFileError;
use crate::run_status::{SharedRunStatus, StatusError};

/// How often progress goes into the bucket at most, where `velero restore describe --details` finds it: a file of some KiB a minute.
const PROGRESS_EVERY: Duration = Duration::from_mins(1);

/// A restore whose items are through, in the hands of this server.
pub(super) struct Finishing {
    pub(super) context: Context,
    pub(super) status: SharedRunStatus<Restore>,
    /// What it restores, as it was when the restore began.
    pub(super) backup: Backup,
    pub(super) dir: RestoreDir,
    pub(super) operations: Vec<RestoreOperation>,
    /// The actions as they were when the run, or the taking over, began.
    set: Arc<ActionSet>,
    catalog: Arc<Catalog>,
    hooks: PodHooks,
    /// Claims that the restore has created.
    created_claims: BTreeSet<ObjectName>,
    /// Cancelled when somebody wants the Restore gone, and perhaps when the server ends.
    deleted: CancellationToken,
    /// What is not in the results and the log yet.
    untold: Lines,
    /// What they hold.
    told: Told,
    /// Progress that is not in the bucket yet, and when there was last nothing such.
    stale: bool,
    stored: Instant,
}

/// Why a step was not done this time.
#[derive(Debug)]
enum Trouble {
    Stopped(Stopped),
    /// It may go well the next time.
    Passing(String),
}

impl From<Stopped> for Trouble {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<RunFileError> for Trouble {
    fn from(error: RunFileError) -> Self {
        Self::Passing(error_chain(&error))
    }
}

/// Goes on with a restore until it has ended. None: it has not ended by this server, but was stopped by its shutdown, or somebody has deleted
/// it or taken it over.
pub(super) fn finish(finishing: Finishing) -> BoxFuture<'static, Option<RunEvent>> {
    finish_run(finishing).boxed()
}

async fn finish_run(mut run: Finishing) -> Option<RunEvent> {
    let ended = match run.follow_operations().await {
        Ok(()) => run.end().await,
        Err(stopped) => Err(stopped),
    };
    match ended {
        Ok(event) => Some(event),
        Err(stopped) => run.stop(stopped).await,
    }
}

impl Finishing {
    #[expect(clippy::too_many_arguments)] // each is known to both who make one, and they share nothing else
    pub(super) fn new(
        context: Context,
        status: SharedRunStatus<Restore>,
        backup: Backup,
        operations: Vec<RestoreOperation>,
        (set, catalog): (Arc<ActionSet>, Arc<Catalog>),
        hooks: PodHooks,
        created_claims: BTreeSet<ObjectName>,
        deleted: CancellationToken,
    ) -> Result<Self, InvalidName> {
        let dir = RestoreDir::new(&status.current().name_any())?;
        let (untold, told, stored) = (Lines::default(), Told::default(), Instant::now());
        Ok(Self {
            context,
            status,
            backup,
            dir,
            operations,
            set,
            catalog,
            hooks,
            created_claims,
            deleted,
            untold,
            told,
            stale: false,
            stored,
        })
    }

    /// Asks about the operations until all have ended and that is written down.
    async fn follow_operations(&mut self) -> Result<(), Stopped> {
        let mut failing = Failing::default();
        while is_waiting(self.status.current().phase()) {
            match self.follow_once().await {
                Ok(()) => failing = Failing::default(),
                Err(Trouble::Stopped(stopped)) => return Err(stopped),
                Err(Trouble::Passing(error)) => {
                    self.warn(&error, "cannot go on with a restore; trying again");
                    let all_ended = counts(&self.operations).running() == 0;
                    // As long as operations run there is something to wait for anyway.
                    if all_ended && failing.too_long(&self.context) {
                        return Err(Stopped::Lost(error));
                    }
                }
            }
            if is_waiting(self.status.current().phase()) {
                self.pause().await?;
            }
        }
        Ok(())
    }

    async fn follow_once(&mut self) -> Result<(), Trouble> {
        let store = self.open().await?;
        let round = asking::ask(self).await;
        self.stale |= round.changed;
        for (place, message) in round.errors {
            self.untold.add(Level::Error, place, message);
        }
        self.check()?;
        let counts = counts(&self.operations);
        if counts.running() == 0 {
            self.untold.operations_ended(counts);
        }
        let all = !self.untold.is_empty();
        if all {
            self.tell(&store).await?;
        }
        if all || (self.stale && self.stored.elapsed() >= PROGRESS_EVERY) {
            put_operations(&store, &self.dir, &self.operations).await?;
            self.stale = false;
            self.stored = Instant::now();
        }
        let told = self.told;
        self.write(move |restore| {
            if is_waiting(restore.phase()) {
                write_down(restore.status.get_or_insert_default(), told, counts);
            }
        })
        .await?;
        Ok(())
    }

    /// Brings what is untold into the results and the log. Results that cannot be read are left as they are, which is an error of the
    /// restore; the log has the lines all the same.
    async fn tell(&mut self, store: &BackupStore) -> Result<(), Trouble> {
        let name = format!("{}/{}", self.context.namespace, self.status.current().name_any());
        match self.untold.store(&self.context.options, store, &self.dir, &name).await? {
            Ok(told) => self.told = self.told.or(told),
            Err(unreadable) => {
                let reason = format!("the results of the restore cannot be added to: {unreadable}");
                self.write(move |restore| note_fault(restore.status.get_or_insert_default(), &reason))
                    .await?;
            }
        }
        self.untold = Lines::default();
        Ok(())
    }

    /// Changes the object, as often as it takes.
    pub(super) async fn write(
        &self,
        change: impl Fn(&mut Restore) + Clone + Send + Sync + 'static,
    ) -> Result<(), Stopped> {
        loop {
            match self.status.update(change.clone()).await {
                Ok(()) => return Ok(()),
                Err(error @ (StatusError::NotOurs | StatusError::Gone | StatusError::WriterEnded)) => {
                    return Err(Stopped::NotOurs(error));
                }
                Err(error) => self.warn(&error_chain(&error), "cannot write down how far a restore is"),
            }
            self.pause().await?;
        }
    }

    /// The location of the restore's files.
    async fn open(&self) -> Result<BackupStore, Trouble> {
        let name = self.status.current().spec.backup_name.clone();
        match open::open(&self.context, &name).await {
            Ok(Opened::Store(store, _)) => Ok(store),
            Ok(Opened::Lost(reason)) => Err(Stopped::Lost(reason).into()),
            Err(error) => Err(Trouble::Passing(error)),
        }
    }

    /// Whether to go on.
    fn check(&self) -> Result<(), Stopped> {
        if self.context.shutdown.is_cancelled() {
            return Err(Stopped::Shutdown);
        }
        if self.deleted.is_cancelled() { Err(Stopped::Deleted) } else { Ok(()) }
    }

    /// Waits until it is time to look again.
    pub(super) async fn pause(&self) -> Result<(), Stopped> {
        let pause = self.context.options.item_operation_sync_frequency.max(SHORTEST_PAUSE);
        self.unless_stopped(tokio::time::sleep(pause)).await
    }

    /// What comes of `work`, unless there is a reason to stop before.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.context.shutdown.cancelled() => Err(Stopped::Shutdown),
            () = self.deleted.cancelled() => self.check().and(Err(Stopped::Deleted)),
            done = work => Ok(done),
        }
    }

    fn warn(&self, error: &str, what: &str) {
        tracing::warn!(restore = self.status.current().name_any(), error, "{what}");
    }
}

/// How a restore that ended in this phase is counted.
fn event_of(phase: &RestorePhase) -> RunEvent {
    match phase {
        RestorePhase::Completed => RunEvent::Success,
        RestorePhase::PartiallyFailed => RunEvent::PartialFailure,
        _ => RunEvent::Failure,
    }
}

/// Since when a step fails that has nothing else to wait for.
#[derive(Debug, Default)]
struct Failing(Option<Instant>);

impl Failing {
    /// Notes another failure; true where it has gone on for `--resource-timeout`.
    fn too_long(&mut self, context: &Context) -> bool {
        self.0.get_or_insert_with(Instant::now).elapsed() >= context.options.resource_timeout
    }
}

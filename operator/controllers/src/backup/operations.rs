//! Backups after their items: their operations are followed until all have ended, then they are finalized and say how they ended.
//!
//! A task of its own, beside the one that runs backups: a backup that waits holds up no other. Each is looked at every
//! `--item-operation-sync-frequency`, some of them side by side. What a backup is waiting for is in its bucket, so any server can go on: one
//! that finds such a backup when it starts takes it over, and reads in the bucket where it stands.

mod asking;
mod followed;
mod follower;
mod takeover;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::ResourceExt;
use lateen_actions::{ActionSet, Stage};
use lateen_api::v1::{Backup, BackupStatus};
use lateen_cluster::watch::{Watched, watch};
use lateen_core::backup::operations::{is_finalizing, is_waiting, write_down};
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::{BackupOperation, counts};
use lateen_core::journal::Journal;
use lateen_store::{BackupDir, BackupStore};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::MissedTickBehavior;

use self::followed::Followed;
use self::follower::Next;
use super::facts::told_to_actions;
use super::stored::{self, StoredError};
use crate::context::Context;
use crate::item_actions;
use crate::known::Known;
use crate::operations::SHORTEST_PAUSE;
use crate::run_status::{SharedRunStatus, change_record, record_of};

/// Backups that are looked at side by side. Most of a look is waiting for the API server, and all actions share one memory budget.
const SIDE_BY_SIDE: usize = 4;

/// Asks once about the operations of a run whose items are done, with the actions of this set. Errors go to the journal, and so into the
/// run's log and results. Afterwards [`counts`] says how many still run.
pub(super) async fn first_poll(
    context: &Context,
    backup: &Backup,
    catalog: &Catalog,
    set: &Arc<ActionSet>,
    operations: &mut [BackupOperation],
    journal: &Journal,
) {
    if operations.is_empty() {
        return;
    }
    let actions =
        item_actions::go_on(context, &told_to_actions(backup, catalog), Stage::Operations, Arc::clone(set));
    for error in asking::ask(context, backup, &actions, operations).await.errors {
        journal.write(error);
    }
}

/// Puts the counters of operations into a status whose phase was decided already, with errors that were counted already.
pub(super) fn count_operations(status: &mut BackupStatus, operations: &[BackupOperation]) {
    let errors = status.errors;
    write_down(status, counts(operations));
    status.errors = errors;
}

/// Gives a run with operations out of its hands: archive, side files and log are in the bucket, `status` is what the object is to say, with
/// one of the phases for waiting or finalizing. First the document says it, then the object; from then on this module goes on.
pub(super) async fn hand_over(
    context: &Context,
    status: &SharedRunStatus<Backup>,
    store: &BackupStore,
    dir: &BackupDir,
    change: impl Fn(&mut Backup) + Send + Sync + 'static,
) -> Result<(), StoredError> {
    let change = move |backup: &mut Backup| {
        change(backup);
        change_record(backup, &|record| {
            record.items_done = true;
            record.uploads.clear();
            record.operations.clear();
        });
    };
    let mut document = stored::whole_document(context, &status.current()).await?;
    document.modify(&change);
    stored::put_document(store, dir, &document).await?;
    Ok(status.update(change).await?)
}

/// Follows backups until the server shuts down.
pub async fn control(context: Context) {
    let mut events = std::pin::pin!(watch::<Backup>(context.client.clone(), &context.namespace, ""));
    let pause = context.options.item_operation_sync_frequency.max(SHORTEST_PAUSE);
    let mut look = tokio::time::interval(pause);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Known::<Backup>::default();
    let mut desk = Desk::new(context.clone());
    loop {
        let due = tokio::select! {
            () = context.shutdown.cancelled() => break,
            Some(told) = events.next() => {
                let due = matches!(&told, Watched::Applied(backup) if is_finalizing(backup.phase()));
                let first = !known.is_complete();
                known.take_in(told);
                due || first
            }
            () = desk.one_ended() => false,
            _ = look.tick() => true,
        };
        if due && known.is_complete() {
            desk.look(&known);
        }
    }
    desk.finish().await;
}

/// Who follows which backup.
struct Desk {
    context: Context,
    /// Those that are not being looked at in this moment.
    followers: BTreeMap<String, Followed>,
    looking: JoinSet<Next>,
    /// Those that are being looked at.
    names: HashMap<Id, String>,
    turns: Arc<Semaphore>,
    /// What servers before this one left behind, with what its record called them; none before the first look. One that has another
    /// server by now is left to that.
    left_behind: Option<BTreeMap<String, Option<String>>>,
}

impl Desk {
    fn new(context: Context) -> Self {
        Self {
            context,
            followers: BTreeMap::new(),
            looking: JoinSet::new(),
            names: HashMap::new(),
            turns: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
            left_behind: None,
        }
    }

    /// Waits for the end of a look.
    async fn one_ended(&mut self) {
        match self.looking.join_next_with_id().await {
            Some(Ok((id, next))) => {
                let Some(name) = self.names.remove(&id) else { return };
                match next {
                    Next::Follow(follower) => drop(self.followers.insert(name, *follower)),
                    Next::Again => {}
                    Next::Leave => drop(self.left_behind.as_mut().and_then(|left| left.remove(&name))),
                }
            }
            Some(Err(panic)) => {
                let backup = self.names.remove(&panic.id());
                tracing::error!(backup, %panic, "a look at a backup's operations broke off");
            }
            None => std::future::pending().await,
        }
    }

    async fn finish(mut self) {
        while self.looking.join_next().await.is_some() {}
    }

    /// Begins a look at every backup that waits or is being finalized.
    fn look(&mut self, known: &Known<Backup>) {
        let after_items = |backup: &&Arc<Backup>| is_waiting(backup.phase()) || is_finalizing(backup.phase());
        let left_behind = self.left_behind.get_or_insert_with(|| {
            let of_others =
                known.all().filter(after_items).map(|backup| (backup.name_any(), leader_of(backup)));
            of_others.filter(|(_, leader)| leader.as_deref() != Some(&*self.context.leader)).collect()
        });
        self.followers.retain(|name, _| known.get(name).is_some_and(|backup| after_items(&backup)));
        for backup in known.all().filter(after_items) {
            let name = backup.name_any();
            let found = left_behind.get(&name).is_some_and(|leader| *leader == leader_of(backup));
            let to_do = found || is_ours_to_follow(&self.context, backup);
            if !to_do || self.names.values().any(|busy| *busy == name) {
                continue;
            }
            let follower = self.followers.remove(&name).filter(|follower| follower.is_of(backup));
            let (context, backup, turns) =
                (self.context.clone(), Arc::clone(backup), Arc::clone(&self.turns));
            let looking = self.looking.spawn(async move {
                let _turn = turns.acquire_owned().await;
                follower::look(&context, follower, &backup).await
            });
            self.names.insert(looking.id(), name);
        }
    }
}

fn leader_of(backup: &Backup) -> Option<String> {
    record_of(backup).map(|record| record.leader)
}

/// Whether the backup's run has given it out of its hands: one that is finalizing may still be in them.
fn is_ours_to_follow(context: &Context, backup: &Backup) -> bool {
    let record = record_of(backup).filter(|record| record.leader == *context.leader);
    record.is_some_and(|record| record.items_done || is_waiting(backup.phase()))
}

/// How long operations of a backup may take.
fn timeout_of(context: &Context, backup: &Backup) -> Duration {
    backup.spec.item_operation_timeout.or(context.options.item_operation_timeout).to_std()
}

//! One run's status for many writers: each says what it wants changed, one task writes it down.
//!
//! Guarantees: changes are applied in the order in which they came; those that wait while a patch is under way go together into the next
//! one, so that a thousand pods with hooks do not mean a thousand patches one after the other; a change that was taken is written even
//! if whoever asked for it has stopped waiting. What nobody waits for ([`SharedRunStatus::record_soon`]) is kept back for a moment, to go along with what
//! somebody does wait for.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use lateen_core::run_record::RunRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};

use super::{RunStatus, StatusError, record_of, write_record};
use crate::error_chain::error_chain;

/// Changes that may wait. Workers and the progress reporter wait for theirs one at a time, so some dozen are all there ever are; a full
/// queue makes them wait a little earlier.
const WAITING_CHANGES: usize = 256;

/// How long a change that nobody waits for is kept back. A worker that has closed one pod's hooks opens the next one's within
/// milliseconds; a second is what progress is behind anyway.
const KEPT_BACK: Duration = Duration::from_secs(1);

/// The status of a run, to be written by several tasks. Clones are handles of the same run.
pub struct SharedRunStatus<K> {
    changes: mpsc::Sender<Change<K>>,
    current: watch::Receiver<Arc<K>>,
}

impl<K> Clone for SharedRunStatus<K> {
    fn clone(&self) -> Self {
        Self { changes: self.changes.clone(), current: self.current.clone() }
    }
}

struct Change<K> {
    apply: Box<dyn Fn(&mut K) + Send + Sync>,
    /// Who waits for it.
    told: Option<oneshot::Sender<Result<(), StatusError>>>,
}

impl<K> RunStatus<K>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default,
{
    /// Hands the status to a task that writes it for everybody who has the handle; it ends with the last handle.
    pub fn share(self) -> SharedRunStatus<K> {
        let (changes, waiting) = mpsc::channel(WAITING_CHANGES);
        let (seen, current) = watch::channel(Arc::new(self.current.clone()));
        tokio::spawn(write_all(self, waiting, seen));
        SharedRunStatus { changes, current }
    }
}

impl<K> SharedRunStatus<K>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default,
{
    /// The object as last written or read again.
    pub fn current(&self) -> Arc<K> {
        Arc::clone(&self.current.borrow())
    }

    /// Changes the object and returns when that is written down. `change` may be called several times, each time on a newer state.
    pub async fn update(&self, change: impl Fn(&mut K) + Send + Sync + 'static) -> Result<(), StatusError> {
        let (told, answer) = oneshot::channel();
        let change = Change { apply: Box::new(change), told: Some(told) };
        self.changes.send(change).await.map_err(|_| StatusError::WriterEnded)?;
        answer.await.map_err(|_| StatusError::WriterEnded)?
    }

    /// Changes the run's record and returns when that is written down. Where there is no record (any more), nothing is changed.
    pub async fn record(
        &self,
        change: impl Fn(&mut RunRecord) + Send + Sync + 'static,
    ) -> Result<(), StatusError> {
        self.update(move |object| change_record(object, &change)).await
    }

    /// Changes the run's record some time soon: for what need not be known before the run goes on. A failure is told in the server's log;
    /// one that ends the run comes up with its next change.
    pub async fn record_soon(&self, change: impl Fn(&mut RunRecord) + Send + Sync + 'static) {
        let apply = Box::new(move |object: &mut K| change_record(object, &change));
        // Without its writer the run ends anyway.
        let _ = self.changes.send(Change { apply, told: None }).await;
    }
}

/// Changes the record of a run, where there is one.
pub(crate) fn change_record<K: Resource>(object: &mut K, change: &impl Fn(&mut RunRecord)) {
    if let Some(mut record) = record_of(object) {
        change(&mut record);
        write_record(object, &record);
    }
}

async fn write_all<K>(
    mut status: RunStatus<K>,
    mut waiting: mpsc::Receiver<Change<K>>,
    seen: watch::Sender<Arc<K>>,
) where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default,
{
    let mut taken = Vec::new();
    while take(&mut waiting, &mut taken).await {
        let written =
            status.update(|object| taken.iter().for_each(|change: &Change<K>| (change.apply)(object))).await;
        seen.send_replace(Arc::new(status.current.clone()));
        for change in taken.drain(..) {
            match (change.told, &written) {
                // Whoever has stopped waiting does not need the answer.
                (Some(told), _) => drop(told.send(written.clone())),
                (None, Ok(())) => {}
                (None, Err(error)) => {
                    tracing::warn!(error = error_chain(error), "a change of a run's record was not written");
                }
            }
        }
    }
}

/// Takes all changes that wait, once there is one; false when there will be none any more.
async fn take<K>(waiting: &mut mpsc::Receiver<Change<K>>, taken: &mut Vec<Change<K>>) -> bool {
    let Some(first) = waiting.recv().await else { return false };
    let mut awaited = first.told.is_some();
    taken.push(first);
    let kept_back = tokio::time::sleep(KEPT_BACK);
    tokio::pin!(kept_back);
    while !awaited && taken.len() < WAITING_CHANGES {
        tokio::select! {
            () = &mut kept_back => break,
            next = waiting.recv() => match next {
                Some(next) => {
                    awaited = next.told.is_some();
                    taken.push(next);
                }
                None => break,
            }
        }
    }
    while taken.len() < WAITING_CHANGES
        && let Ok(next) = waiting.try_recv()
    {
        taken.push(next);
    }
    true
}

#[cfg(test)]
mod tests;

//! The status of a run while it lasts: every write says which state it was decided on, and whether the run is still ours.
//!
//! Guarantees: a patch holds the fields that changed and nothing else; it carries the resource version that it was decided on; after a
//! conflict the object is read again and written to only if its run record still names this process. Other people may label or annotate
//! the object at any time.

mod progress;
mod shared;

use std::sync::Arc;

use kube::api::Api;
use kube::{Resource, ResourceExt};
use lateen_api::labels::annotations;
use lateen_cluster::resource::{PatchError, patch_checked};
use lateen_core::run_record::RunRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use progress::{ProgressReporter, StatusWriter};
pub use shared::SharedRunStatus;
pub(crate) use shared::change_record;

/// How often a patch is tried when others change the object at the same time.
const ATTEMPTS: usize = 8;

/// Why the status cannot be written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StatusError {
    /// Another process has taken the run over, or somebody removed the record: this one must stop.
    #[error("the run is not this server's any more")]
    NotOurs,
    /// The object was deleted.
    #[error("the object of the run was deleted")]
    Gone,
    /// The API server did not take the patch.
    #[error("cannot write the status of the run")]
    Patch(#[source] Arc<PatchError>),
    /// The API server could not be asked for the present state.
    #[error("cannot read the object of the run again")]
    Read(#[source] Arc<kube::Error>),
    /// The task that writes for everybody is gone: the server is going down, or the task broke off.
    #[error("the task that writes the status of the run has ended")]
    WriterEnded,
}

/// The object of a run, as last seen by whoever runs it.
pub struct RunStatus<K> {
    api: Api<K>,
    current: K,
    leader: String,
}

impl<K> RunStatus<K>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    /// Takes the run over: `begin` changes the object and the record is written with it, on the state `seen`. A conflict means that
    /// somebody was faster; nothing was changed then.
    pub async fn begin(
        api: Api<K>,
        seen: K,
        leader: &str,
        begin: impl FnOnce(&mut K),
    ) -> Result<Self, StatusError> {
        let record = RunRecord::start(record_of(&seen).as_ref(), leader);
        Self::begin_with(api, seen, leader, record, begin).await
    }

    /// As [`Self::begin`], with this record, which names `leader`.
    pub async fn begin_with(
        api: Api<K>,
        seen: K,
        leader: &str,
        record: RunRecord,
        begin: impl FnOnce(&mut K),
    ) -> Result<Self, StatusError> {
        let mut changed = seen.clone();
        begin(&mut changed);
        write_record(&mut changed, &record);
        let current = patch_checked(&api, &seen, &changed).await.map_err(StatusError::from_patch)?;
        Ok(Self { api, current, leader: leader.to_owned() })
    }

    /// Takes over a run that goes on where it is: the record stays and names `leader` from now on, and `change` changes the object with it,
    /// on the state `seen`. A run without a record gets one. A conflict means that somebody was faster; nothing was changed then.
    pub async fn adopt(
        api: Api<K>,
        seen: K,
        leader: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<Self, StatusError> {
        let mut changed = seen.clone();
        let mut record = record_of(&seen).unwrap_or_else(|| RunRecord::start(None, leader));
        leader.clone_into(&mut record.leader);
        write_record(&mut changed, &record);
        change(&mut changed);
        let current = patch_checked(&api, &seen, &changed).await.map_err(StatusError::from_patch)?;
        Ok(Self { api, current, leader: leader.to_owned() })
    }

    /// The object as last seen.
    pub fn current(&self) -> &K {
        &self.current
    }

    /// Changes the object. `change` may be called several times, each time on a newer state.
    pub async fn update(&mut self, change: impl Fn(&mut K)) -> Result<(), StatusError> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let mut changed = self.current.clone();
            change(&mut changed);
            match patch_checked(&self.api, &self.current, &changed).await {
                Ok(current) => {
                    self.current = current;
                    return Ok(());
                }
                Err(PatchError::Conflict(error)) => last = Some(PatchError::Conflict(error)),
                Err(error) => return Err(StatusError::from_patch(error)),
            }
            self.read_again().await?;
        }
        Err(last.map_or(StatusError::NotOurs, |conflict| StatusError::Patch(Arc::new(conflict))))
    }

    /// Changes the run's record.
    pub async fn record(&mut self, change: impl Fn(&mut RunRecord)) -> Result<(), StatusError> {
        self.update(|object| {
            let mut record = record_of(object).unwrap_or_default();
            change(&mut record);
            write_record(object, &record);
        })
        .await
    }

    async fn read_again(&mut self) -> Result<(), StatusError> {
        let fresh = self.api.get_opt(&self.current.name_any()).await;
        let fresh = fresh.map_err(|error| StatusError::Read(Arc::new(error)))?;
        let fresh = fresh.filter(|object| object.uid() == self.current.uid()).ok_or(StatusError::Gone)?;
        if record_of(&fresh).is_none_or(|record| record.leader != self.leader) {
            return Err(StatusError::NotOurs);
        }
        self.current = fresh;
        Ok(())
    }
}

impl StatusError {
    fn from_patch(error: PatchError) -> Self {
        match error {
            PatchError::NotFound(_) => Self::Gone,
            other => Self::Patch(Arc::new(other)),
        }
    }
}

/// The record of an object's run, if there is one that can be read.
pub fn record_of(object: &impl ResourceExt) -> Option<RunRecord> {
    RunRecord::parse(object.annotations().get(annotations::RUN).map(String::as_str))
}

/// Writes the record into the object's annotations.
pub fn write_record(object: &mut impl ResourceExt, record: &RunRecord) {
    object.annotations_mut().insert(annotations::RUN.to_owned(), record.to_annotation());
}

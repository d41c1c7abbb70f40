//! The status of a run while it lasts: every write says which state it was decided on, and whether the run is still ours.
//!
//! Guarantees: a patch holds the fields that changed and nothing else; it carries the resource version that it was decided on; after a
//! conflict the object is read again and written to only if its run record still names this process. Other people may label or annotate
//! the object at any time.

use std::time::{Duration, Instant};

use kube::api::Api;
use kube::{Resource, ResourceExt};
use lateen_api::labels::annotations;
use lateen_cluster::resource::{PatchError, patch_checked};
use lateen_core::run_record::RunRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often a patch is tried when others change the object at the same time.
const ATTEMPTS: usize = 8;

/// Why the status cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Another process has taken the run over, or somebody removed the record: this one must stop.
    #[error("the run is not this server's any more")]
    NotOurs,
    /// The object was deleted.
    #[error("the object of the run was deleted")]
    Gone,
    /// The API server did not take the patch.
    #[error("cannot write the status of the run")]
    Patch(#[source] PatchError),
    /// The API server could not be asked for the present state.
    #[error("cannot read the object of the run again")]
    Read(#[source] kube::Error),
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
        let mut changed = seen.clone();
        begin(&mut changed);
        let record = RunRecord::start(record_of(&seen).as_ref(), leader);
        write_record(&mut changed, &record);
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
        Err(last.map_or(StatusError::NotOurs, StatusError::Patch))
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
        let fresh = self.api.get_opt(&self.current.name_any()).await.map_err(StatusError::Read)?;
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
            other => Self::Patch(other),
        }
    }
}

/// How often a progress is written down at most.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Writes a run's progress down, at most once a second and only when it changed.
pub struct ProgressReporter<'a, K, P> {
    status: &'a mut RunStatus<K>,
    write: fn(&mut K, P),
    last: Instant,
    told: Option<P>,
}

impl<'a, K, P> ProgressReporter<'a, K, P>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
    P: Copy + PartialEq,
{
    /// `write` puts a progress into the object's status.
    pub fn new(status: &'a mut RunStatus<K>, write: fn(&mut K, P)) -> Self {
        Self { status, write, last: Instant::now(), told: None }
    }

    /// Tells how far the run is.
    pub async fn report(&mut self, now: P) -> Result<(), StatusError> {
        if self.last.elapsed() < PROGRESS_EVERY || self.told == Some(now) {
            return Ok(());
        }
        self.last = Instant::now();
        self.told = Some(now);
        let write = self.write;
        self.status.update(|object| write(object, now)).await
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

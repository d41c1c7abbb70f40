//! How far a run is, written down now and then.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{RunStatus, SharedRunStatus, StatusError};

/// How often a progress is written down at most.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Writes a run's progress down, at most once a second and only when it changed.
pub struct ProgressReporter<'a, K, P> {
    status: StatusWriter<'a, K>,
    write: fn(&mut K, P),
    last: Instant,
    told: Option<P>,
}

/// The status of a run in the hands of one writer, or of many.
pub enum StatusWriter<'a, K> {
    /// Nobody else writes meanwhile.
    Alone(&'a mut RunStatus<K>),
    /// Others write too.
    Shared(SharedRunStatus<K>),
    /// There is no status to write to.
    Nobody,
}

impl<'a, K> From<&'a mut RunStatus<K>> for StatusWriter<'a, K> {
    fn from(status: &'a mut RunStatus<K>) -> Self {
        Self::Alone(status)
    }
}

impl<K> From<SharedRunStatus<K>> for StatusWriter<'_, K> {
    fn from(status: SharedRunStatus<K>) -> Self {
        Self::Shared(status)
    }
}

impl<'a, K, P> ProgressReporter<'a, K, P>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default,
    P: Copy + PartialEq + Send + Sync + 'static,
{
    /// `write` puts a progress into the object's status.
    pub fn new(status: impl Into<StatusWriter<'a, K>>, write: fn(&mut K, P)) -> Self {
        Self { status: status.into(), write, last: Instant::now(), told: None }
    }

    /// Tells nobody.
    pub fn silent() -> Self {
        Self { status: StatusWriter::Nobody, write: |_, _| {}, last: Instant::now(), told: None }
    }

    /// Tells how far the run is.
    pub async fn report(&mut self, now: P) -> Result<(), StatusError> {
        if self.last.elapsed() < PROGRESS_EVERY || self.told == Some(now) {
            return Ok(());
        }
        self.last = Instant::now();
        self.told = Some(now);
        let write = self.write;
        let change = move |object: &mut K| write(object, now);
        match &mut self.status {
            StatusWriter::Alone(status) => status.update(change).await,
            StatusWriter::Shared(status) => status.update(change).await,
            StatusWriter::Nobody => Ok(()),
        }
    }
}

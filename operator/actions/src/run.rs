//! One run of a set of actions: what its instances are told, and what they share.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use tokio_util::sync::CancellationToken;

use crate::{limits, session::ActionSession, set::ActionSet, subject::Role};

/// What actions are told about the run.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// What the run is for.
    pub role: Role,
    /// `metadata.name` of the Backup or Restore.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its `metadata.uid`.
    pub uid: String,
    /// Start of the run, milliseconds since 1970 UTC.
    pub started_ms: u64,
    /// Nothing of the run will be kept.
    pub dry_run: bool,
    /// Version of the server.
    pub server_version: String,
    /// Feature flags that are on.
    pub features: Vec<String>,
    /// The Backup or Restore as JSON.
    pub object: Arc<str>,
    /// The Backup that a Restore restores from, as JSON.
    pub source_backup: Option<Arc<str>>,
    /// Wakes actions that wait when the run is cancelled.
    pub cancelled: CancellationToken,
}

/// One run. Its sessions share the count of traps and the budget of the log.
#[derive(Debug)]
pub struct ActionRun {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) set: Arc<ActionSet>,
    pub(crate) shares: Vec<Arc<Share>>,
}

/// What all instances of one action in one run have in common.
#[derive(Debug, Default)]
pub(crate) struct Share {
    traps: AtomicU32,
    log_bytes: AtomicUsize,
}

impl ActionRun {
    /// Begins a run with the actions of this set.
    pub fn new(set: Arc<ActionSet>, info: RunInfo) -> Arc<Self> {
        let shares = set.actions().iter().map(|_| Arc::default()).collect();
        Arc::new(Self { info: Arc::new(info), set, shares })
    }

    /// A session for one worker. Components are instantiated when they are first needed.
    pub fn session(self: &Arc<Self>) -> ActionSession {
        ActionSession::new(Arc::clone(self))
    }

    /// The set that the run began with.
    pub fn set(&self) -> &Arc<ActionSet> {
        &self.set
    }
}

impl Share {
    /// Counts a trap; true for the one that disables the action.
    pub(crate) fn count_trap(&self) -> bool {
        self.traps.fetch_add(1, Ordering::Relaxed) + 1 == limits::TRAPS
    }

    /// Whether the action is not called any more.
    pub(crate) fn disabled(&self) -> bool {
        self.traps.load(Ordering::Relaxed) >= limits::TRAPS
    }

    /// Takes bytes from the budget of the log; false when they do not fit.
    pub(crate) fn take_log(&self, bytes: usize) -> bool {
        self.log_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= limits::LOG_RUN)
            })
            .is_ok()
    }
}

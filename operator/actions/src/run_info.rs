//! What the instances of a run are told, and what those of one action share: traps counted, and a budget for the log.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use tokio_util::sync::CancellationToken;

use crate::{limits, subject::Role};

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

/// What all instances of one action in one run have in common.
#[derive(Debug, Default)]
pub(crate) struct Share {
    traps: AtomicU32,
    log_bytes: AtomicUsize,
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

//! What the instances of a run are told, and what those of one action share: traps counted, a budget for the log, lists of the cluster.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use tokio_util::sync::CancellationToken;

use crate::{cluster_access::ClusterAccess, limits, shared_lists::SharedLists};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Objects are collected into an archive.
    Backup,
    /// Items of an archive are created in the cluster.
    Restore,
    /// A backup and its files are removed.
    Delete,
}

/// Which part of a run asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Items are processed.
    Items,
    /// Operations are followed.
    Operations,
    /// Items of a backup are read again after its operations.
    Finalize,
}

/// What actions are told about the run.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// What the run is for.
    pub purpose: Purpose,
    /// Which part of it this is.
    pub stage: Stage,
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
    /// The way to the cluster; without it every request is refused.
    pub cluster: Option<Arc<dyn ClusterAccess>>,
    /// For tests of actions: a clock that stands still, and chance that repeats itself.
    pub fixed: Option<FixedEnvironment>,
}

/// What `environment` answers where results must be repeatable. Pauses are over at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedEnvironment {
    /// The time at every look, milliseconds since 1970 UTC.
    pub now_ms: u64,
    /// Where chance begins. It depends on nothing but this, the item and how much the call has asked for before.
    pub seed: u64,
}

/// What all instances of one action in one run have in common.
#[derive(Debug, Default)]
pub(crate) struct Share {
    traps: AtomicU32,
    log_bytes: AtomicUsize,
    /// What they have listed in the cluster.
    pub(crate) lists: SharedLists,
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

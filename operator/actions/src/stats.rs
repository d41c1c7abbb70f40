//! What calling an action has cost so far: for its author, and for whoever runs the server.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

/// Counted since the action was loaded, over all runs.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    calls: AtomicU64,
    failures: AtomicU64,
    nanoseconds: AtomicU64,
    starts: AtomicU64,
    start_nanoseconds: AtomicU64,
    peak_memory: AtomicUsize,
}

/// What was counted up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionStats {
    /// Calls, whatever came of them.
    pub calls: u64,
    /// Those that failed, whatever the failure policy made of it.
    pub failures: u64,
    /// Time in calls, with waiting, and with starting the instance where there was none.
    pub time: Duration,
    /// Instances made.
    pub starts: u64,
    /// Time in making and configuring them; a part of `time`.
    pub start_time: Duration,
    /// Linear memory in bytes that the largest instance had at the end of a call.
    pub peak_memory: usize,
}

impl Stats {
    /// Counts a call.
    pub(crate) fn count(&self, failed: bool, time: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Counts a new instance.
    pub(crate) fn count_start(&self, time: Duration) {
        self.starts.fetch_add(1, Ordering::Relaxed);
        self.start_nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Notes how much memory an instance has.
    pub(crate) fn saw_memory(&self, bytes: usize) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    /// What was counted up to now.
    pub(crate) fn read(&self) -> ActionStats {
        ActionStats {
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
            starts: self.starts.load(Ordering::Relaxed),
            start_time: Duration::from_nanos(self.start_nanoseconds.load(Ordering::Relaxed)),
            peak_memory: self.peak_memory.load(Ordering::Relaxed),
        }
    }
}

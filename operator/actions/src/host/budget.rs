//! Guest time: what a call has used of it.
//!
//! The engine's epoch tells *when to look*, not how much was used: it moves on while a guest waits in the host, and while the process gets no CPU. So
//! the time between two looks is measured, and counts for one tick at most.

use std::time::{Duration, Instant};

use crate::limits::TICK;

/// Raised from inside guest code.
#[derive(Debug, thiserror::Error)]
#[error("guest code ran longer than {0:?}")]
pub(super) struct OutOfTime(pub(super) Duration);

/// Raised from inside guest code, some time after its run was cancelled.
#[derive(Debug, thiserror::Error)]
#[error("the run is being cancelled")]
pub(super) struct Cancelled;

/// The guest time of one call.
#[derive(Debug)]
pub(crate) struct GuestClock {
    used: Duration,
    budget: Duration,
    since: Instant,
}

impl GuestClock {
    /// Begins a call.
    pub(crate) fn start(budget: Duration, now: Instant) -> Self {
        Self { used: Duration::ZERO, budget, since: now }
    }

    /// Guest code was seen running; false when its time is over.
    pub(crate) fn look(&mut self, now: Instant) -> bool {
        self.used += now.duration_since(self.since).min(TICK);
        self.since = now;
        self.used < self.budget
    }

    /// Guest code goes on after it waited: the time since the last look was not its own.
    pub(crate) fn resume(&mut self, now: Instant) {
        self.since = now;
    }

    /// What a call may use.
    pub(crate) fn budget(&self) -> Duration {
        self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_free_and_running_is_not() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut clock = GuestClock::start(Duration::from_millis(30), start);
        assert!(clock.look(at(10)));
        clock.resume(at(5000));
        assert!(clock.look(at(5009)), "5 s of waiting and 19 ms of running");
        assert!(clock.look(at(5010)), "20 ms");
        assert!(!clock.look(at(9000)), "a late look counts for one tick, which makes 30 ms");
    }
}

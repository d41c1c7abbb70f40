//! The hooks of one pod in one phase, one after the other: which is next, when it is over, and what is counted.

use std::collections::VecDeque;

use lateen_api::v1::HookStatus;

use super::ExecHook;

/// How many hooks a run had. A hook that was not reached because one before it failed counts as attempted, as Velero counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// Hooks whose turn came, and those behind a failed one.
    pub attempted: u64,
    /// Hooks among them that failed.
    pub failed: u64,
}

impl HookCounts {
    /// With the counts of another pod or phase.
    pub fn add(&mut self, other: Self) {
        self.attempted += other.attempted;
        self.failed += other.failed;
    }

    /// For the status of a run.
    pub fn status(self) -> HookStatus {
        HookStatus { hooks_attempted: self.attempted as i64, hooks_failed: self.failed as i64 }
    }
}

/// The hooks of one pod in one phase, on their way.
#[derive(Debug)]
pub struct Series {
    waiting: VecDeque<ExecHook>,
    counts: HookCounts,
    aborted: bool,
}

impl Series {
    /// Hooks in the order in which they run.
    pub fn new(hooks: Vec<ExecHook>) -> Self {
        let counts = HookCounts { attempted: hooks.len() as u64, failed: 0 };
        Self { waiting: hooks.into(), counts, aborted: false }
    }

    /// The hook to run now; `None` when all have run, or after one whose failure ends the phase.
    pub fn next_hook(&mut self) -> Option<ExecHook> {
        if self.aborted { None } else { self.waiting.pop_front() }
    }

    /// Takes in that a hook failed.
    pub fn failed(&mut self, hook: &ExecHook) {
        self.counts.failed += 1;
        self.aborted |= hook.aborts;
    }

    /// Whether a failure ended the phase, which is an error of the pod.
    pub fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// What to add to the run's counts at the end.
    pub fn counts(&self) -> HookCounts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hooks::HookSource;

    /// A row: the hooks (`f` fails and aborts, `c` fails and goes on, `o` works), those that run, whether the phase was aborted, and the
    /// failures.
    #[test]
    fn a_failure_ends_the_phase_only_if_it_aborts() {
        for (hooks, run, aborted, failed) in [
            ("", "", false, 0),
            ("oo", "oo", false, 0),
            ("coo", "coo", false, 1),
            ("ofoo", "of", true, 1),
            ("cf", "cf", true, 2),
            ("fc", "f", true, 1),
        ] {
            let hook = |kind: char| ExecHook {
                name: kind.to_string(),
                source: HookSource::Spec,
                container: String::new(),
                command: vec!["c".into()],
                timeout: Duration::from_secs(1),
                aborts: kind == 'f',
            };
            let mut series = Series::new(hooks.chars().map(hook).collect());
            let mut done = String::new();
            while let Some(hook) = series.next_hook() {
                done.push_str(&hook.name);
                if hook.name != "o" {
                    series.failed(&hook);
                }
            }
            assert_eq!((done.as_str(), series.is_aborted()), (run, aborted), "{hooks}");
            assert_eq!(series.counts(), HookCounts { attempted: hooks.len() as u64, failed }, "{hooks}");
        }
    }
}

//! Counters under Velero's names, so that dashboards and alerts carry over.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Runs are counted by the schedule that made them; empty for those that a person made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BySchedule {
    schedule: String,
}

/// How a run ended, or that it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEvent {
    /// It was started.
    Attempt,
    /// It completed without errors.
    Success,
    /// It completed with errors of items.
    PartialFailure,
    /// It did not complete.
    Failure,
    /// It was not valid and never began.
    ValidationFailure,
}

/// The server's counters.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    backups: Runs,
    restores: Runs,
}

#[derive(Debug, Clone, Default)]
struct Runs {
    attempt: Family<BySchedule, Counter>,
    success: Family<BySchedule, Counter>,
    partial_failure: Family<BySchedule, Counter>,
    failure: Family<BySchedule, Counter>,
    validation_failure: Family<BySchedule, Counter>,
}

impl Metrics {
    /// Counters, registered in `registry`, which has the prefix `velero`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Runs { attempt, success, partial_failure, failure, validation_failure } = &metrics.backups;
        registry.register("backup_attempt", "Attempted backups", attempt.clone());
        registry.register("backup_success", "Successful backups", success.clone());
        registry.register(
            "backup_partial_failure",
            "Backups that completed with errors",
            partial_failure.clone(),
        );
        registry.register("backup_failure", "Failed backups", failure.clone());
        registry.register(
            "backup_validation_failure",
            "Backups that were not valid",
            validation_failure.clone(),
        );
        let Runs { attempt, success, partial_failure, failure, validation_failure } = &metrics.restores;
        registry.register("restore_attempt", "Attempted restores", attempt.clone());
        registry.register("restore_success", "Successful restores", success.clone());
        registry.register(
            "restore_partial_failure",
            "Restores that completed with errors",
            partial_failure.clone(),
        );
        registry.register("restore_failed", "Failed restores", failure.clone());
        registry.register(
            "restore_validation_failed",
            "Restores that were not valid",
            validation_failure.clone(),
        );
        metrics
    }

    /// Counts what happened to a backup of this schedule, empty for none.
    pub fn backup(&self, event: RunEvent, schedule: &str) {
        self.backups.count(event, schedule);
    }

    /// Counts what happened to a restore from a backup of this schedule, empty for none.
    pub fn restore(&self, event: RunEvent, schedule: &str) {
        self.restores.count(event, schedule);
    }
}

impl Runs {
    fn count(&self, event: RunEvent, schedule: &str) {
        let family = match event {
            RunEvent::Attempt => &self.attempt,
            RunEvent::Success => &self.success,
            RunEvent::PartialFailure => &self.partial_failure,
            RunEvent::Failure => &self.failure,
            RunEvent::ValidationFailure => &self.validation_failure,
        };
        family.get_or_create(&BySchedule { schedule: schedule.to_owned() }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_veleros() {
        let mut registry = Registry::with_prefix("velero");
        let metrics = Metrics::register(&mut registry);
        metrics.backup(RunEvent::PartialFailure, "nightly");
        metrics.restore(RunEvent::Failure, "");
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("velero_backup_partial_failure_total{schedule=\"nightly\"} 1"), "{text}");
        assert!(text.contains("velero_restore_failed_total{schedule=\"\"} 1"), "{text}");
    }
}

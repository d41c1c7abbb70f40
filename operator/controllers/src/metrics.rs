//! Counters under Velero's names, so that dashboards and alerts carry over.

use std::time::Duration;

use jiff::Timestamp;
use lateen_api::v1::BackupStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds by which the lengths of backups are grouped: those of Velero.
const DURATIONS: [f64; 9] = [60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 14400.0];

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
    ends: Ends,
}

/// What is known of the last backup, by schedule.
#[derive(Debug, Clone)]
struct Ends {
    duration: Family<BySchedule, Histogram, fn() -> Histogram>,
    last_status: Family<BySchedule, Gauge>,
    last_success: Family<BySchedule, Gauge>,
    items: Family<BySchedule, Gauge>,
    item_errors: Family<BySchedule, Gauge>,
    warnings: Family<BySchedule, Counter>,
    archive_bytes: Family<BySchedule, Gauge>,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            last_status: Family::default(),
            last_success: Family::default(),
            items: Family::default(),
            item_errors: Family::default(),
            warnings: Family::default(),
            archive_bytes: Family::default(),
        }
    }
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
        metrics.ends.register(registry);
        metrics
    }

    /// Counts what happened to a backup of this schedule, empty for none.
    pub fn backup(&self, event: RunEvent, schedule: &str) {
        self.backups.count(event, schedule);
        let of = BySchedule::of(schedule);
        match event {
            RunEvent::Attempt => {}
            RunEvent::Success => {
                self.ends.last_status.get_or_create(&of).set(1);
                self.ends.last_success.get_or_create(&of).set(Timestamp::now().as_second());
            }
            RunEvent::PartialFailure | RunEvent::Failure | RunEvent::ValidationFailure => {
                self.ends.last_status.get_or_create(&of).set(0);
            }
        }
    }

    /// Notes what a backup that has ended says of itself: how long it took, what it holds, what went wrong.
    pub fn backup_ended(&self, status: &BackupStatus, schedule: &str) {
        let of = BySchedule::of(schedule);
        if let (Some(start), Some(end)) = (&status.start_timestamp, &status.completion_timestamp) {
            let length = Duration::try_from(end.0.duration_since(start.0)).unwrap_or_default();
            self.ends.duration.get_or_create(&of).observe(length.as_secs() as f64);
        }
        let items = status.progress.as_ref().map_or(0, |progress| progress.total_items);
        self.ends.items.get_or_create(&of).set(items);
        self.ends.item_errors.get_or_create(&of).set(status.errors);
        if status.warnings > 0 {
            self.ends.warnings.get_or_create(&of).inc();
        }
    }

    /// Notes how many bytes the archive of a backup has.
    pub fn backup_archive(&self, bytes: u64, schedule: &str) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.ends.archive_bytes.get_or_create(&BySchedule::of(schedule)).set(bytes);
    }

    /// Counts what happened to a restore from a backup of this schedule, empty for none.
    pub fn restore(&self, event: RunEvent, schedule: &str) {
        self.restores.count(event, schedule);
    }
}

impl BySchedule {
    fn of(schedule: &str) -> Self {
        Self { schedule: schedule.to_owned() }
    }
}

impl Ends {
    fn register(&self, registry: &mut Registry) {
        let Self { duration, last_status, last_success, items, item_errors, warnings, archive_bytes } = self;
        registry.register("backup_duration_seconds", "Time that backups took", duration.clone());
        registry.register(
            "backup_last_status",
            "Whether the last backup completed without errors",
            last_status.clone(),
        );
        registry.register(
            "backup_last_successful_timestamp",
            "Time of the last backup that completed without errors, seconds since 1970",
            last_success.clone(),
        );
        registry.register("backup_items_total", "Items of the last backup", items.clone());
        registry.register("backup_items_errors", "Errors of the last backup", item_errors.clone());
        registry.register("backup_warning", "Backups with warnings", warnings.clone());
        registry.register(
            "backup_tarball_size_bytes",
            "Size of the archive of the last backup",
            archive_bytes.clone(),
        );
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
        family.get_or_create(&BySchedule::of(schedule)).inc();
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

    #[test]
    fn the_end_of_a_backup_is_told() {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

        let mut registry = Registry::with_prefix("velero");
        let metrics = Metrics::register(&mut registry);
        let at = |second| Some(Time(Timestamp::from_second(second).unwrap()));
        let status = BackupStatus {
            start_timestamp: at(100),
            completion_timestamp: at(190),
            errors: 2,
            warnings: 5,
            ..BackupStatus::default()
        };
        metrics.backup(RunEvent::PartialFailure, "nightly");
        metrics.backup_ended(&status, "nightly");
        metrics.backup_archive(512, "nightly");
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"velero_backup_duration_seconds_sum{schedule="nightly"} 90.0"#,
            r#"velero_backup_duration_seconds_bucket{le="60.0",schedule="nightly"} 0"#,
            r#"velero_backup_last_status{schedule="nightly"} 0"#,
            r#"velero_backup_items_errors{schedule="nightly"} 2"#,
            r#"velero_backup_warning_total{schedule="nightly"} 1"#,
            r#"velero_backup_tarball_size_bytes{schedule="nightly"} 512"#,
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}

//! What to do about one Schedule now.
//!
//! The controller reads the Schedule, asks [`due`], and obeys. A run counts from the latest of three times: the last Backup, or
//! without one the Schedule's creation, and the last time a run was skipped. Once the first run after that lies in the past, one
//! Backup is due, however many were missed: the controller writes the present time into `status.lastBackup`, and the next
//! run counts from there.
//!
//! What is not decided here, because it needs the cluster: whether an earlier Backup of the Schedule is still running. The
//! controller holds a due Backup back as long as one is.

use std::error::Error;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::expression::{CronError, parse};

/// What of a Schedule the decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleView<'a> {
    /// `spec.schedule`.
    pub expression: &'a str,
    /// `spec.paused`.
    pub paused: bool,
    /// `spec.skipImmediately`; absent means what the server was started with.
    pub skip_immediately: Option<bool>,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `status.lastBackup`.
    pub last_backup: Option<Timestamp>,
    /// `status.lastSkipped`.
    pub last_skipped: Option<Timestamp>,
}

/// What the server adds where a Schedule is silent.
#[derive(Debug, Clone)]
pub struct ServerDefaults {
    /// The flag `--schedule-skip-immediately`.
    pub skip_immediately: bool,
    /// The zone of expressions that name none: the server's own.
    pub zone: TimeZone,
}

/// What to do about a Schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing until `next`; nothing at all if there is no next time that a calendar knows.
    NotDue {
        /// The next run.
        next: Option<Timestamp>,
    },
    /// A Backup is to be made now.
    Due {
        /// When it should have run. The Backup's name and `status.lastBackup` take the present time, not this one.
        at: Timestamp,
    },
    /// The run that could be due is to be skipped, once: `spec.skipImmediately` becomes false and `status.lastSkipped` the present
    /// time. The Schedule is valid.
    SkipNow,
    /// Nothing, whatever the Schedule holds: it is not looked at while it is paused.
    Paused,
    /// The expression cannot be used. A skip that is asked for stays asked for until it can.
    Invalid {
        /// What goes into `status.validationErrors`.
        errors: Vec<String>,
    },
}

impl ScheduleView<'_> {
    /// Whether a skip is asked for, by the Schedule or, where it is silent, by the server.
    pub fn skips(&self, server: &ServerDefaults) -> bool {
        self.skip_immediately.unwrap_or(server.skip_immediately)
    }

    /// The time from which the next run counts.
    fn reference(&self) -> Timestamp {
        let last = self.last_backup.unwrap_or(self.created);
        self.last_skipped.map_or(last, |skipped| skipped.max(last))
    }
}

/// Decides what to do about a Schedule at the time `now`.
pub fn due(schedule: &ScheduleView<'_>, server: &ServerDefaults, now: Timestamp) -> Decision {
    if schedule.paused {
        return Decision::Paused;
    }
    let cron = match parse(schedule.expression) {
        Ok(cron) => cron,
        Err(error) => return Decision::Invalid { errors: vec![validation_error(&error)] },
    };
    if schedule.skips(server) {
        return Decision::SkipNow;
    }
    match cron.next_after(schedule.reference(), &server.zone) {
        Some(at) if at < now => Decision::Due { at },
        next => Decision::NotDue { next },
    }
}

/// The name of the Backup that a Schedule makes at a time: `<schedule>-<YYYYMMDDhhmmss>`, on the clock of the server's zone.
pub fn backup_name(schedule: &str, at: Timestamp, zone: &TimeZone) -> String {
    format!("{schedule}-{}", at.to_zoned(zone.clone()).strftime("%Y%m%d%H%M%S"))
}

/// The text that the CLI shows, with every cause in it.
fn validation_error(error: &CronError) -> String {
    if *error == CronError::Empty {
        return "Schedule must be a non-empty valid Cron expression".to_owned();
    }
    let mut text = format!("invalid schedule: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

//! When a Schedule runs: the cron grammar, the next run, and the decision what to do now.
//!
//! The grammar is the one that Velero users write in `spec.schedule`: five fields (minute, hour, day of month, month, day of
//! week), the descriptors `@daily` and its siblings, `@every 1h30m`, and a time zone in front (`CRON_TZ=Europe/Paris 0 3 * * *`).
//! [`parse`] turns such a text into a [`Cron`], [`Cron::next_after`] says when it fires, and [`due`] looks at one Schedule and
//! says whether a Backup is to be made.
//!
//! What holds here:
//!
//! * The crate is pure. The time, the server's time zone and the server's defaults are arguments; the time zone database is
//!   compiled in, so that an image without `/usr/share/zoneinfo` computes the same runs.
//! * Every search ends. An expression that no date can match (30 February) is refused when it is parsed.
//! * Nothing that a user writes panics; what is wrong is said together with the field it is in.
//!
//! What it never does: create a Backup, read a clock, or remember anything between two calls.

mod calendar;
mod due;
mod expression;
mod field;
mod interval;

pub use due::{Decision, ScheduleView, ServerDefaults, backup_name, due};
pub use expression::{Cron, CronError, MAX_EXPRESSION_BYTES, parse};
pub use field::FieldError;
pub use interval::IntervalError;

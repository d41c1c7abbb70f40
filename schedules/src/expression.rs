//! A whole expression: the time zone in front, a descriptor or five fields, and when it fires.
//!
//! An expression fires at every instant whose wall clock, in the expression's zone or else in the server's, shows an allowed
//! minute. From that one rule follows what happens when clocks change: a time that a spring night leaps over does not exist, so
//! nothing fires that day (a nightly `30 2 * * *` is missed once a year); a time that an autumn night repeats exists twice, so
//! it fires twice. The search goes from one change of the zone's offset to the next; in between wall clock and time run side
//! by side, so each stretch is one question to the calendar.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::calendar::{Calendar, Fields};
use crate::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, FieldError, HOUR, MINUTE, MONTH};
use crate::interval::{self, IntervalError};

/// The longest expression that is read, in bytes. All values of all fields, the months and weekdays as names, are 169 + 61 + 82 +
/// 47 + 27 characters; with the longest zone name in front some 440.
pub const MAX_EXPRESSION_BYTES: usize = 512;

/// The most changes of a zone's offset that a search passes. The calendar ends in 2100, 131 years after it begins, and no zone has
/// changed its offset more than four times a year (summer time, suspended during Ramadan): 131 * 4.
const MAX_OFFSET_CHANGES: usize = 524;

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Nothing there.
    #[error("the expression is empty")]
    Empty,
    /// More text than any expression needs.
    #[error("the expression has {length} bytes, at most {MAX_EXPRESSION_BYTES} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// More or fewer than five fields. The text is Velero's.
    #[error("expected exactly 5 fields, found {}: [{}]", .0.len(), .0.join(" "))]
    FieldCount(
        /// The fields as they were found.
        Vec<String>,
    ),
    /// One of the five fields is wrong.
    #[error("{name} field {text:?}")]
    Field {
        /// Which of the fields.
        name: &'static str,
        /// The field as written.
        text: String,
        /// What is wrong in it.
        source: FieldError,
    },
    /// The fields are right and no year has such a date.
    #[error("no date matches day of month {day_of_month:?} in month {month:?}")]
    NoSuchDate {
        /// The day-of-month field as written.
        day_of_month: String,
        /// The month field as written.
        month: String,
    },
    /// An `@` with a word behind it that is not known.
    #[error("unrecognized descriptor {0:?}")]
    Descriptor(
        /// The descriptor as written.
        String,
    ),
    /// What stands behind `@every` is not a duration.
    #[error("interval {text:?}")]
    Interval {
        /// The text behind `@every`.
        text: String,
        /// What is wrong with it.
        source: IntervalError,
    },
    /// A time zone that the time zone database does not have.
    #[error("unknown time zone {0:?}")]
    UnknownZone(
        /// The name as written.
        String,
    ),
    /// A time zone and nothing behind it.
    #[error("no expression after the time zone {0:?}")]
    ZoneOnly(
        /// The prefix as written.
        String,
    ),
}

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Cron {
    /// The zone in front of the expression.
    zone: Option<TimeZone>,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    /// Every so many whole seconds from the time given.
    Interval(SignedDuration),
    /// At wall clock times.
    Calendar(Calendar),
}

/// Reads an expression.
///
/// It fails on what Velero's parser fails on, and beyond that on expressions that no date matches: Velero takes such a Schedule for
/// permanently due.
pub fn parse(expression: &str) -> Result<Cron, CronError> {
    if expression.is_empty() {
        return Err(CronError::Empty);
    }
    if expression.len() > MAX_EXPRESSION_BYTES {
        return Err(CronError::TooLong { length: expression.len() });
    }
    let (zone, expression) = split_zone(expression)?;
    let rule = match expression.strip_prefix("@every ") {
        Some(text) => Rule::Interval(
            interval::parse(text).map_err(|source| CronError::Interval { text: text.to_owned(), source })?,
        ),
        None => Rule::Calendar(parse_calendar(expression)?),
    };
    Ok(Cron { zone, rule })
}

impl Cron {
    /// The next time the expression fires, in whole seconds and strictly after `time`. `zone` counts where the expression names none.
    ///
    /// `None` if there is none before the year 2101, or, for an interval, within what a [`Timestamp`] can hold.
    pub fn next_after(&self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.rule {
            Rule::Interval(interval) => {
                let next = time.checked_add(*interval).ok()?;
                Timestamp::from_second(next.as_second()).ok()
            }
            Rule::Calendar(calendar) => next_on_clock(calendar, time, self.zone.as_ref().unwrap_or(zone)),
        }
    }
}

/// Goes from stretch to stretch of equal offset until one has an allowed minute in it.
fn next_on_clock(calendar: &Calendar, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    // Nothing fires before 1970, where the calendar begins; there were no Schedules either.
    let mut from = time.as_second().max(-1) + 1;
    for _ in 0..=MAX_OFFSET_CHANGES {
        let start = Timestamp::from_second(from).ok()?;
        let offset = i64::from(zone.to_offset(start).seconds());
        let change = zone.following(start).next().map(|change| change.timestamp().as_second());
        let next = calendar.first_from(from + offset)? - offset;
        match change {
            Some(change) if next >= change => from = change,
            _ => return Timestamp::from_second(next).ok(),
        }
    }
    None
}

/// Takes `CRON_TZ=<zone> ` or `TZ=<zone> ` off the front.
fn split_zone(expression: &str) -> Result<(Option<TimeZone>, &str), CronError> {
    let Some(rest) = ["CRON_TZ=", "TZ="].iter().find_map(|prefix| expression.strip_prefix(prefix)) else {
        return Ok((None, expression));
    };
    let (name, rest) = rest.split_once(' ').ok_or_else(|| CronError::ZoneOnly(expression.to_owned()))?;
    let zone = match name {
        // Go's two names that are not in the database: none at all means UTC, `Local` means the server's.
        "" => Some(TimeZone::UTC),
        "Local" => None,
        name => {
            Some(TimeZoneDatabase::bundled().get(name).map_err(|_| CronError::UnknownZone(name.to_owned()))?)
        }
    };
    match rest.trim() {
        "" => Err(CronError::ZoneOnly(expression.to_owned())),
        rest => Ok((zone, rest)),
    }
}

fn parse_calendar(expression: &str) -> Result<Calendar, CronError> {
    let expression = match expression {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        other if other.starts_with('@') => return Err(CronError::Descriptor(other.to_owned())),
        fields => fields,
    };
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
        return Err(CronError::FieldCount(fields.into_iter().map(str::to_owned).collect()));
    };
    let field = |text: &str, bounds: crate::field::Bounds| {
        Field::parse(text, bounds).map_err(|source| CronError::Field {
            name: bounds.name,
            text: text.to_owned(),
            source,
        })
    };
    let fields = Fields {
        minute: field(minute, MINUTE)?,
        hour: field(hour, HOUR)?,
        day_of_month: field(day_of_month, DAY_OF_MONTH)?,
        month: field(month, MONTH)?,
        day_of_week: field(day_of_week, DAY_OF_WEEK)?,
    };
    Calendar::new(&fields).ok_or_else(|| CronError::NoSuchDate {
        day_of_month: day_of_month.to_owned(),
        month: month.to_owned(),
    })
}

//! The wall clock: which minutes of which days five fields allow, and the first of them from a given one.
//!
//! The walk over the calendar is the crate `cron`'s. Its grammar is another one (seconds in front, a year behind, weekdays from
//! Sunday = 1, both day fields joined with AND), so no text of a user ever reaches it: the sets of values that our own grammar
//! produced are written out as lists in its terms. Where Velero joins the two day fields with OR, two schedules stand side by
//! side, one for each field, and the earlier date wins.
//!
//! Wall clock times are seconds since 1970-01-01T00:00 on that clock, without a zone; `chrono`, which that crate uses, is told
//! that they are UTC and stays in here.

use std::fmt::Write as _;
use std::str::FromStr as _;

use chrono::{DateTime, Utc};

use crate::field::{Bounds, DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH};

/// How long a month can be, from January, in the longest year it can have.
const LONGEST_MONTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The five fields of an expression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) minute: Field,
    pub(crate) hour: Field,
    pub(crate) day_of_month: Field,
    pub(crate) month: Field,
    pub(crate) day_of_week: Field,
}

/// The minutes that the fields allow.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    /// One schedule, or two whose union is meant.
    schedules: Vec<cron::Schedule>,
}

impl Calendar {
    /// Puts the fields together. `None` if no date can match them, like 31 April.
    pub(crate) fn new(fields: &Fields) -> Option<Self> {
        let any_month_day = Fields { day_of_month: Field::all(DAY_OF_MONTH), ..*fields };
        let any_week_day = Fields { day_of_week: Field::all(DAY_OF_WEEK), ..*fields };
        let variants = if fields.day_of_month.star || fields.day_of_week.star {
            vec![*fields]
        } else {
            vec![any_month_day, any_week_day]
        };
        let schedules: Vec<_> =
            variants.iter().filter(|fields| fields.can_match()).map(Fields::schedule).collect();
        (!schedules.is_empty()).then_some(Self { schedules })
    }

    /// The first allowed minute at or after the given wall clock second. `None` behind the year 2100, where the crate `cron` ends.
    pub(crate) fn first_from(&self, wall: i64) -> Option<i64> {
        let before = DateTime::<Utc>::from_timestamp(wall.checked_sub(1)?, 0)?;
        self.schedules
            .iter()
            .filter_map(|schedule| schedule.after(&before).next())
            .map(|next| next.timestamp())
            .min()
    }
}

impl Fields {
    /// Whether some year has a date for these fields when both day fields have to match. A field of the week never empties the
    /// calendar: every date that exists falls on each day of the week in some year.
    fn can_match(&self) -> bool {
        (1..).zip(LONGEST_MONTHS).any(|(month, days)| {
            self.month.contains(month) && self.day_of_month.values().any(|day| day <= days)
        })
    }

    /// The same fields in the terms of the crate `cron`.
    fn schedule(&self) -> cron::Schedule {
        let text = format!(
            "0 {} {} {} {} {} *",
            list(self.minute, MINUTE, 0),
            list(self.hour, HOUR, 0),
            list(self.day_of_month, DAY_OF_MONTH, 0),
            list(self.month, MONTH, 0),
            list(self.day_of_week, DAY_OF_WEEK, 1),
        );
        cron::Schedule::from_str(&text).expect("lists of numbers inside the bounds that both grammars share")
    }
}

/// The values as a comma list, each moved by `shift`; a star if nothing is left out.
fn list(field: Field, bounds: Bounds, shift: u8) -> String {
    if field.is_full(bounds) {
        return "*".to_owned();
    }
    let mut text = String::new();
    for value in field.values() {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}{}", value + shift).expect("writing into a String cannot fail");
    }
    text
}

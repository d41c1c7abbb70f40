//! Random expressions against a scan: minute after minute through up to a year, each held against the fields as they were drawn.
//!
//! The matcher here shares nothing with the crate: it reads the drawn items, not the parsed ones, and asks every minute's wall
//! clock instead of walking over a calendar.

use std::fmt::Display;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _, Zoned};
use lateen_schedules::parse;
use proptest::prelude::*;

/// One item of a comma list, as drawn.
#[derive(Debug, Clone)]
enum Item {
    Star(u8),
    Range(u8, u8, u8),
    From(u8, u8),
    Value(u8),
}

#[derive(Debug, Clone)]
struct Field {
    max: u8,
    min: u8,
    items: Vec<Item>,
}

impl Item {
    fn matches(&self, value: u8, field: &Field) -> bool {
        match *self {
            Self::Star(step) => (value - field.min).is_multiple_of(step),
            Self::Range(low, high, step) => {
                (low..=high).contains(&value) && (value - low).is_multiple_of(step)
            }
            Self::From(low, step) => value >= low && (value - low).is_multiple_of(step),
            Self::Value(only) => value == only,
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let items = self.items.iter().map(|item| match item {
            Item::Star(1) => "*".to_owned(),
            Item::Star(step) => format!("*/{step}"),
            Item::Range(low, high, 1) => format!("{low}-{high}"),
            Item::Range(low, high, step) => format!("{low}-{high}/{step}"),
            Item::From(low, step) => format!("{low}/{step}"),
            Item::Value(value) => value.to_string(),
        });
        f.write_str(&items.collect::<Vec<_>>().join(","))
    }
}

impl Field {
    fn matches(&self, value: i8) -> bool {
        let value = u8::try_from(value).unwrap();
        debug_assert!((self.min..=self.max).contains(&value));
        self.items.iter().any(|item| item.matches(value, self))
    }

    fn star(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Star(1)))
    }
}

/// Whether a local time is one that the five fields mean.
fn matches(fields: &[Field; 5], local: &Zoned) -> bool {
    let [minute, hour, day_of_month, month, day_of_week] = fields;
    let of_month = day_of_month.matches(local.day());
    let of_week = day_of_week.matches(local.weekday().to_sunday_zero_offset());
    let day =
        if day_of_month.star() || day_of_week.star() { of_month && of_week } else { of_month || of_week };
    day && month.matches(local.month()) && hour.matches(local.hour()) && minute.matches(local.minute())
}

fn field(min: u8, max: u8) -> impl Strategy<Value = Field> {
    let step = 1..=max;
    let item = prop_oneof![
        2 => Just(Item::Star(1)),
        1 => (1..=max).prop_map(Item::Star),
        2 => (min..=max, min..=max, step.clone())
            .prop_map(|(a, b, step)| Item::Range(a.min(b), a.max(b), if step > 6 { 1 } else { step })),
        1 => (min..=max, step).prop_map(|(low, step)| Item::From(low, step)),
        3 => (min..=max).prop_map(Item::Value),
    ];
    prop::collection::vec(item, 1..4).prop_map(move |items| Field { max, min, items })
}

fn zone() -> impl Strategy<Value = TimeZone> {
    // Whole hours, half hours, changes of half an hour, changes at midnight, Ramadan, none at all.
    let names = [
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/Havana",
        "Africa/Casablanca",
        "Pacific/Chatham",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| TimeZoneDatabase::bundled().get(name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_run_is_the_first_matching_minute(
        fields in (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).prop_map(<[Field; 5]>::from),
        zone in zone(),
        // 2024 to 2027, a leap year among them.
        second in 1_704_067_200_i64..1_830_297_600,
        nanosecond in prop_oneof![Just(0), 0..1_000_000_000],
        prefixed: bool,
    ) {
        let expression = fields.each_ref().map(ToString::to_string).join(" ");
        let time = Timestamp::new(second, nanosecond).unwrap();
        // A date that does not exist is the one reason to refuse what was drawn.
        let parsed = if prefixed {
            parse(&format!("CRON_TZ={} {expression}", zone.iana_name().unwrap()))
        } else {
            parse(&expression)
        };
        let server = if prefixed { TimeZone::UTC } else { zone.clone() };
        let next = parsed.ok().and_then(|cron| cron.next_after(time, &server));
        prop_assert!(next.is_none_or(|next| next > time));

        let end = time + (366 * 24).hours();
        let first_minute = Timestamp::from_second((second / 60 + 1) * 60).unwrap();
        let found = first_minute
            .series(1.minute())
            .take_while(|&minute| minute <= end)
            .find(|&minute| matches(&fields, &minute.to_zoned(zone.clone())));
        prop_assert_eq!(found, next.filter(|&next| next <= end), "{} in {:?} after {}", expression, zone, time);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", numbers in "[-0-9*/?,@ a-zA-Z=.]{0,60}") {
        for text in [&text, &numbers, &format!("@every {numbers}"), &format!("CRON_TZ={numbers}"), &format!("{numbers} * * * *")] {
            if let Ok(cron) = parse(text) {
                for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                    prop_assert!(cron.next_after(time, &TimeZone::UTC).is_none_or(|next| next > time));
                }
            }
        }
    }
}

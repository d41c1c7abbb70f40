//! Tables of expressions in `tests/fixtures/schedules`: a new case is a new line there.

use std::fmt::Write as _;
use std::fs;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use lateen_schedules::{Decision, MAX_EXPRESSION_BYTES, ScheduleView, ServerDefaults, due, parse};

use crate::{root, with_snapshots};

fn lines(name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("tests/fixtures/schedules").join(name)).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn fire_when_the_table_says() {
    let lines = lines("next.txt");
    assert!(lines.len() > 60, "the table was read");
    for line in lines {
        let [zone, time, expression, expected] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("four columns: {line}");
        };
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let cron = parse(expression).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut time: Timestamp = time.parse().unwrap();
        for expected in expected.split(' ') {
            let next = cron.next_after(time, &zone);
            let expected = (expected != "never").then(|| expected.parse::<Timestamp>().unwrap());
            assert_eq!(next, expected, "{line}");
            time = next.unwrap_or(time);
        }
    }
}

#[test]
fn refusals_say_what_and_where() {
    let mut said = String::new();
    for line in lines("refused.txt") {
        let expression = line.trim_start_matches('|').trim_end_matches('|');
        let view = ScheduleView {
            expression,
            paused: false,
            skip_immediately: None,
            created: Timestamp::UNIX_EPOCH,
            last_backup: None,
            last_skipped: None,
        };
        let server = ServerDefaults { skip_immediately: false, zone: TimeZone::UTC };
        let Decision::Invalid { errors } = due(&view, &server, Timestamp::UNIX_EPOCH) else {
            panic!("{line} was not refused");
        };
        writeln!(said, "{line}\n    {}", errors.join("\n    ")).unwrap();
    }
    with_snapshots(|| insta::assert_snapshot!("refused", said));
}

#[test]
fn long_expressions_are_not_read() {
    let every_minute = (0..60).map(|minute| minute.to_string()).collect::<Vec<_>>().join(",");
    let fits = format!("CRON_TZ=America/Argentina/ComodRivadavia {every_minute} 0-23 1-31 1-12 0-6");
    assert!(parse(&fits).is_ok());
    let blanks = " ".repeat(MAX_EXPRESSION_BYTES);
    assert_eq!(
        parse(&format!("* * * * *{blanks}")).unwrap_err().to_string(),
        "the expression has 521 bytes, at most 512 are read"
    );
}

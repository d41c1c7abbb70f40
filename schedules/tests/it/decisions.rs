//! What [`due`] decides about a Schedule, and the name of its Backup.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use lateen_schedules::{Decision, ScheduleView, ServerDefaults, backup_name, due};
use rstest::rstest;

const NIGHTLY: ScheduleView<'static> = ScheduleView {
    expression: "0 3 * * *",
    paused: false,
    skip_immediately: Some(false),
    created: Timestamp::UNIX_EPOCH,
    last_backup: None,
    last_skipped: None,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn decide(schedule: ScheduleView<'_>, now: &str) -> Decision {
    let server = ServerDefaults { skip_immediately: false, zone: TimeZone::UTC };
    due(&schedule, &server, time(now))
}

fn due_at(text: &str) -> Decision {
    Decision::Due { at: time(text) }
}

fn not_before(text: &str) -> Decision {
    Decision::NotDue { next: Some(time(text)) }
}

/// The times are those of 5 May 2026 and the days around it; the expression is `0 3 * * *`.
#[rstest]
// A new Schedule waits for its first run ...
#[case("2026-05-05T01:00:00Z", None, None, "2026-05-05T02:59:59Z", not_before("2026-05-05T03:00:00Z"))]
// ... is not due in the very instant, only strictly after it ...
#[case("2026-05-05T01:00:00Z", None, None, "2026-05-05T03:00:00Z", not_before("2026-05-05T03:00:00Z"))]
#[case("2026-05-05T01:00:00Z", None, None, "2026-05-05T03:00:00.001Z", due_at("2026-05-05T03:00:00Z"))]
// ... and one made at the time of a run waits a day.
#[case("2026-05-05T03:00:00Z", None, None, "2026-05-05T03:00:30Z", not_before("2026-05-06T03:00:00Z"))]
// The last Backup counts instead of the creation ...
#[case(
    "2026-05-01T01:00:00Z",
    Some("2026-05-05T03:00:20Z"),
    None,
    "2026-05-05T09:00:00Z",
    not_before("2026-05-06T03:00:00Z")
)]
// ... even if it is older.
#[case(
    "2026-05-05T09:00:00Z",
    Some("2026-05-04T03:00:20Z"),
    None,
    "2026-05-05T10:00:00Z",
    due_at("2026-05-05T03:00:00Z")
)]
// Missed runs are one run.
#[case(
    "2026-05-01T01:00:00Z",
    Some("2026-05-01T03:00:20Z"),
    None,
    "2026-05-05T09:00:00Z",
    due_at("2026-05-02T03:00:00Z")
)]
// A skip counts if it is the latest, and only then.
#[case(
    "2026-05-01T01:00:00Z",
    Some("2026-05-01T03:00:20Z"),
    Some("2026-05-05T08:00:00Z"),
    "2026-05-05T09:00:00Z",
    not_before("2026-05-06T03:00:00Z")
)]
#[case(
    "2026-05-01T01:00:00Z",
    Some("2026-05-04T03:00:20Z"),
    Some("2026-05-02T08:00:00Z"),
    "2026-05-05T09:00:00Z",
    due_at("2026-05-05T03:00:00Z")
)]
#[case(
    "2026-05-05T01:00:00Z",
    None,
    Some("2026-05-05T03:00:10Z"),
    "2026-05-05T09:00:00Z",
    not_before("2026-05-06T03:00:00Z")
)]
// A clock that ran ahead makes nothing due.
#[case("2027-01-01T00:00:00Z", None, None, "2026-05-05T09:00:00Z", not_before("2027-01-01T03:00:00Z"))]
fn counts_from_the_latest_run_or_skip(
    #[case] created: &str,
    #[case] last_backup: Option<&str>,
    #[case] last_skipped: Option<&str>,
    #[case] now: &str,
    #[case] expected: Decision,
) {
    let schedule = ScheduleView {
        created: time(created),
        last_backup: last_backup.map(time),
        last_skipped: last_skipped.map(time),
        ..NIGHTLY
    };
    assert_eq!(decide(schedule, now), expected);
}

#[rstest]
#[case(None, false, false)]
#[case(None, true, true)]
#[case(Some(false), true, false)]
#[case(Some(true), false, true)]
fn a_skip_is_asked_for_by_the_schedule_or_else_by_the_server(
    #[case] asked: Option<bool>,
    #[case] server_default: bool,
    #[case] skips: bool,
) {
    let server = ServerDefaults { skip_immediately: server_default, zone: TimeZone::UTC };
    let schedule = ScheduleView { skip_immediately: asked, ..NIGHTLY };
    let now = time("2026-05-05T09:00:00Z");
    let expected = if skips { Decision::SkipNow } else { due_at("1970-01-01T03:00:00Z") };
    assert_eq!(due(&schedule, &server, now), expected);
    // Asking is not used up by one Schedule: the next one is answered the same.
    assert_eq!(due(&schedule, &server, now), expected);
}

#[test]
fn paused_comes_first_then_validity() {
    let broken = ScheduleView { expression: "not a cron", skip_immediately: Some(true), ..NIGHTLY };
    let now = "2026-05-05T09:00:00Z";
    assert_eq!(
        decide(broken, now),
        Decision::Invalid {
            errors: vec!["invalid schedule: expected exactly 5 fields, found 3: [not a cron]".to_owned()]
        }
    );
    assert_eq!(decide(ScheduleView { paused: true, ..broken }, now), Decision::Paused);
}

#[test]
fn an_interval_makes_no_immediate_backup_and_never_two_at_once() {
    let every = ScheduleView { expression: "@every 1m", created: time("2026-05-05T09:00:00Z"), ..NIGHTLY };
    assert_eq!(decide(every, "2026-05-05T09:00:30Z"), not_before("2026-05-05T09:01:00Z"));
    assert_eq!(decide(every, "2026-05-05T09:01:01Z"), due_at("2026-05-05T09:01:00Z"));
    let ran = ScheduleView { last_backup: Some(time("2026-05-05T09:01:01Z")), ..every };
    assert_eq!(decide(ran, "2026-05-05T09:01:01Z"), not_before("2026-05-05T09:02:01Z"));
}

#[test]
fn the_servers_zone_counts_where_the_expression_names_none() {
    let zone = TimeZoneDatabase::bundled().get("Asia/Tokyo").unwrap();
    let server = ServerDefaults { skip_immediately: false, zone: zone.clone() };
    let created = time("2026-05-05T01:00:00Z");
    let next = |expression| due(&ScheduleView { expression, created, ..NIGHTLY }, &server, created);
    assert_eq!(next("0 3 * * *"), not_before("2026-05-05T18:00:00Z"));
    assert_eq!(next("TZ=UTC 0 3 * * *"), not_before("2026-05-05T03:00:00Z"));
    assert_eq!(backup_name("nightly", created, &zone), "nightly-20260505100000");
}

#[test]
fn a_backup_is_named_after_its_schedule_and_second() {
    let at = time("2026-05-05T03:00:07.9Z");
    assert_eq!(backup_name("velero-nightly", at, &TimeZone::UTC), "velero-nightly-20260505030007");
}

//! The sample Schedules in `schedules/samples` are valid, and run when their comments say: the snapshot has their next three runs.

use std::fs;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lateen_schedules::{Decision, ScheduleView, ServerDefaults, due, parse};
use serde::Deserialize;

use crate::{root, with_snapshots};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schedule {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    schedule: String,
    #[serde(default)]
    paused: bool,
    skip_immediately: Option<bool>,
    template: serde_yaml_ng::Mapping,
}

#[test]
fn run_when_their_comments_say() {
    // A Thursday.
    let created: Timestamp = "2026-01-15T10:20:30Z".parse().unwrap();
    let server = ServerDefaults { skip_immediately: false, zone: TimeZone::UTC };
    let mut names = std::collections::BTreeSet::new();
    with_snapshots(|| {
        insta::glob!(root().join("schedules/samples"), "*.yaml", |path| {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.starts_with("# Runs"), "the first line says when it runs");
            let schedule: Schedule = serde_yaml_ng::from_str(&text).unwrap();
            assert_eq!((schedule.api_version.as_str(), schedule.kind.as_str()), ("velero.io/v1", "Schedule"));
            assert_eq!(schedule.metadata.namespace, "velero");
            assert_eq!(path.file_stem().unwrap().to_str(), Some(schedule.metadata.name.as_str()));
            assert!(!schedule.spec.template.is_empty());
            names.insert(schedule.metadata.name);

            let view = ScheduleView {
                expression: &schedule.spec.schedule,
                paused: schedule.spec.paused,
                skip_immediately: schedule.spec.skip_immediately,
                created,
                last_backup: None,
                last_skipped: None,
            };
            let decision = match due(&view, &server, created) {
                Decision::NotDue { .. } => "waits",
                Decision::Paused => "paused",
                Decision::SkipNow => "skips once",
                other => panic!("{other:?}"),
            };
            let cron = parse(&schedule.spec.schedule).unwrap();
            let runs = std::iter::successors(Some(created), |&time| cron.next_after(time, &server.zone))
                .skip(1)
                .take(3);
            let runs: Vec<String> =
                runs.map(|run| run.strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string()).collect();
            insta::assert_snapshot!(format!("{}: {decision}\n{}", schedule.spec.schedule, runs.join("\n")));
        });
    });
    assert!(names.len() >= 6, "{names:?}");
}

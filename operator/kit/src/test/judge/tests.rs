use lateen_actions::{Note, NoteLevel, Role};
use serde_json::{Value, json};

use super::*;
use crate::{item::ItemOptions, workbench::Spent};

fn pod(labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": labels}})
}

fn item() -> Item {
    Item::new(pod(json!({})), None, Role::Backup, &ItemOptions::default()).unwrap()
}

fn came_out(item: Value) -> Outcome {
    Outcome {
        item,
        skip: None,
        related: Vec::new(),
        must_include: false,
        wait_seconds: None,
        operations: Vec::new(),
        error: None,
        notes: vec![Note { level: NoteLevel::Info, action: "a/b".into(), message: "scaled to 1".into() }],
        spent: Spent::default(),
    }
}

fn expects(expected: Expected) -> Case {
    Case {
        name: "x".into(),
        folder: "x".into(),
        item: pod(json!({})),
        original: None,
        run: crate::case::RunFile::default(),
        expected: Some(expected),
        related: Vec::new(),
        log: Vec::new(),
        cluster: None,
    }
}

fn judged(expected: Expected, outcome: &Outcome) -> Vec<String> {
    compare(&expects(expected), &item(), outcome, Paint(false))
}

#[test]
fn what_fits_is_no_problem() {
    let changed = pod(json!({"a": "b"}));
    let skipped = Outcome { skip: Some("not this one".into()), ..came_out(pod(json!({}))) };
    let failed = Outcome { error: Some("no luck today".into()), ..came_out(pod(json!({}))) };
    for (expected, outcome) in [
        (Expected::Item(changed.clone()), &came_out(changed)),
        (Expected::Unchanged, &came_out(pod(json!({})))),
        (Expected::Skip("not this".into()), &skipped),
        (Expected::Skip(String::new()), &skipped),
        (Expected::Error("luck".into()), &failed),
    ] {
        assert_eq!(judged(expected.clone(), outcome), [""; 0], "{expected:?}");
        assert_eq!(judged(expectation(&item(), outcome), outcome), [""; 0]);
    }
}

#[test]
fn what_does_not_fit_is_shown() {
    let unchanged = came_out(pod(json!({})));
    let skipped = Outcome { skip: Some("not this one".into()), ..unchanged.clone() };
    let failed = Outcome { error: Some("no luck today".into()), ..unchanged.clone() };
    let outcomes = [
        (
            "changed, expected another",
            Expected::Item(pod(json!({"a": "c"}))),
            came_out(pod(json!({"a": "b"}))),
        ),
        ("changed, expected nothing", Expected::Unchanged, came_out(pod(json!({"a": "b"})))),
        ("unchanged, expected skip", Expected::Skip("x".into()), unchanged.clone()),
        ("skipped for another reason", Expected::Skip("x".into()), skipped.clone()),
        ("skipped, expected a change", Expected::Item(pod(json!({"a": "b"}))), skipped.clone()),
        ("skipped, expected nothing", Expected::Unchanged, skipped),
        ("failed, expected skip", Expected::Skip("x".into()), failed.clone()),
        ("failed for another reason", Expected::Error("x".into()), failed),
        ("unchanged, expected error", Expected::Error("x".into()), unchanged),
    ];
    let mut text = String::new();
    for (title, expected, outcome) in outcomes {
        text += &format!("## {title}\n{}\n\n", judged(expected, &outcome).join("\n").trim_end());
    }
    insta::with_settings!({snapshot_path => "../../../../../snapshots/kit", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("judgement", text.trim_end());
    });
}

#[test]
fn related_objects_and_log_count() {
    let object =
        ObjectRef { group: "apps".into(), resource: "deployments".into(), namespace: None, name: "x".into() };
    let mut case = expects(Expected::Unchanged);
    case.log = vec!["scaled".into(), "stopped".into()];
    let outcome = Outcome { related: vec![object.clone()], ..came_out(pod(json!({}))) };
    let problems = compare(&case, &item(), &outcome, Paint(false));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("+deployments.apps/x"), "{problems:?}");
    assert_eq!(problems[1], "the log lacks \"stopped\"; it has scaled to 1");
    case.log.clear();
    case.related = vec![object];
    assert_eq!(compare(&case, &item(), &outcome, Paint(false)), [""; 0]);
}

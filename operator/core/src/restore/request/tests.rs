//! Table tests: one spec, and what becomes of it.

use serde_json::{Value, json};

use super::*;

fn defaults() -> Defaults {
    Defaults { item_operation_timeout: GoDuration::from_hours(4), priorities: Priorities::default() }
}

fn backup(name: &str, phase: &str, started: Option<&str>, location: &str) -> Backup {
    serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": {"name": name, "labels": {"velero.io/schedule-name": "daily"}},
        "spec": {"storageLocation": location},
        "status": {"phase": phase, "startTimestamp": started}
    }))
    .unwrap()
}

fn location(name: &str, phase: &str) -> BackupStorageLocation {
    serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": name},
        "spec": {"provider": "aws", "objectStorage": {"bucket": "b"}}, "status": {"phase": phase}
    }))
    .unwrap()
}

fn observed() -> Observed {
    Observed {
        backups: vec![
            backup("old", "Completed", Some("2026-05-19T10:00:00Z"), "default"),
            backup("new", "Completed", Some("2026-05-20T10:00:00Z"), "default"),
            backup("broken", "Failed", Some("2026-05-21T10:00:00Z"), "default"),
            backup("lost", "Completed", None, "nowhere"),
            backup("dark", "Completed", None, "gone"),
        ],
        locations: vec![location("default", "Available"), location("gone", "Unavailable")],
    }
}

fn run_with(spec: Value, observed: &Observed) -> (Restore, Option<RestoreRequest>) {
    let mut restore: Restore = serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "Restore",
        "metadata": {"name": "r1", "namespace": "velero", "uid": "u1"}, "spec": spec
    }))
    .unwrap();
    let request = prepare(&mut restore, observed, &defaults(), "2026-05-21T10:00:00Z".parse().unwrap());
    (restore, request)
}

fn faults(spec: Value) -> Vec<String> {
    let (restore, request) = run_with(spec, &observed());
    assert!(request.is_none());
    assert_eq!(restore.phase(), &RestorePhase::FailedValidation);
    restore.status.unwrap().validation_errors
}

#[test]
fn a_restore_is_completed_with_what_will_be_run() {
    let (restore, request) = run_with(json!({"backupName": "new"}), &observed());
    assert_eq!(restore.phase(), &RestorePhase::InProgress);
    assert_eq!(restore.spec.excluded_resources, NON_RESTORABLE);
    assert_eq!(restore.spec.item_operation_timeout.to_string(), "4h0m0s");
    assert_eq!(restore.spec.schedule_name, "daily");
    let request = request.unwrap();
    assert_eq!(
        (request.backup_name.as_str(), request.location.metadata.name.as_deref()),
        ("new", Some("default"))
    );
    assert!(request.existing == ExistingPolicy::Unset && request.status_kinds.is_none());
}

#[test]
fn a_schedule_stands_for_its_newest_completed_backup() {
    let (restore, request) = run_with(json!({"scheduleName": "daily"}), &observed());
    assert_eq!((restore.spec.backup_name.as_str(), request.unwrap().backup_name.as_str()), ("new", "new"));
    let (restore, _) = run_with(json!({"scheduleName": "daily"}), &Observed::default());
    let told = restore.status.unwrap().validation_errors;
    assert_eq!(told, ["No backups found for schedule", "No completed backups found for schedule"]);
}

#[test]
fn messages_are_those_that_tools_know() {
    let cases = [
        (
            json!({}),
            "Either a backup or schedule must be specified as a source for the restore, but not both",
        ),
        (
            json!({"backupName": "new", "scheduleName": "daily"}),
            "Either a backup or schedule must be specified as a source for the restore, but not both",
        ),
        (
            json!({"backupName": "s11-none"}),
            "Error retrieving backup: can't find backup velero/s11-none: Backup.velero.io \"s11-none\" not found",
        ),
        (
            json!({"backupName": "lost"}),
            "Error retrieving backup: BackupStorageLocation.velero.io \"nowhere\" not found",
        ),
        (json!({"backupName": "dark"}), "The BSL gone is unavailable, cannot retrieve the backup"),
        (
            json!({"backupName": "new", "includedNamespaces": ["a", "*"]}),
            "Invalid included/excluded namespace lists: includes list must either contain '*' only, or a non-empty list of items",
        ),
        (
            json!({"backupName": "new", "labelSelector": {}, "orLabelSelectors": [{}]}),
            "encountered labelSelector as well as orLabelSelectors in restore spec, only one can be specified",
        ),
        (
            json!({"backupName": "new", "existingResourcePolicy": "recreate"}),
            "Invalid ExistingResourcePolicy: recreate",
        ),
        (
            json!({"backupName": "new", "resourceModifier": {"kind": "ConfigMap", "name": "m"}}),
            "spec.resourceModifier is set, but this version of the server reads no resource modifiers",
        ),
    ];
    for (spec, message) in cases {
        assert_eq!(faults(spec.clone()), [message], "{spec}");
    }
    assert_eq!(
        faults(json!({"backupName": "new", "includedResources": ["nodes"]})),
        [
            "nodes are non-restorable resources",
            "Invalid included/excluded resource lists: excludes list cannot contain an item in the includes list: nodes"
        ]
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let spec =
        json!({"includedNamespaces": ["a"], "excludedNamespaces": ["a"], "existingResourcePolicy": "x"});
    assert_eq!(faults(spec).len(), 3);
}

#[test]
fn hooks_of_a_pod_are_asked_for_in_vain() {
    let with = |key: &str| json!({"metadata": {"annotations": {key: "x"}}});
    let pods = crate::kind::GroupResource::parse("pods");
    assert!(asks_in_vain(&pods, &with("post.hook.restore.velero.io/command")).is_some());
    assert!(asks_in_vain(&pods, &with("init.hook.restore.velero.io/container-image")).is_some());
    assert!(asks_in_vain(&pods, &with("pre.hook.backup.velero.io/command")).is_none());
    assert!(
        asks_in_vain(
            &crate::kind::GroupResource::parse("jobs.batch"),
            &with("post.hook.restore.velero.io/command")
        )
        .is_none()
    );
}

//! Table tests: one spec, and what becomes of it.

use serde_json::json;

use super::*;

fn defaults() -> Defaults {
    Defaults {
        storage_location: "default".into(),
        ttl: GoDuration::from_hours(720),
        item_operation_timeout: GoDuration::from_hours(4),
        resource_timeout: GoDuration::from_mins(10),
        volume_group_label: "velero.io/volume-group".into(),
    }
}

fn location(name: &str, extra: serde_json::Value) -> BackupStorageLocation {
    let mut object = json!({
        "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": name},
        "spec": {"provider": "aws", "objectStorage": {"bucket": "b"}}, "status": {"phase": "Available"}
    });
    json_patch::merge(&mut object, &extra);
    serde_json::from_value(object).unwrap()
}

fn observed() -> Observed {
    Observed {
        locations: vec![
            location("default", json!({})),
            location("old", json!({"spec": {"accessMode": "ReadOnly"}})),
            location("gone", json!({"status": {"phase": "Unavailable"}})),
        ],
        namespaces_labelled_out: vec!["secret-lair".into()],
        server_version: ("v1.36.3".into(), "1".into(), "36".into()),
    }
}

fn run(spec: serde_json::Value) -> (Backup, Option<BackupRequest>) {
    let mut backup: Backup = serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": "b1", "uid": "u1"}, "spec": spec
    }))
    .unwrap();
    let request = prepare(&mut backup, &observed(), &defaults(), "2026-05-21T10:00:00Z".parse().unwrap());
    (backup, request)
}

fn faults(spec: serde_json::Value) -> Vec<String> {
    let (backup, request) = run(spec);
    assert!(request.is_none());
    assert_eq!(backup.phase(), &BackupPhase::FailedValidation);
    backup.status.unwrap().validation_errors
}

#[test]
fn an_empty_spec_is_completed_with_what_will_be_run() {
    let (backup, request) = run(json!({}));
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false}, {
        insta::assert_json_snapshot!("backup-defaults", backup);
    });
    assert_eq!(request.unwrap().selection, Selection::All);
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults(json!({
        "includedNamespaces": ["a"], "excludedNamespaces": ["a"], "storageLocation": "nowhere",
        "labelSelector": {"matchLabels": {"a": "b"}}, "orLabelSelectors": [{"matchLabels": {"a": "b"}}],
        "hooks": {"resources": [{"name": "h"}]}
    }));
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].contains("BackupStorageLocation.velero.io \"nowhere\" not found"));
    assert_eq!(
        found[1],
        "Invalid included/excluded namespace lists: excludes list cannot contain an item in the includes list: a"
    );
}

#[test]
fn locations_must_be_there_writable_and_available() {
    assert!(faults(json!({"storageLocation": "old"}))[0].contains("read-only"));
    assert!(faults(json!({"storageLocation": "gone"}))[0].contains("Unavailable"));
}

#[test]
fn the_two_generations_of_filters_do_not_mix() {
    let found = faults(json!({"includedResources": ["pods"], "excludedClusterScopedResources": ["nodes"]}));
    assert!(found[0].starts_with("include-resources, exclude-resources"), "{found:#?}");
}

#[test]
fn snapshot_kinds_are_left_out_of_every_backup() {
    let (backup, _) = run(json!({"includedResources": ["pods", SNAPSHOT_KIND]}));
    assert_eq!(backup.spec.included_resources, ["pods"]);
    assert_eq!(backup.spec.excluded_resources, [SNAPSHOT_KIND, SNAPSHOT_CONTENT_KIND]);
    assert!(backup.spec.excluded_cluster_scoped_resources.is_empty());
}

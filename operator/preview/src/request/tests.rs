use lateen_api::v1::{BackupPhase, BackupStatus};
use serde_json::json;

use super::*;

#[test]
fn flags_become_the_spec_that_veleros_cli_sends() {
    let args = SpecArgs {
        from_backup: Some("shop".into()),
        selector: Some("app=web,tier in (a,b)".into()),
        or_selector: Some("a=b or c=d".into()),
        namespace_mappings: vec![("a".into(), "b".into())],
        status_include_resources: vec!["pods".into()],
        resource_modifier_configmap: Some("rules".into()),
        existing_resource_policy: Some("update".into()),
        ..SpecArgs::default()
    };
    let spec = serde_json::to_value(from_flags(&args).unwrap().spec).unwrap();
    let requirement = json!({"key": "tier", "operator": "In", "values": ["a", "b"]});
    assert_eq!(
        spec["labelSelector"],
        json!({"matchLabels": {"app": "web"}, "matchExpressions": [requirement]})
    );
    let or = [json!({"matchLabels": {"a": "b"}}), json!({"matchLabels": {"c": "d"}})];
    assert_eq!(spec["orLabelSelectors"], json!(or));
    assert_eq!(spec["namespaceMapping"], json!({"a": "b"}));
    assert_eq!(spec["restoreStatus"], json!({"includedResources": ["pods"]}));
    assert_eq!(spec["resourceModifier"], json!({"kind": "configmap", "name": "rules"}));
    assert_eq!((&spec["backupName"], &spec["existingResourcePolicy"]), (&json!("shop"), &json!("update")));

    let args = SpecArgs { selector: Some("a in b".into()), ..SpecArgs::default() };
    let error = from_flags(&args).unwrap_err().to_string();
    assert!(error.starts_with("--selector: "), "{error}");
}

#[test]
fn of_a_schedule_the_newest_backup_counts_that_can_be_restored() {
    let backup = |name: &str, phase: BackupPhase, hour: i64| {
        let start = jiff::Timestamp::from_second(hour * 3600).unwrap();
        let mut backup = Backup::default();
        backup.metadata.name = Some(name.into());
        backup.status = Some(BackupStatus {
            phase: Some(phase),
            start_timestamp: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(start)),
            ..BackupStatus::default()
        });
        backup
    };
    let backups = [
        backup("old", BackupPhase::Completed, 1),
        backup("partial", BackupPhase::PartiallyFailed, 2),
        backup("failed", BackupPhase::Failed, 3),
        backup("running", BackupPhase::InProgress, 4),
    ];
    assert_eq!(newest_usable(&backups).as_deref(), Some("partial"));
    assert_eq!(newest_usable(&backups[2..]), None);
}

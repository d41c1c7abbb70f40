//! How long an instance lives, and what it is told.

use std::sync::Arc;

use lateen_actions::{ActionRun, Role};
use serde_json::{Value, json};

use crate::world::{annotations, deployment, hostile, info, load, run};

/// The call counts that a series of items gets from one session.
async fn counts(misdeed: &str, rest: &str, items: usize) -> Vec<String> {
    let mut session = run(Role::Backup, &[hostile(misdeed, rest)]).await.session();
    let (subject, item) = deployment();
    let mut counts = Vec::new();
    for _ in 0..items {
        let result = session.backup_item(&subject, item.clone()).await;
        assert_eq!(result.error, None);
        counts.push(annotations(&result.item)["hostile"].clone());
    }
    counts
}

#[tokio::test]
async fn one_serves_many_calls() {
    assert_eq!(counts("count", "", 3).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn or_only_one_if_the_manifest_says_so() {
    assert_eq!(counts("count", "freshInstance: true", 3).await, ["1", "1", "1"]);
}

#[tokio::test]
async fn but_not_more_than_a_thousand() {
    let counts = counts("count", "", 1001).await;
    assert_eq!(counts[998..], ["999", "1000", "1"]);
}

#[tokio::test]
async fn and_not_beyond_half_its_memory() {
    // 10 MiB per call: more than 32 MiB are in use after the fourth.
    assert_eq!(counts("leak", "limits: {memory: 64Mi}", 6).await, ["1", "2", "3", "4", "1", "2"]);
}

#[tokio::test]
async fn sessions_do_not_share_instances() {
    let run = run(Role::Backup, &[hostile("count", "")]).await;
    let (subject, item) = deployment();
    let (mut one, mut two) = (run.session(), run.session());
    let (one, two) =
        tokio::join!(one.backup_item(&subject, item.clone()), two.backup_item(&subject, item.clone()));
    assert_eq!(
        (&annotations(&one.item)["hostile"], &annotations(&two.item)["hostile"]),
        (&"1".into(), &"1".into())
    );
}

#[tokio::test]
async fn a_call_is_told_where_it_stands() {
    let (set, _) = load(&[hostile("echo", "")]).await;
    let (mut subject, item) = deployment();
    subject.target_namespace = Some("app2".to_owned());
    subject.additional = true;
    let mut info = info(Role::Restore);
    info.source_backup = Some("{}".into());
    let archived = json!({ "kind": "Deployment", "status": {} });

    let result =
        ActionRun::new(set, info).session().restore_item(&subject, item, Arc::new(archived.clone())).await;

    let echo: Value = serde_json::from_str(&annotations(&result.item)["hostile"]).unwrap();
    assert_eq!(
        echo,
        json!({
            "run": ["nightly", "velero", "run-1", "0.1.0"],
            "flags": ["EnableCSI"],
            "started": 1_767_323_045_000_u64,
            "dryRun": false,
            "purpose": "Purpose::Restore",
            "stage": "Stage::Items",
            "object": "{\"kind\":\"Backup\"}",
            "source": "{}",
            "item": ["apps", "deployments", "web", "v1"],
            "namespaces": ["app", "app2"],
            "additional": true,
            "archived": archived.to_string(),
            "random": 16,
            "late": true,
        })
    );
}

//! Items that are too much for any action fail by the policy of the action that should have seen them.

use lateen_actions::Role;
use serde_json::{Value, json};

use crate::world::{STAMP, configmap, deployment, manifest, run};

#[tokio::test]
async fn an_item_may_be_100_levels_deep_and_3_mib_long() {
    let run = run(Role::Backup, &[configmap("stamp", &manifest("stamp", ""), &STAMP)]).await;
    let mut session = run.session();
    let (subject, item) = deployment();

    let deep = |levels: usize| {
        let mut item = item.clone();
        item["spec"]["deep"] = (0..levels).fold(Value::Null, |inner, _| json!([inner]));
        item
    };
    assert_eq!(session.backup_item(&subject, deep(98)).await.error, None);
    let error = session.backup_item(&subject, deep(99)).await.error.unwrap();
    assert_eq!(error.reason, "the item is nested deeper than 100 levels");

    let long = |bytes: usize| {
        let mut item = item.clone();
        item["spec"]["long"] = json!("x".repeat(bytes));
        item
    };
    assert_eq!(session.backup_item(&subject, long(3_000_000)).await.error, None);
    let error = session.backup_item(&subject, long(3 << 20)).await.error.unwrap();
    assert_eq!(error.reason, "the item has more than 3145728 bytes");
}

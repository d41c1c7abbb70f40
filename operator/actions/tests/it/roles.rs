//! Every role, and what an answer may ask for beyond a change: related objects, waiting, operations, another identity.

use std::sync::Arc;

use lateen_actions::{
    ActionRun, ActionSession, ItemResult, ObjectRef, OperationState, Purpose, Role, Stage,
    manifest::FailurePolicy,
};
use rstest::rstest;
use serde_json::json;

use crate::world::{EVERY_ROLE, configmap, deployment, info, load};

async fn session(role: Role, params: &str, rest: &str) -> ActionSession {
    staged(role, Stage::Items, params, rest).await
}

async fn staged(role: Role, stage: Stage, params: &str, rest: &str) -> ActionSession {
    let manifest = format!(
        "name: test.example/every-role\non: [backup, restore, delete, related-items]\n\
         match: {{resources: [deployments.apps]}}\ncomponent: action.wasm\nparams: {{{params}}}\n{rest}\n"
    );
    let (set, reports) = load(&[configmap("every-role", &manifest, &EVERY_ROLE)]).await;
    assert!(reports[0].outcome.is_ok(), "{reports:?}");
    let mut info = info(role);
    info.stage = stage;
    ActionRun::new(set, info).session()
}

async fn backup(params: &str, rest: &str) -> ItemResult {
    let (subject, item) = deployment();
    session(Role::Backup, params, rest).await.backup_item(&subject, item).await
}

fn claim(name: &str) -> ObjectRef {
    ObjectRef {
        group: String::new(),
        resource: "persistentvolumeclaims".to_owned(),
        namespace: Some("app".to_owned()),
        name: name.to_owned(),
    }
}

#[tokio::test]
async fn an_operation_is_begun_followed_and_stopped() {
    let result = backup("answer: operation, operation: under way", "").await;
    assert_eq!(result.error, None);
    let [operation] = result.operations.as_slice() else { panic!("{result:?}") };
    assert_eq!((operation.action.as_str(), operation.id.as_str()), ("test.example/every-role", "under way"));
    assert_eq!(operation.digest.len(), 64);
    assert_eq!(operation.post_items, [claim("data")]);

    let mut later = staged(Role::Backup, Stage::Operations, "", "").await;
    let mut ask = async |id: &str| later.progress(Role::Backup, "test.example/every-role", id).await.0;
    let progress = ask("under way").await.unwrap();
    assert_eq!(progress.state, OperationState::Running);
    assert_eq!((progress.done, progress.total, progress.units.as_str()), (5, 10, "Bytes"));
    assert_eq!(progress.started_ms, Some(1000));
    assert_eq!(ask("ended").await.unwrap().state, OperationState::Completed);
    assert_eq!(ask("broken").await.unwrap().state, OperationState::Failed("the disk is full".to_owned()));
    assert_eq!(ask("lost").await, Err("there is no operation lost".to_owned()));
    let (cancelled, notes) = later.cancel(Role::Backup, "test.example/every-role", "under way").await;
    assert_eq!((cancelled, notes[0].message.as_str()), (Ok(()), "stopped under way"));
    let (gone, _) = later.progress(Role::Backup, "test.example/gone", "ended").await;
    assert_eq!(gone, Err("there is no action test.example/gone for backup any more".to_owned()));
}

#[rstest]
#[case::without_id(
    "answer: operation",
    Stage::Items,
    "the id of an operation must be 1 to 512 printable ASCII"
)]
#[case::while_finalizing("answer: operation, operation: a", Stage::Finalize, "while the backup is finalized")]
#[case::left_out("answer: operation-and-skip, operation: a", Stage::Items, "cannot have an operation")]
#[tokio::test]
async fn operations_that_make_no_sense(#[case] params: &str, #[case] stage: Stage, #[case] reason: &str) {
    let (subject, item) = deployment();
    let result = staged(Role::Backup, stage, params, "").await.backup_item(&subject, item).await;
    let error = result.error.expect("it is refused");
    assert!(error.reason.contains(reason), "{error}");
}

#[tokio::test]
async fn a_restore_that_leaves_an_item_out_keeps_its_operation() {
    let (subject, item) = deployment();
    let mut session = session(Role::Restore, "answer: operation-and-skip, operation: a", "").await;
    let result = session.restore_item(&subject, item.clone(), Arc::new(item)).await;
    assert_eq!(result.skip.map(|skip| skip.reason), Some("as ordered".to_owned()));
    assert_eq!(result.operations.len(), 1);
}

#[tokio::test]
async fn a_restore_waits_until_the_action_is_content() {
    let (subject, item) = deployment();
    let mut session = session(Role::Restore, "answer: wait", "").await;
    let mut chain = session.begin_restore(&subject, item.clone(), Arc::new(item));
    let step = session.step(&mut chain).await.unwrap();
    assert_eq!((step.wait_seconds, step.related), (Some(2), vec![claim("data")]));
    assert_eq!(session.step(&mut chain).await, None);
    let mut ready = async |related: &[ObjectRef]| session.ready("test.example/every-role", related).await.0;
    assert_eq!(ready(&[claim("data")]).await, Ok(false));
    assert_eq!(ready(&[ObjectRef { namespace: Some("ready".to_owned()), ..claim("data") }]).await, Ok(true));
    assert_eq!(ready(&[]).await, Err("nothing to wait for".to_owned()));
}

#[tokio::test]
async fn another_identity_needs_its_grant() {
    let refused = backup("answer: identity", "").await.error.unwrap();
    assert!(refused.reason.contains("needs `capabilities: {identity: true}`"), "{refused}");
    let granted = backup("answer: identity", "capabilities: {identity: true}").await;
    assert_eq!(granted.error, None);
    assert_eq!(granted.item["apiVersion"], "apps/v2");
    assert_eq!(granted.item["metadata"]["name"], "renamed");
    assert_eq!(granted.item["metadata"]["annotations"], json!({ "seen": "true" }));
}

#[tokio::test]
async fn annotations_steer_the_engine_where_the_action_put_them() {
    let left_out = backup("answer: skip-by-annotation", "").await;
    assert!(left_out.skip.is_some_and(|skip| skip.reason.contains("velero.io/skip-from-backup")));

    let refused = backup("answer: must-include-by-annotation", "").await.error.unwrap();
    assert!(refused.reason.contains("needs `capabilities: {mustInclude: true}`"), "{refused}");
    let granted = backup("answer: must-include-by-annotation", "capabilities: {mustInclude: true}").await;
    assert!(granted.must_include);
    assert_eq!(granted.item, deployment().1, "the annotation is not for the archive");
    assert!(!granted.changed, "it is the same without it");

    // What the owner wrote steers nothing, and stays.
    let (subject, mut item) = deployment();
    item["metadata"]["annotations"] = json!({ "velero.io/skip-from-backup": "true" });
    let result = session(Role::Backup, "answer: skip-by-annotation", "")
        .await
        .backup_item(&subject, item.clone())
        .await;
    assert_eq!((result.skip, result.item), (None, item));
}

#[tokio::test]
async fn deletion_asks_every_action_and_goes_on() {
    let (subject, mut item) = deployment();
    let mut session = session(Role::Delete, "", "").await;
    let fine = session.delete_item(&subject, &item).await;
    assert_eq!((fine.errors, fine.notes[0].message.as_str()), (vec![], "forgot \"web\""));
    item["spec"]["stuck"] = true.into();
    let stuck = session.delete_item(&subject, &item).await;
    assert_eq!(stuck.errors.len(), 1);
    assert_eq!(stuck.errors[0].policy, FailurePolicy::FailItem);
    assert!(stuck.errors[0].to_string().contains("failed on deployments.apps/app/web: it is stuck"));
}

#[tokio::test]
async fn related_items_come_once() {
    let (subject, item) = deployment();
    let asked = session(Role::RelatedItems, "", "").await.related_items(&subject, &item).await;
    assert_eq!((asked.related, asked.errors), (vec![claim("data"), claim("logs")], vec![]));
}

#[tokio::test]
async fn a_cancelled_run_blames_nobody() {
    let (subject, item) = deployment();
    let (set, _) = load(&[crate::world::hostile("loop", "limits: {time: 10s}")]).await;
    let info = info(Role::Backup);
    assert_eq!(info.purpose, Purpose::Backup);
    info.cancelled.cancel();
    let run = ActionRun::new(set, info);
    let result = run.session().backup_item(&subject, item).await;
    assert_eq!(result.error.unwrap().reason, "the run is being cancelled");
}

//! Work that goes on after an item was restored: a restore waits for it, also over a restart, and never says that all is well where it is not.
//!
//! The action of these tests begins an operation with every ConfigMap that is restored and has a gate.

use lateen_test_harness::{Installation, wait_for};
use rstest::rstest;
use serde_json::{Value, json};

use crate::gate::{self, WAITING, WAITING_FAILED, gate, hold, unpacked};
use crate::world::{ENDED, LIMIT, back_up, create, phase};

/// A server with the action, and the backup `shop` of an application whose ConfigMaps are gone; those in `shut` had a gate that is shut.
async fn install(name: &str, app: &str, names: &[&str], shut: &[&str]) -> Installation<'static> {
    let velero = gate::install(name, app, names, "restore").await;
    lose(&velero, app, names, shut).await;
    velero
}

async fn lose(velero: &Installation<'_>, app: &str, names: &[&str], shut: &[&str]) {
    for name in shut {
        gate(velero, app, name, "shut").await;
    }
    assert_eq!(phase(&back_up(velero, "shop", app).await), "Completed");
    for name in names {
        velero.objects().delete("v1/ConfigMap", app, name).await.unwrap();
    }
}

async fn begin(velero: &Installation<'_>, name: &str, more: &[&str]) {
    let mut arguments = vec!["restore", "create", name, "--from-backup", "shop"];
    arguments.extend(["--include-resources", "configmaps"]);
    arguments.extend(more);
    create(velero, &arguments).await;
}

async fn await_phase(velero: &Installation<'_>, name: &str, phase: &str) -> Value {
    velero.await_phase("Restore", name, &[phase], LIMIT).await.unwrap()
}

async fn await_end(velero: &Installation<'_>, name: &str) -> Value {
    velero.await_phase("Restore", name, &ENDED, LIMIT).await.unwrap()
}

/// A file of a restore, unpacked.
fn file(velero: &Installation<'_>, restore: &str, suffix: &str) -> Value {
    unpacked(velero, &format!("restores/{restore}/restore-{restore}-{suffix}"))
}

async fn config_map(velero: &Installation<'_>, app: &str, name: &str) -> Value {
    velero.objects().get("v1/ConfigMap", app, name).await.unwrap().unwrap_or_default()
}

/// It ended with an error that the status names.
fn check_reason(ended: &Value, reason: &str) {
    assert_eq!(phase(ended), "PartiallyFailed", "{ended:#}");
    let told = ended["status"]["failureReason"].as_str().unwrap_or_default();
    assert!(told.contains(reason), "{told}");
    assert!(ended["status"]["errors"].as_u64().unwrap_or_default() > 0, "{ended:#}");
    check_over(ended);
}

fn check_over(ended: &Value) {
    assert!(ended["status"]["completionTimestamp"].is_string(), "{ended:#}");
    assert!(ended["metadata"]["annotations"]["lateen.dev/run"].is_null(), "{ended:#}");
}

#[tokio::test]
async fn a_restore_waits_for_operations_and_holds_up_no_other() {
    let app = "regated";
    let velero = install("velero-regated", app, &["first", "free", "second"], &["first", "second"]).await;
    begin(&velero, "slow", &["--selector", "gated"]).await;
    let waiting = await_phase(&velero, "slow", WAITING).await;
    assert_eq!(waiting["status"]["restoreItemOperationsAttempted"], 2, "{waiting:#}");
    assert!(waiting["status"]["completionTimestamp"].is_null(), "{waiting:#}");
    assert_eq!(waiting["status"]["progress"], json!({ "totalItems": 2, "itemsRestored": 2 }), "{waiting:#}");
    let list = &file(&velero, "slow", "resource-list.json.gz")["v1/ConfigMap"];
    assert_eq!(*list, json!([format!("{app}/first(created)"), format!("{app}/second(created)")]));
    let said = create(&velero, &["restore", "describe", "slow", "--details"]).await;
    assert!(said.contains(WAITING) && said.contains("test.example/gate"), "{said}");

    begin(&velero, "quick", &["--selector", "!gated"]).await;
    assert_eq!(phase(&await_end(&velero, "quick").await), "Completed");

    gate(&velero, app, "first", "open").await;
    wait_for("the first operation to have ended", LIMIT, async || {
        let restore = velero.get("Restore", "slow").await?.unwrap_or_default();
        Ok((restore["status"]["restoreItemOperationsCompleted"] == 1).then_some(()))
    })
    .await
    .unwrap();
    gate(&velero, app, "second", "open").await;
    let ended = await_end(&velero, "slow").await;
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
    assert_eq!(ended["status"]["restoreItemOperationsCompleted"], 2, "{ended:#}");
    check_over(&ended);
    let operations = file(&velero, "slow", "itemoperations.json.gz");
    assert_eq!(operations[0]["status"]["phase"], "Completed", "{operations:#}");
    assert_eq!(operations[0]["spec"]["restoreItemAction"], "test.example/gate", "{operations:#}");
    assert_eq!(operations[0]["spec"]["resourceIdentifier"]["Namespace"], app, "{operations:#}");
    assert_eq!(file(&velero, "slow", "results.gz"), json!({ "errors": {}, "warnings": {} }));
    let log = create(&velero, &["restore", "logs", "slow"]).await;
    assert!(log.contains("All operations have ended: 2 well, 0 not"), "{log}");
}

#[tokio::test]
async fn a_failed_operation_is_an_error_of_the_restore_that_names_its_item() {
    let app = "rebroken";
    let velero = install("velero-rebroken", app, &["first", "second"], &["first", "second"]).await;
    begin(&velero, "half", &[]).await;
    await_phase(&velero, "half", WAITING).await;

    gate(&velero, app, "first", "broken").await;
    let waiting = await_phase(&velero, "half", WAITING_FAILED).await;
    assert_eq!(waiting["status"]["errors"], 1, "{waiting:#}");
    gate(&velero, app, "second", "open").await;

    let ended = await_end(&velero, "half").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    let status = &ended["status"];
    assert_eq!((&status["errors"], &status["restoreItemOperationsFailed"]), (&json!(1), &json!(1)));
    assert_eq!(
        file(&velero, "half", "results.gz")["errors"],
        json!({ "namespaces": { app: [format!(
            "error restoring configmaps/{app}/first: the operation {app}/first of test.example/gate failed: it does not turn"
        )] } })
    );
    let operations = file(&velero, "half", "itemoperations.json.gz");
    assert_eq!(operations[0]["status"]["error"], "it does not turn", "{operations:#}");
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_cancelled() {
    let app = "relate";
    let velero = install("velero-relate", app, &["only"], &["only"]).await;
    begin(&velero, "late", &["--item-operation-timeout", "1s"]).await;
    let ended = await_end(&velero, "late").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    let operations = file(&velero, "late", "itemoperations.json.gz");
    assert_eq!(operations[0]["status"]["error"], "Asynchronous action timed out", "{operations:#}");
    assert_eq!(config_map(&velero, app, "only").await["data"]["gate"], "cancelled");
}

#[tokio::test]
async fn waiting_goes_on_after_a_restart() {
    let app = "repatient";
    let mut velero = install("velero-repatient", app, &["first", "second"], &["first", "second"]).await;
    begin(&velero, "slow", &[]).await;
    await_phase(&velero, "slow", WAITING).await;
    gate(&velero, app, "first", "broken").await;
    await_phase(&velero, "slow", WAITING_FAILED).await;

    velero.kill().unwrap();
    gate(&velero, app, "second", "open").await;
    velero.restart().await.unwrap();

    let ended = await_end(&velero, "slow").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    assert_eq!(ended["status"]["errors"], 1, "an error was counted twice: {ended:#}");
    assert_eq!(ended["status"]["restoreItemOperationsCompleted"], 1, "{ended:#}");
    assert_eq!(file(&velero, "slow", "results.gz")["errors"]["namespaces"][app].as_array().unwrap().len(), 1);
    check_over(&ended);
}

#[tokio::test]
async fn a_restore_that_had_only_not_said_so_ends() {
    let app = "reunsaid";
    let mut velero = install("velero-reunsaid", app, &["only"], &[]).await;
    begin(&velero, "whole", &[]).await;
    assert_eq!(phase(&await_end(&velero, "whole").await), "Completed");

    // The last update of the status did not arrive, and another server was the one that should have made it.
    velero.kill().unwrap();
    let record = json!({ "attempt": 1, "leader": "somebody-else", "itemsDone": true }).to_string();
    let before = json!({
        "metadata": { "annotations": { "lateen.dev/run": record } },
        "status": { "phase": "Finalizing", "completionTimestamp": null },
    });
    velero.objects().merge("velero.io/v1/Restore", velero.namespace(), "whole", &before).await.unwrap();
    velero.restart().await.unwrap();

    let ended = await_end(&velero, "whole").await;
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
    check_over(&ended);
}

#[rstest]
#[case::operations("itemoperations.json.gz", "the operations of the restore cannot be followed")]
#[case::results("results.gz", "the results of the restore cannot be added to")]
#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_and_ends_no_server(
    #[case] suffix: &str,
    #[case] reason: &str,
) {
    let kind = suffix.split('.').next().unwrap_or_default();
    let app = format!("re-{kind}");
    let mut velero = install(&format!("velero-re-{kind}"), &app, &["only"], &["only"]).await;
    begin(&velero, "lost", &[]).await;
    await_phase(&velero, "lost", WAITING).await;

    velero.kill().unwrap();
    velero.bucket().write(&format!("restores/lost/restore-lost-{suffix}"), b"no gzip").unwrap();
    gate(&velero, &app, "only", "open").await;
    velero.restart().await.unwrap();

    check_reason(&await_end(&velero, "lost").await, reason);
}

#[tokio::test]
async fn operations_of_an_interrupted_run_are_cancelled_before_it_begins_again() {
    let app = "retwice";
    let mut velero = gate::install("velero-retwice", app, &["a", "held"], "restore").await;
    hold(&velero, app, "restore").await;
    lose(&velero, app, &["a", "held"], &["a"]).await;
    begin(&velero, "cut", &[]).await;
    wait_for("the operation to be in the run's record", LIMIT, async || {
        let restore = velero.get("Restore", "cut").await?.unwrap_or_default();
        let record = restore["metadata"]["annotations"]["lateen.dev/run"].as_str().unwrap_or_default();
        let noted = record.contains(r#""operations":[{"action":"test.example/gate","id":"retwice/a"}]"#);
        let there = config_map(&velero, app, "a").await["data"]["gate"] == "shut";
        Ok((noted && there).then_some(()))
    })
    .await
    .unwrap();

    velero.kill().unwrap();
    velero.objects().delete("v1/ConfigMap", velero.namespace(), "hold").await.unwrap();
    velero.restart().await.unwrap();

    await_phase(&velero, "cut", WAITING).await;
    assert_eq!(config_map(&velero, app, "a").await["data"]["gate"], "cancelled");
    gate(&velero, app, "a", "open").await;
    let ended = await_end(&velero, "cut").await;
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
    assert_eq!(file(&velero, "cut", "itemoperations.json.gz").as_array().unwrap().len(), 1);
}

#[rstest]
#[case::backup("Backup", "shop", "the backup shop does not exist any more")]
#[case::location(
    "BackupStorageLocation",
    "default",
    "the backup storage location default does not exist any more"
)]
#[tokio::test]
async fn a_restore_that_loses_what_it_needs_ends_and_says_why(
    #[case] kind: &str,
    #[case] name: &str,
    #[case] reason: &str,
) {
    let app = format!("no-{name}");
    let velero = install(&format!("velero-no-{name}"), &app, &["only"], &["only"]).await;
    begin(&velero, "lost", &[]).await;
    await_phase(&velero, "lost", WAITING).await;

    velero.objects().delete(&format!("velero.io/v1/{kind}"), velero.namespace(), name).await.unwrap();
    check_reason(&await_end(&velero, "lost").await, reason);
    // Nobody follows it any more, so that its action was told to end it.
    assert_eq!(config_map(&velero, &app, "only").await["data"]["gate"], "cancelled");
}

#[tokio::test]
async fn a_restore_that_is_deleted_while_it_waits_leaves_nothing_behind() {
    let app = "unwanted";
    let velero = install("velero-unwanted", app, &["only"], &["only"]).await;
    begin(&velero, "gone", &[]).await;
    await_phase(&velero, "gone", WAITING).await;
    create(&velero, &["restore", "delete", "gone", "--confirm"]).await;
    wait_for("the restore to be gone", LIMIT, async || {
        Ok(velero.get("Restore", "gone").await?.is_none().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(config_map(&velero, app, "only").await["data"]["gate"], "cancelled");
    let left = velero.bucket().keys().unwrap();
    assert!(left.iter().all(|key| !key.starts_with("restores/")), "{left:?}");
}

#[tokio::test]
async fn a_restore_whose_files_cannot_be_stored_does_not_look_complete() {
    let (app, flags) = ("unwritten", ["--resource-timeout=1s"]);
    let velero = gate::install_with("velero-unwritten", app, &["only"], "restore", &flags).await;
    lose(&velero, app, &["only"], &[]).await;
    // A file where the folder of the restore's files would have to be.
    velero.bucket().write("restores/mute", b"in the way").unwrap();
    begin(&velero, "mute", &[]).await;
    check_reason(&await_end(&velero, "mute").await, "the results of the restore cannot be stored");
    assert_eq!(config_map(&velero, app, "only").await["data"]["name"], "only");
}

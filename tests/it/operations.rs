//! Work that goes on after an item: a backup waits for it, also over a restart, and what it leaves behind is in the archive.
//!
//! The action of these tests begins an operation with every ConfigMap, and `data.gate` of the ConfigMap in the cluster says how far that is.

use lateen_test_harness::{Installation, wait_for};
use serde_json::{Value, json};

use crate::gate::{self, WAITING, WAITING_FAILED, gate, hold, unpacked};
use crate::world::{ENDED, LIMIT, create, item, phase};

/// A server with the action, for backups.
async fn install(name: &str, app: &str, names: &[&str]) -> Installation<'static> {
    gate::install(name, app, names, "backup").await
}

async fn begin(velero: &Installation<'_>, name: &str, app: &str, more: &[&str]) {
    let mut arguments = vec!["backup", "create", name, "--include-namespaces", app];
    arguments.extend(more);
    create(velero, &arguments).await;
}

async fn await_end(velero: &Installation<'_>, name: &str) -> Value {
    velero.await_phase("Backup", name, &ENDED, LIMIT).await.unwrap()
}

/// A file of a backup, unpacked.
fn file(velero: &Installation<'_>, backup: &str, suffix: &str) -> Value {
    unpacked(velero, &format!("backups/{backup}/{backup}-{suffix}"))
}

fn document(velero: &Installation<'_>, backup: &str) -> Value {
    let document = velero.bucket().read(&format!("backups/{backup}/velero-backup.json")).unwrap();
    serde_json::from_slice(&document).unwrap()
}

fn stored(velero: &Installation<'_>, backup: &str, app: &str, name: &str) -> Value {
    let archive = velero.bucket().archive(backup).unwrap();
    item(&archive, "configmaps", &format!("namespaces/{app}/{name}"))
}

#[tokio::test]
async fn a_backup_waits_for_operations_and_takes_what_they_leave() {
    let app = "gated";
    let velero = install("velero-gated", app, &["first", "free", "second"]).await;
    gate(&velero, app, "first", "shut").await;
    gate(&velero, app, "second", "shut").await;
    begin(&velero, "slow", app, &[]).await;
    let waiting = velero.await_phase("Backup", "slow", &[WAITING], LIMIT).await.unwrap();
    assert_eq!(waiting["status"]["backupItemOperationsAttempted"], 2, "{waiting:#}");
    assert!(waiting["status"]["completionTimestamp"].is_null(), "{waiting:#}");
    assert_eq!(phase(&document(&velero, "slow")), WAITING);
    let said = create(&velero, &["backup", "describe", "slow", "--details"]).await;
    assert!(said.contains(WAITING) && said.contains("test.example/gate"), "{said}");
    assert_eq!(stored(&velero, "slow", app, "first")["data"]["gate"], "shut");

    // It holds up no other.
    begin(&velero, "quick", app, &["--selector", "!gated"]).await;
    assert_eq!(phase(&await_end(&velero, "quick").await), "Completed");

    gate(&velero, app, "first", "open").await;
    wait_for("the first operation to have ended", LIMIT, async || {
        let backup = velero.get("Backup", "slow").await?.unwrap_or_default();
        Ok((backup["status"]["backupItemOperationsCompleted"] == 1).then_some(()))
    })
    .await
    .unwrap();
    gate(&velero, app, "second", "open").await;
    let ended = await_end(&velero, "slow").await;
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
    assert_eq!(ended["status"]["backupItemOperationsCompleted"], 2, "{ended:#}");
    assert_eq!(document(&velero, "slow")["status"], ended["status"]);
    assert!(ended["metadata"]["annotations"]["lateen.dev/run"].is_null(), "{ended:#}");

    for name in ["first", "second"] {
        let fresh = stored(&velero, "slow", app, name);
        assert_eq!(fresh["data"]["gate"], "open", "{fresh:#}");
        assert_eq!(fresh["metadata"]["annotations"]["gate"], "passed", "{fresh:#}");
    }
    let paths = |backup: &str| -> Vec<String> {
        velero.bucket().archive(backup).unwrap().into_iter().map(|entry| entry.path).collect()
    };
    let unique: std::collections::BTreeSet<String> = paths("slow").into_iter().collect();
    assert_eq!(unique.len(), paths("slow").len(), "a file is in the archive twice");
    let operations = file(&velero, "slow", "itemoperations.json.gz");
    assert_eq!(operations[0]["status"]["phase"], "Completed", "{operations:#}");
    assert_eq!(operations[0]["spec"]["resourceIdentifier"]["Resource"], "configmaps", "{operations:#}");
    let log = create(&velero, &["backup", "logs", "slow"]).await;
    assert!(log.contains("Backed up a total of") && log.contains("All operations have ended"), "{log}");
}

#[tokio::test]
async fn a_failed_operation_is_an_error_of_the_backup_that_names_its_item() {
    let app = "broken";
    let velero = install("velero-failing", app, &["first", "second"]).await;
    gate(&velero, app, "first", "shut").await;
    gate(&velero, app, "second", "shut").await;
    begin(&velero, "half", app, &[]).await;
    velero.await_phase("Backup", "half", &[WAITING], LIMIT).await.unwrap();

    gate(&velero, app, "first", "broken").await;
    let waiting = velero.await_phase("Backup", "half", &[WAITING_FAILED], LIMIT).await.unwrap();
    assert_eq!(
        (&waiting["status"]["errors"], phase(&document(&velero, "half"))),
        (&json!(1), WAITING_FAILED)
    );
    gate(&velero, app, "second", "open").await;

    let ended = await_end(&velero, "half").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    assert_eq!(
        (&ended["status"]["errors"], &ended["status"]["backupItemOperationsFailed"]),
        (&json!(1), &json!(1))
    );
    let errors = &file(&velero, "half", "results.gz")["errors"]["namespaces"][app];
    let error = errors[0].as_str().unwrap_or_default();
    assert!(
        error.contains("name: /first") && error.contains("it does not turn, plugin: test.example/gate"),
        "{errors}"
    );
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_cancelled() {
    let app = "late";
    let velero = install("velero-late", app, &["only"]).await;
    gate(&velero, app, "only", "shut").await;
    begin(&velero, "late", app, &["--item-operation-timeout", "1s"]).await;
    let ended = await_end(&velero, "late").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    let operations = file(&velero, "late", "itemoperations.json.gz");
    assert_eq!(operations[0]["status"]["error"], "Asynchronous action timed out", "{operations:#}");
    let cancelled = velero.objects().get("v1/ConfigMap", app, "only").await.unwrap().unwrap();
    assert_eq!(cancelled["data"]["gate"], "cancelled");
}

#[tokio::test]
async fn waiting_goes_on_after_a_restart() {
    let app = "patient";
    let mut velero = install("velero-patient", app, &["only"]).await;
    gate(&velero, app, "only", "shut").await;
    begin(&velero, "slow", app, &[]).await;
    velero.await_phase("Backup", "slow", &[WAITING], LIMIT).await.unwrap();

    velero.kill().unwrap();
    gate(&velero, app, "only", "open").await;
    velero.restart().await.unwrap();

    let ended = await_end(&velero, "slow").await;
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
    assert_eq!(stored(&velero, "slow", app, "only")["data"]["gate"], "open");
    assert_eq!(document(&velero, "slow")["status"], ended["status"]);
}

#[tokio::test]
async fn a_list_of_operations_that_cannot_be_read_ends_the_waiting() {
    let app = "garbled";
    let mut velero = install("velero-garbled", app, &["only"]).await;
    gate(&velero, app, "only", "shut").await;
    begin(&velero, "lost", app, &[]).await;
    velero.await_phase("Backup", "lost", &[WAITING], LIMIT).await.unwrap();

    velero.kill().unwrap();
    velero.bucket().write("backups/lost/lost-itemoperations.json.gz", b"no gzip").unwrap();
    velero.restart().await.unwrap();

    let ended = await_end(&velero, "lost").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    let reason = ended["status"]["failureReason"].as_str().unwrap_or_default();
    assert!(reason.contains("lost-itemoperations.json.gz cannot be read"), "{reason}");
    assert_eq!(document(&velero, "lost")["status"], ended["status"]);
}

#[tokio::test]
async fn operations_of_an_interrupted_run_are_cancelled_before_it_begins_again() {
    let app = "twice";
    let mut velero = install("velero-twice", app, &["a", "held"]).await;
    gate(&velero, app, "a", "shut").await;
    // The other one never comes back from its action.
    let held = json!({ "metadata": { "labels": { "held": "" } } });
    velero.objects().merge("v1/ConfigMap", app, "held", &held).await.unwrap();
    hold(&velero, app, "backup").await;
    begin(&velero, "cut", app, &[]).await;
    wait_for("the operation to be in the run's record", LIMIT, async || {
        let backup = velero.get("Backup", "cut").await?.unwrap_or_default();
        let record =
            backup["metadata"]["annotations"]["lateen.dev/run"].as_str().unwrap_or_default().to_owned();
        Ok(record.contains(r#""operations":[{"action":"test.example/gate","id":"twice/a"}]"#).then_some(()))
    })
    .await
    .unwrap();

    velero.kill().unwrap();
    velero.objects().delete("v1/ConfigMap", velero.namespace(), "hold").await.unwrap();
    velero.restart().await.unwrap();

    velero.await_phase("Backup", "cut", &[WAITING], LIMIT).await.unwrap();
    assert_eq!(stored(&velero, "cut", app, "a")["data"]["gate"], "cancelled");
    gate(&velero, app, "a", "open").await;
    assert_eq!(phase(&await_end(&velero, "cut").await), "Completed");
}

#[tokio::test]
async fn a_backup_that_loses_its_location_while_it_waits_ends_and_says_why() {
    let app = "homeless";
    let velero = install("velero-homeless", app, &["only"]).await;
    gate(&velero, app, "only", "shut").await;
    begin(&velero, "lost", app, &[]).await;
    velero.await_phase("Backup", "lost", &[WAITING], LIMIT).await.unwrap();

    let read_only = json!({ "spec": { "accessMode": "ReadOnly" } });
    let kind = "velero.io/v1/BackupStorageLocation";
    velero.objects().merge(kind, velero.namespace(), "default", &read_only).await.unwrap();
    let ended = await_end(&velero, "lost").await;
    assert_eq!(phase(&ended), "PartiallyFailed", "{ended:#}");
    let reason = ended["status"]["failureReason"].as_str().unwrap_or_default();
    assert!(reason.contains("default is read-only"), "{reason}");
    assert!(ended["status"]["completionTimestamp"].is_string(), "{ended:#}");
    assert!(ended["metadata"]["annotations"]["lateen.dev/run"].is_null(), "{ended:#}");
}

//! Runs whose server ends in the middle: the next one begins them again, or says why it cannot.
//!
//! An action that never returns from its first item keeps a run in the middle for as long as it takes, whatever the machine.

use lateen_test_harness::{Bucket, Installation, Store, wait_for};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::{ENDED, LIMIT, back_up, cluster, config_maps, create, install, items, phase};

/// The annotation with the record of a run.
const RUN: &str = "lateen.dev/run";

/// Makes every run stop at its first ConfigMap of `namespace`.
async fn hold(velero: &Installation<'_>, role: &str, namespace: &str) {
    let manifest = format!(
        "name: test.example/hostile\non: [{role}]\nmatch: {{resources: [configmaps], namespaces: [{namespace}]}}\ncomponent: action.wasm\nparams: {{misdeed: wait}}\n"
    );
    let hostile = lateen_guests::build_bytes("hostile").unwrap();
    let action = velero.apply_action("hold", &manifest, &hostile).await.unwrap();
    assert_eq!(velero.await_verdict(&action).await.unwrap().0, "ActionLoaded");
}

/// Removes the action while no server is there to use it.
async fn let_go(velero: &mut Installation<'_>) {
    velero.objects().delete("v1/ConfigMap", velero.namespace(), "hold").await.unwrap();
    velero.restart().await.unwrap();
}

/// A backup in the middle of its archive.
async fn held_backup(velero: &Installation<'_>, app: &str) {
    hold(velero, "backup", app).await;
    create(velero, &["backup", "create", "cut", "--include-namespaces", app]).await;
    await_attempt(velero, 1).await;
}

/// Waits until a backup is in the middle of its archive for the n-th time.
async fn await_attempt(velero: &Installation<'_>, number: u64) {
    wait_for("the run to have opened its upload", LIMIT, async || {
        let backup = velero.get("Backup", "cut").await?.unwrap_or_default();
        let record = backup["metadata"]["annotations"][RUN].as_str().unwrap_or("{}");
        let record: Value = serde_json::from_str(record)?;
        let under_way = phase(&backup) == "InProgress" && record["uploads"][0]["key"].is_string();
        Ok((under_way && record["attempt"] == number).then_some(()))
    })
    .await
    .unwrap();
}

/// What an interrupted run looks like when it is over: it says so, its record is gone, and so is everything but its log.
async fn check_failed(velero: &Installation<'_>, kind: &str, name: &str, why: &str) {
    let run = velero.await_phase(kind, name, &ENDED, LIMIT).await.unwrap();
    assert_eq!(phase(&run), "Failed", "{run:#}");
    let reason = run["status"]["failureReason"].as_str().unwrap_or_default();
    assert!(reason.contains(why), "{reason}");
    assert!(run["status"]["completionTimestamp"].is_string(), "{run:#}");
    assert!(run["metadata"]["annotations"][RUN].is_null(), "{run:#}");
}

#[rstest]
#[case::file("killed-file", Store::File)]
#[case::s3("killed-s3", Store::S3)]
#[tokio::test]
async fn a_backup_of_a_killed_server_is_begun_again(#[case] app: &str, #[case] store: Store) {
    let mut velero = install(&format!("velero-{app}"), store).await;
    config_maps(&velero, app, &["first", "second", "third"]).await;
    held_backup(&velero, app).await;

    assert_eq!(unfinished_uploads(&velero), usize::from(store == Store::S3));
    velero.kill().unwrap();
    let_go(&mut velero).await;

    check_whole(&velero, app).await;
    assert!(velero.log().contains("a backup was interrupted"), "{}", velero.log());
    assert_eq!(unfinished_uploads(&velero), 0);
    // The server goes on working.
    assert_eq!(phase(&back_up(&velero, "whole", app).await), "Completed");
}

/// The backup that was interrupted has everything in it, and nothing of its interruption is left.
async fn check_whole(velero: &Installation<'_>, app: &str) {
    let ended = velero.await_phase("Backup", "cut", &ENDED, LIMIT).await.unwrap();
    assert_eq!(phase(&ended), "Completed", "{ended:#}\n{}", velero.log());
    assert!(ended["metadata"]["annotations"][RUN].is_null(), "{ended:#}");
    let found = items(&velero.bucket().archive("cut").unwrap());
    for name in ["first", "second", "third"] {
        assert!(found.contains(&format!("configmaps/{app}/{name}")), "{found:?}");
    }
}

#[tokio::test]
async fn a_backup_that_ends_its_server_each_time_is_given_up() {
    let app = "again";
    let mut velero = install("velero-again", Store::File).await;
    config_maps(&velero, app, &["first"]).await;
    held_backup(&velero, app).await;
    for attempt in 2..=3 {
        velero.kill().unwrap();
        velero.restart().await.unwrap();
        await_attempt(&velero, attempt).await;
    }
    velero.kill().unwrap();
    velero.restart().await.unwrap();

    check_failed(&velero, "Backup", "cut", "interrupted in each of its 3 attempts").await;
    let left = velero.bucket().keys().unwrap();
    assert!(left.iter().all(|key| key.ends_with("-logs.gz")), "{left:?}");
}

#[tokio::test]
async fn a_backup_whose_server_is_stopped_is_begun_again_by_the_next_one() {
    let mut velero = install("velero-stopped", Store::File).await;
    config_maps(&velero, "stopped", &["first", "second", "third"]).await;
    held_backup(&velero, "stopped").await;

    let ended = velero.stop().await.unwrap();
    assert!(ended.success(), "{ended}:\n{}", velero.log());

    let left = velero.bucket().keys().unwrap();
    assert!(left.iter().all(|key| key.ends_with("-logs.gz")), "{left:?}\n{}", velero.log());
    let_go(&mut velero).await;
    check_whole(&velero, "stopped").await;
}

#[tokio::test]
async fn a_backup_that_had_only_not_said_so_is_complete() {
    let mut velero = install("velero-unsaid", Store::File).await;
    config_maps(&velero, "unsaid", &["one"]).await;
    let ended = back_up(&velero, "whole", "unsaid").await;
    assert_eq!(phase(&ended), "Completed");
    let files = velero.bucket().keys().unwrap();

    // The last update of the status did not arrive.
    velero.kill().unwrap();
    let record = json!({ "attempt": 1, "leader": "somebody-else", "uploads": [] }).to_string();
    let before = json!({
        "metadata": { "annotations": { RUN: record } },
        "status": { "phase": "Finalizing", "completionTimestamp": null },
    });
    velero.objects().merge("velero.io/v1/Backup", velero.namespace(), "whole", &before).await.unwrap();
    velero.restart().await.unwrap();

    let again = velero.await_phase("Backup", "whole", &ENDED, LIMIT).await.unwrap();
    assert_eq!(again["status"], ended["status"]);
    assert!(again["metadata"]["annotations"][RUN].is_null(), "{again:#}");
    assert_eq!(velero.bucket().keys().unwrap(), files);
}

/// A restore of three ConfigMaps that is in the middle of the first.
async fn held_restore(velero: &Installation<'_>, app: &str) {
    config_maps(velero, app, &["first", "second", "third"]).await;
    assert_eq!(phase(&back_up(velero, "shop", app).await), "Completed");
    hold(velero, "restore", app).await;
    let mapping = format!("{app}:{app}-2");
    create(velero, &["restore", "create", "cut", "--from-backup", "shop", "--namespace-mappings", &mapping])
        .await;
    let started: Value = velero.await_phase("Restore", "cut", &["InProgress"], LIMIT).await.unwrap();
    assert!(started["metadata"]["annotations"][RUN].is_string(), "{started:#}");
}

/// The restore that was interrupted has restored everything, and nothing of its interruption is left.
async fn check_restored(velero: &Installation<'_>, app: &str) {
    let ended = velero.await_phase("Restore", "cut", &ENDED, LIMIT).await.unwrap();
    assert_eq!(phase(&ended), "Completed", "{:#}\n{}", ended["status"], velero.log());
    assert!(ended["metadata"]["annotations"][RUN].is_null(), "{ended:#}");
    let there = velero.objects().live(&format!("{app}-2")).await.unwrap();
    let names: Vec<_> = there.keys().collect();
    assert_eq!(names, ["configmaps/first", "configmaps/second", "configmaps/third"]);
}

#[tokio::test]
async fn a_restore_of_a_killed_server_is_begun_again() {
    let mut velero = install("velero-half", Store::File).await;
    held_restore(&velero, "half").await;
    velero.kill().unwrap();
    let_go(&mut velero).await;
    check_restored(&velero, "half").await;
}

#[tokio::test]
async fn a_restore_of_a_stopped_server_is_begun_again_unless_its_backup_is_gone() {
    let mut velero = install("velero-halt", Store::File).await;
    held_restore(&velero, "halt").await;
    assert!(velero.stop().await.unwrap().success(), "{}", velero.log());
    let left = velero.get("Restore", "cut").await.unwrap().unwrap();
    assert_eq!(phase(&left), "InProgress", "{:#}", left["status"]);
    velero.restart().await.unwrap();
    velero.await_phase("Restore", "cut", &["InProgress"], LIMIT).await.unwrap();

    velero.kill().unwrap();
    velero.objects().delete("velero.io/v1/Backup", velero.namespace(), "shop").await.unwrap();
    let_go(&mut velero).await;
    check_failed(&velero, "Restore", "cut", "can't find backup").await;
}

/// Uploads of the archive of `cut` that were begun and neither ended nor aborted, as the S3 server keeps them: a folder for each, in one
/// that is named by a digest of the key. There is one bucket for all tests, so that others' must not be counted.
fn unfinished_uploads(velero: &Installation<'_>) -> usize {
    let key = format!("{}/{}", velero.namespace(), Bucket::archive_key("cut"));
    let digest = hex::encode(Sha256::digest(key));
    let uploads = cluster().directory().join("buckets/backups/.sgwtmp/multipart").join(digest);
    std::fs::read_dir(uploads).into_iter().flatten().count()
}

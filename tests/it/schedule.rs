//! Schedules that make Backups, and those that cannot.

use lateen_test_harness::{Store, wait_for};
use serde_json::{Value, json};

use crate::world::{ENDED, LIMIT, config_maps, create, install, phase};

#[tokio::test]
async fn a_schedule_that_is_due_makes_a_backup() {
    let velero = install("velero-nightly", Store::File).await;
    config_maps(&velero, "nightly", &["one"]).await;
    // The last backup was long ago, so that the next is due at once: no test waits for a minute to be over.
    let schedule = json!({
        "apiVersion": "velero.io/v1", "kind": "Schedule",
        "metadata": { "namespace": velero.namespace(), "name": "nightly", "labels": { "team": "shop" } },
        "spec": { "schedule": "0 3 * * *", "template": { "includedNamespaces": ["nightly"], "ttl": "1h0m0s" } },
        "status": { "lastBackup": "2026-01-15T03:00:00Z" },
    });
    velero.objects().apply_value(&schedule).await.unwrap();

    let backup = wait_for("a Backup by the schedule", LIMIT, async || {
        let backups = velero.objects().list("velero.io/v1/Backup", velero.namespace()).await?;
        Ok(backups.into_iter().next())
    });
    let backup = backup.await.unwrap();
    let name = backup["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("nightly-20") && name.len() == "nightly-20260115030000".len(), "{name}");
    let labels = &backup["metadata"]["labels"];
    assert_eq!((&labels["velero.io/schedule-name"], &labels["team"]), (&json!("nightly"), &json!("shop")));
    let ended = velero.await_phase("Backup", name, &ENDED, LIMIT).await.unwrap();
    assert_eq!((phase(&ended), &ended["spec"]["ttl"]), ("Completed", &json!("1h0m0s")), "{ended:#}");

    let schedule = velero.await_phase("Schedule", "nightly", &["Enabled"], LIMIT).await.unwrap();
    assert_ne!(schedule["status"]["lastBackup"], "2026-01-15T03:00:00Z");
    let said = create(&velero, &["schedule", "get"]).await;
    assert!(said.contains("nightly") && said.contains("Enabled"), "{said}");
    // One that is due makes one Backup, however many times were missed.
    let backups = velero.objects().list("velero.io/v1/Backup", velero.namespace()).await.unwrap();
    assert_eq!(backups.len(), 1, "{backups:#?}");

    create(&velero, &["backup", "create", "by-hand", "--from-schedule", "nightly", "--wait"]).await;
    let by_hand = velero.get("Backup", "by-hand").await.unwrap().unwrap();
    assert_eq!((phase(&by_hand), &by_hand["spec"]["includedNamespaces"]), ("Completed", &json!(["nightly"])));
}

#[tokio::test]
async fn an_interval_goes_on() {
    let velero = install("velero-interval", Store::File).await;
    config_maps(&velero, "interval", &["one"]).await;
    create(
        &velero,
        &["schedule", "create", "often", "--schedule", "@every 1s", "--include-namespaces", "interval"],
    )
    .await;
    wait_for("two finished Backups", LIMIT, async || {
        let backups = velero.objects().list("velero.io/v1/Backup", velero.namespace()).await?;
        Ok((backups.iter().filter(|backup| phase(backup) == "Completed").count() >= 2).then_some(()))
    })
    .await
    .unwrap();
    create(&velero, &["schedule", "pause", "often"]).await;
    let paused = velero.get("Schedule", "often").await.unwrap().unwrap();
    assert_eq!(paused["spec"]["paused"], true);
}

#[tokio::test]
async fn an_expression_that_is_none_fails_validation() {
    let velero = install("velero-cron", Store::File).await;
    let create_schedule = async |name: &str, expression: &str| {
        create(&velero, &["schedule", "create", name, "--schedule", expression]).await;
        velero.await_phase("Schedule", name, &["Enabled", "FailedValidation"], LIMIT).await.unwrap()
    };
    let errors = |schedule: &Value| schedule["status"]["validationErrors"].to_string();

    let bad = create_schedule("bad", "61 * * * *").await;
    assert_eq!(phase(&bad), "FailedValidation", "{bad:#}");
    assert!(errors(&bad).contains("invalid schedule"), "{bad:#}");
    let said = create(&velero, &["schedule", "describe", "bad"]).await;
    assert!(said.contains("Validation errors:") && said.contains("invalid schedule"), "{said}");

    // Sunday is 0 and 7, whatever the library below thinks.
    let sundays = create_schedule("sundays", "0 3 * * 0").await;
    assert_eq!((phase(&sundays), errors(&sundays).as_str()), ("Enabled", "null"));

    // Mended, it is valid.
    let mended = json!({ "spec": { "schedule": "1 * * * *" } });
    velero.objects().merge("velero.io/v1/Schedule", velero.namespace(), "bad", &mended).await.unwrap();
    let mended = velero.await_phase("Schedule", "bad", &["Enabled"], LIMIT).await.unwrap();
    assert_eq!(errors(&mended), "null", "{mended:#}");
    let backups = velero.objects().list("velero.io/v1/Backup", velero.namespace()).await.unwrap();
    assert_eq!(backups.len(), 0, "{backups:#?}");
}

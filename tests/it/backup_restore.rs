//! Back up, lose, restore: with the velero CLI as it is, on both stores, what runs leave out, and what they make of requests that are refused.

use lateen_test_harness::{Bucket, Store, differences, wait_for};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{
    ENDED, LIMIT, application, await_pods, back_up, config_maps, create, deploy, install, items, phase,
    restore,
};

#[rstest]
#[case::file("round-file", Store::File)]
#[case::s3("round-s3", Store::S3)]
#[tokio::test]
async fn what_is_restored_is_what_was_backed_up(#[case] app: &str, #[case] store: Store) {
    let mut velero = install(&format!("velero-{app}"), store).await;
    deploy(&velero, app).await;
    let before = velero.objects().live(app).await.unwrap();
    assert_eq!(before.len(), 8, "{before:#?}");

    let said = create(&velero, &["backup", "create", "shop", "--include-namespaces", app, "--wait"]).await;
    assert!(said.contains("Backup completed with status: Completed."), "{said}");
    let said = create(&velero, &["backup", "get"]).await;
    let line = said.lines().find(|line| line.starts_with("shop ")).unwrap();
    let columns: Vec<&str> = line.split_whitespace().take(4).collect();
    assert_eq!(columns, ["shop", "Completed", "0", "0"]);
    let said = create(&velero, &["backup", "describe", "shop", "--details"]).await;
    for expected in
        ["Phase:  Completed", "Storage Location:  default", "apps/v1/Deployment:", &format!("- {app}/web")]
    {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
    assert!(!said.contains("<error"), "{said}");
    let said = create(&velero, &["backup", "logs", "shop"]).await;
    assert!(said.lines().all(|line| line.starts_with("time=\"")) && said.contains("level=info"), "{said}");
    assert!(said.contains("Backed up a total of"), "{said}");
    create(&velero, &["backup", "download", "shop", "--output", "shop.tar.gz"]).await;
    let downloaded = std::fs::read(velero.directory().join("shop.tar.gz")).unwrap();
    assert!(downloaded == velero.bucket().read(&Bucket::archive_key("shop")).unwrap());

    velero.objects().delete_namespace(app).await.unwrap();
    let target = format!("{app}-2");
    let mapping = format!("{app}:{target}");
    let arguments =
        ["restore", "create", "again", "--from-backup", "shop", "--namespace-mappings", &mapping, "--wait"];
    let said = create(&velero, &arguments).await;
    assert!(said.contains("Restore completed with status: Completed."), "{said}");
    await_pods(&velero, &target, 3).await;
    let after = velero.objects().live(&target).await.unwrap();
    let moved =
        format!(r#"rolebindings.rbac.authorization.k8s.io/web subjects[0].namespace: "{app}" -> "{target}""#);
    assert_eq!(differences(&before, &after), [moved]);
    let namespace = velero.objects().get("v1/Namespace", "", &target).await.unwrap().unwrap();
    assert_eq!(namespace["metadata"]["labels"]["team"], "shop");

    let said = create(&velero, &["restore", "describe", "again", "--details"]).await;
    for expected in [
        "Phase:",
        "Completed",
        "Namespace mappings:",
        "apps/v1/Deployment:",
        &format!("- {target}/web(created)"),
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
    assert!(!said.contains("<error"), "{said}");
    let said = create(&velero, &["restore", "logs", "again"]).await;
    assert!(said.lines().all(|line| line.starts_with("time=\"")) && said.contains("level=info"), "{said}");
    let said = create(&velero, &["version"]).await;
    assert!(said.contains("Server:\n\tVersion: v1.18.3-lateen."), "{said}");
    // A second restore finds everything as it should be, and has nothing to warn about.
    let again = restore(&velero, "once-more", "shop", &mapping).await;
    let told = create(&velero, &["restore", "describe", "once-more", "--details"]).await;
    assert_eq!((phase(&again), &again["status"]["warnings"]), ("Completed", &Value::Null), "{told}");
    assert!(velero.stop().await.unwrap().success());
}

#[tokio::test]
async fn filters_are_respected() {
    let velero = install("velero-filters", Store::File).await;
    velero.objects().apply(&application("filters-a").replace("replicas: 3", "replicas: 0")).await.unwrap();
    config_maps(&velero, "filters-b", &["other"]).await;
    let backed_up = async |name: &str, filters: &[&str]| {
        create(&velero, &[&["backup", "create", name, "--wait", "--include-namespaces"], filters].concat())
            .await;
        assert_eq!(phase(&velero.get("Backup", name).await.unwrap().unwrap()), "Completed");
        items(&velero.bucket().archive(name).unwrap())
    };
    let has = |items: &[String], item: &str| items.iter().any(|it| it == item);
    let (secret, other) = ("secrets/filters-a/database", "configmaps/filters-b/other");
    let deployment = "deployments.apps/filters-a/web";

    let all = backed_up("all", &["filters-a,filters-b"]).await;
    assert!(has(&all, secret) && has(&all, other) && has(&all, deployment), "{all:#?}");

    let found = backed_up("no-secrets", &["filters-*", "--exclude-resources", "secrets"]).await;
    assert!(!has(&found, secret) && has(&found, other) && has(&found, deployment), "{found:#?}");

    let found = backed_up("no-b", &["filters-*", "--exclude-namespaces", "filters-b"]).await;
    assert!(has(&found, secret) && !found.iter().any(|it| it.contains("filters-b")), "{found:#?}");

    let found = backed_up("labelled", &["filters-*", "--selector", "tier=front"]).await;
    let expected = ["configmaps/filters-a/settings", deployment, "services/filters-a/web"].map(str::to_owned);
    let of_users = [
        "configmaps/",
        "secrets/",
        "services/",
        "deployments.apps/",
        "roles",
        "serviceaccounts/",
        "vouchers",
    ];
    let found: Vec<String> =
        found.into_iter().filter(|it| of_users.iter().any(|kind| it.starts_with(kind))).collect();
    assert_eq!(found, expected);

    let found =
        backed_up("only-vouchers", &["filters-*", "--include-resources", "vouchers.shop.example.com"]).await;
    let found: Vec<&String> = found.iter().filter(|it| !it.starts_with("namespaces/")).collect();
    // Whoever names kinds gets those kinds, and no definition along with them.
    assert_eq!(found, ["vouchers.shop.example.com/filters-a/spring"]);
}

#[tokio::test]
async fn an_item_that_is_refused_fails_alone() {
    let velero = install("velero-refused", Store::File).await;
    velero.objects().apply(&application("refused").replace("replicas: 3", "replicas: 0")).await.unwrap();
    assert_eq!(phase(&back_up(&velero, "shop", "refused").await), "Completed");
    velero.objects().create_namespace("refused-2").await.unwrap();
    let quota = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: none, namespace: refused-2}, spec: {hard: {count/secrets: 0}}}";
    velero.objects().apply(quota).await.unwrap();

    let run = restore(&velero, "partly", "shop", "refused:refused-2").await;

    assert_eq!((phase(&run), &run["status"]["errors"]), ("PartiallyFailed", &json!(1)), "{run:#}");
    let there = velero.objects().live("refused-2").await.unwrap();
    assert!(
        there.contains_key("deployments.apps/web") && there.contains_key("vouchers.shop.example.com/spring")
    );
    assert!(!there.contains_key("secrets/database"));
    let said = create(&velero, &["restore", "describe", "partly", "--details"]).await;
    assert!(said.contains("secrets \"database\" is forbidden"), "{said}");
    assert!(said.contains("- refused-2/database(failed)"), "{said}");
}

#[tokio::test]
async fn what_the_server_does_not_know_survives() {
    let velero = install("velero-unknown", Store::File).await;
    config_maps(&velero, "unknown", &["one"]).await;
    // A field of a newer version of the kind, which the API server keeps and this server has never heard of.
    let kind = "apiextensions.k8s.io/v1/CustomResourceDefinition";
    let mut definition = velero.objects().get(kind, "", "backups.velero.io").await.unwrap().unwrap();
    for place in ["spec", "status"] {
        let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][place];
        schema["properties"]["future"] = json!({ "type": "string" });
    }
    let versions = json!({ "spec": { "versions": definition["spec"]["versions"] } });
    velero.objects().merge(kind, "", "backups.velero.io", &versions).await.unwrap();
    let backup = |name: &str| {
        json!({
            "apiVersion": "velero.io/v1", "kind": "Backup",
            "metadata": {
                "namespace": velero.namespace(), "name": name,
                "annotations": { "example.com/note": "mine" }, "labels": { "example.com/team": "shop" },
                "finalizers": ["example.com/hold"],
            },
            "spec": { "includedNamespaces": ["unknown"], "future": "spec" },
            "status": { "future": "status" },
        })
    };
    // The API server takes a moment until it goes by the changed definition.
    wait_for("the API server to keep the field", LIMIT, async || {
        let probe = json!({ "spec": { "future": "probe" } });
        let name = "default-probe";
        let probe = velero
            .objects()
            .apply_value(&json!({
                "apiVersion": "velero.io/v1", "kind": "Backup",
                "metadata": { "namespace": "unknown", "name": name }, "spec": probe["spec"],
            }))
            .await?;
        Ok((probe["spec"]["future"] == "probe").then_some(()))
    })
    .await
    .unwrap();

    velero.objects().apply_value(&backup("kept")).await.unwrap();
    let ended = velero.await_phase("Backup", "kept", &ENDED, LIMIT).await.unwrap();

    assert_eq!(phase(&ended), "Completed", "{ended:#}");
    let stored = velero.bucket().read("backups/kept/velero-backup.json").unwrap();
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    for object in [&ended, &stored] {
        assert_eq!(object["metadata"]["annotations"]["example.com/note"], "mine", "{object:#}");
        assert_eq!(object["metadata"]["labels"]["example.com/team"], "shop", "{object:#}");
        assert_eq!(object["metadata"]["finalizers"], json!(["example.com/hold"]), "{object:#}");
        assert_eq!(object["spec"]["future"], "spec", "{object:#}");
        assert_eq!(object["status"]["future"], "status", "{object:#}");
    }
}

#[tokio::test]
async fn one_location_that_does_not_decode_leaves_the_others_alone() {
    let velero = install("velero-odd-location", Store::File).await;
    let odd = json!({
        "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation",
        "metadata": { "namespace": velero.namespace(), "name": "odd" },
        // The API server takes any text; days are no duration.
        "spec": { "provider": "file", "objectStorage": { "bucket": "b" }, "validationFrequency": "30d" },
    });
    velero.objects().apply_value(&odd).await.unwrap();
    config_maps(&velero, "odd-location", &["one"]).await;
    let ended = back_up(&velero, "all-the-same", "odd-location").await;
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    let velero = install("velero-invalid", Store::File).await;
    // By the API: the CLI would not even send these.
    let apply = async |kind: &str, name: &str, spec: Value| {
        let object = json!({
            "apiVersion": "velero.io/v1", "kind": kind,
            "metadata": { "namespace": velero.namespace(), "name": name }, "spec": spec,
        });
        velero.objects().apply_value(&object).await.unwrap();
        let ended = velero.await_phase(kind, name, &ENDED, LIMIT).await.unwrap();
        assert_eq!(phase(&ended), "FailedValidation", "{ended:#}");
        let errors = ended["status"]["validationErrors"].as_array().unwrap();
        errors.iter().map(|error| error.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let errors = apply("Backup", "nowhere", json!({ "storageLocation": "moon" })).await;
    assert!(errors.len() == 1 && errors[0].contains("moon"), "{errors:?}");
    let said = create(&velero, &["backup", "describe", "nowhere"]).await;
    assert!(said.contains("Validation errors:") && said.contains(&errors[0]), "{said}");

    let spec = json!({ "includedResources": ["pods", "*"], "excludedNamespaces": ["*"] });
    let errors = apply("Backup", "both", spec).await;
    assert_eq!(errors.len(), 2, "{errors:?}");

    let errors = apply("Restore", "of-nothing", json!({ "backupName": "nothing" })).await;
    assert!(errors.len() == 1 && errors[0].contains("nothing"), "{errors:?}");
    let errors = apply("Restore", "of-two", json!({ "backupName": "a", "scheduleName": "b" })).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(velero.bucket().keys().unwrap(), [""; 0], "nothing was written");
}

//! `lateen restore plan` on a real API server: what it foretells is what a restore then does, and foretelling changes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use flate2::read::GzDecoder;
use lateen_test_cluster::{Cluster, Part};
use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::{Value, json};

use crate::redaction::with_snapshots;
use crate::world::{ENDED, LIMIT, binary, cluster, create, install, phase, setup};

const BEFORE: &str = include_str!("../fixtures/restore-plan/before.yaml");
const AFTER: &str = include_str!("../fixtures/restore-plan/after.yaml");
const DEFINITION: (&str, &str) =
    ("apiextensions.k8s.io/v1/CustomResourceDefinition", "gauges.plan.example.com");

/// The restore that is foretold and then made.
const FLAGS: [&str; 4] =
    ["--from-backup", "before", "--namespace-mappings=plan-tools:plan-tools-2", "--preserve-nodeports=true"];

/// What comes and goes by itself.
const NOISE: [&str; 4] = ["endpoints", "endpointslices.discovery.k8s.io", "events", "events.events.k8s.io"];

/// What a command said, and its exit code.
struct Said {
    code: i32,
    out: String,
    err: String,
}

async fn plan(velero: &Installation<'_>, kubeconfig: &Path, arguments: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(binary());
    command.args(["restore", "plan", "-n", velero.namespace(), "--kubeconfig"]).arg(kubeconfig);
    command.arg("--cache-dir").arg(velero.directory().join("components")).args(arguments);
    let Output { status, stdout, stderr } = command.env_remove("COLUMNS").output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

/// The preview as a document.
async fn document(velero: &Installation<'_>, kubeconfig: &Path, flags: &[&str]) -> Value {
    let arguments = [flags, &["trial", "-o", "json"]].concat();
    let said = plan(velero, kubeconfig, &arguments).await;
    assert_eq!((said.code, said.err.as_str()), (1, ""), "{}", said.out);
    serde_json::from_str(&said.out).unwrap()
}

/// Everything that the preview is about, to the last resource version.
async fn picture(velero: &Installation<'_>) -> BTreeSet<String> {
    let all = velero.objects().everything().await.unwrap();
    let ours = all.into_iter().filter(|(kind, object)| {
        let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
        let place = namespace.as_str().or(name.as_str()).unwrap_or_default();
        !NOISE.contains(&kind.as_str())
            && (place.starts_with("plan-") || place.ends_with(".plan.example.com"))
            || kind == "downloadrequests.velero.io" && *namespace == velero.namespace()
    });
    ours.map(|(kind, object)| format!("{kind} {object}")).collect()
}

/// `namespace/name(action)` of all objects, as a restore's list of items has it.
fn foretold(document: &Value) -> BTreeSet<String> {
    let kinds = document["kinds"].as_array().unwrap().iter();
    let objects = kinds.flat_map(|kind| kind["objects"].as_array().unwrap());
    let made = document["namespaces"].as_array().unwrap().iter().filter(|it| it["fate"] == "create");
    let made = made.map(|namespace| format!("{}(created)", namespace["name"].as_str().unwrap()));
    let lines = objects.map(|object| {
        let name = object["name"].as_str().unwrap();
        let place = object["namespace"].as_str().map_or(name.to_owned(), |it| format!("{it}/{name}"));
        let action = match object["fate"].as_str().unwrap() {
            "create" => "created",
            "update" => "updated",
            "unchanged" | "skip" => "skipped",
            _ => "failed",
        };
        format!("{place}({action})")
    });
    lines.chain(made).collect()
}

/// A file that a restore has left in the bucket.
fn file(velero: &Installation<'_>, key: &str) -> Value {
    serde_json::from_reader(GzDecoder::new(velero.bucket().read(key).unwrap().as_slice())).unwrap()
}

fn done(list: &Value) -> BTreeSet<String> {
    let kinds = list.as_object().unwrap().values();
    let items = kinds.flat_map(|items| items.as_array().unwrap());
    items.map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn fate<'a>(document: &'a Value, kind: &str, name: &str) -> &'a Value {
    let kinds = document["kinds"].as_array().unwrap();
    let kind = kinds.iter().find(|it| it["resource"] == kind).unwrap();
    kind["objects"].as_array().unwrap().iter().find(|object| object["name"] == name).unwrap()
}

async fn prepared(cluster: &Cluster) -> Installation<'_> {
    let velero = Installation::start(cluster, setup("velero-plan", Store::S3)).await.unwrap();
    let objects = velero.objects();
    let applied = objects.apply(BEFORE).await.unwrap();
    objects.settle(&applied).await.unwrap();
    let noise = format!("--exclude-resources={}", NOISE.join(","));
    let arguments = ["--include-namespaces=plan-shop,plan-tools", noise.as_str(), "--wait"];
    create(&velero, &[&["backup", "create", "before"][..], &arguments].concat()).await;
    let backup = velero.await_phase("Backup", "before", &ENDED, LIMIT).await.unwrap();
    assert_eq!(phase(&backup), "Completed");
    objects.delete("v1/ConfigMap", "plan-shop", "gone").await.unwrap();
    objects.delete("v1/Service", "plan-shop", "web").await.unwrap();
    objects.delete(DEFINITION.0, "", DEFINITION.1).await.unwrap();
    // The port is free once the Service is gone, and that is seen a moment later.
    wait_for("the port to be free", LIMIT, async || Ok(objects.apply(AFTER).await.ok())).await.unwrap();
    wait_for("the end of the kind", LIMIT, async || {
        let discovery = kube::discovery::Discovery::new(objects.client()).run_aggregated().await?;
        Ok((!discovery.has_group("plan.example.com")).then_some(()))
    })
    .await
    .unwrap();
    velero
}

#[tokio::test]
async fn a_restore_does_what_was_foretold() {
    // A kind that goes away would disturb others.
    let cluster = Cluster::builder().without(Part::Node).start().unwrap();
    let velero = prepared(&cluster).await;
    let admin = cluster.kubeconfig();
    let before = picture(&velero).await;

    let said = plan(&velero, &admin, &[&FLAGS[..], &["--width=100", "--diff"]].concat()).await;
    assert_eq!((said.code, said.err.as_str()), (1, ""), "{}", said.out);
    assert!(!said.out.contains("as-it-"), "the value of a Secret");
    let backup = velero.get("Backup", "before").await.unwrap().unwrap();
    let began = backup["status"]["startTimestamp"].as_str().unwrap();
    with_snapshots("", || insta::assert_snapshot!("restore-plan", said.out.replace(began, "(time)")));

    let updating =
        document(&velero, &admin, &[&FLAGS[..], &["--existing-resource-policy=update"]].concat()).await;
    let changed = fate(&updating, "configmaps", "changed");
    assert_eq!(changed["fate"], "update", "{changed:#}");
    assert_eq!(changed["difference"], json!({"patch": {"data": {"color": "green"}}}));
    let token = fate(&updating, "secrets", "token");
    assert_eq!(token["difference"], json!({"patch": {"data": {"token": "*** (after)"}}}));

    let document = document(&velero, &admin, &FLAGS).await;
    assert_eq!(picture(&velero).await, before, "a preview changes nothing");

    let arguments = [&["restore", "create", "trial", "--wait"], &FLAGS[..]].concat();
    create(&velero, &arguments).await;
    let restore = velero.await_phase("Restore", "trial", &ENDED, LIMIT).await.unwrap();
    assert_eq!(phase(&restore), "PartiallyFailed");
    let list = file(&velero, "restores/trial/restore-trial-resource-list.json.gz");
    // What the cluster makes in every namespace is there first, or not.
    let own = |items: BTreeSet<String>| -> BTreeSet<String> {
        let made = ["plan-tools-2/default(", "plan-tools-2/kube-root-ca.crt("];
        items.into_iter().filter(|item| !made.iter().any(|it| item.starts_with(it))).collect()
    };
    assert_eq!(own(foretold(&document)), own(done(&list)));
    let results = file(&velero, "restores/trial/restore-trial-results.gz");
    assert_eq!(document["results"], results);

    // Now everything is there.
    let said = plan(&velero, &admin, &[&FLAGS[..], &["--exclude-resources=services"]].concat()).await;
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(!said.out.contains("created"), "{}", said.out);
}

#[tokio::test]
async fn who_may_not_ask_is_told_what_is_missing() {
    let velero = install("velero-plan-rights", Store::File).await;
    let objects = velero.objects();
    objects.create_namespace("plan-rights").await.unwrap();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "plan-rights"}});
    objects.apply_value(&map).await.unwrap();
    create(&velero, &["backup", "create", "before", "--include-namespaces", "plan-rights", "--wait"]).await;
    objects.delete("v1/ConfigMap", "plan-rights", "a").await.unwrap();

    let kubeconfig = cluster().kubeconfig_for_user("plan-reader", None).unwrap();
    let flags = ["--from-backup=before", "--include-resources=configmaps"];
    let said = plan(&velero, &kubeconfig, &flags).await;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.starts_with("error: cannot look up what the restore needs: "), "{}", said.err);
    assert!(
        said.err.contains("backups.velero.io \"before\" is forbidden: User \"plan-reader\""),
        "{}",
        said.err
    );

    // Enough to ask for the archive, and to read.
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let reader = |namespace: &str, rules: Value| {
        let (group, metadata) =
            ("rbac.authorization.k8s.io", json!({"name": "plan-reader", "namespace": namespace}));
        let subject = json!({"kind": "User", "name": "plan-reader", "apiGroup": group});
        let role_ref = json!({"kind": "Role", "name": "plan-reader", "apiGroup": group});
        let version = format!("{group}/v1");
        [
            json!({"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules}),
            json!({"apiVersion": version, "kind": "RoleBinding", "metadata": metadata, "roleRef": role_ref, "subjects": [subject]}),
        ]
    };
    let of_server = json!([
        rule("velero.io", &["backups", "backupstoragelocations"], &["get", "list"]),
        rule("velero.io", &["downloadrequests"], &["get", "create", "delete"]),
        rule("", &["configmaps"], &["get", "list"]),
    ]);
    let of_app = json!([rule("", &["configmaps"], &["get"])]);
    let roles = [reader(velero.namespace(), of_server), reader("plan-rights", of_app)];
    for object in roles.as_flattened() {
        objects.apply_value(object).await.unwrap();
    }
    let said = plan(&velero, &kubeconfig, &[&flags[..], &["-o", "json"]].concat()).await;
    assert_eq!(said.code, 3, "{} {}", said.out, said.err);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let right = json!({"verb": "create", "resource": "configmaps", "namespace": "plan-rights", "objects": 1});
    assert!(document["missingRights"].as_array().unwrap().contains(&right), "{document:#}");
    let object = fate(&document, "configmaps", "a");
    let why = "you may not create configmaps in plan-rights";
    assert_eq!((object["fate"].as_str(), object["unverified"].as_str()), (Some("create"), Some(why)));
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_the_reason() {
    let velero = install("velero-plan-errors", Store::File).await;
    let failed = json!({
        "apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": {"name": "broken", "namespace": velero.namespace()},
        "spec": {"storageLocation": "default"}, "status": {"phase": "Failed"},
    });
    velero.objects().apply_value(&failed).await.unwrap();
    for (flags, told) in [
        (&["--from-backup=none"][..], "the restore is not valid: Error retrieving backup: can't find backup"),
        (
            &["--from-backup=broken"],
            "backup broken is in phase Failed: only one that is Completed or PartiallyFailed",
        ),
        (&[], "Either a backup or schedule must be specified"),
        (&["--from-schedule=none", "--allow-partially-failed"], "schedule none has no backup"),
        (&["-f", "/nonexistent"], "cannot read /nonexistent"),
        (&["--from-backup=broken", "--kubecontext=elsewhere"], "could not use the kubeconfig"),
    ] {
        let said = plan(&velero, &cluster().kubeconfig(), flags).await;
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        assert!(said.err.contains(told), "{}", said.err);
    }
}

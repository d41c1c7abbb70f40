//! Item actions on the way through a real server: from the ConfigMap into backups and restores.

use k8s_openapi::ByteString;
use lateen_test_harness::{Installation, Store};
use serde_json::json;

use crate::world::{
    application, back_up, config_maps, create, install, item, items, listed_actions, phase, restore,
};

/// The example, set on the ConfigMaps of a namespace.
fn stamp(namespace: &str) -> String {
    format!(
        "name: test.example/stamp\non: [backup, restore]\nmatch: {{resources: [configmaps, deployments.apps], namespaces: [{namespace}]}}\ncomponent: action.wasm\nparams: {{replicas: 1, annotations: {{by: test}}}}\n"
    )
}

async fn apply(velero: &Installation<'_>, name: &str, manifest: &str, component: &[u8]) -> (String, String) {
    let action = velero.apply_action(name, manifest, component).await.unwrap();
    velero.await_verdict(&action).await.unwrap()
}

#[tokio::test]
async fn an_action_that_comes_while_the_server_runs_works_from_the_next_run_on() {
    let velero = install("velero-stamp", Store::File).await;
    velero.objects().apply(&application("stamp").replace("replicas: 3", "replicas: 2")).await.unwrap();
    let component = lateen_guests::build_bytes("stamp").unwrap();
    let settings = |backup: &str| {
        let archive = velero.bucket().archive(backup).unwrap();
        item(&archive, "configmaps", "namespaces/stamp/settings")["metadata"]["annotations"].clone()
    };

    assert_eq!(phase(&back_up(&velero, "without", "stamp").await), "Completed");
    assert!(settings("without").is_null());

    let (reason, message) = apply(&velero, "stamp", &stamp("stamp"), &component).await;
    assert_eq!(reason, "ActionLoaded", "{message}");
    assert!(message.contains("test.example/stamp"), "{message}");
    let there = velero.objects().live(velero.namespace()).await.unwrap();
    let status = &there["configmaps/stamp"]["metadata"]["annotations"]["lateen.dev/item-action-status"];
    assert!(status.as_str().unwrap().starts_with(r#"{"state":"Loaded","#), "{status}");
    let with = back_up(&velero, "with", "stamp").await;
    assert_eq!(phase(&with), "Completed");
    let used = with["metadata"]["annotations"]["lateen.dev/item-actions"].as_str().unwrap();
    assert!(used.contains(r#""name":"test.example/stamp""#), "{used}");
    assert_eq!(settings("with"), json!({ "by": "test", "demo.lateen.dev/backed-up-by": "with" }));
    let said = create(&velero, &["backup", "logs", "with"]).await;
    assert!(said.contains("test.example/stamp"), "{said}");

    let listed = listed_actions(&velero).await;
    let find = |name: &str| {
        listed.as_array().unwrap().iter().find(|action| action["name"] == name).cloned().unwrap()
    };
    let stamp = find("test.example/stamp");
    assert_eq!(
        (&stamp["state"], &stamp["source"], &stamp["failures"]),
        (&json!("Loaded"), &json!("stamp"), &json!(0))
    );
    assert!(stamp["calls"].as_u64() > Some(0), "{stamp}");
    assert!(listed.as_array().unwrap().iter().any(|action| action["source"] == "built-in"), "{listed:#}");

    let run = restore(&velero, "again", "with", "stamp:stamp-2").await;
    assert_eq!(phase(&run), "Completed", "{run:#}");
    let there = velero.objects().live("stamp-2").await.unwrap();
    let expected = json!({ "by": "test", "demo.lateen.dev/backed-up-by": "with", "demo.lateen.dev/restored-by": "again" });
    assert_eq!(there["configmaps/settings"]["metadata"]["annotations"], expected);
    assert_eq!(there["deployments.apps/web"]["spec"]["replicas"], 1);
    // What does not match is not touched, down to the last bit of a large number.
    assert_eq!(there["vouchers.shop.example.com/spring"]["spec"]["serial"], 9_007_199_254_740_993_u64);
    let said = create(&velero, &["restore", "logs", "again"]).await;
    assert!(said.contains("scaled from 2 to 1 replicas"), "{said}");

    velero.objects().delete("v1/ConfigMap", velero.namespace(), "stamp").await.unwrap();
    // Nothing tells that the server has seen it; the first backup after that is a matter of milliseconds.
    let mut attempt = 0;
    loop {
        attempt += 1;
        let name = format!("after-{attempt}");
        assert_eq!(phase(&back_up(&velero, &name, "stamp").await), "Completed");
        if settings(&name).is_null() {
            break;
        }
        assert!(attempt < 5, "a deleted action is still used");
    }
}

#[tokio::test]
async fn what_a_broken_action_matches_fails_and_the_rest_does_not() {
    let velero = install("velero-broken", Store::File).await;
    velero.objects().apply(&application("broken").replace("replicas: 3", "replicas: 0")).await.unwrap();
    let (reason, message) =
        apply(&velero, "broken", &stamp("broken"), b"\0asm\x0d\0\x01\0 and no more").await;
    assert_eq!(reason, "ActionRefused");
    assert!(!message.is_empty());

    let backup = back_up(&velero, "partly", "broken").await;
    assert_eq!(phase(&backup), "PartiallyFailed", "{backup:#}");
    let found = items(&velero.bucket().archive("partly").unwrap());
    assert!(found.iter().any(|it| it == "secrets/broken/database"), "{found:#?}");
    let matched = |it: &&String| it.starts_with("configmaps/") || it.starts_with("deployments.apps/");
    assert_eq!(found.iter().filter(matched).count(), 0, "{found:#?}");
    let said = create(&velero, &["backup", "describe", "partly", "--details"]).await;
    assert!(said.contains("test.example/stamp") && said.contains("settings"), "{said}");
    // kube-root-ca.crt, settings and the Deployment.
    assert_eq!(backup["status"]["errors"], 3, "{said}");
}

#[tokio::test]
async fn an_action_that_nobody_can_read_is_an_error_of_every_run() {
    let velero = install("velero-unreadable", Store::File).await;
    config_maps(&velero, "unreadable", &["one"]).await;
    // As PowerShell writes files: the API server takes it as binary data.
    let utf16 = ByteString("\u{feff}on: [backup]".encode_utf16().flat_map(u16::to_le_bytes).collect());
    let utf16 = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": velero.namespace(), "name": "utf-16", "labels": { "lateen.dev/item-action": "" } },
        "binaryData": { "action.yaml": utf16 },
    });
    let utf16 = velero.objects().apply_value(&utf16).await.unwrap();
    let (reason, message) = velero.await_verdict(&utf16).await.unwrap();
    assert_eq!(reason, "ActionRefused");
    assert!(message.contains("action.yaml is not UTF-8 text"), "{message}");
    let (reason, message) = apply(&velero, "unreadable", "on: [backup", b"").await;
    assert_eq!(reason, "ActionRefused");
    assert!(message.contains("manifest"), "{message}");

    let backup = back_up(&velero, "partly", "unreadable").await;
    assert_eq!((phase(&backup), &backup["status"]["errors"]), ("PartiallyFailed", &json!(2)), "{backup:#}");
    let found = items(&velero.bucket().archive("partly").unwrap());
    assert!(found.iter().any(|it| it == "configmaps/unreadable/one"), "{found:#?}");
    let said = create(&velero, &["backup", "describe", "partly", "--details"]).await;
    for name in ["unreadable", "utf-16"] {
        assert!(said.contains(&format!("{name} is labelled as an item action")), "{said}");
    }
}

#[tokio::test]
async fn a_restore_plants_no_action_and_leaves_those_there_alone() {
    let velero = install("velero-planted", Store::File).await;
    let component = lateen_guests::build_bytes("stamp").unwrap();
    let at_work = velero.apply_action("at-work", &stamp("planted"), &component).await.unwrap();
    assert_eq!(velero.await_verdict(&at_work).await.unwrap().0, "ActionLoaded");
    config_maps(&velero, "planted", &["one"]).await;
    // What another cluster would have: an action of its own, and another one under the name of the one that is at work here.
    for name in ["planted", "at-work"] {
        let mut map = at_work.clone();
        let manifest =
            stamp("planted").replace("test.example/stamp", &format!("test.example/{name}-planted"));
        map["metadata"] = json!({
            "namespace": "planted", "name": name, "labels": { "lateen.dev/item-action": "", "kept": "yes" },
        });
        map["data"]["action.yaml"] = manifest.replace("by: test", "by: intruder").into();
        velero.objects().apply_value(&map).await.unwrap();
    }
    assert_eq!(phase(&back_up(&velero, "shop", "planted").await), "Completed");

    let arguments = ["--from-backup", "shop", "--namespace-mappings", "planted:velero-planted"];
    let arguments = [
        &["restore", "create", "into-ours"],
        &arguments[..],
        &["--existing-resource-policy", "update", "--wait"],
    ];
    create(&velero, &arguments.concat()).await;

    let there = velero.objects().live(velero.namespace()).await.unwrap();
    let labels = &there["configmaps/planted"]["metadata"]["labels"];
    assert_eq!((&labels["kept"], &labels["lateen.dev/item-action"]), (&json!("yes"), &json!(null)));
    assert_eq!(there["configmaps/at-work"]["data"], at_work["data"]);
    assert_eq!(there["configmaps/at-work"]["metadata"]["labels"], at_work["metadata"]["labels"]);
    let said = create(&velero, &["restore", "describe", "into-ours", "--details"]).await;
    for warning in [
        "configmaps/velero-planted/planted: restored without its label lateen.dev/item-action;",
        "configmaps/velero-planted/at-work: an item action of this server has this name and stays as it is;",
    ] {
        assert!(said.contains(warning), "{said}");
    }
    assert_eq!(phase(&back_up(&velero, "after", "planted").await), "Completed");
    let one = item(&velero.bucket().archive("after").unwrap(), "configmaps", "namespaces/planted/one");
    assert_eq!(one["metadata"]["annotations"]["by"], "test", "{one:#}");
}

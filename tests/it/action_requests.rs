//! What actions ask for beside a change of the item, on the way through a real server: a claim's volume, another identity, waiting for what comes along.

use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::{Value, json};

use crate::world::{LIMIT, back_up, create, install, items, listed_actions, phase, restore};

/// The component knows these two: a claim in the one, which it calls ready once it is restored into the other.
const NAMESPACE: &str = "app";
const READY: &str = "ready";

/// A claim that is bound to a volume, and a ConfigMap.
fn objects() -> Vec<Value> {
    let storage = |mut spec: Value| {
        spec["accessModes"] = json!(["ReadWriteOnce"]);
        spec["storageClassName"] = "".into();
        spec
    };
    let volume = json!({
        "capacity": { "storage": "1Gi" }, "hostPath": { "path": "/nowhere" },
        "claimRef": { "namespace": NAMESPACE, "name": "data" },
    });
    let claim = json!({ "volumeName": "asked-for", "resources": { "requests": { "storage": "1Gi" } } });
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }),
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "asked-for" }, "spec": storage(volume) }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": storage(claim),
            "metadata": { "namespace": NAMESPACE, "name": "data", "labels": { "velero.io/volume-group": "one" } },
        }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": NAMESPACE, "name": "settings" } }),
    ]
}

async fn apply(velero: &Installation<'_>, manifest: &str) {
    let component = lateen_guests::build_bytes("every-role").unwrap();
    let action = velero.apply_action("asking", manifest, &component).await.unwrap();
    let (reason, message) = velero.await_verdict(&action).await.unwrap();
    assert_eq!(reason, "ActionLoaded", "{message}");
}

#[tokio::test]
async fn what_actions_ask_for_is_done() {
    let velero = install("velero-asking", Store::File).await;
    for object in objects() {
        velero.objects().apply_value(&object).await.unwrap();
    }
    wait_for("the claim is bound", LIMIT, async || {
        let claim = velero.objects().get("v1/PersistentVolumeClaim", NAMESPACE, "data").await?;
        Ok(claim.filter(|claim| claim["status"]["phase"] == "Bound"))
    })
    .await
    .unwrap();
    let backup = back_up(&velero, "shop", NAMESPACE).await;
    assert_eq!(phase(&backup), "Completed", "{backup:#}");

    a_claim_comes_with_its_volume(&velero).await;
    another_identity_is_what_is_created(&velero).await;
    an_item_waits_for_what_came_along(&velero).await;
}

/// The server's own actions look at the cluster without any flag.
async fn a_claim_comes_with_its_volume(velero: &Installation<'_>) {
    let found = items(&velero.bucket().archive("shop").unwrap());
    assert!(found.iter().any(|it| it == "persistentvolumes/asked-for"), "{found:#?}");
    let listed = listed_actions(velero).await;
    for name in ["velero.io/pv", "velero.io/pvc"] {
        let action = listed.as_array().unwrap().iter().find(|action| action["name"] == name).unwrap();
        assert!(action["calls"].as_u64() > Some(0), "{action}");
        assert_eq!(action["failures"], 0, "{action}");
    }
}

async fn another_identity_is_what_is_created(velero: &Installation<'_>) {
    let script = ".metadata.name += \"-renamed\"";
    let manifest = "name: test.example/renames\non: [restore]\nmatch: {resources: [configmaps]}\nengine: jq\ncapabilities: {identity: true}\n";
    let action = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": velero.namespace(), "name": "renames", "labels": { "lateen.dev/item-action": "" } },
        "data": { "action.yaml": manifest, "script.jq": script },
    });
    let action = velero.objects().apply_value(&action).await.unwrap();
    assert_eq!(velero.await_verdict(&action).await.unwrap().0, "ActionLoaded");
    let run = restore(velero, "renamed", "shop", "app:renamed").await;
    assert_eq!(phase(&run), "Completed", "{run:#}");
    let there = velero.objects().live("renamed").await.unwrap();
    assert!(there.contains_key("configmaps/settings-renamed"), "{:?}", there.keys());
    assert!(!there.contains_key("configmaps/settings"), "{:?}", there.keys());
    velero.objects().delete("v1/ConfigMap", velero.namespace(), "renames").await.unwrap();
}

async fn an_item_waits_for_what_came_along(velero: &Installation<'_>) {
    let manifest = "name: test.example/waits\non: [restore]\nmatch: {resources: [configmaps], namespaces: [app]}\ncomponent: action.wasm\nparams: {answer: wait}\n";
    apply(velero, manifest).await;
    let run = restore(velero, "in-time", "shop", &format!("{NAMESPACE}:{READY}")).await;
    assert_eq!(phase(&run), "Completed", "{run:#}");
    let there = velero.objects().live(READY).await.unwrap();
    assert!(there.contains_key("persistentvolumeclaims/data"), "{:?}", there.keys());

    // There it is never ready. The item is created all the same.
    let run = restore(velero, "too-late", "shop", "app:never-ready").await;
    assert_eq!(phase(&run), "PartiallyFailed", "{run:#}");
    let there = velero.objects().live("never-ready").await.unwrap();
    assert!(there.contains_key("configmaps/settings"), "{:?}", there.keys());
    let said = create(velero, &["restore", "describe", "too-late", "--details"]).await;
    assert!(
        said.contains("the related items of action test.example/waits were not ready after 2s"),
        "{said}"
    );
}

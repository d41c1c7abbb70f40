//! Scripts and the server's own actions on the way through a real server.

use lateen_test_harness::{Installation, Store};
use serde_json::{Value, json};

use crate::world::{back_up, create, install, items, phase, restore};

/// A ConfigMap with a script; the verdict's reason and message.
async fn apply(velero: &Installation<'_>, name: &str, manifest: &str, script: &str) -> (String, String) {
    let action = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "namespace": velero.namespace(), "name": name, "labels": { "lateen.dev/item-action": "" },
        },
        "data": { "action.yaml": manifest, "script.jq": script },
    });
    let action = velero.objects().apply_value(&action).await.unwrap();
    velero.await_verdict(&action).await.unwrap()
}

/// A namespace with a ConfigMap, a ServiceAccount, and a role of the cluster that is bound to it.
fn objects(namespace: &str) -> Vec<Value> {
    let role = format!("{namespace}-reader");
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": namespace, "name": "settings" }, "data": { "host": "shop.example.com" },
        }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "namespace": namespace, "name": "robot" } }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": role },
            "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": role },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": "robot" }],
        }),
    ]
}

#[tokio::test]
async fn a_script_and_the_servers_own_actions() {
    let velero = install("velero-script", Store::File).await;
    for object in objects("script") {
        velero.objects().apply_value(&object).await.unwrap();
    }
    let role = "clusterroles.rbac.authorization.k8s.io/script-reader".to_owned();
    let binding = "clusterrolebindings.rbac.authorization.k8s.io/script-reader".to_owned();

    // A service account brings what gives it its rights.
    assert_eq!(phase(&back_up(&velero, "own", "script").await), "Completed");
    let own = items(&velero.bucket().archive("own").unwrap());
    assert!(own.contains(&role) && own.contains(&binding), "{own:#?}");

    // Switched off, it comes alone.
    let off = "name: velero.io/service-account\non: [backup, related-items]\ndisabled: true\n";
    assert_eq!(apply(&velero, "alone", off, "").await.0, "ActionSwitchedOff");
    assert_eq!(phase(&back_up(&velero, "alone", "script").await), "Completed");
    let alone = items(&velero.bucket().archive("alone").unwrap());
    assert!(alone.contains(&"serviceaccounts/script/robot".to_owned()), "{alone:#?}");
    assert!(!alone.contains(&role) && !alone.contains(&binding), "{alone:#?}");

    let manifest = "name: test.example/hosts\non: [restore]\nmatch: {resources: [configmaps]}\nengine: jq\nparams: {from: example.com, to: staging.example}\n";
    let (reason, message) = apply(&velero, "broken", manifest, ".data.host |=").await;
    assert_eq!(reason, "ActionRefused");
    assert!(message.contains("script.jq:1:"), "{message}");
    velero.objects().delete("v1/ConfigMap", velero.namespace(), "broken").await.unwrap();

    let script = "if .data.host then\n  info(\"\\($run.name) moves \\(.data.host)\")\n  | .data.host |= sub($params.from; $params.to)\nend";
    let (reason, message) = apply(&velero, "hosts", manifest, script).await;
    assert_eq!(reason, "ActionLoaded", "{message}");
    let run = restore(&velero, "moved", "own", "script:script-2").await;
    let there = velero.objects().live("script-2").await.unwrap();
    assert_eq!(there["configmaps/settings"]["data"], json!({ "host": "shop.staging.example" }), "{run:#}");
    let said = create(&velero, &["restore", "logs", "moved"]).await;
    assert!(said.contains("moved moves shop.example.com"), "{said}");
}

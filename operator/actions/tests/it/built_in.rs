//! The actions that the server brings along, in the host that runs them there. What each makes of an object is tested beside it; here they are loaded by
//! their manifests, asked together, and given what they ask the run and the cluster for.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{
    ActionHost, ActionRegistry, ActionRun, ActionSet, ItemResult, NoteLevel, ObjectRef, Role, RunInfo,
    Subject, outcome::Skip,
};
use serde_json::{Value, json};

use crate::{
    cluster::recorded::Recorded,
    world::{configmap, info, quick},
};

/// The server's own actions, with these ConfigMaps beside them.
async fn set(configmaps: &[ConfigMap]) -> Arc<ActionSet> {
    let host = ActionHost::new(quick()).expect("the engine works on this machine");
    let registry = ActionRegistry::new(host, lateen_embedded::library());
    registry.load(configmaps).await;
    registry.snapshot()
}

/// Velero's ConfigMap for an action on restore.
fn plugin_config(action: &str, data: &[(&str, &str)]) -> ConfigMap {
    let mut map = configmap(action.rsplit('/').next().unwrap_or_default(), "", &[]);
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let labels = [("velero.io/plugin-config", ""), (action, "RestoreItemAction")];
    map.metadata.labels = Some(labels.iter().map(text).collect());
    map.data = Some(data.iter().map(text).collect::<BTreeMap<_, _>>());
    ConfigMap { binary_data: None, ..map }
}

fn subject(group: &str, resource: &str, item: &Value) -> Subject {
    let metadata = |key: &str| item["metadata"][key].as_str().map(ToOwned::to_owned);
    Subject {
        group: group.to_owned(),
        resource: resource.to_owned(),
        version: "v1".to_owned(),
        kind: item["kind"].as_str().unwrap_or_default().to_owned(),
        namespace: metadata("namespace"),
        name: metadata("name").expect("a name"),
        target_namespace: metadata("namespace").map(|_| "shop2".to_owned()),
        additional: false,
    }
}

/// Takes the item through the actions of a restore that maps `shop` to `shop2`. As the engine does, without its status and its managed fields.
async fn restored(
    set: &Arc<ActionSet>,
    cluster: &Arc<Recorded>,
    group: &str,
    resource: &str,
    archived: &Value,
) -> ItemResult {
    let restore = json!({ "spec": {
        "namespaceMapping": { "shop": "shop2" },
        "hooks": { "resources": [{
            "name": "prepare",
            "includedNamespaces": ["shop2"],
            "postHooks": [{ "init": { "initContainers": [{ "name": "prepare", "image": "old/tool", "command": ["true"] }] } }],
        }] },
    } });
    let info = RunInfo {
        object: restore.to_string().into(),
        cluster: Some(Arc::clone(cluster) as _),
        ..info(Role::Restore)
    };
    let mut item = archived.clone();
    item.as_object_mut().map(|item| item.remove("status"));
    item["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    let mut session = ActionRun::new(Arc::clone(set), info).session();
    session.restore_item(&subject(group, resource, archived), item, Arc::new(archived.clone())).await
}

fn names(related: &[ObjectRef]) -> Vec<String> {
    related.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn all_of_them_can_be_used_and_are_called_in_velero_s_order() {
    let set = set(&[]).await;
    let described = set.describe();
    for action in &described {
        assert_eq!((action.problem.as_deref(), action.built_in), (None, true), "{}", action.name);
    }
    let on_restore: Vec<&str> = described
        .iter()
        .filter(|action| action.roles.contains(&Role::Restore))
        .map(|action| action.name.trim_start_matches("velero.io/"))
        .collect();
    assert_eq!(
        on_restore,
        [
            "add-pvc-from-pod",
            "admission-webhook-configuration",
            "apiservice",
            "change-image-name",
            "change-storage-class",
            "cluster-role-bindings",
            "crd-preserve-fields",
            "dataupload",
            "init-restore-hook",
            "job",
            "pod",
            "pvc",
            "role-bindings",
            "secret",
            "service-account",
            "service",
        ]
    );
}

#[tokio::test]
async fn a_pod_is_freed_of_its_old_cluster() {
    let images = plugin_config("velero.io/change-image-name", &[("a", "old/,new/"), ("b", "nonsense")]);
    let set = set(&[images]).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": {
            "nodeName": "n1", "serviceAccountName": "web", "priorityClassName": "high",
            "containers": [{ "name": "web", "image": "old/web:1", "volumeMounts": [{ "name": "web-token-x" }] }],
            "volumes": [{ "name": "web-token-x" }, { "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
        },
        "status": { "phase": "Running" },
    });
    let result = restored(&set, &Arc::default(), "", "pods", &pod).await;
    assert_eq!(result.error, None);
    assert_eq!(
        result.item["spec"],
        json!({
            "serviceAccountName": "web", "priorityClassName": "high",
            "initContainers": [{ "name": "prepare", "image": "old/tool", "command": ["true"] }],
            "containers": [{ "name": "web", "image": "new/web:1", "volumeMounts": [] }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
        })
    );
    assert_eq!(
        names(&result.related),
        ["persistentvolumeclaims/shop/data", "priorityclasses.scheduling.k8s.io/high"]
    );
    let notes: Vec<_> =
        result.notes.iter().map(|note| (note.level, note.action.as_str(), note.message.as_str())).collect();
    let passed_over = r#"the ConfigMap for this action has the value "nonsense" under "b", which means nothing and is passed over; write <old part>,<new part>"#;
    assert_eq!(
        notes,
        [
            (NoteLevel::Warn, "velero.io/change-image-name", passed_over),
            (
                NoteLevel::Info,
                "velero.io/init-restore-hook",
                "runs prepare before the init containers of the pod"
            ),
        ]
    );
}

#[tokio::test]
async fn what_the_run_and_the_backup_say_is_asked_for() {
    let set = set(&[]).await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "shop", "managedFields": [
            { "fieldsV1": { "f:spec": { "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { "f:nodePort": {} } } } } },
        ] },
        "spec": { "clusterIP": "10.0.0.1", "ports": [
            { "port": 80, "protocol": "TCP", "nodePort": 30080 }, { "port": 81, "protocol": "TCP", "nodePort": 30081 },
        ] },
    });
    let result = restored(&set, &Arc::default(), "", "services", &service).await;
    let kept = json!({ "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30080 }, { "port": 81, "protocol": "TCP" }] });
    assert_eq!((result.error, &result.item["spec"]), (None, &kept));

    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data", "namespace": "shop", "annotations": { "pv.kubernetes.io/bind-completed": "yes" } },
        "spec": { "volumeName": "pv" }, "status": { "phase": "Bound" },
    });
    let result = restored(&set, &Arc::default(), "", "persistentvolumeclaims", &claim).await;
    assert_eq!((result.error, &result.item["metadata"]["annotations"]), (None, &json!({})));
    assert_eq!(names(&result.related), ["persistentvolumes/pv"]);

    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "b", "namespace": "shop" }, "subjects": [{ "kind": "ServiceAccount", "name": "a", "namespace": "shop" }],
    });
    let result = restored(&set, &Arc::default(), "rbac.authorization.k8s.io", "rolebindings", &binding).await;
    assert_eq!((result.error, &result.item["subjects"][0]["namespace"]), (None, &json!("shop2")));
}

#[tokio::test]
async fn the_cluster_is_asked_in_the_server_s_name() {
    let classes = plugin_config("velero.io/change-storage-class", &[("slow", "fast"), ("old", "gone")]);
    let set = set(&[classes]).await;
    let cluster = Arc::new(Recorded::new(&[(
        "storageclasses.storage.k8s.io fast",
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "fast" } }),
    )]));
    let claim = |class: &str| {
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop" },
            "spec": { "storageClassName": class },
        })
    };
    let result = restored(&set, &cluster, "", "persistentvolumeclaims", &claim("slow")).await;
    assert_eq!((result.error, &result.item["spec"]["storageClassName"]), (None, &json!("fast")));
    let error = restored(&set, &cluster, "", "persistentvolumeclaims", &claim("old")).await.error;
    let error = error.expect("there is no such class");
    assert_eq!(
        (error.action.as_str(), error.item.as_str()),
        ("velero.io/change-storage-class", "persistentvolumeclaims/shop/data")
    );

    let token = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "ci", "namespace": "shop", "annotations": { "kubernetes.io/service-account.name": "web" } },
        "data": { "token": "c2VjcmV0" },
    });
    let result = restored(&set, &cluster, "", "secrets", &token).await;
    assert_eq!((result.error, &result.item["data"]), (None, &json!({})));
    assert_eq!(names(&result.related), ["serviceaccounts/shop/web"]);
    assert_eq!(
        cluster.requests(),
        [
            "server: get v1 storageclasses.storage.k8s.io fast",
            "server: get v1 storageclasses.storage.k8s.io gone",
            "server: get v1 serviceaccounts shop2/web",
        ]
    );
}

#[tokio::test]
async fn what_is_left_out_says_why() {
    let set = set(&[]).await;
    let skipped = |action: &str, reason: &str| {
        Some(Skip { action: format!("velero.io/{action}"), reason: reason.to_owned() })
    };
    let api_service =
        |labels: Value| json!({ "kind": "APIService", "metadata": { "name": "v1.apps", "labels": labels } });
    let made = api_service(json!({ "kube-aggregator.kubernetes.io/automanaged": "onstart" }));
    let result = restored(&set, &Arc::default(), "apiregistration.k8s.io", "apiservices", &made).await;
    assert_eq!(result.skip, skipped("apiservice", "the API server makes this APIService by itself"));
    let own = api_service(json!({ "app": "metrics" }));
    let result = restored(&set, &Arc::default(), "apiregistration.k8s.io", "apiservices", &own).await;
    assert_eq!((result.skip, result.changed), (None, false));

    let token = json!({
        "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "web-token-x7k2p", "namespace": "shop", "annotations": { "kubernetes.io/service-account.name": "web" } },
        "data": { "token": "c2VjcmV0" },
    });
    let result = restored(&set, &Arc::default(), "", "secrets", &token).await;
    assert_eq!(
        result.skip,
        skipped("secret", "it is a token that the old cluster made by itself for the service account web")
    );
}

#[tokio::test]
async fn two_configmaps_for_one_action_fail_what_it_is_for_and_nothing_else() {
    let config = |name: &str| {
        let mut map = plugin_config("velero.io/change-storage-class", &[("slow", "fast")]);
        map.metadata.name = Some(name.to_owned());
        map
    };
    let set = set(&[config("one"), config("two")]).await;
    let stateful =
        json!({ "kind": "StatefulSet", "metadata": { "name": "db", "namespace": "shop" }, "spec": {} });
    let error = restored(&set, &Arc::default(), "apps", "statefulsets", &stateful).await.error;
    let error = error.expect("nobody knows which of them is meant");
    assert_eq!(error.action, "velero.io/change-storage-class");
    assert!(error.reason.contains("delete all but one of velero/one, velero/two"), "{}", error.reason);
    let deployment =
        json!({ "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" }, "spec": {} });
    let result = restored(&set, &Arc::default(), "apps", "deployments", &deployment).await;
    assert_eq!((result.error, result.changed), (None, false));
}

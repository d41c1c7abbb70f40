//! Archives that go from Lateen to Velero's own server and back: `make interop`.
//!
//! Both servers work in one namespace with one bucket, one after the other, as on a cluster where the one replaces the other. What is
//! compared is what is in the cluster: before the backup, and after the other server's restore. It is run by name, because it needs one
//! more program to be built, and because Velero's server wants a port of this machine that others want as well.

use lateen_test_harness::{Installation, Live, Store, differences, wait_for};
use serde_json::{Value, json};

use crate::world::{ENDED, LIMIT, create, install, phase};

const APPLICATION: &str = include_str!("../fixtures/interop/application.yaml");

/// Where the application is.
const NAMESPACE: &str = "interop-app";

/// What it has outside of its namespace.
const CLUSTER_SCOPED: [(&str, &str); 4] = [
    ("v1/PersistentVolume", "interop-data"),
    ("rbac.authorization.k8s.io/v1/ClusterRole", "interop-nodes"),
    ("rbac.authorization.k8s.io/v1/ClusterRoleBinding", "interop-nodes"),
    ("apiextensions.k8s.io/v1/CustomResourceDefinition", "vouchers.interop.example"),
];

#[tokio::test]
#[ignore = "needs Velero's own server; run by name, `make interop`"]
async fn interop_what_one_server_writes_the_other_restores() {
    let mut lateen = install("velero-interop", Store::S3).await;
    let applied = lateen.objects().apply(APPLICATION).await.unwrap();
    lateen.objects().settle(&applied).await.unwrap();
    let before = picture(&lateen).await;

    back_up(&lateen, "by-lateen").await;
    assert!(lateen.stop().await.unwrap().success());
    remove(&lateen).await;
    let velero = lateen.start_velero().await.unwrap();
    restore(&lateen, "by-velero-of-lateen", "by-lateen", &velero.tail()).await;
    lateen.objects().settle(&applied).await.unwrap();
    let after = picture(&lateen).await;
    println!("Velero restored {} objects of Lateen's backup", after.len());
    assert_eq!(differences(&before, &after), [""; 0], "Lateen wrote, Velero restored");

    back_up(&lateen, "by-velero").await;
    velero.stop().await.unwrap();
    remove(&lateen).await;
    lateen.restart().await.unwrap();
    restore(&lateen, "by-lateen-of-velero", "by-velero", "").await;
    lateen.objects().settle(&applied).await.unwrap();
    let after = picture(&lateen).await;
    println!("Lateen restored {} objects of Velero's backup", after.len());
    assert_eq!(differences(&before, &after), [""; 0], "Velero wrote, Lateen restored");
}

async fn back_up(server: &Installation<'_>, name: &str) {
    let arguments =
        ["backup", "create", name, "--include-namespaces", NAMESPACE, "--snapshot-volumes=false", "--wait"];
    create(server, &arguments).await;
    let ended = server.await_phase("Backup", name, &ENDED, LIMIT).await.unwrap();
    assert_eq!(phase(&ended), "Completed", "{ended:#}");
}

async fn restore(server: &Installation<'_>, name: &str, backup: &str, said: &str) {
    create(server, &["restore", "create", name, "--from-backup", backup, "--wait"]).await;
    let ended = server.await_phase("Restore", name, &ENDED, LIMIT).await.unwrap();
    let told = create(server, &["restore", "describe", name, "--details"]).await;
    assert_eq!(phase(&ended), "Completed", "{told}\n{said}");
}

/// Deletes the application, with what it has outside of its namespace.
async fn remove(server: &Installation<'_>) {
    server.objects().delete_namespace(NAMESPACE).await.unwrap();
    for (kind, name) in CLUSTER_SCOPED {
        server.objects().delete(kind, "", name).await.unwrap();
        wait_for(&format!("the end of {kind} {name}"), LIMIT, async || {
            Ok(server.objects().get(kind, "", name).await?.is_none().then_some(()))
        })
        .await
        .unwrap();
    }
}

/// What the application consists of, without what servers and controllers write into it.
async fn picture(server: &Installation<'_>) -> Live {
    let objects = server.objects();
    let mut live = objects.live(NAMESPACE).await.unwrap();
    let namespace = objects.get("v1/Namespace", "", NAMESPACE).await.unwrap();
    live.insert("namespace".into(), set_by_users(namespace.unwrap()));
    for (kind, name) in CLUSTER_SCOPED {
        let object = objects.get(kind, "", name).await.unwrap().unwrap();
        live.insert(format!("{kind}/{name}"), set_by_users(object));
    }
    let pod = objects.get("v1/Pod", NAMESPACE, "single").await.unwrap().unwrap();
    live.insert("pod".into(), pod_set_by_users(pod));
    live
}

/// What restores and the binder of volumes leave in metadata is not among it.
fn set_by_users(mut object: Value) -> Value {
    let kept = |field: &str| {
        let mut map = object["metadata"][field].as_object().cloned().unwrap_or_default();
        map.retain(|name, _| {
            !["velero.io/", "pv.kubernetes.io/"].iter().any(|owner| name.starts_with(owner))
        });
        map
    };
    let metadata = json!({ "name": object["metadata"]["name"], "labels": kept("labels"), "annotations": kept("annotations") });
    object["metadata"] = metadata;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    // Which object a volume is bound to: another one with each restore.
    if let Some(claim) = object.pointer_mut("/spec/claimRef").and_then(Value::as_object_mut) {
        claim.retain(|field, _| field == "namespace" || field == "name");
    }
    object
}

/// A pod without the volume by which the API server gives it a token, whose name is random.
fn pod_set_by_users(pod: Value) -> Value {
    let mut pod = set_by_users(pod);
    let is_token = |it: &Value| it["name"].as_str().is_some_and(|name| name.starts_with("kube-api-access-"));
    for list in ["/spec/volumes", "/spec/containers/0/volumeMounts"] {
        if let Some(list) = pod.pointer_mut(list).and_then(Value::as_array_mut) {
            list.retain(|it| !is_token(it));
        }
    }
    pod
}

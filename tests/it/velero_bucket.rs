//! A bucket that Velero 1.18.3 has left behind: each backup in it is restored to what the recordings of the same applications show.
//!
//! `tests/fixtures/velero-bucket` has the files as they were. On a control plane of its own, because the applications have cluster-scoped
//! objects with the names of the recordings, and because one of the backups has everything that was in its cluster.

use std::fs;
use std::path::Path;

use futures::future::try_join_all;
use lateen_test_cluster::Cluster;
use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::{Value, json};

use crate::recordings::replayed::Recorded;
use crate::world::{LIMIT, create, phase, setup};

/// The applications: the recording, the backup in the bucket.
const APPLICATIONS: [(&str, &str); 4] =
    [("s01", "s01-app"), ("s06", "s06-app"), ("s07", "s07-app"), ("s14", "s14-app")];

/// The backup without filters.
const EVERYTHING: &str = "all-namespaces";

/// What the applications have outside of their namespaces.
const CLUSTER_SCOPED: [(&str, &str); 2] = [
    ("apiextensions.k8s.io/v1/CustomResourceDefinition", "gadgets.s06.example"),
    ("v1/PersistentVolume", "s07-pv"),
];

#[tokio::test]
async fn what_velero_left_is_restored() {
    let cluster = Cluster::start().unwrap();
    let velero = Installation::start(&cluster, setup("velero", Store::File)).await.unwrap();
    for backup in APPLICATIONS.iter().map(|(_, backup)| *backup).chain([EVERYTHING]) {
        bring(&velero, backup).await;
    }

    let mut report = String::new();
    for (case, backup) in APPLICATIONS {
        let recorded = Recorded::of(case, backup, &format!("{case}-again")).unwrap();
        report += &recorded.restore(&velero).await.unwrap();
    }
    assert!(report.is_empty(), "each backup alone:\n{report}");

    remove(&velero).await;
    create(&velero, &["restore", "create", "everything", "--from-backup", EVERYTHING, "--wait"]).await;
    let ended = velero.get("Restore", "everything").await.unwrap().unwrap();
    let told = create(&velero, &["restore", "describe", "everything", "--details"]).await;
    assert_eq!(phase(&ended), "Completed", "{told}");
    for (case, _) in APPLICATIONS {
        let recorded = Recorded::of(case, EVERYTHING, "everything").unwrap();
        report += &recorded.compare(&velero).await.unwrap();
    }
    assert!(report.is_empty(), "all of a cluster:\n{report}\n{told}");
}

/// Puts a backup into the bucket, and makes the object that its document describes.
async fn bring(velero: &Installation<'_>, backup: &str) {
    let folder = format!("backups/{backup}");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/velero-bucket").join(&folder);
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        velero.bucket().write(&format!("{folder}/{name}"), &fs::read(&path).unwrap()).unwrap();
    }
    let document = velero.bucket().read(&format!("{folder}/velero-backup.json")).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let metadata = &document["metadata"];
    let object = json!({
        "apiVersion": document["apiVersion"], "kind": document["kind"],
        "metadata": {
            "namespace": metadata["namespace"], "name": metadata["name"],
            "labels": metadata["labels"], "annotations": metadata["annotations"],
        },
        "spec": document["spec"], "status": document["status"],
    });
    velero.objects().apply_value(&object).await.unwrap();
}

/// Deletes the applications, with what they have outside of their namespaces.
async fn remove(velero: &Installation<'_>) {
    let objects = velero.objects();
    // The recording shows that a finalizer is restored, which holds the object up now.
    let without = json!({ "metadata": { "finalizers": null } });
    objects.merge("s06.example/v1/Gadget", "s06-app", "g1", &without).await.unwrap();
    try_join_all(APPLICATIONS.map(|(_, namespace)| objects.delete_namespace(namespace))).await.unwrap();
    for (kind, name) in CLUSTER_SCOPED {
        objects.delete(kind, "", name).await.unwrap();
        wait_for(&format!("the end of {kind} {name}"), LIMIT, async || {
            Ok(objects.get(kind, "", name).await?.is_none().then_some(()))
        })
        .await
        .unwrap();
    }
}

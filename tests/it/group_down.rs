//! A group of the API that does not answer: an error for that group, and everything else is backed up.
//!
//! On a control plane of its own, because every backup on it would have the error.

use kube::discovery::Discovery;
use lateen_test_cluster::{Cluster, Part};
use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::json;

use crate::world::{LIMIT, back_up, config_maps, create, items, phase, setup};

const GROUP: &str = "down.example";

#[tokio::test]
async fn a_group_that_does_not_answer_costs_nothing_else() {
    let cluster = Cluster::builder().without(Part::Node).without(Part::S3).start().unwrap();
    let velero = Installation::start(&cluster, setup("velero", Store::File)).await.unwrap();
    config_maps(&velero, "app", &["taken"]).await;
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": { "name": format!("v1.{GROUP}") },
        "spec": {
            "group": GROUP, "version": "v1", "service": { "namespace": "default", "name": "missing" },
            "groupPriorityMinimum": 1000, "versionPriority": 10,
        },
    });
    velero.objects().apply_value(&service).await.unwrap();
    wait_for("the group to be listed", LIMIT, async || {
        let found = Discovery::new(velero.objects().client()).run_aggregated().await?;
        Ok(found.has_group(GROUP).then_some(()))
    })
    .await
    .unwrap();

    let ended = back_up(&velero, "partly", "app").await;

    assert_eq!((phase(&ended), &ended["status"]["errors"]), ("PartiallyFailed", &json!(1)), "{ended:#}");
    let taken = items(&velero.bucket().archive("partly").unwrap());
    assert!(taken.iter().any(|item| item == "configmaps/app/taken"), "{taken:#?}");
    let said = create(&velero, &["backup", "describe", "partly", "--details"]).await;
    assert!(said.split("Errors:").nth(1).unwrap_or_default().contains(GROUP), "{said}");
}

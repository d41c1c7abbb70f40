//! Claims that become bound or do not, on an API server that is a function.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::restore::volumes::tests::{Cluster, records};

const CLAIM: &str = "/api/v1/namespaces/app2/persistentvolumeclaims/data";
const VOLUME: &str = "/api/v1/persistentvolumes/new";
const CLASS: &str = "/apis/storage.k8s.io/v1/storageclasses/fast";

fn claim(phase: &str) -> Value {
    let volume = if phase == "Bound" { "new" } else { "" };
    json!({"metadata": {}, "spec": {"storageClassName": "fast", "volumeName": volume}, "status": {"phase": phase}})
}

fn volume(namespace: &str) -> Value {
    json!({
        "metadata": {"labels": {"disk": "new"}}, "status": {"phase": "Bound"},
        "spec": {"persistentVolumeReclaimPolicy": "Delete", "claimRef": {"namespace": namespace, "name": "data"}},
    })
}

/// What goes wrong with the claim of a backup that is restored into another namespace, how long it took in seconds, and the patches.
async fn run(cluster: &Cluster, created: &str) -> (Vec<String>, u64, Vec<String>) {
    let like = json!({"reclaimPolicy": "Retain", "labels": {"disk": "big"}});
    let records = records(json!([
        {"pvName": "pv1", "pvcName": "data", "pvcNamespace": "app", "backupMethod": "PodVolumeBackup", "pvInfo": like}
    ]));
    let mapping = BTreeMap::from([("app".to_owned(), "app2".to_owned())]);
    let created = BTreeSet::from([ObjectName::new(Some(created), "data")]);
    let watch = cluster.watch();
    let begin = watch.clone();
    let failures = rounds(watch, renewals(&records, &mapping, &created)).await.unwrap();
    let failures = failures.into_iter().map(|(namespace, message)| format!("{namespace}: {message}"));
    (failures.collect(), begin.elapsed().as_secs(), cluster.patches())
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_made_like_the_old_one_once_it_is_bound() {
    let looks = vec![Value::Null, claim("Pending"), claim("Bound")];
    let mut unbound = volume("app2");
    unbound["status"]["phase"] = json!("Available");
    let cluster = Cluster::with([(CLAIM, looks), (VOLUME, vec![unbound, volume("app2")])]);
    let (failures, seconds, patches) = run(&cluster, "app2").await;
    assert_eq!((failures, seconds), (Vec::<String>::new(), 0), "a cluster that is quick is not waited for");
    let patch = r#"{"metadata":{"labels":{"disk":"big"}},"spec":{"persistentVolumeReclaimPolicy":"Retain"}}"#;
    assert_eq!(patches, [format!("{VOLUME} {patch}")]);
}

#[tokio::test(start_paused = true)]
async fn claims_that_the_restore_has_not_created_are_left_alone() {
    let cluster = Cluster::with([(CLAIM, vec![claim("Bound")]), (VOLUME, vec![volume("app2")])]);
    assert_eq!(run(&cluster, "app").await, (vec![], 0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_to_pass_is_told() {
    let cluster = Cluster::with([(CLAIM, vec![claim("Bound")]), (VOLUME, vec![volume("app")])]);
    let other =
        "app2: fail to patch dynamic PV, err: the volume is bound to claim app/data, PVC: data, PV: new";
    assert_eq!(run(&cluster, "app2").await, (vec![other.to_owned()], 0, vec![]));

    let class = |mode: &str| json!({"volumeBindingMode": mode});
    let cluster = Cluster::with([(CLAIM, vec![claim("Pending")]), (CLASS, vec![class("Immediate")])]);
    let late = "app2: fail to patch dynamic PV, err: the claim is not bound (phase \"Pending\") after 90s, PVC: data, PV: ";
    assert_eq!(run(&cluster, "app2").await, (vec![late.to_owned()], 90, vec![]));

    let cluster = Cluster::with([(CLAIM, vec![claim("Pending")])]);
    let classless =
        "app2: fail to patch dynamic PV, err: the claim's storage class fast does not exist, PVC: data, PV: ";
    let (failures, seconds, _) = run(&cluster, "app2").await;
    assert_eq!(failures, [classless]);
    assert!((60..70).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_waits_for_a_pod_is_given_up_without_an_error() {
    let class = json!({"volumeBindingMode": "WaitForFirstConsumer"});
    let cluster = Cluster::with([(CLAIM, vec![claim("Pending")]), (CLASS, vec![class.clone()])]);
    let (failures, seconds, patches) = run(&cluster, "app2").await;
    assert_eq!((failures, patches), (vec![], vec![]));
    assert!((10..20).contains(&seconds), "the scheduler gets its time: {seconds}");

    let mut scheduled = claim("Pending");
    scheduled["metadata"]["annotations"] = json!({"volume.kubernetes.io/selected-node": "n1"});
    let looks: Vec<Value> = vec![scheduled; 12].into_iter().chain([claim("Bound")]).collect();
    let cluster = Cluster::with([(CLAIM, looks), (CLASS, vec![class]), (VOLUME, vec![volume("app2")])]);
    let (failures, seconds, patches) = run(&cluster, "app2").await;
    assert!(seconds > 10 && failures.is_empty() && patches.len() == 1, "a volume on its way is waited for");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_ends_the_waiting() {
    let cluster = Cluster::with([(CLAIM, vec![claim("Pending")])]);
    let watch = cluster.watch();
    let shutdown = watch.shutdown.clone();
    let like = PvInfo::default();
    let claim = ObjectName::new(Some("app2"), "data");
    let waiting = rounds(watch, vec![Renewal { claim, volume: &like }]);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(waiting, stop);
    assert_eq!(ended, None);
}

//! Decisions on an API server that is a function: what is asked of it, and what comes of its answers.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use kube::client::Body;
use lateen_core::backup::policies::ResourcePolicies;
use lateen_core::journal::NoSink;
use lateen_core::kind::GroupResource;
use serde_json::json;

use super::*;

/// An API server with these objects by path, which writes down what it is asked.
#[derive(Clone, Default)]
struct Cluster {
    objects: Arc<BTreeMap<&'static str, Value>>,
    asked: Arc<Mutex<Vec<String>>>,
    broken: bool,
}

impl Cluster {
    fn with(objects: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self { objects: Arc::new(objects.into_iter().collect()), ..Self::default() }
    }

    fn client(&self) -> Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move { Ok::<_, Infallible>(this.answer(request.uri().path())) }
        });
        Client::new(service, "default")
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        self.asked.lock().unwrap().push(path.to_owned());
        let (code, body) = match self.objects.get(path) {
            Some(_) if self.broken => (403, json!({"kind": "Status", "code": 403, "message": "not for you"})),
            Some(object) => (200, object.clone()),
            None => (404, json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "gone"})),
        };
        let mut answer = Response::new(Full::from(body.to_string()));
        *answer.status_mut() = StatusCode::from_u16(code).unwrap();
        answer
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn decisions(&self, rules: VolumeRules) -> VolumeDecisions {
        VolumeDecisions::with(self.client(), 500, rules, Journal::new(NoSink))
    }
}

fn kind(resource: &str) -> ServedKind {
    ServedKind { group_resource: GroupResource::parse(resource), ..lookup::claims() }
}

const PODS: &str = "/api/v1/namespaces/app/pods";
const CLAIM: &str = "/api/v1/namespaces/app/persistentvolumeclaims/data";
const VOLUME: &str = "/api/v1/persistentvolumes/pv1";

fn pod(annotation: &str) -> Value {
    json!({
        "metadata": {"namespace": "app", "name": "user", "annotations": {"backup.velero.io/backup-volumes": annotation}},
        "spec": {
            "nodeName": "n", "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
            "containers": [{"volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
        },
        "status": {"phase": "Running"},
    })
}

fn claim() -> Value {
    json!({
        "metadata": {"namespace": "app", "name": "data"},
        "spec": {"volumeName": "pv1"}, "status": {"phase": "Bound"},
    })
}

fn volume() -> Value {
    json!({
        "metadata": {"name": "pv1", "labels": {"disk": "big"}},
        "spec": {
            "persistentVolumeReclaimPolicy": "Retain", "nfs": {"server": "nfs.example", "path": "/export"},
            "claimRef": {"namespace": "app", "name": "data"},
        },
    })
}

fn cluster(annotation: &str) -> Cluster {
    Cluster::with([
        (PODS, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod(annotation)]})),
        (CLAIM, claim()),
        (VOLUME, volume()),
    ])
}

fn policies(text: &str) -> Option<ResourcePolicies> {
    let text = format!("version: v1\nvolumePolicies: {text}");
    Some(ResourcePolicies::parse(&BTreeMap::from([("p".to_owned(), text)])).unwrap())
}

#[tokio::test]
async fn items_may_come_in_any_order() {
    let items = [("pods", pod("")), ("persistentvolumeclaims", claim()), ("persistentvolumes", volume())];
    let mut reports = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let cluster = cluster("");
        let decisions =
            cluster.decisions(VolumeRules { snapshot_volumes: Some(false), ..VolumeRules::default() });
        for (resource, item) in order.map(|at| &items[at]) {
            assert_eq!(decisions.decide(&kind(resource), item).await, []);
        }
        assert_eq!(decisions.decide(&kind("pods.metrics.k8s.io"), &pod("d")).await, []);
        assert!(cluster.asked().is_empty(), "{:?}", cluster.asked());
        reports.push(decisions.finish());
    }
    for report in reports {
        // As Velero writes it for these objects.
        assert_eq!(
            serde_json::to_value(&report.infos).unwrap(),
            json!([{
                "pvcName": "data", "pvcNamespace": "app", "pvName": "pv1",
                "preserveLocalSnapshot": false, "snapshotDataMoved": false, "skipped": true,
                "skippedReason": "podvolume: opted out due to annotation in pod user;volumeSnapshot: not satisfy the criteria for VolumePolicy or the legacy snapshot way;",
                "pvInfo": {"labels": {"disk": "big"}, "reclaimPolicy": "Retain"},
            }])
        );
        assert!(report.skipped_summary.contains(r#"[{"name":"pv1","reasons":[{"approach":"podvolume""#));
    }
}

#[tokio::test]
async fn a_pod_that_asks_for_files_is_a_fault_and_its_volume_in_the_report() {
    let cluster = cluster("d,typo");
    let decisions = cluster.decisions(VolumeRules::default());
    let faults = decisions.decide(&kind("pods"), &pod("d,typo")).await;
    assert!(
        matches!(&faults[..], [VolumeFault::Files { volumes, .. }] if volumes == "volume d"),
        "{faults:?}"
    );
    assert_eq!(decisions.journal.warnings(), 1);
    let warnings = decisions.journal.results().warnings;
    assert!(warnings.namespaces["app"][0].contains("resource: /pods name: /user"), "{warnings:?}");

    // No snapshot is taken of what a pod has copied, and that takes one list however many ask.
    for item in [volume(), volume()] {
        assert_eq!(decisions.decide(&kind("persistentvolumes"), &item).await, []);
    }
    assert_eq!(cluster.asked(), [CLAIM, VOLUME, PODS]);
    let report = decisions.finish();
    assert!(
        report.infos[0].skipped_reason.contains("podvolume: encountered a problem"),
        "{:?}",
        report.infos
    );
    assert!(report.infos[0].skipped_reason.contains("volumeSnapshot: not satisfy"), "{:?}", report.infos);
}

#[tokio::test]
async fn those_who_ask_at_the_same_time_share_one_list() {
    let cluster = cluster("");
    let decisions = cluster.decisions(VolumeRules::default());
    let kind = kind("persistentvolumes");
    let item = volume();
    let all = futures::future::join_all((0..8).map(|_| decisions.decide(&kind, &item))).await;
    assert!(all.iter().all(Vec::is_empty));
    assert_eq!(cluster.asked(), [PODS]);
    let report = decisions.finish();
    assert_eq!(report.infos[0].skipped_reason, "volumeSnapshot: no applicable volumesnapshotter found;");
}

#[tokio::test]
async fn with_csi_and_policies_claims_are_looked_at_with_their_volumes() {
    let text = "[{conditions: {nfs: {}, pvcPhase: [Bound]}, action: {type: skip}}]";
    let rules = VolumeRules { csi: true, policies: policies(text), ..VolumeRules::default() };
    let cluster = cluster("");
    let decisions = cluster.decisions(rules);
    assert_eq!(decisions.decide(&kind("persistentvolumeclaims"), &claim()).await, []);
    assert_eq!(decisions.decide(&kind("persistentvolumes"), &volume()).await, []);
    assert_eq!(cluster.asked(), [VOLUME, PODS, CLAIM]);
    assert_eq!(
        decisions.finish().infos[0].skipped_reason,
        "any: skipped due to resource policy ;volumeSnapshot: matched action is 'skip' in chosen resource policies;"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_a_fault_of_the_item() {
    let rules = VolumeRules { csi: true, policies: policies("[]"), ..VolumeRules::default() };
    let decisions = Cluster { broken: true, ..cluster("d") }.decisions(rules);
    for (resource, item, what) in [
        ("pods", pod("d"), "cannot read PersistentVolumeClaim app/data: not for you"),
        ("persistentvolumeclaims", claim(), "cannot read PersistentVolume pv1: not for you"),
        ("persistentvolumes", volume(), "cannot read the pods of namespace app: not for you"),
    ] {
        let faults = decisions.decide(&kind(resource), &item).await;
        assert_eq!(faults, [VolumeFault::Unknown(what.into())], "{resource}");
    }
}

#[tokio::test]
async fn what_a_label_keeps_out_is_in_the_summary() {
    let decisions = Cluster::default().decisions(VolumeRules::default());
    decisions.left_out(&kind("persistentvolumeclaims"), &claim());
    decisions.left_out(&kind("persistentvolumes"), &json!({"metadata": {"name": "pv2"}}));
    decisions.left_out(&kind("pods"), &pod(""));
    let report = decisions.finish();
    // Velero lists volumes that the backup has seen.
    assert!(report.infos.is_empty());
    assert_eq!(report.skipped_summary.matches("velero.io/exclude-from-backup=true").count(), 2);
    assert!(decisions.decide(&kind("secrets"), &json!({})).now_or_never().unwrap().is_empty());
}

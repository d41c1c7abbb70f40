//! What is asked of the cluster about volumes and claims, and what comes of its answers, on an API server that is a function.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use lateen_core::restore::volumes::VolumeFiles;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;

/// An API server that has, for each path, the objects that one look after the other finds; `null` is none, and the last stays.
#[derive(Clone, Default)]
pub(in crate::restore) struct Cluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<&'static str, VecDeque<Value>>,
    patches: Vec<String>,
    looks: usize,
}

impl Cluster {
    pub(in crate::restore) fn with(objects: impl IntoIterator<Item = (&'static str, Vec<Value>)>) -> Self {
        let objects = objects.into_iter().map(|(path, looks)| (path, looks.into())).collect();
        Self(Arc::new(Mutex::new(State { objects, ..State::default() })))
    }

    pub(in crate::restore) fn client(&self) -> Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok::<_, Infallible>(this.answer(&head.method, head.uri.path(), &body))
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let mut state = self.0.lock().unwrap();
        if *method == Method::PATCH {
            state.patches.push(format!("{path} {}", String::from_utf8_lossy(body)));
        }
        state.looks += 1;
        let found = match state.objects.get_mut(path) {
            Some(looks) if looks.len() > 1 => looks.pop_front().unwrap(),
            Some(looks) => looks.front().cloned().unwrap_or_default(),
            None => Value::Null,
        };
        let absent = json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "gone"});
        let (code, found) = if found.is_null() { (404, absent) } else { (200, found) };
        let mut answer = Response::new(Full::from(found.to_string()));
        *answer.status_mut() = StatusCode::from_u16(code).unwrap();
        answer
    }

    pub(in crate::restore) fn patches(&self) -> Vec<String> {
        self.0.lock().unwrap().patches.clone()
    }

    fn looks(&self) -> usize {
        self.0.lock().unwrap().looks
    }

    pub(in crate::restore) fn watch(&self) -> Watch {
        Watch::new(self.client(), CancellationToken::new(), Duration::from_secs(90))
    }
}

pub(in crate::restore) fn records(infos: Value) -> VolumeRecords {
    let infos = Some(infos.to_string());
    let files = VolumeFiles { infos: infos.as_deref().map(str::as_bytes), ..VolumeFiles::default() };
    VolumeRecords::read(files).unwrap()
}

const VOLUME: &str = "/api/v1/persistentvolumes/pv1";
const CLAIM: &str = "/api/v1/namespaces/app/persistentvolumeclaims/data";
const NAMESPACE: &str = "/api/v1/namespaces/app";
const POD: &str = "/api/v1/namespaces/app/pods/web";

fn method(method: &str) -> Value {
    json!([{"pvName": "pv1", "pvcName": "data", "pvcNamespace": "app", "backupMethod": method}])
}

fn volumes(infos: Value, wishes: VolumeWishes, mapping: &[(&str, &str)]) -> Volumes {
    let mapping = mapping.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
    Volumes {
        records: records(infos),
        wishes,
        namespace_mapping: mapping.collect(),
        restore: "r".into(),
        released: Mutex::default(),
    }
}

fn native(restore_volumes: Option<bool>, allow_empty: bool, mapping: &[(&str, &str)]) -> Volumes {
    volumes(method("NativeSnapshot"), VolumeWishes { restore_volumes, allow_empty }, mapping)
}

fn volume() -> Value {
    json!({"metadata": {"name": "pv1"}, "spec": {"claimRef": {"namespace": "app", "name": "data", "uid": "u"}}})
}

fn in_cluster(phase: &str, restore: &str) -> Value {
    json!({
        "metadata": {"name": "pv1", "labels": {"velero.io/restore-name": restore}},
        "spec": {"claimRef": {"namespace": "app", "name": "data"}}, "status": {"phase": phase},
    })
}

fn claim() -> Value {
    json!({"metadata": {"namespace": "app", "name": "data"}, "spec": {"volumeName": "pv1"}})
}

fn told(step: VolumeStep) -> String {
    match step {
        VolumeStep::Restore(volume) => format!("restore for {}", claim_of(&volume).unwrap()),
        VolumeStep::Skip { reason } => format!("skip: {reason}"),
        VolumeStep::Refuse { message } => format!("refuse: {message}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_with_a_native_snapshot_depends_on_what_the_cluster_has() {
    let absent = || Cluster::default();
    let bound = || {
        let active = json!({"metadata": {"name": "app"}, "status": {"phase": "Active"}});
        Cluster::with([
            (VOLUME, vec![in_cluster("Bound", "other")]),
            (CLAIM, vec![claim()]),
            (NAMESPACE, vec![active]),
        ])
    };
    let leaving = || Cluster::with([(VOLUME, vec![in_cluster("Released", "other")])]);
    let ours = || Cluster::with([(VOLUME, vec![in_cluster("Bound", "r")])]);
    let mapped: &[(&str, &str)] = &[("app", "app2")];
    let as_they_are = |mapping| native(Some(false), false, mapping);
    let cases = [
        (
            native(None, false, &[]),
            absent(),
            "refuse: error restoring persistentvolumes/pv1: the volume can only be made from",
        ),
        (
            native(None, false, &[]),
            leaving(),
            "refuse: error restoring persistentvolumes/pv1: the volume can only be made from",
        ),
        (native(None, false, &[]), bound(), "restore for app/data"),
        (native(None, true, &[]), absent(), "skip: it can only be made from"),
        (native(None, true, mapped), bound(), "skip: it can only be made from"),
        (as_they_are(&[]), absent(), "restore for app/data"),
        (as_they_are(&[]), bound(), "restore for app/data"),
        (as_they_are(mapped), absent(), "restore for app2/data"),
        (as_they_are(mapped), ours(), "restore for app2/data"),
        (
            as_they_are(mapped),
            bound(),
            "refuse: error restoring persistentvolumes/pv1: the cluster has a volume of this name",
        ),
        (
            as_they_are(&[]),
            leaving(),
            "refuse: error restoring persistentvolumes/pv1: error waiting on in-cluster persistentvolume pv1",
        ),
    ];
    for (number, (volumes, cluster, expected)) in cases.into_iter().enumerate() {
        let told = told(volumes.decided(cluster.watch(), &volume()).await);
        assert!(told.starts_with(expected), "case {number}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_leaves_is_waited_for() {
    let released = in_cluster("Released", "other");
    let cluster = Cluster::with([(VOLUME, vec![released.clone(), released.clone(), Value::Null])]);
    let step = native(Some(false), false, &[]).decided(cluster.watch(), &volume()).await;
    assert_eq!((told(step), cluster.looks()), ("restore for app/data".into(), 3));

    let cluster = Cluster::with([(VOLUME, vec![released])]);
    let watch = cluster.watch();
    watch.shutdown.cancel();
    let step = native(Some(false), false, &[]).decided(watch, &volume()).await;
    assert_eq!(
        (matches!(step, VolumeStep::Refuse { .. }), cluster.looks()),
        (true, 1),
        "the server shuts down"
    );
}

#[tokio::test]
async fn claims_of_volumes_that_are_not_restored_lose_them() {
    let bound = |volumes: &Volumes| {
        let mut claim = claim();
        claim["metadata"]["annotations"] = json!({"pv.kubernetes.io/bind-completed": "yes"});
        volumes.bind(&mut claim);
        assert_eq!(claim["metadata"]["annotations"], json!({}));
        volume_of(&claim).map(str::to_owned)
    };
    let cluster = Cluster::default();
    let kept = native(Some(false), false, &[]);
    kept.decided(cluster.watch(), &volume()).await;
    assert_eq!(bound(&kept).as_deref(), Some("pv1"));
    let emptied = native(None, true, &[]);
    emptied.decided(cluster.watch(), &volume()).await;
    assert_eq!(bound(&emptied), None);
    let deleted = volumes(json!([]), VolumeWishes::default(), &[]);
    let mut volume = volume();
    volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Delete");
    deleted.decided(cluster.watch(), &volume).await;
    assert_eq!(bound(&deleted), None);
    // Without its volume in the restore as well: the old one does not come back.
    assert_eq!(bound(&volumes(method("CSISnapshot"), VolumeWishes::default(), &[])), None);
    assert_eq!(cluster.looks(), 2, "the cluster is asked where it matters only");
}

#[tokio::test]
async fn a_claim_that_the_cluster_has_is_neither_refused_nor_warned_about() {
    let step = async |volumes: Volumes, cluster: Cluster| match volumes
        .decided_claim(&cluster.client(), &claim())
        .await
    {
        ClaimStep::Restore { warning } => warning.unwrap_or_default(),
        ClaimStep::Refuse { message } => message,
    };
    let empty = VolumeWishes { allow_empty: true, ..VolumeWishes::default() };
    let copied = |wishes| volumes(method("PodVolumeBackup"), wishes, &[("app", "app2")]);
    let there = |restore: &str| {
        let labels = json!({"velero.io/restore-name": restore});
        let claim = json!({"metadata": {"namespace": "app2", "name": "data", "labels": labels}});
        Cluster::with([("/api/v1/namespaces/app2/persistentvolumeclaims/data", vec![claim])])
    };
    let refused = step(copied(VolumeWishes::default()), Cluster::default()).await;
    let begin =
        "error restoring persistentvolumeclaims/app2/data: its data is in a file-system backup, which";
    assert!(refused.starts_with(begin), "{refused}");
    assert_eq!(step(copied(VolumeWishes::default()), there("other")).await, "");
    assert_eq!(step(copied(empty), there("other")).await, "");
    for cluster in [Cluster::default(), there("r")] {
        let warned = step(copied(empty), cluster).await;
        assert!(warned.starts_with("persistentvolumeclaims/app2/data: its volume is empty"), "{warned}");
    }
    let cluster = Cluster::default();
    assert_eq!(step(volumes(json!([]), VolumeWishes::default(), &[]), cluster.clone()).await, "");
    assert_eq!(cluster.looks(), 0, "most claims have no data in the backup, and nobody is asked");
}

#[tokio::test]
async fn pods_and_stateful_sets_are_told_about_unless_the_cluster_has_what_they_need() {
    let copied = json!([{"backupMethod": "PodVolumeBackup", "result": "succeeded", "pvbInfo":
        {"snapshotHandle": "k", "volumeName": "cache", "podName": "web", "podNamespace": "app", "Phase": "Completed"}}]);
    let web =
        json!({"metadata": {"namespace": "app", "name": "web"}, "spec": {"volumes": [{"name": "cache"}]}});
    let pods = volumes(copied, VolumeWishes::default(), &[]);
    let lack = pods.lack_of_pod(&Cluster::default().client(), &web).await.unwrap();
    assert!(lack.message.starts_with("pods/app/web: the backup holds data of volumes"), "{}", lack.message);
    let there = Cluster::with([(POD, vec![web.clone()])]);
    assert_eq!(pods.lack_of_pod(&there.client(), &web).await, None);

    let db = json!({"metadata": {"name": "db"}, "spec": {"replicas": 1, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
    let held = json!([{"pvName": "pv1", "pvcName": "data-db-0", "pvcNamespace": "app", "backupMethod": "CSISnapshot"}]);
    let sets = volumes(held, VolumeWishes::default(), &[]);
    let lack = sets.lack_of_set(&Cluster::default().client(), "app", &db).await.unwrap();
    let begin = "error restoring statefulsets.apps/app/db: its controller would make claim data-db-0";
    assert!(lack.starts_with(begin), "{lack}");
    let there = Cluster::with([("/api/v1/namespaces/app/persistentvolumeclaims/data-db-0", vec![claim()])]);
    assert_eq!(sets.lack_of_set(&there.client(), "app", &db).await, None);
}

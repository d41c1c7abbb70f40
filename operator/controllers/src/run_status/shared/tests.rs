use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::client::Body;
use kube::{Api, Client, ResourceExt};
use lateen_core::run_record::OpenHooks;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;

/// An API server with one ConfigMap, which takes as many patches as there are permits.
struct Server {
    object: Mutex<Value>,
    patches: AtomicUsize,
    permits: Semaphore,
}

impl Server {
    async fn answer(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        assert_eq!(request.method(), Method::PATCH);
        self.permits.acquire().await?.forget();
        let number = self.patches.fetch_add(1, Ordering::SeqCst) + 1;
        let patch: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
        let mut object = self.object.lock().unwrap();
        if object.is_null() {
            let gone = json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "gone"});
            return Ok(Response::builder().status(404).body(Body::from(serde_json::to_vec(&gone)?))?);
        }
        assert_eq!(patch["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"]);
        merge(&mut object, &patch);
        object["metadata"]["resourceVersion"] = json!(number.to_string());
        Ok(Response::new(Body::from(serde_json::to_vec(&*object)?)))
    }

    fn patches(&self) -> usize {
        self.patches.load(Ordering::SeqCst)
    }
}

fn merge(object: &mut Value, patch: &Value) {
    for (key, value) in patch.as_object().unwrap() {
        match value {
            Value::Object(_) => merge(&mut object[key], value),
            Value::Null => drop(object.as_object_mut().unwrap().remove(key)),
            other => object[key] = other.clone(),
        }
    }
}

/// A run's status on a server that takes nothing yet.
fn shared() -> (SharedRunStatus<ConfigMap>, Arc<Server>) {
    let mut object: ConfigMap = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "velero", "resourceVersion": "0", "annotations": {}}, "data": {},
    }))
    .unwrap();
    write_record(&mut object, &RunRecord::start(None, "me"));
    let server = Arc::new(Server {
        object: Mutex::new(serde_json::to_value(&object).unwrap()),
        patches: AtomicUsize::new(0),
        permits: Semaphore::new(0),
    });
    let handler = Arc::clone(&server);
    let service = tower::service_fn(move |request| Arc::clone(&handler).answer(request));
    let api = Api::namespaced(Client::new(service, "velero"), "velero");
    (RunStatus { api, current: object, leader: "me".into() }.share(), server)
}

fn set(key: usize) -> impl Fn(&mut ConfigMap) + Send + Sync + 'static {
    move |object| drop(object.data.get_or_insert_default().insert(key.to_string(), String::new()))
}

fn open(name: &str) -> OpenHooks {
    OpenHooks { namespace: "app".into(), name: name.into(), uid: "u".into() }
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_together_and_nothing_is_lost() {
    let (status, server) = shared();
    let update = |key| {
        let status = status.clone();
        tokio::spawn(async move { status.update(set(key)).await })
    };
    let mut updates = vec![update(0)];
    // With time standing still this is over when nobody can go on: the first patch is under way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    updates.extend((1..100).map(update));
    tokio::time::sleep(Duration::from_secs(1)).await;
    updates[99].abort();
    server.permits.add_permits(100);
    for update in updates.into_iter().take(99) {
        update.await.unwrap().unwrap();
    }
    assert_eq!(server.patches(), 2);
    // A change that was taken is written, whoever has stopped waiting.
    assert_eq!(status.current().data.as_ref().unwrap().len(), 100);
    assert_eq!(status.current().resource_version().as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_goes_along_with_the_next() {
    let (status, server) = shared();
    server.permits.add_permits(10);
    status.record(|record| record.open_hooks(&open("a"))).await.unwrap();
    status.record_soon(|record| record.close_hooks(&open("a"))).await;
    status.record(|record| record.open_hooks(&open("b"))).await.unwrap();
    assert_eq!(server.patches(), 2);
    assert_eq!(record_of(&*status.current()).unwrap().hooks, [open("b")]);

    status.record_soon(|record| record.close_hooks(&open("b"))).await;
    tokio::time::sleep(2 * KEPT_BACK).await;
    assert_eq!(server.patches(), 3);
    assert!(record_of(&*status.current()).unwrap().hooks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_gone_does_not_come_back() {
    let (status, server) = shared();
    server.permits.add_permits(10);
    status.update(|object| object.annotations_mut().clear()).await.unwrap();
    status.record(|record| record.open_hooks(&open("a"))).await.unwrap();
    assert_eq!((server.patches(), record_of(&*status.current())), (1, None));
}

#[tokio::test(start_paused = true)]
async fn everybody_is_told_why_nothing_was_written() {
    let (status, server) = shared();
    *server.object.lock().unwrap() = Value::Null;
    server.permits.add_permits(10);
    let (one, other) = tokio::join!(status.update(set(1)), status.update(set(2)));
    assert!(matches!((one, other), (Err(StatusError::Gone), Err(StatusError::Gone))));
}

//! What a call of an action costs: per language, for a small and a large item, on an instance that is used again and on a fresh one; and what it costs
//! where no action is meant, on restore with the server's own actions, to instantiate, and to start a server.
//!
//! Every action does the same, so that the rows of a group can be compared: it looks at the item, sets a label and, where there are replicas, makes them 0.
//! `native` is that with serde_json alone, text to text. Ratios within one run are what counts: machines are noisy.
//!
//! `cargo bench -p lateen-actions`; in a guest's column stands what the engine of a run sees, with the text of the item and the patch of the change in it.

#![allow(missing_docs, reason = "criterion makes functions of its own")]

use std::{collections::BTreeMap, hint::black_box, path::Path, sync::Arc, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use k8s_openapi::{ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use lateen_actions::{
    ActionHost, ActionRegistry, ActionRun, ActionSession, ActionSet, HostOptions, ITEM_ACTION_LABEL, Library,
    MANIFEST_KEY, Purpose, Role, RunInfo, Stage, Subject,
    compile::{CacheKey, CacheOptions, CompileOptions},
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Name, engine or component, script.
const LANGUAGES: [(&str, &str, &str); 4] = [
    ("rust", "component: action.wasm", ""),
    (
        "jq",
        "engine: jq",
        r#".metadata.labels += {"example.com/scaled": "true"} | if .spec.replicas then .spec.replicas = 0 end"#,
    ),
    (
        "cel",
        "engine: cel",
        r#"has(object.spec) && has(object.spec.replicas)
           ? {"metadata": {"labels": {"example.com/scaled": "true"}}, "spec": {"replicas": 0}}
           : {"metadata": {"labels": {"example.com/scaled": "true"}}}"#,
    ),
    (
        "javascript",
        "engine: javascript",
        r#"(item) => {
             (item.metadata.labels ??= {})["example.com/scaled"] = "true";
             if (item.spec?.replicas) item.spec.replicas = 0;
             return item;
           }"#,
    ),
];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}

fn configmap(code: &str, script: &str, fresh: bool) -> ConfigMap {
    let manifest = format!(
        "name: bench.example/action\non: [backup]\nmatch: {{resources: [deployments.apps, configmaps]}}\n{code}\nfreshInstance: {fresh}\n"
    );
    let mut data = BTreeMap::from([(MANIFEST_KEY.to_owned(), manifest)]);
    let mut binary = BTreeMap::new();
    match code.strip_prefix("engine: ") {
        Some("javascript") => drop(data.insert("script.js".to_owned(), script.to_owned())),
        Some(engine) => drop(data.insert(format!("script.{engine}"), script.to_owned())),
        None => {
            let guest = lateen_guests::build_bytes("bench-scale").expect("the guest builds");
            binary.insert("action.wasm".to_owned(), ByteString(guest));
        }
    }
    ConfigMap {
        metadata: ObjectMeta {
            name: Some("bench".to_owned()),
            namespace: Some("velero".to_owned()),
            labels: Some([(ITEM_ACTION_LABEL.to_owned(), String::new())].into()),
            ..ObjectMeta::default()
        },
        data: Some(data),
        binary_data: Some(binary),
        ..ConfigMap::default()
    }
}

fn set(runtime: &Runtime, host: &Arc<ActionHost>, library: Library, map: &ConfigMap) -> Arc<ActionSet> {
    let registry = ActionRegistry::new(Arc::clone(host), library);
    for report in runtime.block_on(registry.load(std::slice::from_ref(map))) {
        assert!(report.outcome.is_ok(), "{report:?}");
    }
    registry.snapshot()
}

/// A host that compiles a component once for all groups, and keeps it in the folder.
fn host(folder: Option<&Path>) -> Arc<ActionHost> {
    let key = || CacheKey::try_from(&[7; CacheKey::LENGTH][..]).expect("it is long enough");
    let cache = folder.map(|folder| CacheOptions::new(folder, key()));
    let compile = CompileOptions { cache, ..CompileOptions::default() };
    ActionHost::new(HostOptions { compile, ..HostOptions::default() }).expect("the engine works here")
}

fn session(set: Arc<ActionSet>) -> ActionSession {
    let info = RunInfo {
        purpose: Purpose::Backup,
        stage: Stage::Items,
        name: "bench".to_owned(),
        namespace: "velero".to_owned(),
        uid: "1".to_owned(),
        started_ms: 0,
        dry_run: false,
        server_version: "0.1.0".to_owned(),
        features: Vec::new(),
        object: "{}".into(),
        source_backup: None,
        cancelled: CancellationToken::new(),
        cluster: None,
        fixed: None,
    };
    ActionRun::new(set, info).session()
}

fn subject(group: &str, resource: &str, kind: &str) -> Subject {
    Subject {
        group: group.to_owned(),
        resource: resource.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: Some("shop".to_owned()),
        name: "web".to_owned(),
        target_namespace: Some("shop".to_owned()),
        additional: false,
    }
}

/// A Deployment of 3 KB, with all that an API server writes into one, and a ConfigMap of 200 KB.
fn items() -> [(&'static str, Subject, Value); 2] {
    let deployment = include_str!("deployment.json");
    let small: Value = serde_json::from_str(deployment).expect("the file is JSON");
    let value = "0123456789abcdef".repeat(256);
    let data: serde_json::Map<String, Value> =
        (0..48).map(|n| (format!("file-{n}"), format!("{value} – {n}").into())).collect();
    let large = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web" } },
        "data": data,
    });
    [
        ("3 KB", subject("apps", "deployments", "Deployment"), small),
        ("200 KB", subject("", "configmaps", "ConfigMap"), large),
    ]
}

fn native(text: &str) -> String {
    let mut item: Value = serde_json::from_str(text).expect("it is JSON");
    item["metadata"]["labels"]["example.com/scaled"] = "true".into();
    if let Some(replicas) = item.pointer_mut("/spec/replicas") {
        *replicas = 0.into();
    }
    item.to_string()
}

fn calls(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let host = host(Some(folder.path()));
    for fresh in [false, true] {
        for (size, subject, item) in items() {
            let kind = if fresh { "fresh" } else { "reused" };
            let mut group = c.benchmark_group(format!("call, {kind} instance, {size}"));
            if !fresh {
                let text = item.to_string();
                group.bench_function("native", |b| b.iter(|| native(black_box(&text))));
            }
            for (language, code, script) in LANGUAGES {
                let set = set(&runtime, &host, lateen_embedded::library(), &configmap(code, script, fresh));
                let mut session = session(set);
                group.bench_function(BenchmarkId::from_parameter(language), |b| {
                    let call = |item| {
                        let result = runtime.block_on(session.backup_item(&subject, item));
                        assert!(result.error.is_none() && result.changed, "{result:?}");
                        result.item
                    };
                    b.iter_batched(|| item.clone(), call, BatchSize::SmallInput);
                });
            }
            group.finish();
        }
    }
}

fn no_match(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let host = host(Some(folder.path()));
    let (_, code, script) = LANGUAGES[1];
    let set = set(&runtime, &host, lateen_embedded::library(), &configmap(code, script, false));
    let stranger = subject("example.com", "widgets", "Widget");
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    c.bench_function("an item that no action matches", |b| {
        b.iter(|| black_box(set.concerns(Role::Backup, black_box(&stranger), Some(&labels))));
    });
}

/// A pod of a Deployment as it lies in a backup, with a claim, a token and managed fields: 4 KB.
fn pod() -> (Subject, Value) {
    let container = json!({
        "name": "web", "image": "registry.example/shop/web:1.25.3", "args": ["--port=8080", "--data=/data"],
        "env": [{ "name": "HOST", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "status.hostIP" } } }],
        "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
        "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
        "livenessProbe": { "httpGet": { "path": "/healthz", "port": "http", "scheme": "HTTP" }, "periodSeconds": 10 },
        "volumeMounts": [
            { "name": "data", "mountPath": "/data" },
            { "name": "kube-api-access-8x2kp", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true },
        ],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
    });
    let token = json!([
        { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
        { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
    ]);
    let mut sidecar = container.clone();
    sidecar["name"] = "sidecar".into();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web", "namespace": "shop", "labels": { "app": "web", "pod-template-hash": "6d4b75cb6d" },
            "annotations": { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
        },
        "spec": {
            "nodeName": "node-17", "priority": 0, "serviceAccountName": "web", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "containers": [container, sidecar],
            "volumes": [
                { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
                { "name": "kube-api-access-8x2kp", "projected": { "sources": token, "defaultMode": 420 } },
            ],
            "tolerations": [{ "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }],
        },
        "status": { "phase": "Running" },
    });
    (subject("", "pods", "Pod"), pod)
}

/// What the server's own actions cost on restore: of all kinds pods concern most of them.
fn restore(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let registry = ActionRegistry::new(host(Some(folder.path())), lateen_embedded::library());
    runtime.block_on(registry.load(&[]));
    let mut session = session(registry.snapshot());
    let (subject, pod) = pod();
    let archived = Arc::new(pod.clone());
    c.bench_function("a pod through the built-in actions on restore", |b| {
        let call = |item| {
            let result = runtime.block_on(session.restore_item(&subject, item, Arc::clone(&archived)));
            assert!(result.error.is_none() && result.changed, "{result:?}");
            result.item
        };
        b.iter_batched(|| pod.clone(), call, BatchSize::SmallInput);
    });
}

fn instantiate(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let host = host(Some(folder.path()));
    let engine = |name: &str| lateen_embedded::component(name).expect("it is embedded").unpack();
    let rust = lateen_guests::build_bytes("bench-scale").expect("the guest builds");
    let mut group = c.benchmark_group("instantiate");
    for (name, bytes) in [
        ("rust", rust),
        ("jq", engine("jq")),
        ("cel", engine("cel")),
        ("javascript", engine("javascript")),
        ("builtin", engine("builtin")),
    ] {
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                runtime.block_on(host.time_instances(&bytes, times)).expect("it can be instantiated")
            });
        });
    }
    group.finish();
}

fn start(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let load = |folder: Option<&Path>| {
        let host = host(folder);
        let maps: Vec<ConfigMap> = LANGUAGES[1..]
            .iter()
            .enumerate()
            .map(|(n, (_, code, script))| {
                let mut map = configmap(code, script, false);
                map.metadata.name = Some(format!("bench-{n}"));
                for text in map.data.iter_mut().flat_map(|data| data.values_mut()) {
                    *text = text.replace("bench.example/action", &format!("bench.example/action-{n}"));
                }
                map
            })
            .collect();
        let registry = ActionRegistry::new(host, lateen_embedded::library());
        let reports = runtime.block_on(registry.load(&maps));
        assert!(reports.iter().all(|report| report.outcome.is_ok()), "{reports:?}");
    };
    let mut group = c.benchmark_group("start with all built-in actions and one script for every engine");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    load(Some(folder.path()));
    group.bench_function("warm cache", |b| b.iter(|| load(Some(folder.path()))));
    group.bench_function("no cache", |b| b.iter(|| load(None)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = calls, no_match, restore, instantiate, start
}
criterion_main!(benches);

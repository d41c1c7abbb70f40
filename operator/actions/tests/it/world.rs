//! The surroundings of a test: ConfigMaps as an author makes them, a host, a run, an item.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock},
};

use k8s_openapi::{ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use lateen_actions::{
    ActionHost, ActionRegistry, ActionRun, ActionSet, HostOptions, ITEM_ACTION_LABEL, Library,
    LibraryComponent, MANIFEST_KEY, Purpose, Role, RunInfo, SourceReport, Stage, Subject,
    compile::{CacheKey, CacheOptions, CompileOptions},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

pub(crate) static STAMP: LazyLock<Vec<u8>> = LazyLock::new(|| guest("stamp"));
pub(crate) static HOSTILE: LazyLock<Vec<u8>> = LazyLock::new(|| guest("hostile"));
pub(crate) static EVERY_ROLE: LazyLock<Vec<u8>> = LazyLock::new(|| guest("every-role"));
pub(crate) static FOREIGN_IMPORT: LazyLock<Vec<u8>> = LazyLock::new(|| guest("foreign-import"));

fn guest(name: &str) -> Vec<u8> {
    lateen_guests::build_bytes(name).expect("the guest builds")
}

/// A ConfigMap with a manifest and a component.
pub(crate) fn configmap(name: &str, manifest: &str, component: &[u8]) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("velero".to_owned()),
            labels: Some([(ITEM_ACTION_LABEL.to_owned(), String::new())].into()),
            ..ObjectMeta::default()
        },
        data: Some([(MANIFEST_KEY.to_owned(), manifest.to_owned())].into()),
        binary_data: Some([("action.wasm".to_owned(), ByteString(component.to_vec()))].into()),
        ..ConfigMap::default()
    }
}

/// A manifest for both roles and Deployments; `rest` is added as it is.
pub(crate) fn manifest(name: &str, rest: &str) -> String {
    format!(
        "name: test.example/{name}\non: [backup, restore]\nmatch: {{resources: [deployments.apps]}}\ncomponent: action.wasm\n{rest}\n"
    )
}

/// The hostile guest, set on one misdeed.
pub(crate) fn hostile(misdeed: &str, rest: &str) -> ConfigMap {
    configmap("hostile", &manifest("hostile", &format!("params: {{misdeed: {misdeed}}}\n{rest}")), &HOSTILE)
}

/// A registry of its own, for a test that loads several times.
pub(crate) fn registry() -> (Arc<ActionHost>, ActionRegistry) {
    registry_with(Library::default())
}

/// A registry that brings something along.
pub(crate) fn registry_with(library: Library) -> (Arc<ActionHost>, ActionRegistry) {
    let host = ActionHost::new(HostOptions::default()).expect("the engine works on this machine");
    (Arc::clone(&host), ActionRegistry::new(host, library))
}

/// Options for a host that finds what any test has compiled before: where it does not matter who has, it saves seconds each time.
pub(crate) fn quick() -> HostOptions {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let cache = Some(CacheOptions::new(folder, CacheKey::from([7; 32])));
    HostOptions { compile: CompileOptions { cache, ..CompileOptions::default() }, ..HostOptions::default() }
}

/// A registry with such a host.
pub(crate) fn quick_registry() -> (Arc<ActionHost>, ActionRegistry) {
    let host = ActionHost::new(quick()).expect("the engine works on this machine");
    (Arc::clone(&host), ActionRegistry::new(host, Library::default()))
}

/// A component of a library.
pub(crate) fn embedded(name: &str, component: &'static [u8]) -> LibraryComponent {
    LibraryComponent {
        name: name.to_owned(),
        sha256: Sha256::digest(component).into(),
        unpack: Arc::new(|| component.to_vec()),
    }
}

/// What a run would start with.
pub(crate) async fn load(configmaps: &[ConfigMap]) -> (Arc<ActionSet>, Vec<SourceReport>) {
    let (_, registry) = quick_registry();
    let reports = registry.load(configmaps).await;
    (registry.snapshot(), reports)
}

/// A run with these ConfigMaps, all of which have to be in order.
pub(crate) async fn run(role: Role, configmaps: &[ConfigMap]) -> Arc<ActionRun> {
    let (set, reports) = load(configmaps).await;
    for report in &reports {
        assert!(report.outcome.is_ok(), "{report:?}");
    }
    ActionRun::new(set, info(role))
}

pub(crate) fn info(role: Role) -> RunInfo {
    RunInfo {
        purpose: match role {
            Role::Backup | Role::RelatedItems => Purpose::Backup,
            Role::Restore => Purpose::Restore,
            Role::Delete => Purpose::Delete,
        },
        stage: Stage::Items,
        name: "nightly".to_owned(),
        namespace: "velero".to_owned(),
        uid: "run-1".to_owned(),
        started_ms: 1_767_323_045_000,
        dry_run: false,
        server_version: "0.1.0".to_owned(),
        features: vec!["EnableCSI".to_owned()],
        object: r#"{"kind":"Backup"}"#.into(),
        source_backup: None,
        cancelled: CancellationToken::new(),
        fixed: None,
        cluster: None,
    }
}

pub(crate) fn deployment() -> (Subject, Value) {
    let subject = Subject {
        group: "apps".to_owned(),
        resource: "deployments".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some("app".to_owned()),
        name: "web".to_owned(),
        target_namespace: Some("app".to_owned()),
        additional: false,
    };
    let item = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "app", "labels": { "tier": "front" } },
        "spec": { "replicas": 3, "template": { "spec": { "containers": [{ "name": "web", "image": "web:1" }] } } },
    });
    (subject, item)
}

pub(crate) fn secret() -> (Subject, Value) {
    let subject = Subject {
        group: String::new(),
        resource: "secrets".to_owned(),
        version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some("app".to_owned()),
        name: "login".to_owned(),
        target_namespace: Some("app".to_owned()),
        additional: false,
    };
    let item = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "login", "namespace": "app" },
        // "open sesame"
        "data": { "password": "b3BlbiBzZXNhbWU=" },
    });
    (subject, item)
}

/// The item's annotations.
pub(crate) fn annotations(item: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(item["metadata"]["annotations"].clone()).unwrap_or_default()
}

//! What the tests of the server share: one control plane for all of a run, the program, and an application to back up.
//!
//! Each test has a server of its own, in a namespace of its own: what one does to its server, its bucket or its actions is not seen by
//! another. Only definitions of kinds are everybody's.

use std::sync::OnceLock;
use std::time::Duration;

use lateen_test_cluster::Cluster;
use lateen_test_harness::{Entry, Installation, Setup, Store, wait_for};
use serde_json::Value;

/// For what takes a second or two on an idle machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Phases in which nothing happens any more.
pub(crate) const ENDED: [&str; 4] = ["Completed", "PartiallyFailed", "Failed", "FailedValidation"];

/// The control plane; it ends with the process, although a static is never dropped.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start().unwrap())
}

/// What a test installs.
pub(crate) fn setup(namespace: &str, store: Store) -> Setup {
    Setup::new(binary(), namespace, store)
}

/// The program that Cargo has just built, or the one that `LATEEN_BINARY` names.
pub(crate) fn binary() -> std::ffi::OsString {
    std::env::var_os("LATEEN_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_lateen").into())
}

/// A server in `namespace`, which no other test uses.
pub(crate) async fn install(namespace: &str, store: Store) -> Installation<'static> {
    Installation::start(cluster(), setup(namespace, store)).await.unwrap()
}

/// The application of the demo, in another namespace.
pub(crate) fn application(namespace: &str) -> String {
    let yaml = include_str!("../demo/application.yaml");
    yaml.replace("namespace: app", &format!("namespace: {namespace}"))
        .replace("name: app\n", &format!("name: {namespace}\n"))
}

/// Applies the application and waits until its pods run: what controllers add to it is there then.
pub(crate) async fn deploy(installation: &Installation<'_>, namespace: &str) {
    installation.objects().apply(&application(namespace)).await.unwrap();
    await_pods(installation, namespace, 3).await;
}

/// Waits until the application has that many pods, and all of them run.
pub(crate) async fn await_pods(installation: &Installation<'_>, namespace: &str, pods: u64) {
    let what = format!("{pods} pods in {namespace}");
    wait_for(&what, LIMIT, async || {
        let found = installation.objects().get("apps/v1/Deployment", namespace, "web").await?;
        let status = found.map(|it| it["status"].clone()).unwrap_or_default();
        let all_there = status["availableReplicas"].as_u64().unwrap_or(0) == pods
            && status["replicas"].as_u64().unwrap_or(0) == pods;
        Ok(all_there.then_some(()))
    })
    .await
    .unwrap();
}

/// `count` ConfigMaps with the names `item-0`, `item-1` and so on, in a namespace that is made.
pub(crate) async fn config_maps(installation: &Installation<'_>, namespace: &str, names: &[&str]) {
    let objects = installation.objects();
    objects.create_namespace(namespace).await.unwrap();
    for name in names {
        let yaml = format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}}}, data: {{name: {name}}}}}"
        );
        objects.apply(&yaml).await.unwrap();
    }
}

/// Makes a backup of a namespace with the CLI, and waits for its end, whichever it is.
pub(crate) async fn back_up(installation: &Installation<'_>, name: &str, namespace: &str) -> Value {
    create(installation, &["backup", "create", name, "--include-namespaces", namespace, "--wait"]).await;
    installation.await_phase("Backup", name, &ENDED, LIMIT).await.unwrap()
}

/// Restores a backup into another namespace with the CLI, and waits for the end, whichever it is.
pub(crate) async fn restore(
    installation: &Installation<'_>,
    name: &str,
    backup: &str,
    mapping: &str,
) -> Value {
    let arguments =
        ["restore", "create", name, "--from-backup", backup, "--namespace-mappings", mapping, "--wait"];
    create(installation, &arguments).await;
    installation.await_phase("Restore", name, &ENDED, LIMIT).await.unwrap()
}

/// Runs a command of the CLI that has to succeed, and gives back what it says.
pub(crate) async fn create(installation: &Installation<'_>, arguments: &[&str]) -> String {
    installation.velero(arguments).await.unwrap().success().unwrap()
}

/// What `lateen actions list` tells, which a server has answered.
pub(crate) async fn listed_actions(velero: &Installation<'_>) -> Value {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lateen"));
    command.args(["actions", "list", "-o", "json", "-n", velero.namespace(), "--kubeconfig"]);
    let output = command.arg(cluster().kubeconfig()).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a status says about how a run ended.
pub(crate) fn phase(run: &Value) -> &str {
    run["status"]["phase"].as_str().unwrap_or_default()
}

/// The items of an archive as `kind.group/namespace/name`, each once.
pub(crate) fn items(entries: &[Entry]) -> Vec<String> {
    let item = |entry: &Entry| {
        let path = entry.path.strip_prefix("resources/")?.strip_suffix(".json")?;
        let (kind, rest) = path.split_once('/')?;
        let place = rest.strip_prefix("namespaces/").or_else(|| rest.strip_prefix("cluster/"))?;
        Some(format!("{kind}/{place}"))
    };
    let mut items: Vec<String> = entries.iter().filter_map(item).collect();
    items.sort();
    items
}

/// The item of an archive that [`items`] names.
pub(crate) fn item(entries: &[Entry], kind: &str, place: &str) -> Value {
    let path = format!("resources/{kind}/{place}.json");
    let entry = entries.iter().find(|entry| entry.path == path).unwrap_or_else(|| panic!("no {path}"));
    serde_json::from_slice(&entry.content).unwrap()
}

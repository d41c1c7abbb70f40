//! Hooks after a restore: commands that really run, in pods that the control plane only pretends. A pod with a scheduling gate stays as it is
//! until the gate is taken off, so that each test decides when a pod begins to run.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::{Value, json};

use crate::world::{ENDED, LIMIT, back_up, cluster, create, install, phase};

/// Pods with this label get no status from kwok: a test gives them theirs.
const BY_HAND: &str = "test.lateen.dev/by-hand";

/// A folder for what commands write, which ends with the control plane.
fn folder(name: &str) -> PathBuf {
    let folder = cluster().directory().join(format!("restore-hooks-{name}"));
    std::fs::create_dir(&folder).unwrap();
    folder
}

/// A command that appends a line to a file.
fn append(file: &Path, line: &str) -> Value {
    json!(["/bin/sh", "-c", format!("echo ran {line}; echo {line} >> {}", file.display())])
}

fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The annotations of a hook of a pod.
fn annotations(command: &Value, more: &[(&str, &str)]) -> Value {
    let key = |name: &str| format!("post.hook.restore.velero.io/{name}");
    let mut annotations = json!({ key("command"): command.to_string() });
    for (name, value) in more {
        annotations[key(name)] = json!(value);
    }
    annotations
}

/// A pod with two containers and a sidecar; with a gate it never starts by itself.
fn pod(namespace: &str, name: &str, annotations: Value, gated: bool) -> Value {
    let gates = if gated { json!([{ "name": "test.lateen.dev/gate" }]) } else { json!([]) };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "labels": { "app": name }, "annotations": annotations },
        "spec": {
            "schedulingGates": gates,
            "initContainers": [{ "name": "proxy", "image": "example/proxy", "restartPolicy": "Always" }],
            "containers": [{ "name": "db", "image": "example/db" }, { "name": "exporter", "image": "example/exporter" }],
        },
    })
}

/// Backs up a namespace with these pods; they may stay, because restores go to another namespace.
async fn backed_up(velero: &Installation<'_>, namespace: &str, pods: &[Value]) {
    velero.objects().create_namespace(namespace).await.unwrap();
    for pod in pods {
        velero.objects().apply_value(pod).await.unwrap();
    }
    let backup = back_up(velero, namespace, namespace).await;
    assert_eq!(phase(&backup), "Completed", "{backup:#}");
}

/// Begins to restore a namespace as `TARGET`, with more in the spec.
async fn begin(velero: &Installation<'_>, name: &str, namespace: &str, target: &str, more: Value) {
    let mut spec = json!({ "backupName": namespace, "namespaceMapping": { namespace: target } });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let restore = json!({
        "apiVersion": "velero.io/v1", "kind": "Restore",
        "metadata": { "namespace": velero.namespace(), "name": name }, "spec": spec,
    });
    velero.objects().apply_value(&restore).await.unwrap();
}

async fn ended(velero: &Installation<'_>, name: &str) -> Value {
    velero.await_phase("Restore", name, &ENDED, LIMIT).await.unwrap()
}

/// Waits until the items of a restore are through and it waits for its hooks.
async fn await_hooks(velero: &Installation<'_>, name: &str) {
    velero.await_phase("Restore", name, &["Finalizing", "FinalizingPartiallyFailed"], LIMIT).await.unwrap();
}

/// What a restore says of its hooks: its phase, how many were begun, and how many failed.
fn outcome(restore: &Value) -> (&str, u64, u64) {
    let count = |key: &str| restore["status"]["hookStatus"][key].as_u64().unwrap_or(0);
    (phase(restore), count("hooksAttempted"), count("hooksFailed"))
}

async fn take_gate_off(velero: &Installation<'_>, namespace: &str, name: &str) {
    let patch = json!({ "spec": { "schedulingGates": null } });
    velero.objects().merge("v1/Pod", namespace, name, &patch).await.unwrap();
}

async fn await_lines(file: &Path, count: usize) {
    let what = format!("{count} lines in {}", file.display());
    wait_for(&what, LIMIT, async || Ok((lines(file).len() >= count).then_some(()))).await.unwrap();
}

#[tokio::test]
async fn pods_get_their_own_hooks_or_those_of_the_restore_in_order() {
    let velero = install("velero-rh-order", Store::File).await;
    let order = folder("order").join("order");
    let own = annotations(&append(&order, "own"), &[("container", "proxy"), ("wait-for-ready", "true")]);
    let pods = [pod("rh-order", "own", own, false), pod("rh-order", "plain", json!({}), false)];
    backed_up(&velero, "rh-order", &pods).await;
    let exec = |line: &str, container: &str| json!({ "exec": { "command": append(&order, line), "container": container } });
    let hooks = json!({ "resources": [
        // Namespaces are those of the cluster, not those of the backup.
        { "name": "all", "includedNamespaces": ["rh-order-?"], "postHooks": [exec("first", ""), exec("second", "db")] },
        { "name": "by-label", "labelSelector": { "matchLabels": { "app": "plain" } }, "postHooks": [exec("third", "db")] },
        { "name": "elsewhere", "includedNamespaces": ["rh-order"], "postHooks": [exec("elsewhere", "")] },
        { "name": "other-kind", "includedResources": ["services"], "postHooks": [exec("other-kind", "")] },
    ] });

    begin(&velero, "order", "rh-order", "rh-order-2", json!({ "hooks": hooks })).await;
    let restore = ended(&velero, "order").await;

    assert_eq!(outcome(&restore), ("Completed", 4, 0), "{restore:#}");
    let (own, spec): (Vec<String>, Vec<String>) = lines(&order).into_iter().partition(|line| line == "own");
    assert_eq!((own.len(), spec), (1, ["first", "second", "third"].map(String::from).to_vec()));
    let log = create(&velero, &["restore", "logs", "order"]).await;
    for said in ["stdout: ran own", "stdout: ran third", "hookPhase=post", "hookSource=annotation"] {
        assert!(log.contains(said), "{said:?} is not in\n{log}");
    }
    let said = create(&velero, &["restore", "describe", "order", "--details"]).await;
    assert!(said.contains("HooksAttempted:   4") && said.contains("HooksFailed:      0"), "{said}");
}

#[tokio::test]
async fn every_hook_that_did_not_end_well_is_an_error_of_its_own_pod() {
    let velero = install("velero-rh-errors", Store::File).await;
    let order = folder("errors").join("order");
    let fails = json!(["/bin/sh", "-c", "echo no way >&2; exit 3"]);
    let pods = [
        pod("rh-errors", "fails", annotations(&fails, &[("on-error", "Fail")]), false),
        pod("rh-errors", "late", annotations(&append(&order, "late"), &[("wait-timeout", "1s")]), true),
        pod(
            "rh-errors",
            "nowhere",
            annotations(&append(&order, "nowhere"), &[("container", "nobody")]),
            false,
        ),
        pod("rh-errors", "spec", json!({}), false),
    ];
    backed_up(&velero, "rh-errors", &pods).await;
    let exec = |command: Value, on_error: &str| json!({ "command": command, "onError": on_error });
    let mut slow = exec(json!(["/bin/sleep", "100"]), "Continue");
    slow["execTimeout"] = json!("1s");
    let hooks = [
        slow,
        exec(append(&order, "after a failure"), "Fail"),
        exec(fails.clone(), "Fail"),
        exec(append(&order, "never"), "Continue"),
    ];
    let hooks = hooks.map(|exec| json!({ "exec": exec }));
    let hooks = json!({ "resources": [{ "name": "g", "postHooks": hooks }] });

    begin(&velero, "errors", "rh-errors", "rh-errors-2", json!({ "hooks": hooks })).await;
    let restore = ended(&velero, "errors").await;

    assert_eq!(outcome(&restore), ("PartiallyFailed", 7, 6), "{restore:#}");
    assert_eq!(restore["status"]["errors"], 6, "{restore:#}");
    assert_eq!(lines(&order), ["after a failure"]);
    let said = create(&velero, &["restore", "describe", "errors", "--details"]).await;
    for error in [
        "hook <from-annotation> in container db failed to execute, err: ",
        "hook <from-annotation> in container db expired before executing",
        r#"hook <from-annotation> in container nobody failed to execute, err: no such container: "nobody""#,
        "hook g in container db failed to execute, err: timed out after 1s",
        "hook g in container db in pod rh-errors-2/spec not executed: another hook of the pod failed",
    ] {
        assert!(said.contains(error), "{error:?} is not in\n{said}");
    }
    let log = create(&velero, &["restore", "logs", "errors"]).await;
    assert!(log.contains("stderr: no way"), "{log}");
}

#[tokio::test]
async fn a_hook_that_waits_for_readiness_does_not_run_before() {
    let velero = install("velero-rh-ready", Store::File).await;
    let order = folder("ready").join("order");
    let mut waits = pod("rh-ready", "waits", json!({}), false);
    waits["metadata"]["labels"][BY_HAND] = json!("true");
    backed_up(&velero, "rh-ready", &[waits]).await;
    let hooks = json!({ "resources": [{ "name": "g", "postHooks": [
        { "exec": { "command": append(&order, "ready"), "container": "db", "waitForReady": true } },
        { "exec": { "command": append(&order, "running"), "container": "exporter" } },
    ] }] });
    begin(&velero, "ready", "rh-ready", "rh-ready-2", json!({ "hooks": hooks })).await;
    await_hooks(&velero, "ready").await;
    let api: Api<Pod> = Api::namespaced(velero.objects().client(), "rh-ready-2");
    wait_for("the pod to have its node", LIMIT, async || {
        let found = velero.objects().get("v1/Pod", "rh-ready-2", "waits").await?.unwrap_or_default();
        Ok(found["spec"]["nodeName"].is_string().then_some(()))
    })
    .await
    .unwrap();
    let become_ready = async |ready: bool| {
        let container = |name: &str| {
            let state = json!({ "running": { "startedAt": "2026-05-21T10:00:00Z" } });
            json!({ "name": name, "image": "i", "imageID": "", "restartCount": 0, "ready": ready, "state": state })
        };
        let status =
            json!({ "phase": "Running", "containerStatuses": [container("db"), container("exporter")] });
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status("waits", &PatchParams::default(), &patch).await.unwrap();
    };

    become_ready(false).await;
    await_lines(&order, 1).await;
    assert_eq!(lines(&order), ["running"]);
    become_ready(true).await;

    assert_eq!(outcome(&ended(&velero, "ready").await), ("Completed", 2, 0));
    assert_eq!(lines(&order), ["running", "ready"]);
}

#[tokio::test]
async fn a_pod_that_never_starts_holds_up_no_other_restore_and_its_own_not_for_ever() {
    let velero = install("velero-rh-stuck", Store::File).await;
    let order = folder("stuck").join("order");
    let pods = [
        pod("rh-stuck", "gated", annotations(&append(&order, "gated"), &[]), true),
        pod("rh-stuck", "free", annotations(&append(&order, "free"), &[]), false),
    ];
    backed_up(&velero, "rh-stuck", &pods).await;

    begin(&velero, "stuck", "rh-stuck", "rh-stuck-2", json!({})).await;
    await_lines(&order, 1).await;
    await_hooks(&velero, "stuck").await;
    // Hooks without a limit of their own wait as long as operations may, counted from the end of everything else.
    let gated =
        json!({ "itemOperationTimeout": "1s", "labelSelector": { "matchLabels": { "app": "gated" } } });
    begin(&velero, "short", "rh-stuck", "rh-stuck-3", gated).await;
    let short = ended(&velero, "short").await;
    assert_eq!(outcome(&short), ("PartiallyFailed", 1, 1), "{short:#}");
    let stuck = velero.get("Restore", "stuck").await.unwrap().unwrap();
    assert_eq!(phase(&stuck), "Finalizing");

    take_gate_off(&velero, "rh-stuck-2", "gated").await;
    assert_eq!(outcome(&ended(&velero, "stuck").await), ("Completed", 2, 0));
    assert_eq!(lines(&order), ["free", "gated"]);
}

#[tokio::test]
async fn hooks_of_a_killed_server_are_run_by_the_next_one() {
    let mut velero = install("velero-rh-killed", Store::File).await;
    let order = folder("killed").join("order");
    let pods = [
        pod("rh-killed", "gated", annotations(&append(&order, "gated"), &[]), true),
        pod("rh-killed", "free", annotations(&append(&order, "free"), &[]), false),
        pod("rh-killed", "gone", annotations(&append(&order, "gone"), &[]), true),
    ];
    backed_up(&velero, "rh-killed", &pods).await;
    begin(&velero, "cut", "rh-killed", "rh-killed-2", json!({})).await;
    await_lines(&order, 1).await;
    await_hooks(&velero, "cut").await;

    velero.kill().unwrap();
    velero.objects().delete("v1/Pod", "rh-killed-2", "gone").await.unwrap();
    take_gate_off(&velero, "rh-killed-2", "gated").await;
    velero.restart().await.unwrap();

    let restore = ended(&velero, "cut").await;
    // The hook that ran before runs again; a pod that is not there any more has none.
    assert_eq!(outcome(&restore), ("Completed", 2, 0), "{restore:#}");
    let mut ran = lines(&order);
    ran.sort();
    assert_eq!(ran, ["free", "free", "gated"]);
}

#[tokio::test]
async fn more_pods_than_commands_at_once_all_get_their_turn() {
    let velero = install("velero-rh-many", Store::File).await;
    let order = folder("many").join("order");
    // A restore runs 64 commands at once.
    let pods: Vec<Value> =
        (0..100).map(|number| pod("rh-many", &format!("p-{number}"), json!({}), false)).collect();
    backed_up(&velero, "rh-many", &pods).await;
    let hook = json!({ "exec": { "command": append(&order, "ran"), "execTimeout": "1m" } });
    let hooks = json!({ "resources": [{ "name": "g", "postHooks": [hook] }] });

    begin(&velero, "many", "rh-many", "rh-many-2", json!({ "hooks": hooks })).await;
    let restore = ended(&velero, "many").await;

    assert_eq!(outcome(&restore), ("Completed", 100, 0), "{restore:#}");
    assert_eq!(lines(&order).len(), 100);
}

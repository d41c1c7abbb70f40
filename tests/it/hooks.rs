//! Hooks of a backup: commands that really run, in pods that the control plane only pretends. They run on this machine, so that a file
//! shows what ran and in which order.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lateen_cluster::client::{ClientOptions, connect};
use lateen_cluster::exec::{Command, ExecError, OUTPUT_LIMIT, Output, exec};
use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::{Value, json};

use crate::world::{ENDED, LIMIT, cluster, create, install, items, phase};

/// The annotation with the record of a run.
const RUN: &str = "lateen.dev/run";

/// A folder for what commands write, which ends with the control plane.
fn folder(name: &str) -> PathBuf {
    let folder = cluster().directory().join(format!("hooks-{name}"));
    std::fs::create_dir(&folder).unwrap();
    folder
}

/// A command that appends a line to a file.
fn append(file: &Path, line: &str) -> Vec<String> {
    words(&["/bin/sh", "-c", &format!("echo {line} >> {}", file.display())])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A pod that runs, with two containers and a sidecar.
async fn pod(velero: &Installation<'_>, namespace: &str, name: &str, annotations: Value) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "labels": { "app": name }, "annotations": annotations },
        "spec": {
            "initContainers": [{ "name": "proxy", "image": "example/proxy", "restartPolicy": "Always" }],
            "containers": [{ "name": "db", "image": "example/db" }, { "name": "exporter", "image": "example/exporter" }],
        },
    });
    velero.objects().apply_value(&pod).await.unwrap();
    wait_for(&format!("the pod {name} to run"), LIMIT, async || {
        let found = velero.objects().get("v1/Pod", namespace, name).await?.unwrap_or_default();
        Ok((found["status"]["phase"] == "Running").then_some(()))
    })
    .await
    .unwrap();
}

/// The annotations of one hook of a pod.
fn annotations(phase: &str, command: &[String], more: &[(&str, &str)]) -> Value {
    let key = |name: &str| format!("{phase}.hook.backup.velero.io/{name}");
    let mut annotations = json!({ key("command"): json!(command).to_string() });
    for (name, value) in more {
        annotations[key(name)] = json!(value);
    }
    annotations
}

fn with(mut one: Value, other: Value) -> Value {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}

/// Makes a backup of a namespace with these hooks in its spec, and waits for its end.
async fn back_up(velero: &Installation<'_>, name: &str, namespace: &str, hooks: Value) -> Value {
    let backup = json!({
        "apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": { "namespace": velero.namespace(), "name": name },
        "spec": { "includedNamespaces": [namespace], "hooks": { "resources": hooks } },
    });
    velero.objects().apply_value(&backup).await.unwrap();
    velero.await_phase("Backup", name, &ENDED, LIMIT).await.unwrap()
}

/// What a backup says of its hooks: its phase, how many were begun, and how many failed.
fn outcome(backup: &Value) -> (&str, u64, u64) {
    let count = |key: &str| backup["status"]["hookStatus"][key].as_u64().unwrap_or(0);
    (phase(backup), count("hooksAttempted"), count("hooksFailed"))
}

fn has_pod(velero: &Installation<'_>, backup: &str, pod: &str) -> bool {
    items(&velero.bucket().archive(backup).unwrap()).contains(&format!("pods/{pod}"))
}

#[tokio::test]
async fn commands_run_in_containers_and_tell_how_they_ended() {
    let velero = install("velero-exec", Store::File).await;
    velero.objects().create_namespace("exec").await.unwrap();
    pod(&velero, "exec", "db", json!({})).await;
    let client = connect(Some(&cluster().kubeconfig()), &ClientOptions::default()).await.unwrap();
    let run = async |container: &str, script: &str, timeout: u64| -> (Output, Result<(), ExecError>) {
        let command = words(&["/bin/sh", "-c", script]);
        let timeout = Some(Duration::from_secs(timeout));
        let command = Command { namespace: "exec", pod: "db", container, command: &command, timeout };
        exec(&client, &command, std::future::pending()).await
    };

    let (output, result) = run("db", "echo one; echo two >&2; echo three", 60).await;
    result.unwrap();
    assert_eq!((output.stdout.text().as_str(), output.stderr.text().as_str()), ("one\nthree", "two"));

    let (output, result) = run("proxy", "echo before; exit 7", 60).await;
    // A kubelet tells the exit code; this one tells it in words.
    let told = result.unwrap_err().to_string();
    assert!(told.contains("exit status 7"), "{told}");
    assert_eq!(output.stdout.text(), "before");

    // What was written until then is there; so is all that fits of what nobody will read to its end.
    let (output, result) = run("exporter", "echo before; exec sleep 100", 1).await;
    assert_eq!(result.unwrap_err().to_string(), "timed out after 1s");
    assert_eq!(output.stdout.text(), "before");
    let (output, result) = run("db", "head -c 1000000 /dev/zero | tr '\\0' x", 60).await;
    result.unwrap();
    let text = output.stdout.text();
    assert!(text.ends_with(&format!("x ... and {} bytes more", 1_000_000 - OUTPUT_LIMIT)), "{}", text.len());

    let (_, result) = run("nobody", "true", 60).await;
    assert!(matches!(result, Err(ExecError::Begin(_))), "{result:?}");
    let command = words(&["true"]);
    let missing =
        Command { namespace: "exec", pod: "gone", container: "db", command: &command, timeout: None };
    let (_, result) = exec(&client, &missing, std::future::pending()).await;
    let Err(ExecError::Begin(refusal)) = result else { panic!("{result:?}") };
    assert_eq!(refusal.line(), "pods \"gone\" not found");
    let (_, result) = exec(&client, &Command { timeout: None, ..missing }, async {}).await;
    assert!(result.is_err());
}

#[tokio::test]
async fn hooks_run_around_the_items_of_their_pod() {
    let velero = install("velero-hooks", Store::File).await;
    velero.objects().create_namespace("hooks").await.unwrap();
    let order = folder("order").join("order");
    // The pod's own hooks; the second pod has none and gets those of the spec.
    let own = with(
        annotations("pre", &append(&order, "own-pre"), &[("container", "proxy")]),
        annotations("post", &append(&order, "own-post"), &[]),
    );
    pod(&velero, "hooks", "own", own).await;
    pod(&velero, "hooks", "plain", json!({})).await;
    // An action says in the log when the pod is taken.
    let action = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": velero.namespace(), "name": "tell", "labels": { "lateen.dev/item-action": "" } },
        "data": {
            "action.yaml": "name: test.example/tell\non: [backup]\nmatch: {resources: [pods], namespaces: [hooks]}\nengine: jq\n",
            "script.jq": "info(\"taking \\(.metadata.name)\")",
        },
    });
    let action = velero.objects().apply_value(&action).await.unwrap();
    assert_eq!(velero.await_verdict(&action).await.unwrap().0, "ActionLoaded");
    let exec = |line: &str| json!({ "exec": { "command": append(&order, line), "container": "exporter" } });
    let hooks = json!([
        { "name": "all", "includedNamespaces": ["hook?"], "pre": [exec("spec-pre-1"), exec("spec-pre-2")], "post": [exec("spec-post")] },
        { "name": "by-label", "labelSelector": { "matchLabels": { "app": "plain" } }, "includedResources": ["pod"], "post": [exec("labelled-post")] },
        { "name": "elsewhere", "excludedNamespaces": ["hooks"], "pre": [exec("elsewhere")] },
        { "name": "other-kind", "includedResources": ["services"], "pre": [exec("other-kind")] },
    ]);

    let backup = back_up(&velero, "both", "hooks", hooks).await;

    assert_eq!(outcome(&backup), ("Completed", 6, 0), "{backup:#}");
    let ran = lines(&order);
    let of =
        |pod: &str| ran.iter().filter(|line| line.starts_with(pod) != (pod == "spec")).collect::<Vec<_>>();
    assert_eq!(of("own"), ["own-pre", "own-post"], "{ran:?}");
    let spec: Vec<&String> = ran.iter().filter(|line| !line.starts_with("own")).collect();
    assert_eq!(spec, ["spec-pre-1", "spec-pre-2", "spec-post", "labelled-post"], "{ran:?}");
    let log = create(&velero, &["backup", "logs", "both"]).await;
    for pod in ["own", "plain"] {
        let told: Vec<&str> = log
            .lines()
            .filter(|line| line.contains(&format!("name={pod} ")) || line.contains(&format!("taking {pod}")))
            .filter_map(|line| {
                let parts = [("hookPhase=pre", "pre"), ("hookPhase=post", "post"), ("taking", "item")];
                parts.iter().find(|(part, _)| line.contains(part)).map(|(_, what)| *what)
            })
            .collect();
        let mut order = told.clone();
        order.dedup();
        assert_eq!(order, ["pre", "item", "post"], "{log}");
    }
    assert!(has_pod(&velero, "both", "hooks/own") && has_pod(&velero, "both", "hooks/plain"));
}

#[tokio::test]
async fn a_hook_that_fails_is_an_error_and_costs_its_pod_only_if_it_says_so() {
    let velero = install("velero-hook-errors", Store::File).await;
    let order = folder("errors").join("order");
    let fails = words(&["/bin/sh", "-c", "echo no way >&2; exit 3"]);
    let post = || annotations("post", &append(&order, "post"), &[]);
    // The on-error of the failing pre hook; whether the pod is in the backup, its errors, and what ran after it.
    for (namespace, on_error, kept, count, post_ran) in
        [("hook-go-on", "Continue", true, 1, true), ("hook-give-up", "Fail", false, 2, false)]
    {
        velero.objects().create_namespace(namespace).await.unwrap();
        let pre = annotations("pre", &fails, &[("on-error", on_error)]);
        pod(&velero, namespace, "db", with(pre, post())).await;
        let backup = back_up(&velero, on_error.to_lowercase().as_str(), namespace, json!([])).await;
        let attempted = 1 + u64::from(post_ran);
        assert_eq!(outcome(&backup), ("PartiallyFailed", attempted, 1), "{backup:#}");
        assert_eq!(backup["status"]["errors"], count, "{backup:#}");
        assert_eq!(has_pod(&velero, &on_error.to_lowercase(), &format!("{namespace}/db")), kept);
        assert_eq!(lines(&order).len(), usize::from(post_ran), "{on_error}");
        let said = create(&velero, &["backup", "describe", &on_error.to_lowercase(), "--details"]).await;
        let errors = said.lines().filter(|line| line.contains("resource: /pods name: /db message: /"));
        let errors: Vec<&str> = errors.collect();
        let hook =
            |line: &&str| line.contains("/Error executing hook error: /") && line.contains("exit status 3");
        assert_eq!((errors.len(), errors.iter().filter(|line| hook(line)).count()), (count, 1), "{said}");
        let log = create(&velero, &["backup", "logs", &on_error.to_lowercase()]).await;
        assert!(log.contains("stderr: no way"), "{log}");
        std::fs::remove_file(&order).ok();
    }
}

#[tokio::test]
async fn hooks_of_the_spec_stop_at_the_first_failure_that_counts() {
    let velero = install("velero-hook-spec", Store::File).await;
    velero.objects().create_namespace("hook-spec").await.unwrap();
    pod(&velero, "hook-spec", "db", json!({})).await;
    let order = folder("spec").join("order");
    let hook =
        |command: Vec<String>, fields: Value| json!({ "exec": with(json!({ "command": command }), fields) });
    let slow = words(&["/bin/sleep", "100"]);
    let pre = [
        hook(append(&order, "first"), json!({})),
        hook(slow, json!({ "timeout": "1s", "onError": "Continue" })),
        hook(append(&order, "second"), json!({})),
        hook(append(&order, "never"), json!({ "container": "nobody" })),
        hook(append(&order, "not-reached"), json!({})),
    ];
    let post = [hook(append(&order, "post"), json!({}))];

    let backup =
        back_up(&velero, "stops", "hook-spec", json!([{ "name": "g", "pre": pre, "post": post }])).await;

    assert_eq!(outcome(&backup), ("PartiallyFailed", 5, 2), "{backup:#}");
    assert_eq!(lines(&order), ["first", "second"]);
    assert!(!has_pod(&velero, "stops", "hook-spec/db"));
    let said = create(&velero, &["backup", "describe", "stops", "--details"]).await;
    for error in ["timed out after 1s", "no such container: \"nobody\""] {
        assert!(said.contains(&format!("message: /Error executing hook error: /{error}")), "{said}");
    }
}

#[tokio::test]
async fn a_pod_that_a_killed_server_left_waiting_gets_its_post_hooks() {
    let mut velero = install("velero-hook-killed", Store::File).await;
    velero.objects().create_namespace("hook-killed").await.unwrap();
    let folder = folder("killed");
    let (order, gate) = (folder.join("order"), folder.join("gate"));
    // The first pre hook freezes; the second keeps the run where it is until there is a file.
    let held = words(&["/bin/sh", "-c", &format!("while [ ! -e {} ]; do sleep 0.1; done", gate.display())]);
    pod(&velero, "hook-killed", "db", annotations("post", &append(&order, "thaw"), &[])).await;
    let pre = json!([{ "exec": { "command": append(&order, "freeze") } }, { "exec": { "command": held, "timeout": "5m" } }]);
    let backup = json!({
        "apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": { "namespace": velero.namespace(), "name": "cut" },
        "spec": { "includedNamespaces": ["hook-killed"], "hooks": { "resources": [{ "name": "g", "pre": pre }] } },
    });
    velero.objects().apply_value(&backup).await.unwrap();
    wait_for("the pod to be frozen", LIMIT, async || Ok((!lines(&order).is_empty()).then_some(())))
        .await
        .unwrap();
    let running = velero.get("Backup", "cut").await.unwrap().unwrap();
    let record = running["metadata"]["annotations"][RUN].as_str().unwrap();
    assert!(record.contains(r#""namespace":"hook-killed","name":"db""#), "{record}");

    velero.kill().unwrap();
    std::fs::write(&gate, "").unwrap();
    velero.restart().await.unwrap();

    let ended = velero.await_phase("Backup", "cut", &ENDED, LIMIT).await.unwrap();
    let ran = lines(&order);
    assert_eq!(ran[..2], ["freeze", "thaw"], "{ran:?}");
    // The run is begun again, and thaws what it freezes.
    assert_eq!(
        (phase(&ended), &ran[2..]),
        ("Completed", &["freeze".to_owned(), "thaw".to_owned()][..]),
        "{ended:#}"
    );
    assert!(ended["metadata"]["annotations"][RUN].is_null(), "{ended:#}");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_thaws_first() {
    let mut velero = install("velero-hook-stopped", Store::File).await;
    velero.objects().create_namespace("hook-stopped").await.unwrap();
    let order = folder("stopped").join("order");
    let freeze = words(&["/bin/sh", "-c", &format!("echo freeze >> {}; exec sleep 300", order.display())]);
    let hooks = with(
        annotations("pre", &freeze, &[("timeout", "5m"), ("on-error", "Fail")]),
        annotations("post", &append(&order, "thaw"), &[]),
    );
    pod(&velero, "hook-stopped", "db", hooks).await;
    create(&velero, &["backup", "create", "cut", "--include-namespaces", "hook-stopped"]).await;
    wait_for("the pod to be frozen", LIMIT, async || Ok((!lines(&order).is_empty()).then_some(())))
        .await
        .unwrap();

    assert!(velero.stop().await.unwrap().success());

    assert_eq!(lines(&order), ["freeze", "thaw"]);
}

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn read(groups: Value) -> RestoreHooks {
    RestoreHooks::read(&serde_json::from_value(json!({ "resources": groups })).unwrap()).unwrap()
}

fn pod(annotations: Value) -> TargetPod {
    TargetPod::read(&json!({
        "metadata": {"namespace": "shop-2", "name": "p", "labels": {"tier": "db"}, "annotations": annotations},
        "spec": {"containers": [{"name": "main"}]},
    }))
}

fn commands(spec: &RestoreHooks, pod: &TargetPod) -> Vec<String> {
    hooks_of(pod, spec).hooks.into_iter().map(|hook| hook.exec.command.join(" ")).collect()
}

#[test]
fn groups_are_held_against_the_pod_as_it_is_in_the_cluster() {
    for (fields, wanted) in [
        (json!({}), true),
        (json!({"includedNamespaces": ["shop-*"]}), true),
        (json!({"includedNamespaces": ["shop"]}), false),
        (json!({"excludedNamespaces": ["shop-?"]}), false),
        (json!({"includedResources": ["Pod"]}), true),
        (json!({"includedResources": ["po"]}), true),
        (json!({"includedResources": ["*"]}), true),
        (json!({"includedResources": ["deployments.apps"]}), false),
        (json!({"excludedResources": ["pods"]}), false),
        (json!({"labelSelector": {"matchLabels": {"tier": "db"}}}), true),
        (json!({"labelSelector": {"matchLabels": {"tier": "web"}}}), false),
    ] {
        let mut group = fields.clone();
        group["name"] = json!("g");
        group["postHooks"] = json!([{"exec": {"command": ["run"]}}]);
        assert_eq!(commands(&read(json!([group])), &pod(json!({}))).len(), usize::from(wanted), "{fields}");
    }
}

#[test]
fn commands_come_in_the_order_of_the_spec_and_init_containers_are_none() {
    let exec = |command: &str| json!({"exec": {"command": [command]}});
    let spec = read(json!([
        {"name": "a", "postHooks": [exec("1"), {"init": {"initContainers": [{"name": "i"}]}}, exec("2")]},
        {"name": "b", "postHooks": [exec("3"), {}]},
    ]));
    assert_eq!(commands(&spec, &pod(json!({}))), ["1", "2", "3"]);
    let own = json!({"post.hook.restore.velero.io/command": "own"});
    assert_eq!(commands(&spec, &pod(own)), ["own"], "what the pod says itself replaces the spec");
    let other =
        json!({"post.hook.restore.velero.io/container": "main", "post.hook.backup.velero.io/command": "x"});
    assert_eq!(commands(&spec, &pod(other)), ["1", "2", "3"]);
}

#[test]
fn a_spec_goes_on_after_a_failure_and_waits_without_a_limit_unless_it_says_otherwise() {
    for (fields, aborts, seconds, wait, ready) in [
        (json!({}), false, 30, None, false),
        (
            json!({"onError": "Fail", "execTimeout": "2m", "waitTimeout": "5m", "waitForReady": true}),
            true,
            120,
            Some(300),
            true,
        ),
        (
            json!({"onError": "Continue", "execTimeout": "0s", "waitTimeout": "0s", "waitForReady": false}),
            false,
            30,
            None,
            false,
        ),
        (
            json!({"onError": "Perhaps", "execTimeout": "-1s", "waitTimeout": "-1s", "waitForReady": null}),
            false,
            30,
            None,
            false,
        ),
    ] {
        let mut exec = fields.clone();
        exec["command"] = json!(["c"]);
        exec["container"] = json!("main");
        let spec = read(json!([{"name": "g", "postHooks": [{"exec": exec}]}]));
        let wanted = RestoreHook {
            exec: ExecHook {
                name: "g".into(),
                source: HookSource::RestoreSpec,
                container: "main".into(),
                command: vec!["c".into()],
                timeout: Duration::from_secs(seconds),
                aborts,
            },
            wait_limit: wait.map(Duration::from_secs),
            wait_for_ready: ready,
        };
        assert_eq!(hooks_of(&pod(json!({})), &spec).hooks, [wanted], "{fields}");
    }
}

#[test]
fn annotations_say_the_same_and_what_they_say_wrong_is_told() {
    let key = |name: &str| format!("post.hook.restore.velero.io/{name}");
    for (values, aborts, seconds, wait, ready, warnings) in [
        (json!({}), false, 30, None, false, 0),
        (
            json!({"on-error": "Fail", "exec-timeout": "2m", "wait-timeout": "5m", "wait-for-ready": "T"}),
            true,
            120,
            Some(300),
            true,
            0,
        ),
        (
            json!({"on-error": "Continue", "exec-timeout": "0s", "wait-timeout": "0s", "wait-for-ready": "False"}),
            false,
            30,
            None,
            false,
            0,
        ),
        (
            json!({"on-error": "no", "exec-timeout": "5", "wait-timeout": "long", "wait-for-ready": "yes"}),
            false,
            30,
            None,
            false,
            4,
        ),
        (json!({"wait-timeout": "-1s", "timeout": "5m"}), false, 30, None, false, 0),
    ] {
        let mut annotations = json!({ key("command"): "[\"a\", \"b\"]", key("container"): "main" });
        for (name, value) in values.as_object().unwrap() {
            annotations[key(name)] = value.clone();
        }
        let PodRestoreHooks { hooks, warnings: told } = hooks_of(&pod(annotations), &RestoreHooks::default());
        let [RestoreHook { exec, wait_limit, wait_for_ready }] = &hooks[..] else { panic!("{hooks:?}") };
        assert_eq!((exec.name.as_str(), exec.source), ("<from-annotation>", HookSource::Annotation));
        assert_eq!((&exec.command[..], exec.container.as_str()), (&["a".to_owned(), "b".into()][..], "main"));
        let found = (exec.aborts, exec.timeout.as_secs(), *wait_limit, *wait_for_ready, told.len());
        assert_eq!(
            found,
            (aborts, seconds, wait.map(Duration::from_secs), ready, warnings),
            "{values}: {told:?}"
        );
    }
}

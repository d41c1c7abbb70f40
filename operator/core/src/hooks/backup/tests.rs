use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::catalog::tests::small_cluster;

fn resolve(groups: Value) -> Result<SpecHooks, SpecHooksError> {
    let hooks: BackupHooks = serde_json::from_value(json!({ "resources": groups })).unwrap();
    SpecHooks::resolve(&hooks, &small_cluster())
}

fn pod(namespace: &str, labels: Value, annotations: Value) -> TargetPod {
    TargetPod::read(&json!({
        "metadata": {"namespace": namespace, "name": "p", "labels": labels, "annotations": annotations},
    }))
}

fn names(spec: &SpecHooks, pod: &TargetPod, phase: HookPhase) -> Vec<String> {
    hooks_of(pod, phase, spec).hooks.into_iter().map(|hook| hook.command.join(" ")).collect()
}

#[test]
fn groups_are_held_against_namespace_kind_and_labels() {
    let exec = json!([{"exec": {"command": ["run"]}}]);
    for (fields, wanted) in [
        (json!({}), true),
        (json!({"includedNamespaces": ["team-*"]}), true),
        (json!({"includedNamespaces": ["other"]}), false),
        (json!({"excludedNamespaces": ["team-?"]}), false),
        (json!({"includedNamespaces": ["*"], "excludedNamespaces": ["other"]}), true),
        (json!({"includedResources": ["pods"]}), true),
        (json!({"includedResources": ["Pod"]}), true),
        (json!({"includedResources": ["*"]}), true),
        (json!({"includedResources": ["deployments", "no-such-kind"]}), false),
        (json!({"excludedResources": ["pod"]}), false),
        (json!({"excludedResources": ["services"]}), true),
        (json!({"labelSelector": {"matchLabels": {"app": "db"}}}), true),
        (json!({"labelSelector": {"matchLabels": {"app": "web"}}}), false),
        (json!({"labelSelector": {"matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}}), true),
    ] {
        let mut group = fields.clone();
        group["name"] = json!("g");
        group["pre"] = exec.clone();
        let spec = resolve(json!([group])).unwrap();
        let pod = pod("team-a", json!({"app": "db"}), json!({}));
        assert_eq!(names(&spec, &pod, HookPhase::Pre).len(), usize::from(wanted), "{fields}");
        assert_eq!(spec.concern("team-a", &pod.labels), wanted, "{fields}");
    }
}

#[test]
fn all_groups_that_match_count_in_order() {
    let spec = resolve(json!([
        {"name": "a", "pre": [{"exec": {"command": ["1"]}}, {"exec": {"command": ["2"]}}]},
        {"name": "b", "includedNamespaces": ["other"], "pre": [{"exec": {"command": ["x"]}}]},
        {"name": "c", "pre": [{"exec": {"command": ["3"]}}], "post": [{"exec": {"command": ["4"]}}]},
        {"name": "d"},
    ]))
    .unwrap();
    let pod = pod("app", json!({}), json!({}));
    assert_eq!(names(&spec, &pod, HookPhase::Pre), ["1", "2", "3"]);
    assert_eq!(names(&spec, &pod, HookPhase::Post), ["4"]);
}

#[test]
fn what_a_pod_says_itself_replaces_the_spec_in_its_phase_only() {
    let hook = |command| json!([{"exec": {"command": [command]}}]);
    let spec = resolve(json!([{"name": "g", "pre": hook("spec-pre"), "post": hook("spec-post")}])).unwrap();
    for (key, pre, post) in [
        ("pre.hook.backup.velero.io/command", "own", "spec-post"),
        ("hook.backup.velero.io/command", "own", "spec-post"),
        ("post.hook.backup.velero.io/command", "spec-pre", "own"),
        ("post.hook.backup.velero.io/container", "spec-pre", "spec-post"),
    ] {
        let pod = pod("app", json!({}), json!({ key: "own" }));
        assert_eq!(names(&spec, &pod, HookPhase::Pre), [pre], "{key}");
        assert_eq!(names(&spec, &pod, HookPhase::Post), [post], "{key}");
    }
}

#[test]
fn a_spec_fails_by_default_and_within_half_a_minute() {
    for (fields, aborts, seconds) in [
        (json!({}), true, 30),
        (json!({"onError": "Fail", "timeout": "2m"}), true, 120),
        (json!({"onError": "Continue", "timeout": "0s"}), false, 30),
        (json!({"onError": "Perhaps", "timeout": "-1s"}), false, 30),
    ] {
        let mut exec = fields.clone();
        exec["command"] = json!(["c"]);
        exec["container"] = json!("db");
        let spec = resolve(json!([{"name": "g", "post": [{"exec": exec}]}])).unwrap();
        let found = hooks_of(&pod("app", json!({}), json!({})), HookPhase::Post, &spec).hooks;
        let wanted = ExecHook {
            name: "g".into(),
            source: HookSource::Spec,
            container: "db".into(),
            command: vec!["c".into()],
            timeout: Duration::from_secs(seconds),
            aborts,
        };
        assert_eq!(found, [wanted], "{fields}");
    }
}

#[test]
fn a_selector_that_cannot_be_read_is_named() {
    let bad = json!([{"name": "g", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Gt"}]}}]);
    assert_eq!(resolve(bad).unwrap_err().to_string(), "the label selector of the hooks \"g\" cannot be used");
}

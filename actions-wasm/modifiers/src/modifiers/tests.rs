//! Rules and items, without WebAssembly: what the engine answers the host.

use std::{path::Path, rc::Rc};

use lateen_engine_kit::{Change, ObjectRef, Role, cases, recorded::Recorded};
use serde_json::json;

use super::*;

fn modifiers(rules: &str, host: &Rc<Recorded>) -> Modifiers {
    let text = format!("version: v1\nresourceModifierRules:\n{rules}");
    let script = Script { name: "velero/rules".into(), text, ..Script::default() };
    Modifiers::compile(&script, Rc::clone(host) as Rc<dyn Host>).unwrap()
}

fn run(rules: &str, item: &Value, host: &Rc<Recorded>) -> Result<Verdict, String> {
    modifiers(rules, host).run(&item.to_string(), &Scene { role: Role::RestoreItem })
}

/// The item after the rules.
fn modified(rules: &str, item: &Value) -> Result<Value, String> {
    let verdict = run(rules, item, &Rc::default())?;
    let mut item = item.clone();
    match verdict.change {
        Change::Unchanged => {}
        Change::Json(patch) => {
            json_patch::patch(&mut item, &serde_json::from_str::<json_patch::Patch>(&patch).unwrap())
                .map_err(|error| error.to_string())?;
        }
        Change::Merge(patch) => panic!("a merge patch: {patch}"),
    }
    Ok(item)
}

fn web() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "team", "generation": 9_007_199_254_740_993_i64},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}})
}

#[test]
fn golden_cases_of_the_examples() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/modifiers");
    assert_eq!(cases::check_all::<Modifiers>(&examples, "rules.yaml").unwrap(), 4);
}

#[test]
fn rules_are_applied_in_order_and_judged_before() {
    let rules = "
- conditions: {groupResource: deployments.apps, matches: [{path: /spec/replicas, value: 3}]}
  patches: [{operation: replace, path: /spec/replicas, value: 4}]
- conditions: {groupResource: deployments.apps, matches: [{path: /spec/replicas, value: 4}]}
  patches: [{operation: replace, path: /spec/replicas, value: 5}]
- conditions: {groupResource: deployments.apps, matches: [{path: /spec/replicas, value: 3}]}
  mergePatches: [{patchData: '{metadata: {labels: {a: b}}}'}, {patchData: '{metadata: {labels: {c: d}}}'}]
- conditions: {groupResource: '*.apps'}
  strategicPatches: [{patchData: '{spec: {template: {spec: {containers: [{name: a, image: z}]}}}}'}]
- conditions: {groupResource: '*.apps'}
  patches: [{operation: copy, from: /spec/replicas, path: /spec/minReadySeconds}]
";
    let mut expected = web();
    expected["spec"]["replicas"] = json!(4);
    expected["spec"]["minReadySeconds"] = json!(4);
    expected["metadata"]["labels"] = json!({"a": "b", "c": "d"});
    expected["spec"]["template"]["spec"]["containers"][0]["image"] = json!("z");
    assert_eq!(modified(rules, &web()).unwrap(), expected);
}

#[test]
fn what_no_rule_is_for_stays_as_it_is() {
    let rules = "
- conditions: {groupResource: pods}
  patches: [{operation: remove, path: /no/such}]
- conditions: {groupResource: deployments.apps, namespaces: [other]}
  strategicPatches: [{patchData: '{}'}]
";
    let verdict = run(rules, &web(), &Rc::default()).unwrap();
    assert!(verdict.change == Change::Unchanged && verdict.identity.is_none());
}

#[test]
fn a_failing_test_leaves_the_patch_out_and_is_in_the_log() {
    let rules = "
- conditions: {groupResource: deployments.apps}
  patches: [{operation: remove, path: /spec}, {operation: test, path: /kind, value: Pod}]
- conditions: {groupResource: deployments.apps}
  patches: [{operation: replace, path: /spec/replicas, value: 1}]
";
    let host = Rc::<Recorded>::default();
    let verdict = run(rules, &web(), &host).unwrap();
    assert_eq!(
        verdict.change,
        Change::Json(r#"[{"op":"replace","path":"/spec/replicas","value":1}]"#.into())
    );
    let lines = host.lines.borrow();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].0 == Level::Info && lines[0].1.ends_with("(resourceModifierRules[0])"), "{lines:?}");
}

#[test]
fn what_fails_is_told_in_velero_s_words_with_its_rule() {
    let cases = [
        (
            "patches: [{operation: remove, path: /data/gone}]",
            "error in applying patch error in applying JSON Patch error in remove for path: '/data/gone': missing value (resourceModifierRules[0] of velero/rules)",
        ),
        (
            "strategicPatches: [{patchData: '{spec: {template: {spec: {containers: [{}]}}}}'}]",
            "error in applying patch error in applying Strategic Patch containers: every element of the patch needs its key name, and one has none (resourceModifierRules[0] of velero/rules)",
        ),
    ];
    for (patch, expected) in cases {
        let rules = format!("- conditions: {{groupResource: deployments.apps}}\n  {patch}\n");
        assert_eq!(modified(&rules, &web()).unwrap_err(), expected);
    }
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let rules = "- conditions: {groupResource: deployments.apps}\n  strategicPatches: [{patchData: '{}'}]\n";
    let error = modified(rules, &widget).unwrap_err();
    assert!(error.starts_with("error in applying patch strategic merge patches are for"), "{error}");
}

#[test]
fn another_identity_is_told_apart_and_another_namespace_is_refused() {
    let rules = "
- conditions: {groupResource: deployments.apps}
  mergePatches: [{patchData: '{metadata: {name: other, namespace: elsewhere}, spec: {replicas: 1}}'}]
";
    let host = Rc::<Recorded>::default();
    let verdict = run(rules, &web(), &host).unwrap();
    assert_eq!(verdict.identity.map(|identity| identity.name).as_deref(), Some("other"));
    assert_eq!(
        verdict.change,
        Change::Json(r#"[{"op":"replace","path":"/spec/replicas","value":1}]"#.into())
    );
    assert!(
        host.lines
            .borrow()
            .iter()
            .any(|(level, line)| *level == Level::Warn && line.contains("namespaceMapping"))
    );
}

#[test]
fn conditions_are_about_the_namespace_in_the_archive() {
    let mut host = Recorded::default();
    host.subject.object = ObjectRef {
        group: String::new(),
        resource: "configmaps".into(),
        namespace: Some("before".into()),
        name: "settings".into(),
    };
    host.subject.target_namespace = Some("after".into());
    let item = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "before"}});
    let rules = |namespace: &str| {
        format!(
            "- conditions: {{groupResource: '*', namespaces: [{namespace}]}}\n  patches: [{{operation: add, path: /data, value: '{{}}'}}]\n"
        )
    };
    let host = Rc::new(host);
    assert_eq!(run(&rules("after"), &item, &host).unwrap().change, Change::Unchanged);
    assert_ne!(run(&rules("before"), &item, &host).unwrap().change, Change::Unchanged);
}

//! Resource modifiers with the component that the server carries: rules, scripts, and what the author of a wrong one reads.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{
    ActionHost, ActionRegistry, ActionRun, ActionSet, ITEM_ACTION_LABEL, ItemResult, Library, Modifier,
    NoteLevel, Role,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{EVERY_ROLE, configmap, deployment, info, quick, secret};

fn registry() -> ActionRegistry {
    let library = Library { manifests: Vec::new(), ..lateen_embedded::library() };
    ActionRegistry::new(ActionHost::new(quick()).expect("the engine works on this machine"), library)
}

/// A ConfigMap that a Restore names.
fn named(keys: &[(&str, &str)]) -> ConfigMap {
    let mut map = configmap("mod", "", &[]);
    map.metadata.labels = None;
    map.binary_data = None;
    map.data = Some(keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect());
    map
}

fn rules(rules: &str) -> ConfigMap {
    named(&[("rules.yaml", &format!("version: v1\nresourceModifierRules:\n{rules}"))])
}

async fn modifier(map: &ConfigMap) -> Result<Arc<Modifier>, String> {
    registry().modifier(map, &[]).await
}

/// The run of a Restore with this modifier.
async fn run(map: &ConfigMap) -> Arc<ActionRun> {
    let modifier = modifier(map).await.expect("it is in order");
    ActionRun::with_modifier(Arc::new(ActionSet::default()), info(Role::Restore), Some(&modifier))
}

/// What it makes of a Deployment.
async fn modified(map: &ConfigMap) -> ItemResult {
    let (subject, item) = deployment();
    run(map).await.session().modify(&subject, item.clone(), Arc::new(item)).await
}

const REPLICAS: &str = "
- conditions: {groupResource: deployments.apps, namespaces: [app]}
  patches: [{operation: replace, path: /spec/replicas, value: 1}]
";

#[tokio::test]
async fn rules_change_items_of_the_kinds_that_they_name() {
    let map = rules(REPLICAS);
    let result = modified(&map).await;
    let (subject, mut item) = deployment();
    item["spec"]["replicas"] = json!(1);
    assert_eq!((result.item, result.changed, result.error, result.notes), (item, true, None, Vec::new()));

    let run = run(&map).await;
    assert!(run.modifies(&subject, None));
    assert!(!run.modifies(&secret().0, None));
    let everything =
        rules("- {conditions: {groupResource: '**'}, mergePatches: [{patchData: '{data: {a: Yg==}}'}]}\n");
    let run = self::run(&everything).await;
    let (subject, item) = secret();
    assert!(run.modifies(&subject, None));
    let result = run.session().modify(&subject, item.clone(), Arc::new(item)).await;
    assert_eq!(result.item["data"]["a"], "Yg==");
}

#[tokio::test]
async fn without_a_modifier_items_go_through_untouched() {
    let (subject, item) = deployment();
    let run = ActionRun::new(Arc::new(ActionSet::default()), info(Role::Restore));
    assert!(!run.modifies(&subject, None));
    let result = run.session().modify(&subject, item.clone(), Arc::new(item.clone())).await;
    assert_eq!((result.item, result.changed), (item, false));
}

#[tokio::test]
async fn what_a_rule_cannot_do_is_an_error_of_the_item() {
    let map = rules(
        "- {conditions: {groupResource: '*.apps'}, patches: [{operation: remove, path: /data/gone}]}\n",
    );
    let error = modified(&map).await.error.expect("the path is not there");
    assert_eq!(
        error.reason,
        "error in applying patch error in applying JSON Patch error in remove for path: '/data/gone': missing value \
         (resourceModifierRules[0] of velero/mod)"
    );
    // And the next item is modified by the same session.
    let map = rules(&format!(
        "- {{conditions: {{groupResource: '*.apps', matches: [{{path: /spec/replicas, value: 9}}]}}, patches: [{{operation: remove, path: /x}}]}}{REPLICAS}"
    ));
    let run = run(&map).await;
    let mut session = run.session();
    let (subject, item) = deployment();
    let mut wrong = item.clone();
    wrong["spec"]["replicas"] = json!(9);
    assert!(session.modify(&subject, wrong.clone(), Arc::new(wrong)).await.error.is_some());
    assert_eq!(session.modify(&subject, item.clone(), Arc::new(item)).await.item["spec"]["replicas"], 1);
}

#[tokio::test]
async fn a_rule_may_rename_an_item_and_leaves_its_namespace_alone() {
    let map = rules(
        "- {conditions: {groupResource: '*.apps'}, mergePatches: [{patchData: '{metadata: {name: other, namespace: x}}'}]}\n",
    );
    let result = modified(&map).await;
    assert_eq!(result.error, None);
    assert_eq!(
        result.item["metadata"],
        json!({"name": "other", "namespace": "app", "labels": {"tier": "front"}})
    );
    assert_eq!(result.notes.iter().map(|note| note.level).collect::<Vec<_>>(), [NoteLevel::Warn]);
}

const SCRIPT: &str =
    "name: example.com/scale\non: [restore]\nmatch: {resources: [deployments.apps]}\nengine: jq\n";

#[tokio::test]
async fn a_script_or_a_component_is_a_modifier_too() {
    let map =
        named(&[("action.yaml", SCRIPT), ("script.jq", ".spec.replicas = ($original.spec.replicas - 1)")]);
    let result = modified(&map).await;
    assert_eq!((&result.item["spec"]["replicas"], result.error), (&json!(2), None));
    let described = modifier(&map).await.expect("it is in order").describe().expect("it is one action");
    assert_eq!(
        (&*described.name, &*described.source, described.built_in),
        ("example.com/scale", "velero/mod", false)
    );

    let manifest = "name: test.example/all\non: [restore]\nmatch: {resources: [deployments.apps]}\ncomponent: action.wasm\n";
    let mut map = configmap("mod", manifest, &EVERY_ROLE);
    map.metadata.labels = None;
    modifier(&map).await.expect("a component is taken");
}

#[tokio::test]
async fn a_modifier_changes_an_item_and_asks_for_nothing_else() {
    let script = r#"also("configmaps"; "app"; "settings")"#;
    let result = modified(&named(&[("action.yaml", SCRIPT), ("script.jq", script)])).await;
    let error = result.error.expect("nobody brings it along").to_string();
    assert!(error.starts_with("action example.com/scale failed on deployments.apps/app/web: a resource modifier cannot bring other objects along"), "{error}");
    let skip = named(&[("action.yaml", SCRIPT), ("script.jq", r#"skip("not here")"#)]);
    assert_eq!(modified(&skip).await.skip.map(|skip| skip.reason).as_deref(), Some("not here"));
}

#[rstest]
#[case::no_key(&[], "Error in parsing resource modifiers provided in configmap velero/mod: illegal resource modifiers velero/mod configmap")]
#[case::two_keys(&[("a", "version: v1"), ("b", "version: v1")], "Error in parsing resource modifiers provided in configmap velero/mod: illegal resource modifiers velero/mod configmap")]
#[case::no_yaml(&[("a", "version: [v1")], "Error in parsing resource modifiers provided in configmap velero/mod: failed to decode yaml data into resource modifiers, err: ")]
#[case::unknown_field(&[("a", "version: v1\nrules: []")], "Error in parsing resource modifiers provided in configmap velero/mod: failed to decode yaml data into resource modifiers, err: unknown field `rules`")]
#[case::version(&[("a", "version: v2\nresourceModifierRules: [{conditions: {groupResource: pods}, mergePatches: [{patchData: '{}'}]}]")], "Validation error in resource modifiers provided in configmap velero/mod: unsupported resource modifier version v2")]
#[case::no_rules(&[("a", "version: v1")], "Validation error in resource modifiers provided in configmap velero/mod: resource modifier rules cannot be empty")]
#[case::no_kind(&[("a", "version: v1\nresourceModifierRules: [{mergePatches: [{patchData: '{}'}]}]")], "Validation error in resource modifiers provided in configmap velero/mod: groupkResource cannot be empty (resourceModifierRules[0])")]
#[case::no_engine(&[("action.yaml", SCRIPT)], "Error in parsing resource modifiers provided in configmap velero/mod: the engine jq needs its script under the key script.jq in data")]
#[case::script(&[("action.yaml", SCRIPT), ("script.jq", ".a =")], "Error in parsing resource modifiers provided in configmap velero/mod: configure: script.jq:1:5: ")]
#[case::other_role(&[("action.yaml", "name: example.com/x\non: [backup, restore]\nmatch: {resources: [pods]}\nengine: jq\n"), ("script.jq", ".")], "Error in parsing resource modifiers provided in configmap velero/mod: action.yaml: a resource modifier is called on restore and nowhere else")]
#[case::switched_off(&[("action.yaml", "name: example.com/x\non: [restore]\ndisabled: true\n")], "Error in parsing resource modifiers provided in configmap velero/mod: action.yaml: it switches example.com/x off")]
#[case::not_allowed(&[("action.yaml", "name: example.com/x\non: [restore]\nmatch: {resources: [pods]}\nengine: jq\ncapabilities: {cluster: [{verbs: [delete], resources: [pods]}]}\n"), ("script.jq", ".")], "Error in parsing resource modifiers provided in configmap velero/mod: ")]
#[tokio::test]
async fn what_is_wrong_is_told_in_velero_s_words(#[case] keys: &[(&str, &str)], #[case] expected: &str) {
    let error = modifier(&named(keys)).await.expect_err("it is not in order");
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn an_action_of_every_run_is_no_modifier() {
    let mut map = rules(REPLICAS);
    map.metadata.labels = Some([(ITEM_ACTION_LABEL.to_owned(), String::new())].into());
    let error = modifier(&map).await.expect_err("it is called twice otherwise");
    assert!(error.ends_with("makes it an action of every run; take the label off"), "{error}");
}

#[tokio::test]
async fn a_modifier_is_no_action_of_other_runs_and_is_compiled_once() {
    let host =
        ActionHost::new(lateen_actions::HostOptions::default()).expect("the engine works on this machine");
    let library = Library { manifests: Vec::new(), ..lateen_embedded::library() };
    let registry = ActionRegistry::new(Arc::clone(&host), library);
    let map = rules(REPLICAS);
    registry.modifier(&map, &[]).await.expect("it is in order");
    registry.load(std::slice::from_ref(&map)).await;
    assert!(registry.snapshot().describe().is_empty());
    registry.modifier(&map, &[]).await.expect("it is in order");
    assert_eq!(host.compilations(), 1);
}

#[tokio::test]
async fn exact_numbers_and_foreign_fields_survive() {
    let (subject, mut item) = deployment();
    item["spec"]["big"] = json!(9_007_199_254_740_993_u64);
    item["metadata"]["annotations"] = json!({"text": "\u{1F600}\u{7}"});
    let before = item.clone();
    let run = run(&rules(REPLICAS)).await;
    let result = run.session().modify(&subject, item.clone(), Arc::new(item)).await;
    let mut expected: Value = before;
    expected["spec"]["replicas"] = json!(1);
    assert_eq!(result.item, expected);
}

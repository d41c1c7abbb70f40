//! Scripts in every language, through the real engines: the same demands on each of them, said in its own words.

mod containment;
mod exactness;
mod language;

use lateen_actions::{Effect, NoteLevel, ObjectRef, Role};
use rstest::rstest;
use serde_json::json;

use crate::world::deployment;
use language::{CEL, JAVASCRIPT, JQ, Language, NAME};

#[rstest]
#[case::jq(&JQ, ".metadata.labels.a = \"b\"\n| .spec.replicas =", "script.jq:2:19: ")]
#[case::jq_unknown_name(&JQ, ".spec.replicas = 1\n  | scale(2)", "script.jq:2:5: ")]
#[case::cel(&CEL, "object.spec.replicas > 1\n  ? {\"spec\": } : null", "script.cel:2:14: ")]
#[case::cel_unknown_name(&CEL, "object.spec.replicas > 1\n  ? {\"spec\": objekt} : null", "script.cel:2:14: ")]
#[case::javascript(&JAVASCRIPT, "(item) => {\n  item.spec.replicas = ;\n}", "script.js:2:24: ")]
#[case::javascript_no_function(&JAVASCRIPT, "let scale = 1;\nscale", "script.js: the last expression is no function")]
#[tokio::test]
async fn a_mistake_is_told_when_the_script_is_loaded(
    #[case] language: &Language,
    #[case] script: &str,
    #[case] place: &str,
) {
    let (_, reports) = language.load(&[language.configmap(script, "")]).await;
    let problem = reports[0].outcome.as_ref().expect_err("the script is refused");
    assert_eq!(problem.effect, Effect::Fails);
    assert!(problem.reason.contains(place), "{}", problem.reason);
}

#[rstest]
#[case::jq(&JQ, ".spec.replicas = .spec.replicas + .metadata", "script.jq: cannot")]
#[case::jq_thrown(&JQ, "error(\"no \\(.kind) today\")", "script.jq: no Deployment today")]
#[case::cel(&CEL, "{\"spec\":\n  {\"replicas\": object.spec.absent}}", "script.cel:2:27: no such key: absent")]
#[case::javascript(&JAVASCRIPT, "(item) => {\n  return item.absent.replicas;\n}", "script.js:2:10: TypeError: cannot read property 'replicas' of undefined")]
#[case::javascript_thrown(&JAVASCRIPT, "(item) => {\n  throw new Error(`no ${item.kind} today`);\n}", "script.js:2:25: no Deployment today")]
#[tokio::test]
async fn a_failure_names_the_script_the_action_and_the_item(
    #[case] language: &Language,
    #[case] script: &str,
    #[case] reason: &str,
) {
    let (subject, item) = deployment();
    let result = language.session(Role::Backup, script, "").await.backup_item(&subject, item.clone()).await;
    let error = result.error.expect("the script fails").to_string();
    let expected = format!("action {NAME} failed on deployments.apps/app/web: {reason}");
    assert!(error.starts_with(&expected), "{error}\n{expected}");
    assert_eq!(result.item, item);
}

/// An item that says so in its spec is left out; any other is changed, brings an object along, and is worth a warning.
#[rstest]
#[case::jq(
    &JQ,
    r#"if .spec.scratch then skip("only \(.metadata.name) and nothing else")
       else .spec.replicas = 1 | also("configmaps"; "settings") | warn("scaled from \($original.spec.replicas // 3)") end"#
)]
#[case::cel(
    &CEL,
    r#"has(object.spec.scratch) ? [skip("only " + object.metadata.name + " and nothing else")]
       : [Object{spec: Object.spec{replicas: 1}}, also("configmaps", item.namespace, "settings"),
          warn("scaled from " + string(object.spec.replicas))]"#
)]
#[case::javascript(
    &JAVASCRIPT,
    r#"(item) => {
         if (item.spec.scratch) return skip(`only ${item.metadata.name} and nothing else`);
         also("configmaps", item.metadata.namespace, "settings");
         log.warn(`scaled from ${item.spec.replicas}`);
         item.spec.replicas = 1;
         return item;
       }"#
)]
#[tokio::test]
async fn one_call_changes_relates_and_warns_and_another_leaves_out(
    #[case] language: &Language,
    #[case] script: &str,
) {
    let (subject, mut item) = deployment();
    let mut session = language.session(Role::Backup, script, "").await;
    let result = session.backup_item(&subject, item.clone()).await;
    assert_eq!((result.error, result.skip), (None, None));
    let mut scaled = item.clone();
    scaled["spec"]["replicas"] = json!(1);
    assert_eq!(result.item, scaled);
    assert_eq!(result.related, [settings()]);
    let [note] = &result.notes[..] else { panic!("{:?}", result.notes) };
    assert_eq!(
        (note.level, note.action.as_str(), note.message.as_str()),
        (NoteLevel::Warn, NAME, "scaled from 3")
    );

    item["spec"]["scratch"] = json!(true);
    let result = session.backup_item(&subject, item).await;
    assert_eq!(result.error, None);
    let skip = result.skip.expect("it is left out");
    assert_eq!((skip.action.as_str(), skip.reason.as_str()), (NAME, "only web and nothing else"));
    assert_eq!(result.related, []);
}

/// `params` of the manifest, the run, the item as the engine sees it, the item in the archive, and Velero's ConfigMap for the action.
#[rstest]
#[case::jq(
    &JQ,
    r#".metadata.annotations += {seen: "\($params.tier) \($run.name) \($run.role) \($item.resource) \($original.spec.replicas) \($config.image)"}"#
)]
#[case::cel(
    &CEL,
    r#"{"metadata": {"annotations": {"seen":
         [params.tier, run.name, run.role, item.resource, string(oldObject.spec.replicas), config.image].join(" ")}}}"#
)]
#[case::javascript(
    &JAVASCRIPT,
    r#"(item, run) => {
         const seen = [params.tier, run.name, run.role, run.item.resource, original.spec.replicas, config.image];
         item.metadata.annotations = { seen: seen.join(" ") };
         return item;
       }"#
)]
#[tokio::test]
async fn a_script_knows_its_surroundings(#[case] language: &Language, #[case] script: &str) {
    let configmap = language.configmap(script, "params: {tier: gold}");
    let plugin_config = language::plugin_config(json!({ "image": "velero:1" }));
    let mut session = language.session_of(Role::Restore, &[configmap, plugin_config]).await;
    let (subject, item) = deployment();
    let mut archived = item.clone();
    archived["spec"]["replicas"] = json!(7);
    let result = session.restore_item(&subject, item, archived.into()).await;
    assert_eq!(result.error, None);
    assert_eq!(
        result.item["metadata"]["annotations"]["seen"],
        "gold nightly restore-item deployments 7 velero:1"
    );
}

#[rstest]
#[case::jq(&JQ, r#"info("seen \(.metadata.name) for \($run.role)") | also("configmaps"; "settings") | empty"#, r#"info("seen \(.metadata.name) for \($run.role)")"#)]
#[case::cel(
    &CEL,
    r#"[info("seen " + object.metadata.name + " for " + run.role), also("configmaps", item.namespace, "settings")]"#,
    r#"info("seen " + object.metadata.name + " for " + run.role)"#
)]
#[case::javascript(
    &JAVASCRIPT,
    r#"(item, run) => { log.info(`seen ${item.metadata.name} for ${run.role}`); also("configmaps", "app", "settings") }"#,
    r"(item, run) => { log.info(`seen ${item.metadata.name} for ${run.role}`) }"
)]
#[tokio::test]
async fn the_roles_without_an_item_as_answer(
    #[case] language: &Language,
    #[case] related: &str,
    #[case] delete: &str,
) {
    let (subject, item) = deployment();
    let asked = language.session(Role::RelatedItems, related, "").await.related_items(&subject, &item).await;
    assert_eq!((asked.errors, asked.related), (vec![], vec![settings()]));
    assert_eq!(asked.notes[0].message, "seen web for related-items");

    let told = language.session(Role::Delete, delete, "").await.delete_item(&subject, &item).await;
    assert_eq!((told.errors, told.related), (vec![], vec![]));
    assert_eq!(told.notes[0].message, "seen web for delete-item");
}

/// What does not write the item back names its fields, and must not name these.
#[rstest]
#[case::jq(&JQ, ".metadata.name = \"other\"", "needs `capabilities: {identity: true}`")]
#[case::cel(&CEL, "{\"metadata\": {\"name\": \"other\"}}", "turns metadata.name from \"web\" into \"other\"")]
#[case::javascript(&JAVASCRIPT, "(item) => { item.metadata.name = \"other\"; return item }", "needs `capabilities: {identity: true}`")]
#[tokio::test]
async fn another_name_needs_a_grant(#[case] language: &Language, #[case] script: &str, #[case] reason: &str) {
    let (subject, item) = deployment();
    let result = language.session(Role::Backup, script, "").await.backup_item(&subject, item.clone()).await;
    let error = result.error.expect("it is refused").reason;
    assert!(error.contains(reason), "{error}");
    assert_eq!(result.item, item);
}

fn settings() -> ObjectRef {
    ObjectRef {
        group: String::new(),
        resource: "configmaps".to_owned(),
        namespace: Some("app".to_owned()),
        name: "settings".to_owned(),
    }
}

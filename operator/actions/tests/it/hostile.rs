//! Guests that mean harm. Every time: the message says what happened, the item is whole, and the action after it does its work.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{ActionRun, ItemResult, Note, NoteLevel, Role, manifest::FailurePolicy};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{
    HOSTILE, STAMP, annotations, configmap, deployment, hostile, info, load, manifest, quick_registry, run,
    secret,
};

/// One item through the hostile action, whose failures are warnings, and then through the example; and another one, which is the example's alone.
async fn survive(misdeed: &str, rest: &str) -> ItemResult {
    let hostile = hostile(misdeed, &format!("failurePolicy: warn\norder: -1\n{rest}"));
    survive_all(&[hostile], deployment().1).await
}

async fn survive_all(hostile: &[ConfigMap], item: Value) -> ItemResult {
    let (host, registry) = quick_registry();
    let both = manifest("stamp", "").replace("[deployments.apps]", "[deployments.apps, secrets]");
    let stamp = configmap("stamp", &format!("{both}capabilities: {{secrets: true}}\n"), &STAMP);
    let all: Vec<ConfigMap> = hostile.iter().cloned().chain([stamp]).collect();
    for report in registry.load(&all).await {
        assert!(report.outcome.is_ok(), "{report:?}");
    }
    let run = ActionRun::new(registry.snapshot(), info(Role::Backup));
    let mut session = run.session();

    let result = session.backup_item(&deployment().0, item.clone()).await;
    assert_eq!(result.error, None);
    stamped(&result.item, &item);
    let (subject, item) = secret();
    let next = session.backup_item(&subject, item.clone()).await;
    assert_eq!((next.error, next.notes), (None, Vec::new()));
    stamped(&next.item, &item);

    drop(session);
    assert_eq!(host.memory_in_use(), 0, "all that guests have taken is given back");
    result
}

/// The item is as it was, but for the stamp.
fn stamped(item: &Value, before: &Value) {
    assert_eq!(annotations(item).into_keys().collect::<Vec<_>>(), ["demo.lateen.dev/backed-up-by"]);
    let mut unstamped = item.clone();
    unstamped["metadata"].as_object_mut().expect("metadata is an object").remove("annotations");
    assert_eq!(unstamped, *before);
}

#[rstest]
#[case::endless("loop", "limits: {time: 100ms}", "guest code ran longer than 100ms")]
#[case::hungry(
    "grow",
    "",
    "guest code trapped: a panic, or an abort, after it was refused more than 128 MiB of memory"
)]
#[case::modest_and_hungry("grow", "limits: {memory: 8Mi}", "after it was refused more than 8 MiB of memory")]
#[case::recursive("recurse", "", "guest code used more than 2 MiB of stack")]
#[case::trap("trap", "", "guest code trapped: a panic, or an abort")]
#[case::refusal("refuse", "", "as ordered")]
#[case::huge("huge", "", "the guest handed over more than 8 MiB at once")]
#[case::bomb("bomb", "", "the change makes more than")]
#[case::identity("identity", "", r#"the change turns metadata.name from "web" into "somebody-else""#)]
#[case::garbage("garbage", "", "the merge patch is not JSON: EOF while parsing")]
#[case::crowd("related", "", "the answer names 1001 related objects, more than 1000")]
#[case::secret(
    "related-secret",
    "",
    "the related object secrets/app/token is not granted; it needs `capabilities: {secrets: true}` in the manifest"
)]
#[case::random("random", "", "random was asked for 257 bytes; it gives 1 to 256")]
#[case::endless_calls("call", "", "the guest called the host more than 100000 times in one call")]
#[case::deep("deep", "", "the change nests the item deeper than 100 levels")]
#[case::nesting("nest", "", "the change nests the item deeper than 100 levels")]
#[case::root("root", "", "operation 0 of the JSON patch: the whole item is no operand, except of `test`")]
#[case::astray("astray", "", "operation 0 of the JSON patch: ")]
#[case::another_item("become", "", "needs `capabilities: {identity: true}`")]
#[case::not_text("not-text", "", "the guest handed over a text that is not UTF-8")]
#[case::not_text_as_reason("not-text-refused", "", "the guest handed over a text that is not UTF-8")]
#[case::not_text_for_the_log("not-text-logged", "", "the guest handed over a text that is not UTF-8")]
#[tokio::test]
async fn is_survived(#[case] misdeed: &str, #[case] rest: &str, #[case] message: &str) {
    let result = survive(misdeed, rest).await;
    let warning =
        result.notes.iter().find(|note| note.level == NoteLevel::Warn).expect("the failure is a warning");
    assert_eq!(warning.action, "test.example/hostile");
    assert!(
        warning.message.starts_with("failed on deployments.apps/app/web, which goes on without it: "),
        "{warning:?}"
    );
    assert!(warning.message.contains(message), "{}", warning.message);
}

/// Each field, by each way there is to change an item.
#[tokio::test]
async fn no_change_makes_another_item_of_it() {
    let (_, mut item) = deployment();
    item["metadata"]["uid"] = json!("u-1");
    let fields = [
        ("apiVersion", r#""apps/v1""#),
        ("kind", r#""Deployment""#),
        ("metadata.name", r#""web""#),
        ("metadata.namespace", r#""app""#),
        ("metadata.uid", r#""u-1""#),
    ];
    let (mut maps, mut expected) = (Vec::new(), Vec::new());
    for (field, from) in fields {
        let pointer = format!("/{}", field.replace('.', "/"));
        let mut other = item.clone();
        *other.pointer_mut(&pointer).expect("the item has it") = json!("other");
        let merge = match field.split_once('.') {
            Some((outer, inner)) => json!({ outer: { inner: "other" } }),
            None => json!({ field: "other" }),
        };
        let replace = json!([{ "op": "replace", "path": pointer, "value": "other" }]);
        let remove = json!([{ "op": "remove", "path": pointer }]);
        let ways = [
            ("merge-patch", merge, r#""other""#),
            ("json-patch", replace, r#""other""#),
            ("json-patch", remove, "nothing"),
            ("replace", other, r#""other""#),
        ];
        for (way, change, to) in ways {
            let name = format!("hostile-{:02}", maps.len());
            let params = json!({ "misdeed": "answer", "answer": { way: change.to_string() } });
            let rest = format!("order: -1\nfailurePolicy: warn\nparams: {params}");
            maps.push(configmap(&name, &manifest(&name, &rest), &HOSTILE));
            expected.push(format!(
                "test.example/{name}: failed on deployments.apps/app/web, which goes on without it: \
                 the change turns {field} from {from} into {to}; an action must not change what an item is"
            ));
        }
    }
    let result = survive_all(&maps, item).await;
    let told = |note: &Note| format!("{}: {}", note.action, note.message);
    let warnings = result.notes.iter().filter(|note| note.level == NoteLevel::Warn).map(told);
    assert_eq!(warnings.collect::<Vec<_>>(), expected);
}

/// With a clock that runs ahead when nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn waiting_forever_ends_with_the_call() {
    let result = survive("wait", "").await;
    let message = &result.notes[0].message;
    assert!(message.contains("the call took longer than 30s with all waiting in it"), "{message}");
}

#[tokio::test]
async fn cancelling_the_run_wakes_who_waits() {
    let (set, _) = load(&[hostile("nap", "")]).await;
    let info = info(Role::Backup);
    info.cancelled.cancel();
    let (subject, item) = deployment();
    let result = ActionRun::new(set, info).session().backup_item(&subject, item).await;
    assert_eq!(annotations(&result.item)["hostile"], "false");
}

#[tokio::test]
async fn others_get_their_turn_while_a_guest_spins() {
    let mut session = run(Role::Backup, &[hostile("loop", "limits: {time: 1s}")]).await.session();
    let (subject, item) = deployment();
    let mut turns = 0;
    let others = async {
        loop {
            tokio::task::yield_now().await;
            turns += 1;
        }
    };
    // One thread for both: a guest that kept it would leave the others one turn at most.
    let result = tokio::select! {
        result = session.backup_item(&subject, item) => result,
        () = others => unreachable!("it has no end"),
    };
    assert!(result.error.is_some());
    assert!(turns > 10, "{turns}");
}

#[tokio::test]
async fn a_flood_of_log_is_counted() {
    let mut result = survive("flood", "").await;
    // The last word is the example's.
    result.notes.retain(|note| note.action == "test.example/hostile");
    let bytes: usize = result.notes.iter().map(|note| note.message.len()).sum();
    assert!(bytes < 70_000, "{bytes} bytes");
    let [first, .., last] = &result.notes[..] else { panic!("{} notes", result.notes.len()) };
    assert!(first.message.len() <= 4096 && first.message.ends_with("[cut off]"), "{}", first.message.len());
    assert_eq!(
        last.message,
        format!("{} more lines are left out, the log is full", 2_000 - (result.notes.len() - 1))
    );
    assert_eq!(last.level, NoteLevel::Warn);
}

#[tokio::test]
async fn after_three_traps_it_is_disabled_for_the_run() {
    let maps = [hostile("trap", "")];
    let run = run(Role::Backup, &maps).await;
    let (subject, item) = deployment();
    let mut reasons = Vec::new();
    for _ in 0..4 {
        // Each worker has its own session; the count is the run's.
        let result = run.session().backup_item(&subject, item.clone()).await;
        assert_eq!(result.item, item);
        let error = result.error.expect("it fails closed");
        assert_eq!(error.policy, FailurePolicy::FailItem);
        reasons.push(error.reason);
    }
    assert_eq!(
        reasons,
        [
            "guest code trapped: a panic, or an abort",
            "guest code trapped: a panic, or an abort",
            "guest code trapped: a panic, or an abort; this was trap 3 in this run, the action is disabled for the rest of it",
            "the action is disabled for this run, because it trapped 3 times",
        ]
    );
    let next =
        ActionRun::new(run.set().clone(), info(Role::Backup)).session().backup_item(&subject, item).await;
    assert_eq!(next.error.unwrap().reason, "guest code trapped: a panic, or an abort");
}

#[tokio::test]
async fn the_text_of_a_panic_is_in_the_log() {
    let mut session = run(Role::Backup, &[hostile("trap", "")]).await.session();
    let (subject, item) = deployment();
    let result = session.backup_item(&subject, item).await;
    let message = &result.notes[0].message;
    assert!(message.contains("fixtures/hostile/src/lib.rs") && message.ends_with("as ordered"), "{message}");
}

#[tokio::test]
async fn refusals_are_no_traps() {
    let mut session = run(Role::Backup, &[hostile("refuse", "failurePolicy: fail-run")]).await.session();
    let (subject, item) = deployment();
    for _ in 0..5 {
        let error = session.backup_item(&subject, item.clone()).await.error.unwrap();
        assert_eq!(
            error.to_string(),
            "action test.example/hostile failed on deployments.apps/app/web: as ordered"
        );
        assert_eq!(error.policy, FailurePolicy::FailRun);
    }
}

#[tokio::test]
async fn on_restore_it_cannot_bring_back_what_was_reset() {
    let mut session = run(Role::Restore, &[hostile("uid", "")]).await.session();
    let (subject, item) = deployment();
    let result = session.restore_item(&subject, item, Arc::new(json!({}))).await;
    assert_eq!(result.error, None);
    assert_eq!(
        result.item["metadata"],
        json!({ "name": "web", "namespace": "app", "labels": { "tier": "front" }, "annotations": { "kept": "yes" } })
    );
}

#[tokio::test]
async fn values_of_a_secret_are_masked() {
    let (subject, item) = secret();
    let all = manifest("hostile", "params: {misdeed: tell}").replace("deployments.apps", "'*'");
    let run = run(Role::Backup, &[configmap("hostile", &all, &HOSTILE)]).await;
    assert!(!run.set().concerns(Role::Backup, &subject, None), "`*` does not mean Secrets");

    let named = manifest("hostile", "params: {misdeed: tell}\ncapabilities: {secrets: true}")
        .replace("deployments.apps", "secrets");
    let run = crate::world::run(Role::Backup, &[configmap("hostile", &named, &HOSTILE)]).await;
    let result = run.session().backup_item(&subject, item).await;
    assert_eq!(result.notes[0].message, "it says \"[masked]\"");
    assert_eq!(result.error.unwrap().reason, "it says \"[masked]\"");
}

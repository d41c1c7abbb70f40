//! Guests that mean harm. Every time: the message says what happened, the item is whole, and the action after it does its work.

use lateen_actions::{ActionRun, BackupItemResult, NoteLevel, Role, manifest::FailurePolicy};
use rstest::rstest;
use serde_json::json;

use crate::world::{STAMP, annotations, configmap, deployment, hostile, info, load, manifest, run, secret};

/// One item through the hostile action, whose failures are warnings, and then through the example.
async fn survive(misdeed: &str, rest: &str) -> BackupItemResult {
    let hostile = hostile(misdeed, &format!("failurePolicy: warn\norder: -1\n{rest}"));
    let stamp = configmap("stamp", &manifest("stamp", ""), &STAMP);
    let mut session = run(Role::Backup, &[hostile, stamp]).await.session();
    let (subject, item) = deployment();
    let result = session.backup_item(&subject, item.clone()).await;
    assert_eq!(result.error, None);
    assert_eq!(annotations(&result.item).into_keys().collect::<Vec<_>>(), ["demo.lateen.dev/backed-up-by"]);
    let mut unstamped = result.item.clone();
    unstamped["metadata"].as_object_mut().expect("metadata is an object").remove("annotations");
    assert_eq!(unstamped, item, "the item is as it was, but for the stamp");
    result
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
    let mut session = run(Role::Backup, &[hostile("flood", "")]).await.session();
    let (subject, item) = deployment();
    let result = session.backup_item(&subject, item).await;
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
    let result = session.restore_item(&subject, item, &json!({})).await;
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
    let run = run(Role::Backup, &[configmap("hostile", &all, &crate::world::HOSTILE)]).await;
    assert!(!run.set().concerns(Role::Backup, &subject, None), "`*` does not mean Secrets");

    let named = manifest("hostile", "params: {misdeed: tell}\ncapabilities: {secrets: true}")
        .replace("deployments.apps", "secrets");
    let run = crate::world::run(Role::Backup, &[configmap("hostile", &named, &crate::world::HOSTILE)]).await;
    let result = run.session().backup_item(&subject, item).await;
    assert_eq!(result.notes[0].message, "it says \"[masked]\"");
    assert_eq!(result.error.unwrap().reason, "it says \"[masked]\"");
}

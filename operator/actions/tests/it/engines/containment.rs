//! Scripts that do not end, go too deep or grow: what they are told, and that the next item is served.

use lateen_actions::Role;
use rstest::rstest;
use serde_json::json;

use super::language::{CEL, JAVASCRIPT, JQ, Language, NAME};
use crate::world::deployment;

const TIME: &str = "guest code ran longer than 100ms";
const MEMORY: &str = "refused more than 32 MiB of memory";

const SHORT: &str = "100ms";

/// For what is to fail by its memory, on a machine that is busy.
const LONG: &str = "5s";

/// Ten billion rounds of nothing; CEL has no loop but over a list.
const CEL_LOOP: &str = "lists.range(10000).all(a, lists.range(10000).all(b, lists.range(100).all(c, true)))";
const CEL_GROWTH: &str = "size(lists.range(1000000).map(a, string(a))) > 0";

#[rstest]
#[case::jq_endless(&JQ, "if .spec.evil then def f: f; f end | .spec.served = true", SHORT, TIME)]
#[case::jq_deep(&JQ, "if .spec.evil then def f: 1 + f; f end | .spec.served = true", SHORT, "reached outside its memory, as endless recursion does")]
#[case::jq_large(&JQ, "if .spec.evil then [range(1e9)] | length end | .spec.served = true", LONG, MEMORY)]
#[case::cel_endless(&CEL, &cel(CEL_LOOP), SHORT, TIME)]
#[case::cel_large(&CEL, &cel(CEL_GROWTH), LONG, MEMORY)]
#[case::javascript_endless(&JAVASCRIPT, &javascript("for (;;);"), SHORT, TIME)]
#[case::javascript_deep(&JAVASCRIPT, &javascript("const f = () => 1 + f(); f();"), SHORT, "script.js:1:54: RangeError: Maximum call stack size exceeded")]
#[case::javascript_large(&JAVASCRIPT, &javascript("const all = []; for (;;) all.push('x'.repeat(1e6) + all.length);"), LONG, "script.js:1:72: InternalError: out of memory")]
#[tokio::test]
async fn is_ended_and_the_next_item_served(
    #[case] language: &Language,
    #[case] script: &str,
    #[case] time: &str,
    #[case] reason: &str,
) {
    let limits = format!("limits: {{time: {time}, memory: 32Mi}}");
    let mut session = language.session(Role::Backup, script, &limits).await;
    let (subject, item) = deployment();
    let mut evil = item.clone();
    evil["spec"]["evil"] = json!(true);
    let result = session.backup_item(&subject, evil.clone()).await;
    let error = result.error.expect("it is ended").to_string();
    assert!(error.starts_with(&format!("action {NAME} failed on deployments.apps/app/web: ")), "{error}");
    assert!(error.contains(reason), "{error}");
    assert_eq!(result.item, evil);

    let result = session.backup_item(&subject, item).await;
    assert_eq!(result.error, None);
    assert_eq!(result.item["spec"]["served"], true);
}

/// CEL cannot call itself; what is nested too deep never becomes an action.
#[tokio::test]
async fn a_deep_expression_is_refused() {
    let script = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    let (_, reports) = CEL.load(&[CEL.configmap(&script, "")]).await;
    let problem = reports[0].outcome.as_ref().expect_err("it is refused");
    assert!(problem.reason.contains("script.cel:1:97: nested too deep to be read"), "{}", problem.reason);
}

fn cel(evil: &str) -> String {
    format!("has(object.spec.evil) && {evil} ? null : Object{{spec: Object.spec{{served: true}}}}")
}

fn javascript(evil: &str) -> String {
    format!("(item) => {{ if (item.spec.evil) {{ {evil} }} item.spec.served = true; return item }}")
}

//! What a script does not name comes out as it went in: every number to the last digit, every list in its order. The keys of an object that is changed are sorted, as
//! the host sorts those of every item that it parses; so the text of what comes out is the text of what went in, parsed and written again, with the one change.

use lateen_actions::Role;
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    test_runner::TestRunner,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::language::{CEL, JAVASCRIPT, JQ, Language};
use crate::world::deployment;

/// Sets one label and reads something, so that the item has to be parsed.
const JQ_LABEL: &str = ".metadata.labels.seen = .metadata.name";
const CEL_LABEL: &str = r#"{"metadata": {"labels": {"seen": object.metadata.name}}}"#;
const JAVASCRIPT_LABEL: &str = "(item) => { item.metadata.labels.seen = item.metadata.name; return item }";

#[rstest]
#[case::jq(&JQ, JQ_LABEL)]
#[case::cel(&CEL, CEL_LABEL)]
#[case::javascript(&JAVASCRIPT, JAVASCRIPT_LABEL)]
#[test]
fn any_item_keeps_what_the_script_does_not_name(#[case] language: &Language, #[case] script: &str) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let session = runtime.block_on(language.session(Role::Backup, script, ""));
    let session = std::cell::RefCell::new(session);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&btree_map(key(), value(), 1..6), |fields| {
        let (subject, mut item) = deployment();
        item["spec"]["large"] = json!([9_007_199_254_740_993_u64, u64::MAX, i64::MIN]);
        item["metadata"]["annotations"] = json!({ "9": "", "10": "", "b": "", "a": "" });
        for (key, value) in fields {
            item["spec"][key] = value;
        }
        let mut expected = item.clone();
        expected["metadata"]["labels"]["seen"] = json!("web");
        let result = runtime.block_on(session.borrow_mut().backup_item(&subject, item));
        prop_assert_eq!(result.error, None);
        prop_assert_eq!(result.item.to_string(), expected.to_string());
        Ok(())
    });
    outcome.expect("every item keeps it");
}

/// Keys that languages and patches have opinions about, and any others.
fn key() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "__proto__",
        "constructor",
        "",
        "1",
        "10",
        "a/b",
        "~1",
        "length",
        "toJSON",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), "\\PC{0,8}"]
}

/// Lists and maps of them below 20 levels.
fn value() -> impl Strategy<Value = Value> {
    let finite = any::<f64>().prop_filter("JSON has no other", |number| number.is_finite());
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite.prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    scalar.prop_recursive(15, 60, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

//! What becomes of objects: tables of one object each, the action that sees it, and what it makes of it.

mod configured;
mod kinds;
mod services;
mod tokens;

use std::collections::BTreeMap;

use lateen_action::{Change, NoParams, Outcome, Value, json};
use serde::de::DeserializeOwned;

use super::*;

type Action = dyn Fn(&Value) -> Result<Outcome, String>;

/// An action as the host calls it: with the text of the item.
fn action<T: DeserializeOwned>(function: impl Fn(&T) -> Result<Outcome, String> + 'static) -> Box<Action> {
    Box::new(move |item| function(&lateen_action::parse(&item.to_string())?))
}

fn simple<T: DeserializeOwned + 'static>(
    function: fn(&T, &NoParams) -> Result<Outcome, String>,
) -> Box<Action> {
    action(move |item| function(item, &NoParams {}))
}

/// What the host makes of an answer.
fn applied(item: &Value, outcome: &Outcome) -> Value {
    let mut changed = item.clone();
    match &outcome.change {
        Change::Unchanged => {}
        Change::MergePatch(text) => {
            json_patch::merge(&mut changed, &lateen_action::parse(text).expect("the patch is JSON"));
        }
        Change::JsonPatch(text) => {
            let patch: json_patch::Patch = lateen_action::parse(text).expect("the patch is a JSON patch");
            json_patch::patch(&mut changed, &patch).expect("the patch fits the item");
        }
        Change::Replace(_) => panic!("an action on restore says what it changes"),
    }
    changed
}

struct Case {
    about: &'static str,
    action: Box<Action>,
    item: Value,
    expected: Value,
}

fn case(about: &'static str, action: Box<Action>, item: Value, expected: Value) -> Case {
    Case { about, action, item, expected }
}

/// The item comes out as it went in, and the answer is the cheap one.
fn untouched(about: &'static str, action: Box<Action>, item: Value) -> Case {
    Case { about, action, expected: item.clone(), item }
}

fn check(cases: Vec<Case>) {
    for Case { about, action, item, expected } in cases {
        let outcome = action(&item).unwrap_or_else(|error| panic!("{about}: {error}"));
        assert_eq!(applied(&item, &outcome), expected, "{about}");
        assert_eq!(outcome.change == Change::Unchanged, item == expected, "{about}");
        assert_eq!(outcome.skip, None, "{about}");
    }
}

fn names(outcome: &Outcome) -> Vec<String> {
    let name = |object: &lateen_action::ObjectRef| {
        let namespace = object.namespace.as_deref().map(|namespace| format!("{namespace}/"));
        format!("{} {}{}", object.resource, namespace.unwrap_or_default(), object.name)
    };
    outcome.related.iter().map(name).collect()
}

#[test]
fn what_the_cluster_makes_or_a_controller_would_take_for_an_order_is_skipped() {
    for action in [simple(skipped::api_service), simple(skipped::data_upload)] {
        let outcome = action(&json!({ "metadata": {} })).expect("it is skipped");
        assert!(outcome.skip.is_some_and(|reason| !reason.is_empty()));
    }
}

#[test]
fn a_restore_is_read_once_and_need_not_have_a_spec() {
    let spec = spec::RestoreSpec::<BTreeMap<String, bool>>::new();
    assert!(spec.read(|| "[".to_owned()).is_err());
    let read = spec.read(|| r#"{ "spec": { "preserveNodePorts": true } }"#.to_owned()).expect("a Restore");
    assert!(read["preserveNodePorts"]);
    assert!(spec.read(|| panic!("it has been read")).is_ok());
    assert!(
        spec::RestoreSpec::<BTreeMap<String, bool>>::new()
            .read(|| "{}".to_owned())
            .expect("empty")
            .is_empty()
    );
}

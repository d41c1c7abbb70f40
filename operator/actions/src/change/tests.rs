use std::time::Instant;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;

fn whole(bytes: usize) -> ItemSize {
    ItemSize { original: bytes, now: bytes }
}

fn item() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "app", "uid": "u-1", "labels": { "a": "1" } },
        "spec": { "replicas": 3, "list": [1, 2], "big": 9_007_199_254_740_993_u64 },
    })
}

fn change(change: &Change) -> Result<Option<Value>, ChangeError> {
    let mut item = item();
    let size = whole(item.to_string().len());
    changed(&mut item, change, Role::Backup, size)
}

/// The item after a change, if it has become another one. A change that is refused, or that comes as a copy, leaves the item alone.
fn changed(
    item: &mut Value,
    change: &Change,
    role: Role,
    size: ItemSize,
) -> Result<Option<Value>, ChangeError> {
    let before = item.clone();
    let applied = apply(item, change, None, role, size);
    match &applied {
        Ok(Applied::InPlace) => assert_ne!(*item, before, "{change:?}"),
        _ => assert_eq!(*item, before, "{change:?}"),
    }
    Ok(match applied? {
        Applied::Unchanged => None,
        Applied::InPlace => Some(item.clone()),
        Applied::Copy(copy) => Some(copy),
    })
}

fn patch(operations: &Value) -> Result<Option<Value>, ChangeError> {
    change(&Change::JsonPatch(operations.to_string()))
}

#[test]
fn what_nobody_names_stays_exact() {
    let merged = change(&Change::MergePatch(r#"{"spec":{"replicas":0}}"#.into())).unwrap().unwrap();
    let mut expected = item();
    expected["spec"]["replicas"] = json!(0);
    assert_eq!(merged.to_string(), expected.to_string());
}

#[test]
fn a_change_that_changes_nothing_is_none() {
    assert_eq!(change(&Change::MergePatch(r#"{"spec":{"replicas":3}}"#.into())).unwrap(), None);
    assert_eq!(patch(&json!([{ "op": "test", "path": "/spec/replicas", "value": 3.0 }])).unwrap(), None);
    assert_eq!(change(&Change::Unchanged).unwrap(), None);
}

#[test]
fn operations_build_on_each_other() {
    let changed = patch(&json!([
        { "op": "test", "path": "", "value": item() },
        { "op": "add", "path": "/spec/list/-", "value": 3 },
        { "op": "move", "from": "/spec/list/0", "path": "/spec/first" },
        { "op": "copy", "from": "/spec/list", "path": "/spec/again" },
        { "op": "remove", "path": "/spec/replicas" },
        { "op": "replace", "path": "/metadata/labels/a", "value": "2" },
    ]))
    .unwrap()
    .unwrap();
    assert_eq!(
        changed["spec"],
        json!({ "list": [2, 3], "first": 1, "again": [2, 3], "big": 9_007_199_254_740_993_u64 })
    );
    assert_eq!(changed["metadata"]["labels"]["a"], "2");
}

#[rstest]
#[case::merge_patch_of_a_list(Change::MergePatch("[]".into()), "the merge patch is not an object")]
#[case::merge_patch_cut_off(Change::MergePatch("{".into()), "the merge patch is not JSON: EOF while parsing an object at line 1 column 1")]
#[case::json_patch_object(Change::JsonPatch("{}".into()), "the JSON patch is not an array of operations")]
#[case::unknown_operation(Change::JsonPatch(r#"[{"op":"increment","path":"/a"}]"#.into()), "the list of operations is not JSON: unknown variant `increment`")]
#[case::missing_path(Change::JsonPatch(r#"[{"op":"remove","path":"/nowhere"}]"#.into()), "operation 0 of the JSON patch:")]
#[case::failing_test(
    Change::JsonPatch(r#"[{"op":"remove","path":"/spec"},{"op":"test","path":"/kind","value":"Pod"}]"#.into()),
    "operation 1 of the JSON patch: the test of \"/kind\" does not hold"
)]
#[case::root_as_target(Change::JsonPatch(r#"[{"op":"add","path":"","value":{}}]"#.into()), "the whole item is no operand")]
#[case::root_as_source(Change::JsonPatch(r#"[{"op":"copy","from":"","path":"/spec/me"}]"#.into()), "the whole item is no operand")]
#[case::move_to_the_root_then_fail(
    Change::JsonPatch(r#"[{"op":"move","from":"/spec","path":""},{"op":"test","path":"/a","value":1}]"#.into()),
    "operation 0 of the JSON patch: the whole item is no operand"
)]
#[case::into_itself(Change::JsonPatch(r#"[{"op":"move","from":"/spec","path":"/spec/in"}]"#.into()), "operation 0 of the JSON patch:")]
#[case::index_out_of_range(Change::JsonPatch(r#"[{"op":"add","path":"/spec/list/7","value":1}]"#.into()), "operation 0 of the JSON patch:")]
#[case::scalar_instead(Change::Replace("7".into()), "the item after the change is not an object")]
#[case::another_name(Change::MergePatch(r#"{"metadata":{"name":"other"}}"#.into()), r#"the change turns metadata.name from "web" into "other""#)]
#[case::another_namespace(Change::MergePatch(r#"{"metadata":{"namespace":null}}"#.into()), r#"the change turns metadata.namespace from "app" into nothing"#)]
#[case::another_kind(Change::MergePatch(r#"{"kind":"Pod"}"#.into()), "the change turns kind from")]
#[case::another_version(Change::MergePatch(r#"{"apiVersion":{}}"#.into()), r#"the change turns apiVersion from "apps/v1" into an object or a list"#)]
#[case::another_uid(Change::MergePatch(r#"{"metadata":{"uid":"u-2"}}"#.into()), "the change turns metadata.uid from")]
#[case::no_metadata(Change::MergePatch(r#"{"metadata":null}"#.into()), r#"the change turns metadata.name from "web" into nothing"#)]
fn refused(#[case] hostile: Change, #[case] message: &str) {
    let error = change(&hostile).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_small_patch_cannot_make_a_large_item() {
    let mut operations = vec![json!({ "op": "add", "path": "/spec/b", "value": { "x": "y".repeat(50) } })];
    for level in 0..40 {
        operations.push(json!({ "op": "copy", "from": "/spec/b", "path": "/spec/c" }));
        operations.push(json!({ "op": "move", "from": "/spec/c", "path": format!("/spec/b/{level}") }));
    }
    let started = Instant::now();
    assert!(matches!(patch(&json!(operations)).unwrap_err(), ChangeError::ItemTooLarge(_)));
    assert!(started.elapsed().as_secs() < 5, "took {:?}", started.elapsed());
}

#[test]
fn removing_in_between_does_not_buy_more_copies() {
    let mut operations = vec![json!({ "op": "add", "path": "/spec/b", "value": "y".repeat(400_000) })];
    for _ in 0..400 {
        operations.push(json!({ "op": "copy", "from": "/spec/b", "path": "/spec/c" }));
        operations.push(json!({ "op": "remove", "path": "/spec/c" }));
    }
    assert!(matches!(patch(&json!(operations)).unwrap_err(), ChangeError::ItemTooLarge(_)));
}

#[test]
fn a_small_patch_cannot_make_a_deep_item() {
    let mut operations = vec![json!({ "op": "add", "path": "/spec/d", "value": { "d": {} } })];
    for level in 0..20 {
        let path = "/d".repeat(1 << level.min(10));
        operations.push(json!({ "op": "copy", "from": "/spec/d", "path": format!("/spec{path}/d") }));
    }
    assert!(matches!(patch(&json!(operations)).unwrap_err(), ChangeError::TooDeep));
}

#[test]
fn depth_is_limited_in_every_kind_of_change() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    // The list stands in an object in the item.
    let allowed = limits::DEPTH - 2;
    let text = |levels| format!(r#"{{"spec":{{"deep":{}}}}}"#, deep(levels));
    assert!(change(&Change::MergePatch(text(allowed))).is_ok());
    assert!(matches!(change(&Change::MergePatch(text(allowed + 1))).unwrap_err(), ChangeError::TooDeep));
    assert!(matches!(
        change(&Change::MergePatch(text(5000))).unwrap_err(),
        ChangeError::NotJson { what: "merge patch", .. }
    ));
    let text = |levels| format!(r#"[{{"op":"add","path":"/spec/deep","value":{}}}]"#, deep(levels));
    assert!(change(&Change::JsonPatch(text(allowed))).is_ok());
    assert!(matches!(change(&Change::JsonPatch(text(allowed + 1))).unwrap_err(), ChangeError::TooDeep));
}

#[test]
fn a_change_may_be_twice_the_item_and_a_megabyte() {
    let size = item().to_string().len();
    let text = |extra: usize| {
        let filler = limits::change(size) - r#"{"data":{"x":""}}"#.len() - size - 1;
        Change::MergePatch(format!(r#"{{"data":{{"x":"{}"}}}}"#, "x".repeat(filler + extra)))
    };
    assert!(change(&text(0)).is_ok());
    assert!(matches!(change(&text(100)).unwrap_err(), ChangeError::ItemTooLarge(_)));
    assert!(matches!(change(&text(1000)).unwrap_err(), ChangeError::TextTooLarge { .. }));
}

#[test]
fn too_many_operations_are_refused_unread() {
    let operations =
        vec![json!({ "op": "add", "path": "/spec/a", "value": 1 }); limits::PATCH_OPERATIONS + 1];
    assert!(matches!(patch(&json!(operations)).unwrap_err(), ChangeError::TooManyOperations(1001)));
}

#[test]
fn on_restore_what_the_engine_has_reset_stays_reset() {
    let mut reset = item();
    reset["metadata"].as_object_mut().unwrap().remove("uid");
    let text = r#"{"metadata":{"uid":"9","ownerReferences":[{}],"finalizers":["keep"]}}"#;
    let mut expected = reset.clone();
    let changed =
        changed(&mut reset, &Change::MergePatch(text.into()), Role::Restore, whole(100)).unwrap().unwrap();
    expected["metadata"]["finalizers"] = json!(["keep"]);
    assert_eq!(changed, expected);
}

#[rstest]
#[case(json!(1), json!(1.0), true)]
#[case(json!({"a": [1, 2.0]}), json!({"a": [1.0, 2]}), true)]
#[case(json!(1), json!("1"), false)]
#[case(json!([1]), json!([1, 2]), false)]
#[case(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64), false)]
fn test_compares_numbers_by_value(#[case] value: Value, #[case] expected: Value, #[case] equal: bool) {
    let operations = json!([
        { "op": "add", "path": "/spec/value", "value": value },
        { "op": "test", "path": "/spec/value", "value": expected },
    ]);
    assert_eq!(patch(&operations).is_ok(), equal);
}

#[rstest]
#[case(r#"{"spec":{"replicas":0},"metadata":{"labels":{"a":null},"annotations":{"x":"y"}}}"#, true)]
#[case(r#"{"metadata":{"annotations":{"velero.io/skip-from-backup":"true"}}}"#, false)]
#[case(r#"{"metadata":{"annotations":null},"spec":{"replicas":0}}"#, false)]
#[case(r#"{"metadata":{"uid":"u-1"},"spec":{"replicas":0}}"#, false)]
#[case(r#"{"kind":"Deployment","spec":{"replicas":0}}"#, false)]
#[case(r#"[{"op":"replace","path":"/spec/replicas","value":0}]"#, true)]
#[case(r#"[{"op":"add","path":"/metadata/labels/b","value":"1"},{"op":"remove","path":"/spec/list/0"},{"op":"add","path":"/x","value":1}]"#, true)]
#[case(r#"[{"op":"add","path":"/metadata/annotations","value":{"backup.velero.io/must-include-additional-items":"true"}}]"#, false)]
#[case(r#"[{"op":"add","path":"/metadata/uid","value":"u-1"},{"op":"remove","path":"/spec"},{"op":"add","path":"/x","value":1}]"#, false)]
#[case(r#"[{"op":"copy","from":"/spec","path":"/x"}]"#, false)]
#[case(r#"[{"op":"add","path":"/x","value":1},{"op":"remove","path":"/x"}]"#, false)]
#[case(r#"[{"op":"remove","path":"/spec"},{"op":"add","path":"/spec/list/-","value":1}]"#, false)]
fn only_what_is_plain_is_done_in_place(#[case] text: &str, #[case] in_place: bool) {
    let change =
        if text.starts_with('[') { Change::JsonPatch(text.into()) } else { Change::MergePatch(text.into()) };
    let applied = apply(&mut item(), &change, None, Role::Backup, whole(1000));
    assert_eq!(matches!(applied, Ok(Applied::InPlace)), in_place, "{applied:?}");
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        (0..3).prop_map(Value::from),
        Just(json!({})),
        Just(json!({ "a": 1 })),
        Just(json!([1]))
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c0-2]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn operations() -> impl Strategy<Value = Value> {
    let operation =
        ("(/spec|/metadata|/metadata/labels|/metadata/annotations)?(/[a-c0-2-]){0,2}", tree(), 0..3)
            .prop_map(|(path, value, kind)| match kind {
                0 => json!({ "op": "add", "path": path, "value": value }),
                1 => json!({ "op": "replace", "path": path, "value": value }),
                _ => json!({ "op": "remove", "path": path }),
            });
    prop::collection::vec(operation, 0..4).prop_map(Value::from)
}

proptest! {
    /// Whether in place or in a copy: what the crate makes of a copy, and nothing where that fails.
    #[test]
    fn a_change_in_place_is_the_change(spec in tree(), labels in tree(), merge in tree(), operations in operations()) {
        let item = json!({ "metadata": { "labels": labels }, "spec": spec });
        let room = whole(1000);

        let mut expected = item.clone();
        let patch = json!({ "metadata": { "labels": merge }, "spec": merge });
        ::json_patch::merge(&mut expected, &patch);
        let found = changed(&mut item.clone(), &Change::MergePatch(patch.to_string()), Role::Backup, room).unwrap();
        prop_assert_eq!(found, (expected != item).then_some(expected));

        let mut expected = item.clone();
        let patch = serde_json::from_value::<::json_patch::Patch>(operations.clone()).unwrap();
        let carried_out = ::json_patch::patch(&mut expected, &patch).is_ok();
        let found = changed(&mut item.clone(), &Change::JsonPatch(operations.to_string()), Role::Backup, room);
        match found {
            Ok(found) => {
                prop_assert!(carried_out);
                prop_assert_eq!(found, (expected != item).then_some(expected));
            }
            // The whole item is no operand, and stays an object.
            Err(error) => prop_assert!(!carried_out || error.to_string().contains("whole item"), "{error}"),
        }
    }

    #[test]
    fn text_is_what_serde_writes(value in tree(), max in 0..6_usize) {
        let deep = depth(&value, max).is_none();
        prop_assert_eq!(text(&value, max, 0), (!deep).then(|| value.to_string()));
    }
}

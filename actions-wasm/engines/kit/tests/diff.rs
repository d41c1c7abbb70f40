//! Patches, by example and by property: applied by another implementation they give what was wanted, and they name nothing that was not touched.

use lateen_engine_kit::{Identity, Node, Patch, Shape, diff, patch};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

/// JSON as a language has it whose numbers are exact.
#[derive(Clone, Copy)]
struct Exact<'a>(&'a Value);

impl<'a> Node for Exact<'a> {
    type Key = &'a str;

    fn same(&self, _: &Self) -> bool {
        false
    }

    fn shape(&self) -> Result<Shape<Self>, String> {
        Ok(match self.0 {
            Value::Array(elements) => Shape::List(elements.iter().map(Exact).collect()),
            Value::Object(entries) => {
                Shape::Object(entries.iter().map(|(key, value)| (key.as_str(), Exact(value))).collect())
            }
            _ => Shape::Scalar,
        })
    }

    fn equal(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn write(&self, out: &mut String) -> Result<(), String> {
        out.push_str(&self.0.to_string());
        Ok(())
    }
}

fn compare(old: &Value, new: &Value) -> Patch {
    diff(&Exact(old), &Exact(new)).expect("both are objects")
}

fn operations(patch: &Patch) -> Value {
    serde_json::from_str(&patch::text(&patch.operations)).expect("a patch is JSON")
}

fn applied(item: &Value, patch: &Patch) -> Value {
    let mut item = item.clone();
    let operations: json_patch::Patch = serde_json::from_value(operations(patch)).expect("RFC 6902");
    json_patch::patch(&mut item, &operations).unwrap_or_else(|error| panic!("{error}: {operations}"));
    item
}

/// What a language does to numbers that has 64-bit floats only.
#[expect(clippy::cast_possible_truncation, reason = "that is the damage")]
fn damaged(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().expect("every number has a float near it");
            if float.fract() == 0.0 { json!(float as i64) } else { json!(float) }
        }
        Value::Array(elements) => elements.iter().map(damaged).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), damaged(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[test]
fn patches_are_as_short_as_a_reader_would_write_them() {
    let cases = [
        (json!({}), json!({}), json!([])),
        (
            json!({"a/b": {"~": 1}}),
            json!({"a/b": {"~": 2}}),
            json!([{"op": "replace", "path": "/a~1b/~0", "value": 2}]),
        ),
        (
            json!({"spec": {"replicas": 3, "x": null}}),
            json!({"spec": {"replicas": 0}, "new": "\u{1}\"\n"}),
            json!([
                {"op": "add", "path": "/new", "value": "\u{1}\"\n"},
                {"op": "remove", "path": "/spec/x"},
                {"op": "replace", "path": "/spec/replicas", "value": 0},
            ]),
        ),
        (json!({"l": [1, 2, 3]}), json!({"l": [1, 3]}), json!([{"op": "remove", "path": "/l/1"}])),
        (json!({"l": [1, 2]}), json!({"l": [0, 1, 2]}), json!([{"op": "add", "path": "/l/0", "value": 0}])),
        (
            json!({"l": [1, 2, 3]}),
            json!({"l": [1, 9, 3]}),
            json!([{"op": "replace", "path": "/l/1", "value": 9}]),
        ),
        // A side-car in front, and another image: the named one is recognised.
        (
            json!({"c": [{"name": "web", "image": "a"}, {"name": "db", "image": "b"}]}),
            json!({"c": [{"name": "proxy"}, {"name": "web", "image": "x"}, {"name": "db", "image": "b"}]}),
            json!([
                {"op": "add", "path": "/c/0", "value": {"name": "proxy"}},
                {"op": "replace", "path": "/c/1/image", "value": "x"},
            ]),
        ),
        (
            json!({"c": [{"name": "a"}, {"name": "b", "v": 1}, {"name": "c"}]}),
            json!({"c": [{"name": "b", "v": 2}]}),
            json!([
                {"op": "remove", "path": "/c/0"},
                {"op": "replace", "path": "/c/0/v", "value": 2},
                {"op": "remove", "path": "/c/1"},
            ]),
        ),
        (
            json!({"a": [1]}),
            json!({"a": {"b": []}}),
            json!([{"op": "replace", "path": "/a", "value": {"b": []}}]),
        ),
    ];
    for (old, new, expected) in cases {
        let patch = compare(&old, &new);
        assert_eq!(operations(&patch), expected, "{old} -> {new}");
        assert_eq!(applied(&old, &patch), new);
    }
}

#[test]
fn another_name_is_an_identity_and_no_operation() {
    let old = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "x", "labels": {}}});
    let new = json!({"apiVersion": "v2", "kind": "A", "metadata": {"name": "x", "labels": {"a": "b"}}});
    let patch = compare(&old, &new);
    assert_eq!(operations(&patch), json!([{"op": "add", "path": "/metadata/labels/a", "value": "b"}]));
    let identity = Identity { api_version: "v2".into(), kind: "A".into(), name: "x".into() };
    assert_eq!(patch.identity, Some(identity));

    // Whoever takes them away means something else: the host refuses that by name.
    let patch = compare(&old, &json!({"kind": "A", "metadata": {"name": "x", "labels": {}}}));
    assert_eq!(operations(&patch), json!([{"op": "remove", "path": "/apiVersion"}]));
    assert_eq!(patch.identity, None);
}

#[test]
fn too_many_operations_replace_the_largest_parts_and_never_the_object() {
    let many = |count: usize, value: u64| -> Value {
        (0..count).map(|index| (format!("k{index}"), json!(value))).collect::<Map<_, _>>().into()
    };
    let item = |value| json!({"small": many(300, value), "data": {"large": many(1200, value), "x": value}, "rest": many(800, value)});
    let (old, new) = (item(1), item(2));
    let patch = compare(&old, &new);
    let paths: Vec<&str> = patch.operations.iter().map(|operation| &*operation.path).collect();
    assert!(paths.len() <= 1000 && paths.contains(&"/data/large") && paths.contains(&"/data/x"), "{paths:?}");
    assert!(paths.contains(&"/rest") && paths.contains(&"/small/k7"), "{paths:?}");
    assert_eq!(applied(&old, &patch), new);

    let error = diff(&Exact(&many(1001, 1)), &Exact(&many(1001, 2))).unwrap_err();
    assert!(error.contains("1000 keys at the top"), "{error}");
}

#[test]
fn depth_has_a_limit_that_names_the_place() {
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert_eq!(applied(&nested(1), &compare(&nested(1), &nested(100))), nested(100));
    let error = diff(&Exact(&nested(1)), &Exact(&nested(101))).unwrap_err();
    assert!(error.contains("/a") && error.contains("100 levels"), "{error}");
    let error = diff(&Exact(&json!({})), &Exact(&json!([]))).unwrap_err();
    assert!(error.contains("no object"), "{error}");
}

/// Any JSON, with integers up to the ends of 64 bits and few keys, so that edits meet each other.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a~/\"\\\\\u{e9}]{0,3}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from), object(inner)]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map("name|a/b|[a-c~]", inner, 0..5)
        .prop_map(|entries| entries.into_iter().collect::<Map<_, _>>().into())
}

/// Another value somewhere below: the path picks a child at each level.
#[derive(Clone, Debug)]
struct Edit {
    path: Vec<usize>,
    kind: usize,
    value: Value,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let small = prop_oneof![(-9_i64..9).prop_map(Value::from), Just(json!({"name": "new", "c": [1, "x"]}))];
    let edit = (prop::collection::vec(0_usize..5, 1..5), 0_usize..3, small);
    prop::collection::vec(edit.prop_map(|(path, kind, value)| Edit { path, kind, value }), 0..6)
}

/// Replaces a value; with `resize` also adds and removes.
fn edit(target: &mut Value, Edit { path, kind, value }: &Edit, resize: bool) {
    let Some((&step, rest)) = path.split_first() else { return };
    match target {
        Value::Object(entries) if rest.is_empty() || entries.is_empty() => match kind {
            0 if resize => drop(entries.insert("added".into(), value.clone())),
            1 if resize => drop(entries.keys().nth(step).cloned().and_then(|key| entries.remove(&key))),
            _ => entries.values_mut().skip(step).take(1).for_each(|entry| *entry = value.clone()),
        },
        Value::Array(elements) if rest.is_empty() || elements.is_empty() => match kind {
            0 if resize => elements.insert(step.min(elements.len()), value.clone()),
            1 if resize && step < elements.len() => drop(elements.remove(step)),
            _ => elements.iter_mut().skip(step).take(1).for_each(|element| *element = value.clone()),
        },
        Value::Object(entries) => {
            let count = entries.len();
            entries.values_mut().skip(step % count).take(1).for_each(|entry| {
                edit(entry, &Edit { path: rest.to_vec(), kind: *kind, value: value.clone() }, resize);
            });
        }
        Value::Array(elements) => {
            let count = elements.len();
            edit(
                &mut elements[step % count],
                &Edit { path: rest.to_vec(), kind: *kind, value: value.clone() },
                resize,
            );
        }
        _ => {}
    }
}

fn edited(value: &Value, edits: &[Edit], resize: bool) -> Value {
    let mut value = value.clone();
    for change in edits {
        edit(&mut value, change, resize);
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_patch_leads_from_any_object_to_any_other(old in object(value()), new in object(value())) {
        prop_assert_eq!(applied(&old, &compare(&old, &new)), new);
    }

    #[test]
    fn a_patch_leads_to_the_edited_object(old in object(value()), edits in edits()) {
        let new = edited(&old, &edits, true);
        let patch = compare(&old, &new);
        prop_assert_eq!(&applied(&old, &patch), &new);
        prop_assert_eq!(patch.operations.is_empty(), old == new);
    }

    #[test]
    fn what_a_language_damages_on_parsing_stays_whole(item in object(value()), edits in edits()) {
        let (seen, changed) = (damaged(&item), edited(&damaged(&item), &edits, false));
        let result = applied(&item, &compare(&seen, &changed));
        prop_assert_eq!(result, edited(&item, &edits, false));
    }

    #[test]
    fn and_what_is_moved_has_the_language_s_value(item in object(value()), edits in edits()) {
        let (seen, changed) = (damaged(&item), edited(&damaged(&item), &edits, true));
        let result = applied(&item, &compare(&seen, &changed));
        prop_assert_eq!(damaged(&result), changed);
    }
}

#[test]
fn the_damage_in_these_tests_is_real() {
    let large = json!(9_007_199_254_740_993_u64);
    assert_ne!(damaged(&large), large);
    assert_eq!(damaged(&json!({"a": [1.5, -3]})), json!({"a": [1.5, -3]}));
    assert_eq!(Number::from(u64::MAX).as_u64(), Some(u64::MAX));
}

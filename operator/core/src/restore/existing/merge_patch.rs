//! The difference of two objects as a merge patch (RFC 7386): absent fields become `null`, lists are replaced as a whole.

use serde_json::{Map, Value};

/// What makes `from` into `to`. Neither may hold `null`s: a merge patch cannot write them.
pub fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in to {
        match from.get(key) {
            Some(there) if there == wanted => {}
            Some(there) => {
                patch.insert(key.clone(), merge_patch(there, wanted));
            }
            None => {
                patch.insert(key.clone(), wanted.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..3u8).prop_map(Value::from),
            "[a-c]".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_makes_one_into_the_other(from in value(), to in value()) {
            let mut patched = from.clone();
            json_patch::merge(&mut patched, &merge_patch(&from, &to));
            prop_assert_eq!(patched, to);
        }
    }

    #[test]
    fn only_what_differs_is_named() {
        let from = json!({"same": {"x": 1}, "data": {"k": "new", "extra": "x"}, "list": [1, 2]});
        let to = json!({"same": {"x": 1}, "data": {"k": "v"}, "list": [1]});
        assert_eq!(merge_patch(&from, &to), json!({"data": {"k": "v", "extra": null}, "list": [1]}));
    }
}

//! Keeps the values of Secrets out of what people are shown: a difference has to show *that* a value changed, not what it is.

use serde_json::Value;

/// Where a Secret keeps values, or a copy of itself.
const VALUES: [&str; 3] =
    ["/data", "/stringData", "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"];

const SAME: &str = "***";
const BEFORE: &str = "*** (before)";
const AFTER: &str = "*** (after)";

/// Both states of an item with the values of a Secret replaced; the same value is replaced by the same text.
pub fn masked(before: &Value, after: &Value) -> (Value, Value) {
    let (mut masked_before, mut masked_after) = (before.clone(), after.clone());
    if is_secret(before) || is_secret(after) {
        for pointer in VALUES {
            mask(&mut masked_before, pointer, after, BEFORE);
            mask(&mut masked_after, pointer, before, AFTER);
        }
    }
    (masked_before, masked_after)
}

/// Whether values of it are masked.
pub fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret" && object["apiVersion"] == "v1"
}

fn mask(object: &mut Value, pointer: &str, other: &Value, changed: &str) {
    let Some(place) = object.pointer_mut(pointer) else { return };
    let other = other.pointer(pointer);
    let Value::Object(values) = place else {
        *place = text(other.is_none_or(|other| other == place), changed);
        return;
    };
    for (key, value) in values {
        let same = other.and_then(|other| other.get(key)).is_none_or(|other| other == value);
        *value = text(same, changed);
    }
}

fn text(same: bool, changed: &str) -> Value {
    Value::from(if same { SAME } else { changed })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_show_and_values_do_not() {
        let secret = |data: Value, applied: &str| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "data": data,
                "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied, "a": "b"}}
            })
        };
        let before = secret(json!({"same": "AAAA", "new": "BBBB", "gone": "CCCC"}), "hidden");
        let after = secret(json!({"same": "AAAA", "new": "DDDD", "more": "EEEE"}), "hidden");
        let (before, after) = masked(&before, &after);
        assert_eq!(before, secret(json!({"same": "***", "new": "*** (before)", "gone": "***"}), "***"));
        assert_eq!(after, secret(json!({"same": "***", "new": "*** (after)", "more": "***"}), "***"));

        let odd = json!({"apiVersion": "v1", "kind": "Secret", "stringData": "hidden"});
        assert_eq!(masked(&odd, &odd).0["stringData"], "***");
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(masked(&other, &other), (other.clone(), other));
    }
}

//! What stands in a manifest about items and grants, in a few words: as its author wrote it, not as it was understood.

use serde_json::Value;

use crate::measure;

/// Which items, from `match`.
pub(super) fn matches(written: &Value) -> String {
    let list = |key: &str| {
        let values = written[key].as_array().map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    let mut text = list("resources");
    let namespaces = list("namespaces");
    if !namespaces.is_empty() {
        text += &format!("; namespaces {namespaces}");
    }
    if let Some(selector) = written["labelSelector"].as_str().filter(|selector| !selector.is_empty()) {
        text += &format!("; labels {selector}");
    }
    text
}

/// What is granted, from `capabilities`.
pub(super) fn granted(written: &Value) -> String {
    let grants = written.as_object().into_iter().flatten();
    let text: Vec<String> = grants
        .filter(|(_, value)| **value != Value::Bool(false))
        .map(|(key, value)| match value {
            // In rows of their own.
            Value::Array(rules) if key == "cluster" => {
                format!("cluster: {}", measure::count(rules.len(), "rule"))
            }
            _ => format!("{key}: {value}"),
        })
        .collect();
    none_if_empty(text.join(", "))
}

/// What a server has to be started with for a rule of access to the cluster, beside `--action-service-account`.
pub(super) fn flag(rule: &Value) -> String {
    let list = |key: &str| {
        let values = rule[key].as_array().map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
    };
    let namespaces = list("namespaces");
    let place = if namespaces.is_empty() { String::new() } else { format!(":{namespaces}") };
    format!("--action-cluster-access '{}:{}{place}'", list("verbs"), list("resources"))
}

/// A list that may have nothing.
pub(super) fn none_if_empty(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn grants_and_matches_are_told_as_written() {
        let written = json!({"resources": ["*"], "namespaces": ["a", "b"], "labelSelector": "x=y"});
        assert_eq!(matches(&written), "*; namespaces a, b; labels x=y");
        assert_eq!(granted(&json!({"secrets": true, "identity": false})), "secrets: true");
        assert_eq!(granted(&Value::Null), "none");
    }
}

//! A label selector as it stands in objects, held against labels.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// All of it has to be fulfilled; an empty one selects everything.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LabelSelector {
    match_labels: Option<Labels>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: Operator,
    values: Option<Vec<String>>,
}

/// The four that Kubernetes knows.
#[derive(Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// Whether the labels fulfil it.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().flatten().all(|expression| expression.matches(labels))
    }
}

impl Expression {
    fn matches(&self, labels: &Labels) -> bool {
        let label = labels.get(&self.key);
        let listed = || label.is_some_and(|label| self.values.iter().flatten().any(|value| value == label));
        match self.operator {
            Operator::In => listed(),
            // What has no such label is not among them either.
            Operator::NotIn => !listed(),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lateen_action::{Value, json};

    use super::*;

    #[test]
    fn every_operator_is_held_against_the_labels() {
        let labels = Labels::from([("app".to_owned(), "web".to_owned())]);
        let selects =
            |selector: Value| LabelSelector::deserialize(selector).expect("a selector").matches(&labels);
        let expression = |key: &str, operator: &str, values: &[&str]| {
            selects(json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }))
        };
        assert!(selects(json!({})));
        assert!(selects(json!({ "matchLabels": { "app": "web" }, "matchExpressions": null })));
        assert!(!selects(json!({ "matchLabels": { "app": "web", "tier": "front" } })));
        assert!(expression("app", "In", &["db", "web"]) && !expression("tier", "In", &["web"]));
        assert!(!expression("app", "NotIn", &["web"]) && expression("tier", "NotIn", &["web"]));
        assert!(expression("app", "Exists", &[]) && !expression("tier", "Exists", &[]));
        assert!(!expression("app", "DoesNotExist", &[]) && expression("tier", "DoesNotExist", &[]));
    }
}

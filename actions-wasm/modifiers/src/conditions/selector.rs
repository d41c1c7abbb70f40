//! Selectors of labels: `matchLabels` and `matchExpressions`, as everywhere in Kubernetes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::text::Text;

/// A selector as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawSelector {
    match_labels: Option<BTreeMap<String, Text>>,
    match_expressions: Option<Vec<RawRequirement>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRequirement {
    key: Text,
    operator: Text,
    values: Option<Vec<Text>>,
}

/// All of its requirements have to be met; none at all is met by everything.
#[derive(Debug, Default)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl RawSelector {
    /// The selector, or what is wrong with the first requirement that is none.
    pub(super) fn validate(self) -> Result<Selector, String> {
        let labels = self
            .match_labels
            .into_iter()
            .flatten()
            .map(|(key, value)| Ok(Requirement { key, operator: Operator::In, values: vec![value.0] }));
        let expressions = self.match_expressions.into_iter().flatten().map(RawRequirement::validate);
        labels.chain(expressions).collect::<Result<_, String>>().map(Selector)
    }
}

impl RawRequirement {
    fn validate(self) -> Result<Requirement, String> {
        let Self { key: Text(key), operator: Text(operator), values } = self;
        let values: Vec<String> = values.into_iter().flatten().map(|value| value.0).collect();
        let fault = |what: &str| Err(format!("labelSelector: {what} (key {key:?})"));
        if key.is_empty() {
            return fault("an expression needs a key");
        }
        let operator = match (&*operator, values.is_empty()) {
            ("In", false) => Operator::In,
            ("NotIn", false) => Operator::NotIn,
            ("Exists", true) => Operator::Exists,
            ("DoesNotExist", true) => Operator::DoesNotExist,
            ("In" | "NotIn", true) => return fault("In and NotIn need values"),
            ("Exists" | "DoesNotExist", false) => return fault("Exists and DoesNotExist take no values"),
            (other, _) => {
                return fault(&format!("{other:?} is none of In, NotIn, Exists and DoesNotExist"));
            }
        };
        Ok(Requirement { key, operator, values })
    }
}

impl Selector {
    /// Whether these labels meet it.
    pub(super) fn matches(&self, labels: &BTreeMap<&str, &str>) -> bool {
        self.0.iter().all(|Requirement { key, operator, values }| {
            let value = labels.get(key.as_str());
            let among = value.is_some_and(|value| values.iter().any(|wanted| wanted == value));
            match operator {
                Operator::In => among,
                Operator::NotIn => !among,
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Result<Selector, String> {
        serde_yaml_ng::from_str::<RawSelector>(text).unwrap().validate()
    }

    #[test]
    fn labels_meet_all_requirements() {
        let labels = BTreeMap::from([("app", "web"), ("tier", "1")]);
        let cases = [
            ("{}", true),
            ("{matchLabels: {app: web, tier: 1}}", true),
            ("{matchLabels: {app: web, tier: 2}}", false),
            ("{matchExpressions: [{key: app, operator: In, values: [db, web]}]}", true),
            ("{matchExpressions: [{key: app, operator: NotIn, values: [db, web]}]}", false),
            ("{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}", true),
            ("{matchExpressions: [{key: app, operator: Exists}, {key: zone, operator: DoesNotExist}]}", true),
            ("{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: DoesNotExist}]}", false),
        ];
        for (text, expected) in cases {
            assert_eq!(selector(text).unwrap().matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_requirement_is_told() {
        let cases = [
            ("{key: a, operator: In}", "In and NotIn need values"),
            ("{key: a, operator: Exists, values: [b]}", "Exists and DoesNotExist take no values"),
            ("{key: a, operator: in, values: [b]}", "\"in\" is none of"),
            ("{operator: Exists}", "an expression needs a key"),
        ];
        for (text, expected) in cases {
            let error = selector(&format!("{{matchExpressions: [{text}]}}")).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}

//! Label selectors: the structured form of the API, its text form for list requests, and matching.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Not one of `In`, `NotIn`, `Exists`, `DoesNotExist`.
    #[error("{0:?} is not a valid label selector operator")]
    Operator(String),
    /// `In` and `NotIn` need values, the others must have none.
    #[error("operator {operator} of label selector key {key:?} does not fit its values")]
    Values {
        /// The label key.
        key: String,
        /// The operator.
        operator: String,
    },
}

/// A parsed selector. An empty one matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Equals(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    /// Parses the API's form.
    pub fn parse(selector: &LabelSelector) -> Result<Self, SelectorError> {
        let labels = selector.match_labels.iter().flatten();
        let mut requirements: Vec<Requirement> =
            labels.map(|(k, v)| Requirement { key: k.clone(), rule: Rule::Equals(v.clone()) }).collect();
        for expression in selector.match_expressions.iter().flatten() {
            let mut values = expression.values.clone().unwrap_or_default();
            values.sort();
            let rule = match (expression.operator.as_str(), values.is_empty()) {
                ("In", false) => Rule::In(values),
                ("NotIn", false) => Rule::NotIn(values),
                ("Exists", true) => Rule::Exists,
                ("DoesNotExist", true) => Rule::Absent,
                ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {
                    let (key, operator) = (expression.key.clone(), expression.operator.clone());
                    return Err(SelectorError::Values { key, operator });
                }
                (other, _) => return Err(SelectorError::Operator(other.to_owned())),
            };
            requirements.push(Requirement { key: expression.key.clone(), rule });
        }
        Ok(Self(requirements))
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.rule {
                Rule::Equals(wanted) => value == Some(wanted),
                Rule::In(wanted) => value.is_some_and(|v| wanted.contains(v)),
                Rule::NotIn(unwanted) => value.is_none_or(|v| !unwanted.contains(v)),
                Rule::Exists => value.is_some(),
                Rule::Absent => value.is_none(),
            }
        })
    }

    /// The text that the API server takes as `labelSelector`; empty for a selector that matches everything.
    pub fn query(&self) -> String {
        let parts = self.0.iter().map(|Requirement { key, rule }| match rule {
            Rule::Equals(value) => format!("{key}={value}"),
            Rule::In(values) => format!("{key} in ({})", values.join(",")),
            Rule::NotIn(values) => format!("{key} notin ({})", values.join(",")),
            Rule::Exists => key.clone(),
            Rule::Absent => format!("!{key}"),
        });
        parts.collect::<Vec<_>>().join(",")
    }

    /// Matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One selector, or several of which any may match, or none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every object.
    All,
    /// Objects that the selector matches.
    One(Selector),
    /// Objects that at least one of the selectors matches.
    AnyOf(Vec<Selector>),
}

impl Selection {
    /// From the two fields of a spec, of which at most one is set.
    pub fn parse(one: Option<&LabelSelector>, any: Option<&[LabelSelector]>) -> Result<Self, SelectorError> {
        match (one, any) {
            (_, Some(any)) if !any.is_empty() => {
                any.iter().map(Selector::parse).collect::<Result<_, _>>().map(Self::AnyOf)
            }
            (Some(one), _) => {
                Selector::parse(one).map(|s| if s.is_empty() { Self::All } else { Self::One(s) })
            }
            (None, _) => Ok(Self::All),
        }
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::All => true,
            Self::One(selector) => selector.matches(labels),
            Self::AnyOf(selectors) => selectors.iter().any(|s| s.matches(labels)),
        }
    }

    /// The list requests that together find every selected object, perhaps more than once: one text per request.
    pub fn queries(&self) -> Vec<String> {
        match self {
            Self::All => vec![String::new()],
            Self::One(selector) => vec![selector.query()],
            Self::AnyOf(selectors) if selectors.iter().any(Selector::is_empty) => vec![String::new()],
            Self::AnyOf(selectors) => selectors.iter().map(Selector::query).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(json: serde_json::Value) -> LabelSelector {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn text_and_matching_agree() {
        let parsed = Selector::parse(&selector(serde_json::json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["b", "a"]},
                {"key": "old", "operator": "DoesNotExist"}
            ]
        })))
        .unwrap();
        assert_eq!(parsed.query(), "app=web,tier in (a,b),!old");
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert!(parsed.matches(&labels(&[("app", "web"), ("tier", "a")])));
        assert!(!parsed.matches(&labels(&[("app", "web"), ("tier", "a"), ("old", "")])));
    }

    #[test]
    fn an_unknown_operator_is_an_error() {
        let bad = selector(
            serde_json::json!({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}),
        );
        assert_eq!(Selector::parse(&bad), Err(SelectorError::Operator("Gt".into())));
    }

    #[test]
    fn an_empty_selector_selects_everything() {
        let all = Selection::parse(Some(&LabelSelector::default()), None).unwrap();
        assert_eq!(all, Selection::All);
        assert_eq!(all.queries(), [""]);
    }
}

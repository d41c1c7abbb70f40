//! Which items a rule is for.

mod glob;
mod selector;

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use lateen_engine_kit::Subject;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    json_patch::{holds, pointer},
    text::Text,
    value::typed,
};
use glob::{Separator, glob};
use selector::{RawSelector, Selector};

/// `conditions` as they are written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct RawConditions {
    namespaces: Option<Vec<Text>>,
    group_resource: Text,
    resource_name_regex: Text,
    label_selector: Option<RawSelector>,
    matches: Option<Vec<RawMatch>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawMatch {
    path: Text,
    value: Text,
}

/// All of them have to be true.
#[derive(Debug)]
pub(crate) struct Conditions {
    /// None: every namespace. What has none is never asked for it.
    namespaces: Vec<Regex>,
    group_resource: Regex,
    name: Option<Regex>,
    selector: Selector,
    matches: Vec<(PointerBuf, Value)>,
}

impl RawConditions {
    /// What is wrong with them goes to `faults`.
    pub(crate) fn validate(self, faults: &mut Vec<String>) -> Option<Conditions> {
        let Self { namespaces, group_resource, resource_name_regex, label_selector, matches } = self;
        let before = faults.len();
        if group_resource.0.is_empty() {
            // With the typing error: it is what people look for.
            faults.push("groupkResource cannot be empty".to_owned());
        }
        let mut keep = |result: Result<Regex, String>| result.map_err(|fault| faults.push(fault)).ok();
        let group_resource = keep(glob("groupResource", &group_resource.0, Separator::Dot));
        let namespaces: Vec<_> = namespaces
            .into_iter()
            .flatten()
            .filter_map(|pattern| keep(glob("namespaces", &pattern.0, Separator::None)))
            .collect();
        let name = match &*resource_name_regex.0 {
            "" => None,
            pattern => keep(
                Regex::new(pattern)
                    .map_err(|error| format!("resourceNameRegex {pattern:?} cannot be read: {error}")),
            ),
        };
        let selector = label_selector.unwrap_or_default().validate().map_err(|fault| faults.push(fault)).ok();
        let mut values = Vec::new();
        for RawMatch { path, value } in matches.into_iter().flatten() {
            match pointer("path", &path.0).and_then(|path| Ok((path, typed(&value.0)?))) {
                Ok(one) => values.push(one),
                Err(fault) => faults.push(format!("matches: {fault}")),
            }
        }
        (faults.len() == before).then_some(())?;
        Some(Conditions {
            namespaces,
            group_resource: group_resource?,
            name,
            selector: selector?,
            matches: values,
        })
    }
}

impl Conditions {
    /// Whether the rule is for this item.
    pub(crate) fn hold(&self, subject: &Subject, item: &Value) -> bool {
        let object = &subject.object;
        let group_resource = match &*object.group {
            "" => object.resource.clone(),
            group => format!("{}.{group}", object.resource),
        };
        self.group_resource.is_match(&group_resource)
            && self.has_namespace(object.namespace.as_deref())
            && self.name.as_ref().is_none_or(|name| name.is_match(&object.name))
            && self.selector.matches(&labels(item))
            && self.matches.iter().all(|(path, value)| holds(item, path, value))
    }

    fn has_namespace(&self, namespace: Option<&str>) -> bool {
        let Some(namespace) = namespace else { return true };
        self.namespaces.is_empty() || self.namespaces.iter().any(|pattern| pattern.is_match(namespace))
    }
}

fn labels(item: &Value) -> BTreeMap<&str, &str> {
    let labels = item.pointer("/metadata/labels").and_then(Value::as_object);
    labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

#[cfg(test)]
mod tests {
    use lateen_engine_kit::{Host, recorded::Recorded};
    use serde_json::json;

    use super::*;

    fn conditions(text: &str) -> Result<Conditions, Vec<String>> {
        let raw: RawConditions = serde_yaml_ng::from_str(text).unwrap();
        let mut faults = Vec::new();
        raw.validate(&mut faults).ok_or(faults)
    }

    fn subject(group: &str, resource: &str, namespace: Option<&str>, name: &str) -> Subject {
        let mut subject = Recorded::default().subject();
        subject.object = lateen_engine_kit::ObjectRef {
            group: group.into(),
            resource: resource.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        subject
    }

    #[test]
    fn all_conditions_have_to_be_true() {
        let web = subject("apps", "deployments", Some("team-a"), "web");
        let item = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"replicas": 3, "paused": false}});
        let cases = [
            ("{groupResource: deployments.apps}", true),
            ("{groupResource: '*.apps'}", true),
            ("{groupResource: '*'}", false),
            ("{groupResource: deployments}", false),
            ("{groupResource: deployments.apps, namespaces: []}", true),
            ("{groupResource: deployments.apps, namespaces: [other, 'team-*']}", true),
            ("{groupResource: deployments.apps, namespaces: [other]}", false),
            ("{groupResource: deployments.apps, resourceNameRegex: e}", true),
            ("{groupResource: deployments.apps, resourceNameRegex: '^e'}", false),
            ("{groupResource: deployments.apps, labelSelector: {matchLabels: {app: web}}}", true),
            ("{groupResource: deployments.apps, labelSelector: {matchLabels: {app: db}}}", false),
            ("{groupResource: deployments.apps, matches: [{path: /spec/replicas, value: 3}]}", true),
            ("{groupResource: deployments.apps, matches: [{path: /spec/replicas, value: '\"3\"'}]}", false),
            ("{groupResource: deployments.apps, matches: [{path: /spec/paused, value: false}]}", true),
            ("{groupResource: deployments.apps, matches: [{path: /spec/none, value: x}]}", false),
            ("{groupResource: deployments.apps, matches: [{path: /spec/none, value: 'null'}]}", true),
            (
                "{groupResource: deployments.apps, matches: [{path: /spec/paused, value: false}, {path: /spec/replicas, value: 1}]}",
                false,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(conditions(text).unwrap().hold(&web, &item), expected, "{text}");
        }
    }

    #[test]
    fn namespaces_do_not_concern_what_has_none() {
        let volume = subject("", "persistentvolumes", None, "pv");
        let conditions = conditions("{groupResource: persistentvolumes, namespaces: [team]}").unwrap();
        assert!(conditions.hold(&volume, &json!({})));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let faults = conditions(
            "{namespaces: ['['], resourceNameRegex: '(', matches: [{value: x}, {path: /a, value: '{'}],
              labelSelector: {matchExpressions: [{key: a, operator: in}]}}",
        )
        .unwrap_err();
        let begin = [
            "groupkResource cannot be empty",
            "namespaces: \"[\" is not a pattern",
            "resourceNameRegex \"(\" cannot be read",
            "labelSelector: ",
            "matches: path cannot be empty",
            "matches: value \"{\" is not JSON",
        ];
        assert_eq!(faults.len(), begin.len(), "{faults:?}");
        for (fault, begin) in faults.iter().zip(begin) {
            assert!(fault.starts_with(begin), "{fault}");
        }
    }
}

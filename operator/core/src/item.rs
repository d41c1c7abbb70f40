//! An item is the API server's bytes: read as little of it as a decision needs, change none of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::kind::ObjectName;

/// Why bytes are not an item.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// Not JSON, or not an object with metadata.
    #[error("not a Kubernetes object")]
    NotAnObject(#[source] serde_json::Error),
    /// An object without a name cannot be stored or restored.
    #[error("the object has no metadata.name")]
    NoName,
}

/// What is read of every item: identity, labels, and whether it is going away. Annotations, spec and status are not parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `apiVersion`, empty where the bytes lack it (items of a list of built-in kinds do).
    pub api_version: String,
    /// `kind`, empty where the bytes lack it.
    pub kind: String,
    /// metadata.namespace and metadata.name.
    pub object: ObjectName,
    /// metadata.labels.
    pub labels: BTreeMap<String, String>,
    /// metadata.deletionTimestamp is set.
    pub deleting: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow, default)]
    api_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    namespace: Option<Cow<'a, str>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(borrow, default)]
    deletion_timestamp: Option<&'a RawValue>,
}

impl Facts {
    /// Reads the facts off an item's JSON.
    pub fn read(json: &str) -> Result<Self, ItemError> {
        let head: Head<'_> = serde_json::from_str(json).map_err(ItemError::NotAnObject)?;
        let name = head.metadata.name.filter(|n| !n.is_empty()).ok_or(ItemError::NoName)?;
        let namespace = head.metadata.namespace.filter(|n| !n.is_empty());
        Ok(Self {
            api_version: head.api_version.unwrap_or_default().into_owned(),
            kind: head.kind.unwrap_or_default().into_owned(),
            object: ObjectName { namespace: namespace.map(Cow::into_owned), name: name.into_owned() },
            labels: head.metadata.labels.unwrap_or_default(),
            deleting: head.metadata.deletion_timestamp.is_some_and(|t| t.get() != "null"),
        })
    }
}

/// The item with `apiVersion` and `kind` in front where it lacks them, as lists of built-in kinds do. All other bytes stay as they are.
pub fn with_type<'a>(json: &'a str, facts: &Facts, api_version: &str, kind: &str) -> Cow<'a, str> {
    let mut front = String::new();
    if facts.api_version.is_empty() {
        front.push_str(&format!("\"apiVersion\":{},", serde_json::Value::from(api_version)));
    }
    if facts.kind.is_empty() {
        front.push_str(&format!("\"kind\":{},", serde_json::Value::from(kind)));
    }
    match json.trim_start().strip_prefix('{') {
        // Facts were read, so there is at least the key `metadata` behind the brace and the comma is right.
        Some(rest) if !front.is_empty() => Cow::Owned(format!("{{{front}{rest}")),
        _ => Cow::Borrowed(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_without_the_rest() {
        let facts = Facts::read(
            r#"{"metadata":{"name":"a\"b","namespace":"n","labels":{"k":"v"},"deletionTimestamp":null},"spec":{"x":[1]}}"#,
        )
        .unwrap();
        assert_eq!(facts.object.to_string(), "n/a\"b");
        assert_eq!(facts.labels["k"], "v");
        assert!(!facts.deleting);
    }

    #[test]
    fn missing_types_are_spliced_in_and_nothing_else_changes() {
        let list_item = r#"{"metadata":{"name":"a"},"data":{"big":9007199254740993}}"#;
        let facts = Facts::read(list_item).unwrap();
        assert_eq!(
            with_type(list_item, &facts, "v1", "ConfigMap"),
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"big":9007199254740993}}"#
        );
        let whole = r#"{"kind":"Tool","apiVersion":"x/v1","metadata":{"name":"a"}}"#;
        assert_eq!(with_type(whole, &Facts::read(whole).unwrap(), "v1", "ConfigMap"), whole);
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"metadata":[]}"#,
            r#"{"metadata":{"name":""}}"#,
            r#"{"metadata":{"name":"x""#,
        ] {
            assert!(Facts::read(bad).is_err(), "{bad}");
        }
    }
}

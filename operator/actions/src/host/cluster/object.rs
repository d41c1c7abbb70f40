//! Objects of the cluster as texts: what actions see of those that come, and what is to be known of those that go.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    cluster_access::{ClusterFailure, Reason},
    limits,
};

/// The object without `managedFields`, and with `apiVersion` and `kind`, which objects on a page of a list do not have. All else stays as the API
/// server wrote it, digit by digit.
pub(super) fn clean(text: &str, api_version: &str, kind: &str) -> Result<String, ClusterFailure> {
    let unreadable = |error: serde_json::Error| {
        ClusterFailure::new(Reason::Other, format!("the API server's answer is not an object: {error}"))
    };
    let mut object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).map_err(unreadable)?;
    for (key, value) in [("apiVersion", api_version), ("kind", kind)] {
        if !object.contains_key(key) {
            let value = serde_json::value::to_raw_value(value).map_err(unreadable)?;
            object.insert(key.to_owned(), value);
        }
    }
    if let Some(metadata) = object.get_mut("metadata")
        && let Ok(mut fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(metadata.get())
        && fields.remove("managedFields").is_some()
    {
        let cleaned = serde_json::value::to_raw_value(&fields).map_err(unreadable)?;
        *metadata = cleaned;
    }
    serde_json::to_string(&object).map_err(unreadable)
}

/// Whether an answer of that size may go to the guest.
pub(super) fn fits(bytes: usize) -> Result<(), ClusterFailure> {
    if bytes <= limits::CLUSTER_ANSWER {
        return Ok(());
    }
    let message = format!("the answer has more than {} MiB", limits::CLUSTER_ANSWER >> 20);
    Err(ClusterFailure::new(Reason::TooLarge, message))
}

/// An object of the API server.
pub(super) fn parse(text: &str) -> Result<Value, ClusterFailure> {
    serde_json::from_str(text).map_err(|error| {
        ClusterFailure::new(Reason::Other, format!("the API server's answer is not JSON: {error}"))
    })
}

/// A text of a guest, parsed; what is sent is written again from this, so that nobody reads it otherwise than the host did.
pub(super) fn parse_given(what: &str, text: &str) -> Result<Value, ClusterFailure> {
    let refuse = |message| Err(ClusterFailure::new(Reason::Invalid, message));
    if text.len() > limits::ITEM {
        return refuse(format!("{what} has more than {} MiB", limits::ITEM >> 20));
    }
    serde_json::from_str(text).or_else(|error| refuse(format!("{what} is not JSON: {error}")))
}

/// What an object says it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    api_version: String,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

/// Where it is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) generate_name: Option<String>,
}

impl Head {
    pub(super) fn read(object: &Value) -> Result<Self, ClusterFailure> {
        Self::deserialize(object)
            .map_err(|error| ClusterFailure::new(Reason::Invalid, format!("the object: {error}")))
    }

    /// Group and version.
    pub(super) fn group_version(&self) -> (&str, &str) {
        self.api_version.split_once('/').unwrap_or(("", &self.api_version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_lose_managed_fields_and_nothing_else() {
        let text = r#"{"metadata":{"name":"a","managedFields":[{"manager":"x"}],"labels":{"b":"c"}},"spec":{"big":123456789012345678901234567890,"f":1.0}}"#;
        let wanted = r#"{"apiVersion":"shop.example/v1","kind":"Tool","metadata":{"labels":{"b":"c"},"name":"a"},"spec":{"big":123456789012345678901234567890,"f":1.0}}"#;
        assert_eq!(clean(text, "shop.example/v1", "Tool").unwrap(), wanted);
        // What has a kind keeps it.
        assert_eq!(clean(wanted, "v1", "Pod").unwrap(), wanted);
        for bad in ["", "[]", "null", "{\"a\":"] {
            assert_eq!(clean(bad, "v1", "Pod").unwrap_err().reason, Reason::Other, "{bad}");
        }
    }
}

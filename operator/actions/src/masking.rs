//! Keeps the values of a Secret out of logs and errors.
//!
//! An action that is granted Secrets may still not mean to print them. Where the item is a Secret, its values are replaced in all text that comes from
//! the call, as they stand in `data` (base64) and as they are meant. A value that the action has changed first is not recognised.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::subject::Subject;

/// Shorter values are words: masking them would make the log unreadable and hide nothing.
const SHORTEST: usize = 4;

/// What is not to be shown.
#[derive(Debug, Default)]
pub(crate) struct Mask(Vec<String>);

impl Mask {
    /// The values of the item, if it is a Secret.
    pub(crate) fn of(subject: &Subject, item: &Value) -> Self {
        if !subject.group.is_empty() || subject.resource != "secrets" {
            return Self::default();
        }
        let mut values = Vec::new();
        for value in strings(&item["data"]) {
            if let Some(text) =
                BASE64_STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok())
            {
                values.push(text);
            }
            values.push(value.to_owned());
        }
        for value in strings(&item["stringData"]) {
            values.push(BASE64_STANDARD.encode(value));
            values.push(value.to_owned());
        }
        values.retain(|value| value.len() >= SHORTEST);
        // A value that contains another one goes first.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    /// The text without the values.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| {
            if text.contains(value.as_str()) { text.replace(value.as_str(), "[masked]") } else { text }
        })
    }
}

fn strings(map: &Value) -> impl Iterator<Item = &str> {
    map.as_object().into_iter().flat_map(|map| map.values()).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subject(resource: &str) -> Subject {
        Subject {
            group: String::new(),
            resource: resource.into(),
            version: "v1".into(),
            kind: String::new(),
            namespace: None,
            name: "x".into(),
            target_namespace: None,
            additional: false,
        }
    }

    #[test]
    fn values_are_hidden_encoded_and_decoded() {
        let item = json!({ "data": { "a": "b3BlbiBzZXNhbWU=", "b": "eA==" }, "stringData": { "c": "open sesame, please" } });
        let mask = Mask::of(&subject("secrets"), &item);
        assert_eq!(
            mask.apply("open sesame, please: b3BlbiBzZXNhbWU= is open sesame, x is short"),
            "[masked]: [masked] is [masked], x is short"
        );
        assert_eq!(Mask::of(&subject("configmaps"), &item).apply("open sesame"), "open sesame");
    }
}

//! Keeps the values of a Secret out of logs and errors.
//!
//! An action that is granted Secrets may still not mean to print them. Where the item is a Secret, its values are replaced in all text that comes from
//! the call, as they stand in `data` (base64) and as they are meant; and so are those of Secrets that the call has read from the cluster. A value
//! that the action has changed first is not recognised.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::{limits, subject::Subject};

/// Shorter values are words: masking them would make the log unreadable and hide nothing.
const SHORTEST: usize = 4;

/// What stands in the place of a value.
const MASKED: &str = "[masked]";

/// What is not to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    values: Vec<String>,
    /// There were more values than can be looked for.
    everything: bool,
}

impl Mask {
    /// The values of the item, if it is a Secret.
    pub(crate) fn of(subject: &Subject, item: &Value) -> Self {
        let mut mask = Self::default();
        if subject.group.is_empty() && subject.resource == "secrets" {
            mask.extend([item]);
        }
        mask
    }

    /// The values of these Secrets too.
    pub(crate) fn extend<'a>(&mut self, secrets: impl IntoIterator<Item = &'a Value>) {
        for secret in secrets {
            for value in strings(&secret["data"]) {
                if let Some(text) =
                    BASE64_STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok())
                {
                    self.values.push(text);
                }
                self.values.push(value.to_owned());
            }
            for value in strings(&secret["stringData"]) {
                self.values.push(BASE64_STANDARD.encode(value));
                self.values.push(value.to_owned());
            }
        }
        self.values.retain(|value| value.len() >= SHORTEST);
        // A value that contains another one goes first.
        self.values.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.values.dedup();
        if self.values.len() > limits::MASKED_VALUES {
            self.values.clear();
            self.everything = true;
        }
    }

    /// The text without the values. Of a text that is longer than anything that is kept of one, only the beginning.
    pub(crate) fn apply(&self, text: &str) -> String {
        if self.everything {
            return format!(
                "{MASKED} (the call has read too many Secrets to tell their values from the rest)"
            );
        }
        if self.values.is_empty() {
            return text.to_owned();
        }
        let window = &text[..text.floor_char_boundary(limits::MASK_WINDOW)];
        let mut masked = self.values.iter().fold(window.to_owned(), |text, value| {
            if text.contains(value.as_str()) { text.replace(value.as_str(), MASKED) } else { text }
        });
        // What is behind the last value may be the beginning of another one that was cut.
        if window.len() < text.len() && masked.len() <= limits::LOG_LINE {
            masked.truncate(masked.rfind(MASKED).map_or(0, |place| place + MASKED.len()));
        }
        masked
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

    #[test]
    fn half_a_value_at_the_end_of_what_is_looked_at_does_not_show() {
        let value = "x".repeat(limits::MASK_WINDOW - 10);
        let mut mask = Mask::default();
        mask.extend([&json!({ "stringData": { "a": value, "b": "open sesame, please" } })]);
        assert_eq!(mask.apply(&format!("{value} open sesame, please")), "[masked]");
    }

    #[test]
    fn more_values_than_can_be_looked_for_mask_everything() {
        let values: serde_json::Map<String, Value> =
            (0..limits::MASKED_VALUES).map(|n| (n.to_string(), json!(format!("value {n}")))).collect();
        let mut mask = Mask::default();
        mask.extend([&json!({ "stringData": values })]);
        assert!(mask.apply("nothing of it").starts_with("[masked] (the call"));
    }
}

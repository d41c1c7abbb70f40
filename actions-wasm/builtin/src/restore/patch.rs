//! A JSON patch in the making: what an action takes off an object, and what it puts there.

use lateen_action::{Outcome, Value, json};

/// The operations, in the order in which they are carried out.
#[derive(Debug, Default)]
pub(crate) struct Patch(Vec<Value>);

impl Patch {
    /// Takes away what is there.
    pub(crate) fn remove(&mut self, path: &str) {
        self.0.push(json!({ "op": "remove", "path": path }));
    }

    /// Takes the entries away that are not to stay, of a list as it is now.
    pub(crate) fn remove_from<T>(&mut self, path: &str, list: Option<&Vec<T>>, goes: impl Fn(&T) -> bool) {
        let entries: &[T] = list.map(Vec::as_slice).unwrap_or_default();
        // From the end, so that the places before stay what they are.
        for (place, _) in entries.iter().enumerate().rev().filter(|(_, entry)| goes(entry)) {
            self.remove(&format!("{path}/{place}"));
        }
    }

    /// Puts a value under a key, whether the key is there or not; for a place in a list, before what is at that place.
    pub(crate) fn add(&mut self, path: &str, value: impl Into<Value>) {
        self.0.push(json!({ "op": "add", "path": path, "value": value.into() }));
    }

    /// The answer: the patch, or that there is nothing to change.
    pub(crate) fn outcome(self) -> Outcome {
        if self.0.is_empty() { Outcome::unchanged() } else { Outcome::patch(&Value::Array(self.0)) }
    }
}

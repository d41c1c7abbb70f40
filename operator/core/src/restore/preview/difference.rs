//! The difference between an object in the cluster and the one of the backup, without the values of Secrets.

use serde::Serialize;
use serde_json::Value;

use crate::secret;

/// A difference. Both states hold what people set and nothing that an API server or a controller gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The merge patch (RFC 7386) from the state in the cluster to the one after the restore, or, of an object that stays, to the one of
    /// the backup.
    pub patch: Value,
    /// The state in the cluster. None: the differences of one preview are too large to keep all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The other state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Difference {
    /// Between two states. None: there is none.
    pub fn between(before: &Value, after: &Value) -> Option<Self> {
        let (before, after) = secret::masked(before, after);
        let patch = lateen_api::patch_between(&before, &after)?;
        Some(Self { patch, before: Some(before), after: Some(after) })
    }

    /// Roughly the bytes of both states in memory.
    pub fn size(&self) -> usize {
        self.before.iter().chain(&self.after).map(size).sum()
    }

    /// Keeps the patch alone.
    pub fn forget_states(&mut self) {
        (self.before, self.after) = (None, None);
    }

    /// The fields that change, as `spec.replicas`, in order. A list is one field.
    pub fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        collect(&self.patch, "", &mut fields);
        fields
    }
}

fn size(value: &Value) -> usize {
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + size(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    inner + size_of::<Value>()
}

fn collect(patch: &Value, path: &str, fields: &mut Vec<String>) {
    match patch.as_object().filter(|inner| !inner.is_empty()) {
        Some(inner) => {
            for (key, value) in inner {
                // Keys of labels and annotations have dots and slashes of their own.
                let step = if key.contains(['.', '/']) { format!("[{key}]") } else { key.clone() };
                let dot = if path.is_empty() || step.starts_with('[') { "" } else { "." };
                collect(value, &format!("{path}{dot}{step}"), fields);
            }
        }
        None => fields.push(path.to_owned()),
    }
}

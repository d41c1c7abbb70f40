//! What an action answers: a change of the item, and what else should happen.

use serde_json::Value;

use crate::bindings::lateen::item_action::types::{Change, ObjectRef};

/// The answer for one item.
#[derive(Debug)]
#[must_use]
pub struct Outcome {
    /// Of the item itself.
    pub change: Change,
    /// Leave the item out, for this reason.
    pub skip: Option<String>,
    /// Objects that come along.
    pub related: Vec<ObjectRef>,
    /// Backup: related objects come in even if filters leave them out. Needs the capability `mustInclude`; means nothing on restore.
    pub must_include: bool,
}

impl Outcome {
    /// The item stays as it is.
    pub fn unchanged() -> Self {
        Self::change(Change::Unchanged)
    }

    /// A merge patch (RFC 7396), an object.
    pub fn merge(patch: &Value) -> Self {
        Self::change(Change::MergePatch(patch.to_string()))
    }

    /// A JSON patch (RFC 6902), an array of operations.
    pub fn patch(operations: &Value) -> Self {
        Self::change(Change::JsonPatch(operations.to_string()))
    }

    /// Another object in the item's place, with the same identity.
    pub fn replace(item: &Value) -> Self {
        Self::change(Change::Replace(item.to_string()))
    }

    /// The item is left out, for this reason.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self { skip: Some(reason.into()), ..Self::unchanged() }
    }

    /// One more object that comes along.
    pub fn also(mut self, group: &str, resource: &str, namespace: Option<&str>, name: &str) -> Self {
        self.related.push(ObjectRef {
            group: group.into(),
            resource: resource.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        });
        self
    }

    fn change(change: Change) -> Self {
        Self { change, skip: None, related: Vec::new(), must_include: false }
    }
}

//! What an action answers: a change of the item, and what else should happen.

use serde_json::Value;

use crate::bindings::{
    backup_item::exports::lateen::item_action::backup_item::{BackupOutcome, Operation as BackupOperation},
    lateen::item_action::types::{Change, Identity, ObjectRef},
    restore_item::exports::lateen::item_action::restore_item::RestoreOutcome,
};

/// The answer for one item.
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome {
    /// Of the item itself.
    pub change: Change,
    /// Another API version, kind or name for the item. Needs the capability `identity`.
    pub identity: Option<Identity>,
    /// Leave the item out, for this reason.
    pub skip: Option<String>,
    /// Objects that come along.
    pub related: Vec<ObjectRef>,
    /// Backup: related objects come in even if filters leave them out. Needs the capability `mustInclude`; means nothing on restore.
    pub must_include: bool,
    /// Restore: wait until `readiness` says that the related objects are ready, this many seconds at most; 0 leaves the limit to the server. Means nothing on backup.
    pub wait_seconds: Option<u32>,
    /// Work that goes on after the call.
    pub operation: Option<Operation>,
}

/// Work that goes on after the call. The component needs [`Operations`](crate::Operations).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Unique in the run, printable ASCII, at most 512 bytes. It is all that `progress` and `cancel` are told.
    pub id: String,
    /// Backup: objects that are read again when the operation has ended. Means nothing on restore.
    pub post_items: Vec<ObjectRef>,
}

impl Outcome {
    /// The item stays as it is.
    pub fn unchanged() -> Self {
        Change::Unchanged.into()
    }

    /// A merge patch (RFC 7396), an object.
    pub fn merge(patch: &Value) -> Self {
        Change::MergePatch(patch.to_string()).into()
    }

    /// A JSON patch (RFC 6902), an array of operations.
    pub fn patch(operations: &Value) -> Self {
        Change::JsonPatch(operations.to_string()).into()
    }

    /// Another object in the item's place, with the same identity.
    pub fn replace(item: &Value) -> Self {
        Change::Replace(item.to_string()).into()
    }

    /// The item is left out, for this reason.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self { skip: Some(reason.into()), ..Self::unchanged() }
    }

    /// One more object that comes along.
    pub fn also(self, group: &str, resource: &str, namespace: Option<&str>, name: &str) -> Self {
        self.with_related([ObjectRef::new(group, resource, namespace, name)])
    }

    /// More objects that come along.
    pub fn with_related(mut self, objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        self.related.extend(objects);
        self
    }

    /// The item as another API version, kind or name; repeat what stays. Needs the capability `identity`.
    pub fn identify(mut self, api_version: &str, kind: &str, name: &str) -> Self {
        self.identity =
            Some(Identity { api_version: api_version.into(), kind: kind.into(), name: name.into() });
        self
    }

    /// Backup: what comes along comes in even if filters leave it out. Needs the capability `mustInclude`.
    pub fn must_include(mut self) -> Self {
        self.must_include = true;
        self
    }

    /// Restore: wait for the related objects, this many seconds at most; 0 leaves the limit to the server.
    pub fn wait(mut self, seconds: u32) -> Self {
        self.wait_seconds = Some(seconds);
        self
    }

    /// Work goes on after the call, under this id; on backup these objects are read again when it has ended.
    pub fn operation(mut self, id: impl Into<String>, post_items: Vec<ObjectRef>) -> Self {
        self.operation = Some(Operation { id: id.into(), post_items });
        self
    }
}

impl From<Change> for Outcome {
    fn from(change: Change) -> Self {
        Self {
            change,
            identity: None,
            skip: None,
            related: Vec::new(),
            must_include: false,
            wait_seconds: None,
            operation: None,
        }
    }
}

impl From<Outcome> for BackupOutcome {
    fn from(outcome: Outcome) -> Self {
        let Outcome { change, identity, skip, related, must_include, wait_seconds: _, operation } = outcome;
        let operation = operation.map(|Operation { id, post_items }| BackupOperation { id, post_items });
        Self { change, identity, skip, related, must_include, operation, extra: String::new() }
    }
}

impl From<Outcome> for RestoreOutcome {
    fn from(outcome: Outcome) -> Self {
        let Outcome { change, identity, skip, related, must_include: _, wait_seconds, operation } = outcome;
        let operation = operation.map(|operation| operation.id);
        Self { change, identity, skip, related, wait_seconds, operation, extra: String::new() }
    }
}

impl ObjectRef {
    /// Names an object: group ("" for core), plural, namespace (none for cluster-scoped), name.
    pub fn new(group: &str, resource: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            group: group.into(),
            resource: resource.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        }
    }
}

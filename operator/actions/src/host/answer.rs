//! What actions answer, out of the types that the contract generates.

use super::bindings::{
    exports::lateen::item_action::{backup_item, operations, restore_item},
    lateen::item_action::types,
};
use crate::{
    change::{Change, Identity},
    operation::{OperationProgress, OperationState},
    subject::ObjectRef,
};

/// What an action answered about an item, whatever its role.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) change: Change,
    pub(crate) identity: Option<Identity>,
    pub(crate) skip: Option<String>,
    pub(crate) related: Vec<ObjectRef>,
    pub(crate) must_include: bool,
    /// Restore: wait for the related objects, so many seconds; 0 for the server's own time-out.
    pub(crate) wait_seconds: Option<u32>,
    pub(crate) operation: Option<Operation>,
}

/// Work that goes on after the call.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) post_items: Vec<ObjectRef>,
}

impl From<backup_item::BackupOutcome> for Answer {
    fn from(outcome: backup_item::BackupOutcome) -> Self {
        let backup_item::BackupOutcome { change, identity, skip, related, must_include, operation, extra: _ } =
            outcome;
        Self {
            change: change.into(),
            identity: identity.map(Identity::from),
            skip,
            related: references(related),
            must_include,
            wait_seconds: None,
            operation: operation.map(|backup_item::Operation { id, post_items }| Operation {
                id,
                post_items: references(post_items),
            }),
        }
    }
}

impl From<restore_item::RestoreOutcome> for Answer {
    fn from(outcome: restore_item::RestoreOutcome) -> Self {
        let restore_item::RestoreOutcome {
            change,
            identity,
            skip,
            related,
            wait_seconds,
            operation,
            extra: _,
        } = outcome;
        Self {
            change: change.into(),
            identity: identity.map(Identity::from),
            skip,
            related: references(related),
            must_include: false,
            wait_seconds,
            operation: operation.map(|id| Operation { id, post_items: Vec::new() }),
        }
    }
}

impl From<types::Change> for Change {
    fn from(change: types::Change) -> Self {
        match change {
            types::Change::Unchanged => Self::Unchanged,
            types::Change::MergePatch(text) => Self::MergePatch(text),
            types::Change::JsonPatch(text) => Self::JsonPatch(text),
            types::Change::Replace(text) => Self::Replace(text),
        }
    }
}

impl From<types::Identity> for Identity {
    fn from(types::Identity { api_version, kind, name }: types::Identity) -> Self {
        Self { api_version, kind, name }
    }
}

impl From<operations::OperationProgress> for OperationProgress {
    fn from(progress: operations::OperationProgress) -> Self {
        let operations::OperationProgress {
            state,
            done,
            total,
            units,
            description,
            started_ms,
            updated_ms,
            extra: _,
        } = progress;
        Self {
            state: match state {
                operations::State::Running => OperationState::Running,
                operations::State::Completed => OperationState::Completed,
                operations::State::Failed(reason) => OperationState::Failed(reason),
            },
            done,
            total,
            units,
            description,
            started_ms,
            updated_ms,
        }
    }
}

/// References as the rest of the crate has them.
pub(super) fn references(related: Vec<types::ObjectRef>) -> Vec<ObjectRef> {
    let reference = |types::ObjectRef { group, resource, namespace, name }| ObjectRef {
        group,
        resource,
        namespace,
        name,
    };
    related.into_iter().map(reference).collect()
}

/// References as the contract has them.
pub(super) fn contract_references(related: &[ObjectRef]) -> Vec<types::ObjectRef> {
    let reference = |object: &ObjectRef| types::ObjectRef {
        group: object.group.clone(),
        resource: object.resource.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
    };
    related.iter().map(reference).collect()
}

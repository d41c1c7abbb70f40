//! One round of questions about the operations of a backup, and what a failed one is to it.

use std::sync::Arc;

use lateen_actions::{ActionRun, Role};
use lateen_api::v1::Backup;
use lateen_core::item_operation::BackupOperation;
use lateen_core::journal::Entry;

use super::timeout_of;
use crate::context::Context;
use crate::operations::{Asking, Round};

/// Asks about all operations of a backup that run.
pub(super) async fn ask(
    context: &Context,
    backup: &Backup,
    actions: &Arc<ActionRun>,
    operations: &mut [BackupOperation],
) -> Round<Entry> {
    let timeout = timeout_of(context, backup);
    Asking { actions, role: Role::Backup, timeout, shutdown: &context.shutdown }.ask(operations, told).await
}

/// The failure of an operation as a line of its run.
fn told(operation: &BackupOperation, error: String) -> Entry {
    let item = &operation.spec.resource_identifier;
    let object = item.object();
    Entry::error("An operation of the item failed")
        .about(item.kind(), object.namespace.as_deref(), &object.name)
        .with("operation", &operation.spec.operation_id)
        .with("error", error)
}

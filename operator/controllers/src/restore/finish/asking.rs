//! One round of questions about the operations of a restore.

use std::sync::Arc;

use kube::ResourceExt;
use lateen_actions::{ActionRun, Role, Stage};
use lateen_api::v1::{Backup, Restore};
use lateen_cluster::discovery;
use lateen_core::restore::operations::failure;
use lateen_core::results::Place;

use super::Finishing;
use crate::context::Context;
use crate::item_actions;
use crate::operations::{Asking, Round, cancel};
use crate::restore::facts::told_to_actions;
use crate::run_status::{SharedRunStatus, record_of};

/// Asks about all operations that run; of each that failed, what the results are to say.
pub(in crate::restore) async fn ask(run: &mut Finishing) -> Round<(Place, String)> {
    if run.operations.is_empty() {
        return Round { changed: false, errors: Vec::new() };
    }
    let actions = actions(run);
    let spec = &run.status.current().spec;
    let timeout = spec.item_operation_timeout.or(run.context.options.item_operation_timeout).to_std();
    let asking = Asking { actions: &actions, role: Role::Restore, timeout, shutdown: &run.context.shutdown };
    asking.ask(&mut run.operations, |operation, _| failure(operation)).await
}

/// The actions that have begun the operations.
pub(super) fn actions(run: &Finishing) -> Arc<ActionRun> {
    let restore = run.status.current();
    let told = told_to_actions(&restore, &run.backup, &run.catalog);
    item_actions::go_on(&run.context, &told, Stage::Operations, Arc::clone(&run.set))
}

/// Tells actions to end the operations that the items of an interrupted run have begun, as far as its record names them, and takes them out of
/// the record: items that are restored again begin new ones. An error may pass.
pub(in crate::restore) async fn cancel_left(
    context: &Context,
    status: &SharedRunStatus<Restore>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let restore = status.current();
    let open = record_of(&*restore).map(|record| record.operations).unwrap_or_default();
    if open.is_empty() {
        return Ok(());
    }
    let backup = context.api::<Backup>().get_opt(&restore.spec.backup_name).await?.unwrap_or_default();
    let catalog = Arc::new(discovery::discover(&context.client).await?.catalog);
    let told = told_to_actions(&restore, &backup, &catalog);
    let actions = item_actions::go_on(context, &told, Stage::Operations, context.actions.snapshot());
    let open = open.iter().map(|operation| (operation.action.as_str(), operation.id.as_str()));
    cancel(&actions, Role::Restore, &restore.name_any(), open).await;
    if context.shutdown.is_cancelled() {
        // Calls that were cut short have cancelled nothing; the run notices the server's end by itself.
        return Ok(());
    }
    Ok(status.record(|record| record.operations.clear()).await?)
}

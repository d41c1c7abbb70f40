//! A restore that a server before this one left after its items: made this server's, with what its files and the cluster say.
//!
//! What cannot be read any more is an error of the restore, which then ends without it; what may pass leaves the restore as it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::ResourceExt;
use lateen_api::labels::annotations;
use lateen_api::v1::{Restore, RestoreStatus};
use lateen_cluster::discovery::{self, DiscoveryError};
use lateen_cluster::list::ListError;
use lateen_core::hooks::restore::RestoreHooks;
use lateen_core::item_operation::RestoreOperation;
use lateen_core::kind::ObjectName;
use lateen_core::restore::created_claims;
use lateen_core::restore::operations::{give_up, is_finalizing, is_waiting, lose_operations, note_fault};
use lateen_store::{BackupStore, InvalidName, RestoreDir, RestoreFile};
use tokio_util::sync::CancellationToken;

use super::Finishing;
use super::open::{Opened, open};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::metrics::RunEvent;
use crate::restore::hooks::PodHooks;
use crate::run_files::{self, LIST_LIMIT, RunFileError};
use crate::run_status::{RunStatus, StatusError, change_record, record_of};

/// What came of taking a restore over.
pub(in crate::restore) enum TakenOver {
    /// It is to be finished.
    Finish(Box<Finishing>),
    /// It could not be finished any more, and says so now.
    Ended(RunEvent),
}

/// Why a restore was not taken over. Nothing is lost, it stays in its phase.
#[derive(Debug, thiserror::Error)]
pub(in crate::restore) enum TakeOverError {
    /// The location cannot be opened or looked up now.
    #[error("cannot open the location of the restore: {0}")]
    Location(String),
    /// The name is not one for a file.
    #[error("the restore's name cannot be a name in the bucket")]
    Name(#[from] InvalidName),
    /// A file cannot be fetched now.
    #[error(transparent)]
    File(#[from] RunFileError),
    /// The API server cannot say what it serves.
    #[error("cannot look up the kinds of the cluster")]
    Discovery(#[from] DiscoveryError),
    /// The pods of the restore cannot be listed now.
    #[error("cannot look for the hooks of the restore's pods")]
    Hooks(#[from] ListError),
    /// The object has changed meanwhile, or is gone.
    #[error(transparent)]
    Status(#[from] StatusError),
}

/// Whether a restore is to be taken over: it is after its items, and not in the hands of this process.
pub(in crate::restore) fn is_left_behind(context: &Context, restore: &Restore) -> bool {
    let after_items = is_waiting(restore.phase()) || is_finalizing(restore.phase());
    after_items && record_of(restore).is_none_or(|record| record.leader != *context.leader)
}

/// Takes a restore over for which [`is_left_behind`] holds. `deleted` is cancelled where somebody wants it gone, also before.
pub(in crate::restore) fn take_over<'a>(
    context: &'a Context,
    seen: &'a Restore,
    deleted: CancellationToken,
) -> BoxFuture<'a, Result<TakenOver, TakeOverError>> {
    take(context, seen, deleted).boxed()
}

async fn take(
    context: &Context,
    seen: &Restore,
    deleted: CancellationToken,
) -> Result<TakenOver, TakeOverError> {
    let (store, backup) = match open(context, &seen.spec.backup_name).await {
        Ok(Opened::Store(store, backup)) => (store, *backup),
        Ok(Opened::Lost(reason)) => return end(context, seen, reason).await,
        Err(error) => return Err(TakeOverError::Location(error)),
    };
    let dir = RestoreDir::new(&seen.name_any())?;
    let mut status = seen.status.clone().unwrap_or_default();
    let operations = operations(&store, &dir, &mut status).await?;
    let created_claims = claims(&store, &dir, &mut status).await?;
    let catalog = Arc::new(discovery::discover(&context.client).await?.catalog);
    let hooks = hooks(context, seen, &mut status).await?;
    let adopted = adopt(context, seen, |restore| {
        restore.status = Some(status);
        change_record(restore, &|record| record.items_done = true);
    });
    let finishing = Finishing::new(
        context.clone(),
        adopted.await?.share(),
        backup,
        operations,
        (context.actions.snapshot(), catalog),
        hooks,
        created_claims,
        deleted,
    )?;
    Ok(TakenOver::Finish(Box::new(finishing)))
}

/// The hooks of all pods that the restore has created, begun once more: which of them ran before is written down nowhere.
async fn hooks(
    context: &Context,
    seen: &Restore,
    status: &mut RestoreStatus,
) -> Result<PodHooks, TakeOverError> {
    let spec = RestoreHooks::read(&seen.spec.hooks).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| error_chain(fault)).collect();
        note_fault(status, &format!("the hooks of the restore cannot be read: {}", faults.join("; ")));
        RestoreHooks::default()
    });
    let patience = seen.spec.item_operation_timeout.or(context.options.item_operation_timeout);
    let hooks = PodHooks::new(context, &seen.name_any(), spec, patience);
    hooks.begin_again(seen.creation_timestamp().map(|time| time.0)).await?;
    Ok(hooks)
}

/// Writes this server into the record of a restore, and changes it with that.
async fn adopt(
    context: &Context,
    seen: &Restore,
    change: impl FnOnce(&mut Restore),
) -> Result<RunStatus<Restore>, StatusError> {
    RunStatus::adopt(context.api(), seen.clone(), &context.leader, change).await
}

/// The operations in the bucket. Where there should be some and they cannot be read, nobody can follow them: that is an error of the restore,
/// which then is finished without them.
async fn operations(
    store: &BackupStore,
    dir: &RestoreDir,
    status: &mut RestoreStatus,
) -> Result<Vec<RestoreOperation>, RunFileError> {
    let lack = match run_files::operations(store, dir.key(RestoreFile::ItemOperations)).await {
        Ok(Some(operations)) => return Ok(operations),
        Ok(None) if status.restore_item_operations_attempted == 0 => return Ok(Vec::new()),
        Ok(None) => "the list of its operations is not in the location".to_owned(),
        Err(error @ RunFileError::Unreadable { .. }) => error_chain(&error),
        Err(error) => return Err(error),
    };
    lose_operations(status, &format!("the operations of the restore cannot be followed: {lack}"));
    Ok(Vec::new())
}

/// The claims that the restore has created, by its list of resources.
async fn claims(
    store: &BackupStore,
    dir: &RestoreDir,
    status: &mut RestoreStatus,
) -> Result<BTreeSet<ObjectName>, RunFileError> {
    let parse = |list: &[u8]| Ok(created_claims::read(list)?);
    let key = dir.key(RestoreFile::ResourceList);
    let lack = match run_files::read_packed(store, key, LIST_LIMIT, parse).await {
        Ok(Some(claims)) => return Ok(claims),
        Ok(None) => "the list of its resources is not in the location".to_owned(),
        Err(error @ RunFileError::Unreadable { .. }) => error_chain(&error),
        Err(error) => return Err(error),
    };
    note_fault(status, &format!("the volumes of the restore cannot be looked at again: {lack}"));
    Ok(BTreeSet::new())
}

/// The restore ends without what was left to do.
async fn end(context: &Context, seen: &Restore, reason: String) -> Result<TakenOver, TakeOverError> {
    tracing::warn!(restore = seen.name_any(), reason, "a restore that was not finished cannot be finished");
    let adopted = adopt(context, seen, |restore| {
        give_up(restore.status.get_or_insert_default(), &reason, Timestamp::now());
        restore.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    });
    adopted.await?;
    Ok(TakenOver::Ended(RunEvent::PartialFailure))
}

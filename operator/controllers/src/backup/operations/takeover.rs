//! The beginning of following a backup: it is made this server's, and what its bucket says is taken for true.
//!
//! The document is always written before the object, so it is never behind it. A document of a finished backup means that only the object
//! has not heard of it; then nothing is left to do.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, BackupPhase, BackupStatus};
use lateen_cluster::discovery;
use lateen_core::item_operation::BackupOperation;
use lateen_store::{BackupDir, BackupFile, BackupStore};

use super::followed::Followed;
use crate::backup::facts::event_of;
use crate::backup::finalize::FinishError;
use crate::backup::stored::{self, StoredError};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::metrics::RunEvent;
use crate::run_files::RunFileError;
use crate::run_status::{RunStatus, StatusError, change_record, record_of};

/// What came of taking a backup over.
pub(super) enum TakenOver {
    /// It is to be followed.
    Follow(Box<Followed>),
    /// It was over, and says so now.
    Ended(RunEvent),
}

/// Takes a backup over that has its items in the bucket.
pub(super) fn take_over<'a>(
    context: &'a Context,
    store: &'a BackupStore,
    dir: &'a BackupDir,
    seen: &'a Arc<Backup>,
) -> BoxFuture<'a, Result<TakenOver, FinishError>> {
    take(context, store, dir, seen).boxed()
}

async fn take(
    context: &Context,
    store: &BackupStore,
    dir: &BackupDir,
    seen: &Arc<Backup>,
) -> Result<TakenOver, FinishError> {
    let status = match stored::status(store, dir, seen).await {
        Ok(Some(status)) => status,
        Ok(None) => seen.status.clone().unwrap_or_default(),
        Err(error @ StoredError::OfAnother) => return fail(context, seen, error_chain(&error)).await,
        Err(error) => return Err(error.into()),
    };
    let phase = status.phase.clone().unwrap_or_default();
    if phase.is_terminal() {
        tracing::info!(backup = seen.name_any(), %phase, "the backup had ended and only not said so");
        end(context, seen, status).await?;
        return Ok(TakenOver::Ended(event_of(&phase)));
    }
    if !store.exists(&dir.key(BackupFile::Contents)).await? {
        let reason = "the archive of the backup is not in its location any more".to_owned();
        return fail(context, seen, reason).await;
    }
    stored::abort_uploads(store, dir, record_of(seen.as_ref()).as_ref()).await;
    let (status, operations) = operations(store, dir, status).await?;
    let catalog = Arc::new(discovery::discover(&context.client).await?.catalog);
    let adopted = adopt(context, seen, |backup| {
        backup.status = Some(status);
        change_record(backup, &|record| {
            record.items_done = true;
            record.uploads.clear();
        });
    });
    let follower = Followed {
        status: adopted.await?.share(),
        set: context.actions.snapshot(),
        catalog,
        operations,
        untold: Vec::new(),
        stale: false,
        stored: Instant::now(),
    };
    Ok(TakenOver::Follow(Box::new(follower)))
}

/// Writes this server into the record of a backup, and changes it with that.
pub(super) async fn adopt(
    context: &Context,
    seen: &Arc<Backup>,
    change: impl FnOnce(&mut Backup),
) -> Result<RunStatus<Backup>, StatusError> {
    RunStatus::adopt(context.api(), Backup::clone(seen), &context.leader, change).await
}

/// The operations in the bucket. Where there should be some and they cannot be read, nobody can follow them: that is an error of the backup,
/// which then is finished without them.
async fn operations(
    store: &BackupStore,
    dir: &BackupDir,
    mut status: BackupStatus,
) -> Result<(BackupStatus, Vec<BackupOperation>), FinishError> {
    let lack = match stored::operations(store, dir).await {
        Ok(Some(operations)) => return Ok((status, operations)),
        Ok(None) if status.backup_item_operations_attempted == 0 => return Ok((status, Vec::new())),
        Ok(None) => "the list of its operations is not in the location".to_owned(),
        Err(error @ StoredError::File(RunFileError::Unreadable { .. })) => error_chain(&error),
        Err(error) => return Err(error.into()),
    };
    status.errors += 1;
    status.phase = Some(BackupPhase::FinalizingPartiallyFailed);
    status.failure_reason = format!("the operations of the backup cannot be followed: {lack}");
    Ok((status, Vec::new()))
}

/// The backup ends as one that there is not.
async fn fail(context: &Context, seen: &Arc<Backup>, reason: String) -> Result<TakenOver, FinishError> {
    tracing::warn!(backup = seen.name_any(), reason, "a backup that was not finished cannot be finished");
    let mut status = seen.status.clone().unwrap_or_default();
    status.phase = Some(BackupPhase::Failed);
    status.failure_reason = reason;
    status.completion_timestamp = Some(Time(Timestamp::now()));
    end(context, seen, status).await?;
    Ok(TakenOver::Ended(RunEvent::Failure))
}

async fn end(context: &Context, seen: &Arc<Backup>, status: BackupStatus) -> Result<(), StatusError> {
    let adopted = adopt(context, seen, |backup| {
        backup.status = Some(status);
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    });
    adopted.await.map(drop)
}

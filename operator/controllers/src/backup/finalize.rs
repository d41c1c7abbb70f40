//! The end of a backup: its operations have ended, and it says how it ended.
//!
//! Where operations named objects to read again, these are read, go through their actions once more, and take the place of what was in the
//! archive: a new archive is uploaded beside the old one and replaces it in one step. Then the volume infos, the log and the results, then
//! the document, and last the object. Every step can be taken again: after a crash another server begins with the first. Without
//! operations there is only the document and the object.
//!
//! Guarantees: no object says that a backup has ended before its document does, and no document says so before the archive is complete.

mod archive;
mod items;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_actions::ActionSet;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, BackupPhase};
use lateen_cluster::discovery::{self, DiscoveryError};
use lateen_core::backup::operations::{post_items, snapshots_completed};
use lateen_core::backup::outcome::after_finalizing;
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::BackupOperation;
use lateen_core::journal::{Entry, Journal};
use lateen_store::{BackupDir, BackupStore, StoreError};

use super::archive::ArchiveError;
use super::facts::{event_of, schedule_of};
use super::stored::{self, StoredError};
use crate::context::Context;
use crate::metrics::RunEvent;
use crate::run_files::RunFileError;
use crate::run_log::{RunKind, RunLog, RunLogError};
use crate::run_status::{SharedRunStatus, StatusError};

/// A backup that is in one of the phases of finalizing, and ours.
pub(super) struct Finishing<'a> {
    /// What all controllers share.
    pub context: &'a Context,
    /// The Backup.
    pub status: &'a SharedRunStatus<Backup>,
    /// Its location.
    pub store: &'a BackupStore,
    /// Its directory there.
    pub dir: &'a BackupDir,
    /// Its operations; they have all ended.
    pub operations: &'a [BackupOperation],
    /// The actions that its items go through.
    pub set: &'a Arc<ActionSet>,
    /// What the cluster serves, where that was just asked.
    pub catalog: Option<&'a Catalog>,
}

/// Why a backup could not be finished. Nothing is lost: it stays in its phase, and can be finished later.
#[derive(Debug, thiserror::Error)]
pub(super) enum FinishError {
    /// A file could not be written or read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The status cannot be written, or is not ours to write.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The API server cannot say what it serves.
    #[error("cannot look up the kinds of the cluster")]
    Discovery(#[from] DiscoveryError),
    /// The new archive cannot be made of the old one.
    #[error("cannot replace the items of the archive")]
    Archive(#[from] ArchiveError),
    /// The log cannot be kept.
    #[error(transparent)]
    Log(#[from] RunLogError),
    /// The server is going down.
    #[error("the server was shut down before the backup was finished")]
    Shutdown,
}

impl FinishError {
    /// Whether trying again is in vain: the backup is another server's now, or gone.
    pub(super) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Status(StatusError::NotOurs | StatusError::Gone)
                | Self::Stored(StoredError::Status(StatusError::NotOurs | StatusError::Gone))
        )
    }
}

/// What finalizing has added to the run's log.
#[derive(Debug, Clone, Copy, Default)]
struct Added {
    warnings: i64,
    errors: i64,
}

/// Finishes a backup, and says how it ended.
pub(super) fn finish(run: Finishing<'_>) -> BoxFuture<'_, Result<RunEvent, FinishError>> {
    finish_run(run).boxed()
}

async fn finish_run(run: Finishing<'_>) -> Result<RunEvent, FinishError> {
    let added = if run.operations.is_empty() { Added::default() } else { run.renew().await? };
    let now = run.status.current();
    let Some(last) = last_phase(now.phase(), added) else { return Err(StatusError::NotOurs.into()) };
    let snapshots = i64::try_from(snapshots_completed(run.operations)).unwrap_or(i64::MAX);
    let (ended_at, ended_as) = (Time(Timestamp::now()), last.clone());
    let end = move |backup: &mut Backup| {
        let status = backup.status.get_or_insert_default();
        status.phase = Some(ended_as.clone());
        status.completion_timestamp = Some(ended_at.clone());
        status.csi_volume_snapshots_completed = snapshots;
        status.warnings += added.warnings;
        status.errors += added.errors;
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    };
    let mut document = stored::whole_document(run.context, &now).await?;
    document.modify(&end);
    stored::put_document(run.store, run.dir, &document).await?;
    run.status.update(end).await?;
    let ended = run.status.current();
    run.context.metrics.backup_ended(&ended.status.clone().unwrap_or_default(), schedule_of(&ended));
    Ok(event_of(&last))
}

fn last_phase(phase: &BackupPhase, added: Added) -> Option<BackupPhase> {
    let last = after_finalizing(phase)?;
    Some(if added.errors > 0 { BackupPhase::PartiallyFailed } else { last })
}

impl Finishing<'_> {
    /// Brings into the bucket what the operations have left behind.
    async fn renew(&self) -> Result<Added, FinishError> {
        let options = &self.context.options;
        let name = format!("{}/{}", self.context.namespace, self.status.current().name_any());
        let (log, journal) = RunLog::create(&options.scratch, options.log_format, RunKind::Backup, &name)?;
        self.renew_items(&journal).await?;
        if self.context.shutdown.is_cancelled() {
            return Err(FinishError::Shutdown);
        }
        if let Err(error) = stored::end_volume_infos(self.store, self.dir, self.operations).await {
            match error {
                StoredError::File(RunFileError::Unreadable { .. }) => {
                    let line = "the list of volumes cannot be brought up to date";
                    journal.write(Entry::error(line).with("error", crate::error_chain::error_chain(&error)));
                }
                error => return Err(error.into()),
            }
        }
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let added = Added { warnings: number(journal.warnings()), errors: number(journal.errors()) };
        stored::add_results(self.store, self.dir, journal.results()).await?;
        stored::append_log(self.store, self.dir, &log).await?;
        Ok(added)
    }

    async fn renew_items(&self, journal: &Journal) -> Result<(), FinishError> {
        let named = post_items(self.operations);
        if named.is_empty() {
            return Ok(());
        }
        let discovered;
        let catalog = match self.catalog {
            Some(catalog) => catalog,
            None => {
                discovered = discovery::discover(&self.context.client).await?.catalog;
                &discovered
            }
        };
        let fresh = items::read(&self.context.client, catalog, &named, journal).await;
        let renewed = items::take(self, catalog, fresh, journal).await;
        if self.context.shutdown.is_cancelled() {
            // What actions answer while they are being stopped is no state of an item.
            return Err(FinishError::Shutdown);
        }
        if renewed.is_empty() {
            return Ok(());
        }
        let line =
            format!("Updating {} files of the archive after the operations of the backup", renewed.len());
        journal.info(line);
        let bytes = archive::replace(self.status, self.store, self.dir, renewed, journal).await?;
        self.context.metrics.backup_archive(bytes, schedule_of(&self.status.current()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_at_the_end_are_errors_of_the_backup() {
        let phase = |from: &BackupPhase, errors| last_phase(from, Added { warnings: 1, errors });
        assert_eq!(phase(&BackupPhase::Finalizing, 0), Some(BackupPhase::Completed));
        assert_eq!(phase(&BackupPhase::Finalizing, 1), Some(BackupPhase::PartiallyFailed));
        assert_eq!(phase(&BackupPhase::FinalizingPartiallyFailed, 0), Some(BackupPhase::PartiallyFailed));
        assert_eq!(phase(&BackupPhase::Deleting, 0), None);
    }
}

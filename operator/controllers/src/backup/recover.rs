//! Backups that a server before this one left in the middle: ended as what they are.
//!
//! A run cannot be continued: what it had collected is gone with its process. If it had written the document of a finished backup, the
//! backup is complete and the object only has to say so. Otherwise its upload is aborted, its files are removed, and the Backup is
//! `Failed` with the reason.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, BackupPhase, BackupStatus, BackupStorageLocation};
use lateen_cluster::resource::patch_checked;
use lateen_core::run_record::{Found, RunRecord};
use lateen_store::{BackupDir, BackupFile, BackupStore};

use super::files;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::location;
use crate::run_status::record_of;

/// Ends every Backup that is in the middle of a run which is not this process's.
pub(super) async fn end_interrupted(context: &Context, backups: impl Iterator<Item = &Arc<Backup>>) {
    for backup in backups {
        let under_way = matches!(
            backup.phase(),
            BackupPhase::InProgress | BackupPhase::Finalizing | BackupPhase::FinalizingPartiallyFailed
        );
        if !under_way {
            continue;
        }
        let record = record_of(backup.as_ref());
        let Found::Interrupted { reason } =
            RunRecord::found(record.as_ref(), &backup.phase().to_string(), &context.leader)
        else {
            continue;
        };
        let finished = match clean_up(context, backup, record.as_ref()).await {
            Ok(finished) => finished,
            Err(error) => {
                tracing::warn!(
                    backup = backup.name_any(),
                    error = error_chain(&*error),
                    "cannot clean up after an interrupted backup"
                );
                None
            }
        };
        end(context, backup, finished, reason).await;
    }
}

/// Removes what the run left in its location, or finds that it had finished: then its final status.
async fn clean_up(
    context: &Context,
    backup: &Backup,
    record: Option<&RunRecord>,
) -> Result<Option<BackupStatus>, Box<dyn std::error::Error + Send + Sync>> {
    let location: BackupStorageLocation = context.api().get(&backup.spec.storage_location).await?;
    let store = location::open(context, &location).await?;
    let dir = BackupDir::new(&backup.name_any())?;
    let document = store.get_bounded(&dir.key(BackupFile::Metadata), files::DOCUMENT_LIMIT).await?;
    if let Some((_, bytes)) = document {
        let stored: Backup = serde_json::from_slice(&bytes)?;
        // A document of another backup of this name is none of ours to touch.
        let ours = stored.uid() == backup.uid();
        return Ok(stored.status.filter(|_| ours));
    }
    abort_uploads(&store, &dir, record).await;
    files::remove_all_but_log(&store, &dir).await;
    Ok(None)
}

async fn abort_uploads(store: &BackupStore, dir: &BackupDir, record: Option<&RunRecord>) {
    for open in record.into_iter().flat_map(|r| &r.uploads) {
        let key = dir.key(BackupFile::Contents);
        if open.key != key.to_string() {
            continue;
        }
        if let Err(error) = store.abort_upload(&key, open.id.as_deref()).await {
            tracing::warn!(%key, error = error_chain(&error), "cannot abort the upload of an interrupted backup");
        }
    }
}

async fn end(context: &Context, seen: &Arc<Backup>, finished: Option<BackupStatus>, reason: String) {
    let mut changed = Backup::clone(seen);
    changed.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    match finished {
        Some(status) => {
            tracing::info!(
                backup = seen.name_any(),
                "an interrupted run had finished its backup; taken over as it stands in the location"
            );
            changed.status = Some(status);
        }
        None => {
            tracing::warn!(backup = seen.name_any(), reason, "an interrupted backup was ended");
            let status = changed.status.get_or_insert_default();
            status.phase = Some(BackupPhase::Failed);
            status.failure_reason = reason;
            status.completion_timestamp = Some(Time(Timestamp::now()));
        }
    }
    if let Err(error) = patch_checked(&context.api(), seen.as_ref(), &changed).await {
        tracing::warn!(
            backup = seen.name_any(),
            error = error_chain(&error),
            "cannot write down how an interrupted backup ended"
        );
    }
}

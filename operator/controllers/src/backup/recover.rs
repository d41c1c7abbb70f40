//! Backups that a server before this one left in the middle of their items: begun again, or ended as what they are.
//!
//! What a run had collected is gone with its process, so it cannot go on; it can be done again. First what it has opened is closed: hooks of
//! pods, its upload, operations that its items have begun. Then what it has written is removed, and the Backup is the next in line. A run
//! that was interrupted too often is not begun again. If its document is in the bucket, the items are complete and the document says how
//! far the backup is; then only the object has to hear of it.
//!
//! What cannot be done for a passing reason is tried again, beside the queue: the backups of other locations do not wait for it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_actions::{Role, Stage};
use lateen_api::labels::annotations;
use lateen_api::v1::{AccessMode, Backup, BackupPhase, BackupStatus, BackupStorageLocation};
use lateen_cluster::discovery;
use lateen_cluster::resource::{PatchError, patch_checked};
use lateen_core::run_record::{Found, MAX_ATTEMPTS, RunRecord};
use lateen_store::BackupDir;

use super::facts::told_to_actions;
use super::files;
use super::hooks::close_open_hooks;
use super::stored::{self, StoredError};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::item_actions;
use crate::location;
use crate::operations;
use crate::run_status::{change_record, record_of, write_record};

/// How long to wait after something could not be done.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Begins every Backup again that is in the middle of a run which is not this process's. Returns at once; the work goes on by itself.
pub(super) fn end_interrupted<'a>(context: &Context, backups: impl Iterator<Item = &'a Arc<Backup>>) {
    let left: Vec<Arc<Backup>> = backups.filter(|backup| is_interrupted(context, backup)).cloned().collect();
    if !left.is_empty() {
        tokio::spawn(recover_all(context.clone(), left));
    }
}

fn is_interrupted(context: &Context, backup: &Backup) -> bool {
    let found = RunRecord::found(record_of(backup).as_ref(), "InProgress", &context.leader);
    *backup.phase() == BackupPhase::InProgress && found != Found::Ours
}

async fn recover_all(context: Context, mut left: Vec<Arc<Backup>>) {
    loop {
        let mut again = Vec::new();
        for backup in left {
            match recover_boxed(&context, &backup).await {
                Ok(()) => {}
                Err(error) => {
                    let error = error_chain(&*error);
                    tracing::warn!(
                        backup = backup.name_any(),
                        error,
                        "cannot begin an interrupted backup again"
                    );
                    again.push(backup);
                }
            }
        }
        if again.is_empty() {
            return;
        }
        let pause = tokio::time::sleep(TRY_AGAIN_AFTER);
        if context.shutdown.run_until_cancelled(pause).await.is_none() {
            return;
        }
        left = again;
    }
}

/// Boxed here, because the compiler cannot see elsewhere that the work may move between threads.
fn recover_boxed<'a>(context: &'a Context, found: &'a Backup) -> BoxFuture<'a, Result<(), Trouble>> {
    recover(context, found).boxed()
}

/// Cleans up after a run, and decides what becomes of its Backup.
async fn recover(context: &Context, found: &Backup) -> Result<(), Trouble> {
    let Some(seen) = context.api::<Backup>().get_opt(&found.name_any()).await? else { return Ok(()) };
    let leader = |backup: &Backup| record_of(backup).map(|record| record.leader);
    if seen.uid() != found.uid() || !is_interrupted(context, &seen) || leader(&seen) != leader(found) {
        return Ok(());
    }
    let seen = close_open_hooks(context, seen).await;
    let mut changed = seen.clone();
    match clean_up(context, &seen).await? {
        Some(status) => take_for_true(context, &mut changed, status),
        None => begin_again(&mut changed),
    }
    let phase = changed.phase().to_string();
    match patch_checked(&context.api(), &seen, &changed).await {
        Ok(_) => {
            tracing::warn!(backup = seen.name_any(), phase, "a backup was interrupted and goes on from here");
            Ok(())
        }
        Err(PatchError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Closes and removes what the run has left, unless its document is there: then what that says.
async fn clean_up(context: &Context, backup: &Backup) -> Result<Option<BackupStatus>, Trouble> {
    let record = record_of(backup);
    let location = context.api::<BackupStorageLocation>().get_opt(&backup.spec.storage_location).await?;
    let writable = location.filter(|found| found.spec.access_mode != Some(AccessMode::ReadOnly));
    if let Some(location) = writable {
        let store = location::open(context, &location).await?;
        let dir = BackupDir::new(&backup.name_any())?;
        match stored::status(&store, &dir, backup).await {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) => {
                stored::abort_uploads(&store, &dir, record.as_ref()).await;
                files::remove_all_but_log(&store, &dir).await;
            }
            // The files of another backup are none of ours to touch; the next attempt says that they are there.
            Err(StoredError::OfAnother) => stored::abort_uploads(&store, &dir, record.as_ref()).await,
            Err(error) => return Err(error.into()),
        }
    }
    cancel_operations(context, backup).await?;
    Ok(None)
}

/// Tells actions to end the operations that the items of an interrupted run have begun: items that are taken again begin new ones.
pub(super) async fn cancel_operations(context: &Context, backup: &Backup) -> Result<(), Trouble> {
    let open = record_of(backup).map(|record| record.operations).unwrap_or_default();
    if open.is_empty() {
        return Ok(());
    }
    let catalog = discovery::discover(&context.client).await?.catalog;
    let run = told_to_actions(backup, &catalog);
    let actions = item_actions::go_on(context, &run, Stage::Operations, context.actions.snapshot());
    let open = open.iter().map(|operation| (operation.action.as_str(), operation.id.as_str()));
    operations::cancel(&actions, Role::Backup, &backup.name_any(), open).await;
    Ok(())
}

/// The object says what the document says; if the backup has not ended, this server goes on with it.
fn take_for_true(context: &Context, backup: &mut Backup, status: BackupStatus) {
    let ended = status.phase.as_ref().is_some_and(BackupPhase::is_terminal);
    backup.status = Some(status);
    if ended {
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
        return;
    }
    let mut record = record_of(backup).unwrap_or_default();
    record.leader = context.leader.to_string();
    record.items_done = true;
    record.uploads.clear();
    write_record(backup, &record);
}

/// Makes an interrupted backup the next in line, with its attempts counted, or ends it if it had enough of them. What the attempt counted
/// is forgotten; when it began is written anew when it begins.
pub(super) fn begin_again(backup: &mut Backup) {
    let given_up = RunRecord::given_up(record_of(backup).as_ref(), MAX_ATTEMPTS);
    let status = backup.status.get_or_insert_default();
    if let Some(reason) = given_up {
        status.phase = Some(BackupPhase::Failed);
        status.failure_reason = reason;
        status.completion_timestamp = Some(Time(Timestamp::now()));
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
        return;
    }
    *status = BackupStatus {
        version: status.version,
        format_version: status.format_version.clone(),
        expiration: status.expiration.clone(),
        phase: Some(BackupPhase::ReadyToStart),
        ..BackupStatus::default()
    };
    change_record(backup, &|record| {
        record.uploads.clear();
        record.operations.clear();
    });
}

#[cfg(test)]
mod tests {
    use lateen_api::v1::{BackupProgress, BackupSpec};

    use super::*;

    fn interrupted(attempt: u32) -> Backup {
        let mut backup = Backup::new("b", BackupSpec::default());
        backup.status = Some(BackupStatus {
            version: 1,
            phase: Some(BackupPhase::InProgress),
            errors: 3,
            progress: Some(BackupProgress { total_items: 7, items_backed_up: 2 }),
            ..BackupStatus::default()
        });
        let mut record = RunRecord::start(None, "a");
        record.attempt = attempt;
        record.remember_operation("t/a", "one");
        write_record(&mut backup, &record);
        backup
    }

    #[test]
    fn a_run_is_begun_again_with_nothing_but_its_attempts() {
        let mut backup = interrupted(2);
        begin_again(&mut backup);
        let status =
            BackupStatus { version: 1, phase: Some(BackupPhase::ReadyToStart), ..BackupStatus::default() };
        assert_eq!(backup.status, Some(status));
        let record = record_of(&backup).unwrap();
        assert_eq!((record.attempt, record.operations.len()), (2, 0));
    }

    #[test]
    fn a_run_that_was_interrupted_too_often_fails_and_says_so() {
        let mut backup = interrupted(3);
        begin_again(&mut backup);
        let status = backup.status.clone().unwrap();
        assert_eq!(status.phase, Some(BackupPhase::Failed));
        assert!(status.failure_reason.contains("3 attempts"), "{}", status.failure_reason);
        assert!(status.completion_timestamp.is_some() && record_of(&backup).is_none());
    }
}

//! One run of a restore, from the request to the last file.
//!
//! Order: the archive is read whole before anything is changed; then the plan is made and carried out; then the log, the results and the
//! lists are stored. A fault of the archive is an error of the run's results and nothing is restored; a run that cannot go on is failed,
//! with its log stored as far as it came.

use std::collections::BTreeMap;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_actions::Purpose;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, HookStatus, Restore, RestorePhase, RestoreProgress};
use lateen_cluster::discovery;
use lateen_core::backup::side_files::{self, EMPTY_LIST, document};
use lateen_core::journal::{Entry, Journal, Level};
use lateen_core::restore::outcome::{Progress, RestoredItems, after_finalizing, after_items};
use lateen_core::restore::plan::{self, NO_RESOURCES};
use lateen_core::restore::request::RestoreRequest;
use lateen_core::restore::reset::restore_labels;
use lateen_core::restore::volumes::{self, BackupMethod};
use lateen_core::results::Place;
use lateen_store::{BackupDir, BackupFile, BackupStore, RestoreDir, RestoreFile, StoreError};

use super::executor::Executor;
use super::run_error::{Reporter, RunError};
use super::spool::Spool;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::gzip::gzip;
use crate::item_actions::{self, RunObject};
use crate::location;
use crate::metrics::RunEvent;
use crate::run_log::{RunKind, RunLog};
use crate::run_status::{RunStatus, StatusError};

/// Bytes of the list of volumes, packed and unpacked. Some 500 bytes a volume: 100,000 volumes are 50 MB.
const VOLUME_INFO_LIMIT: u64 = 64 << 20;

/// Runs a restore that is in phase `InProgress` and ours, and writes down how it ended.
pub(super) async fn run(
    context: &Context,
    request: RestoreRequest,
    backup: &Backup,
    mut status: RunStatus<Restore>,
) -> RunEvent {
    let name = format!("{}/{}", context.namespace, request.name);
    let error = match execute(context, request, backup, &mut status).await {
        Ok(RestorePhase::Completed) => return RunEvent::Success,
        Ok(_) => return RunEvent::PartialFailure,
        Err(error) => error,
    };
    if matches!(error, RunError::Status(StatusError::NotOurs | StatusError::Gone)) {
        tracing::warn!(restore = name, "stopped working on a restore that is not this server's any more");
        return RunEvent::Failure;
    }
    let reason = error_chain(&error);
    tracing::error!(restore = name, error = reason, "restore failed");
    let failed = status
        .update(|restore| {
            let status = restore.status.get_or_insert_default();
            status.phase = Some(RestorePhase::Failed);
            status.failure_reason = format!("restore execution failed: {reason}");
            status.completion_timestamp = Some(Time(Timestamp::now()));
            restore.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
        })
        .await;
    if let Err(error) = failed {
        // The record stays: whoever leads next finds the run interrupted and ends it.
        tracing::error!(
            restore = name,
            error = error_chain(&error),
            "cannot write down that the restore failed"
        );
    }
    RunEvent::Failure
}

async fn execute(
    context: &Context,
    request: RestoreRequest,
    backup: &Backup,
    status: &mut RunStatus<Restore>,
) -> Result<RestorePhase, RunError> {
    let name = format!("{}/{}", context.namespace, request.name);
    let (log, journal) =
        RunLog::create(&context.options.scratch, context.options.log_format, RunKind::Restore, &name)?;
    let store = location::open(context, &request.location).await?;
    let dir = RestoreDir::new(&request.name)?;
    journal.info("starting restore");
    let restored = match restore_items(context, request, backup, status, &store, &journal).await {
        Ok(restored) => restored,
        Err(error) => {
            journal.write(Entry::error("the restore cannot go on").with("error", error_chain(&error)));
            if let Err(error) = log.upload(&store, &dir.key(RestoreFile::Log)).await {
                tracing::warn!(
                    restore = name,
                    error = error_chain(&error),
                    "cannot upload the log of a failed restore"
                );
            }
            return Err(error);
        }
    };
    journal.info("restore ended");
    report(&store, &dir, status, &journal, &log, &restored).await
}

/// Stores the files and writes down the end.
async fn report(
    store: &BackupStore,
    dir: &RestoreDir,
    status: &mut RunStatus<Restore>,
    journal: &Journal,
    log: &RunLog,
    restored: &RestoredItems,
) -> Result<RestorePhase, RunError> {
    if let Err(error) = log.upload(store, &dir.key(RestoreFile::Log)).await {
        let line = format!("error uploading log file to backup storage: {}", error_chain(&error));
        journal.result(Level::Error, &Place::Run, line);
    }
    put_files(store, dir, journal, restored).await;
    let phase = after_items(journal.errors(), 0);
    let (warnings, errors, items) = (journal.warnings(), journal.errors(), restored.len());
    status
        .update(|restore| {
            let status = restore.status.get_or_insert_default();
            status.phase = Some(phase.clone());
            status.warnings = warnings as i64;
            status.errors = errors as i64;
            status.progress = Some(progress(Progress { total: items, done: items }));
            status.hook_status = Some(HookStatus::default());
        })
        .await?;
    let last = after_finalizing(&phase, 0).unwrap_or(RestorePhase::Failed);
    status.update(|restore| end(restore, last.clone())).await?;
    Ok(last)
}

/// Writes the last phase into a restore.
pub(super) fn end(restore: &mut Restore, phase: RestorePhase) {
    let status = restore.status.get_or_insert_default();
    status.phase = Some(phase);
    status.completion_timestamp = Some(Time(Timestamp::now()));
    restore.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
}

/// Results, lists and what readers expect beside them. What restores is done: a file that cannot be stored does not undo it.
async fn put_files(store: &BackupStore, dir: &RestoreDir, journal: &Journal, restored: &RestoredItems) {
    let files = [
        (RestoreFile::Results, side_files::results(&journal.results())),
        (RestoreFile::ResourceList, document(&restored.resource_list())),
        (RestoreFile::ItemOperations, Ok(EMPTY_LIST.to_vec())),
        (RestoreFile::VolumeInfo, Ok(EMPTY_LIST.to_vec())),
    ];
    for (file, content) in files {
        let key = dir.key(file);
        let stored: Result<(), Box<dyn std::error::Error + Send + Sync>> = async {
            store.put(&key, gzip(&content?)?).await?;
            Ok(())
        }
        .await;
        if let Err(error) = stored {
            tracing::error!(%key, error = error_chain(&*error), "cannot store a file of a restore");
        }
    }
}

/// Everything from the archive to the last item.
async fn restore_items(
    context: &Context,
    request: RestoreRequest,
    backup: &Backup,
    status: &mut RunStatus<Restore>,
    store: &BackupStore,
    journal: &Journal,
) -> Result<RestoredItems, RunError> {
    let source = BackupDir::new(&request.backup_name)?;
    let key = source.key(BackupFile::Contents);
    let spool = match Spool::read(store, &key, request.selection.clone(), &context.options.scratch).await {
        Ok(spool) => spool,
        Err(error) if error.is_about_the_archive() => {
            journal.result(Level::Error, &Place::Run, error_chain(&error));
            return Ok(RestoredItems::default());
        }
        Err(error) => return Err(error.into()),
    };
    if !spool.index().has_resources() {
        journal.result(Level::Warning, &Place::Run, NO_RESOURCES);
        return Ok(RestoredItems::default());
    }
    let methods = volume_methods(store, &source).await?;
    let catalog = discovery::discover(&context.client).await?.catalog;
    let plan = plan::plan(spool.index(), &catalog, &request)?;
    for line in plan.scope().describe() {
        journal.info(line);
    }
    let restore = status.current();
    let started = restore.status.as_ref().and_then(|s| s.start_timestamp.as_ref());
    let about = RunObject {
        purpose: Purpose::Restore,
        object: restore,
        started: started.map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        source: Some(backup),
        catalog: &catalog,
    };
    let restore_created = restore.creation_timestamp().map(|time| time.0);
    let actions = item_actions::begin(context, &about, journal);
    let used = item_actions::record(&actions, Purpose::Restore);
    item_actions::write_record(status, used).await?;
    let executor = Arc::new(Executor {
        context: context.clone(),
        plan,
        spool,
        journal: journal.clone(),
        actions,
        methods,
        labels: restore_labels(&request.backup_name, &request.name),
        restore_created,
        request,
        items: std::sync::Mutex::default(),
        namespaces: super::namespaces::Namespaces::default(),
        released_volumes: std::sync::Mutex::default(),
        catalog: std::sync::RwLock::new(Arc::new(catalog)),
        visited: std::sync::atomic::AtomicU64::new(0),
        stop: super::executor::Stop::default(),
    });
    let mut reporter = Reporter::new(status, write_progress);
    Arc::clone(&executor).run(&mut reporter).await?;
    Ok(std::mem::take(&mut *executor.items()))
}

/// How the data of each volume was backed up. Backups from before that file was written have none.
async fn volume_methods(
    store: &BackupStore,
    backup: &BackupDir,
) -> Result<BTreeMap<String, BackupMethod>, RunError> {
    use std::io::Read;

    let failed = |error: &(dyn std::error::Error + 'static)| RunError::VolumeInfo(error_chain(error));
    let found = store.get_bounded(&backup.key(BackupFile::VolumeInfo), VOLUME_INFO_LIMIT).await;
    let Some((_, packed)) = found.map_err(|error: StoreError| failed(&error))? else {
        return Ok(BTreeMap::new());
    };
    let mut text = Vec::new();
    let unpacked = MultiGzDecoder::new(packed.as_ref()).take(VOLUME_INFO_LIMIT + 1).read_to_end(&mut text);
    unpacked.map_err(|error| failed(&error))?;
    if text.len() as u64 > VOLUME_INFO_LIMIT {
        return Err(RunError::VolumeInfo(format!("it has more than {VOLUME_INFO_LIMIT} bytes")));
    }
    volumes::methods(&text).map_err(|error| failed(&error))
}

/// Puts a progress into a restore.
fn write_progress(restore: &mut Restore, now: Progress) {
    restore.status.get_or_insert_default().progress = Some(progress(now));
}

fn progress(now: Progress) -> RestoreProgress {
    RestoreProgress { total_items: now.total as i64, items_restored: now.done as i64 }
}

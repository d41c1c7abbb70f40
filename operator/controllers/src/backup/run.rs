//! One run of a backup, from the request to the last file.
//!
//! Order: the archive is streamed out while items are collected; then the side files, then the log, and at last `velero-backup.json`,
//! written only if nobody else wrote it. Without that document nothing in the bucket looks like a backup. A run that cannot finish
//! removes what it wrote, except its log.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_actions::Purpose;
use lateen_api::Document;
use lateen_api::labels::annotations;
use lateen_api::v1::{Backup, BackupPhase, BackupProgress, HookStatus};
use lateen_cluster::discovery::Discovery;
use lateen_cluster::object;
use lateen_core::backup::filter::ResourceFilter;
use lateen_core::backup::outcome::{ItemsDone, after_finalizing, after_items};
use lateen_core::backup::request::BackupRequest;
use lateen_core::backup::tally::{Progress, Tally};
use lateen_core::journal::{Entry, Journal};
use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::run_record::OpenUpload;
use lateen_store::{BackupDir, BackupFile, BackupStore, StoreError, UploadWriter};

use super::archive::ArchiveWriter;
use super::files::{self, FilesError};
use super::items::{Fatal, ItemTaker};
use super::run_error::{Reporter, RunError};
use super::sweep::Sweep;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::item_actions::{self, RunObject};
use crate::location;
use crate::metrics::RunEvent;
use crate::run_log::{RunKind, RunLog};
use crate::run_status::{RunStatus, StatusError};

/// Runs a backup that is in phase `InProgress` and ours, and writes down how it ended.
pub(super) async fn run(
    context: &Context,
    discovery: &Discovery,
    request: BackupRequest,
    mut status: RunStatus<Backup>,
) -> RunEvent {
    let name = format!("{}/{}", context.namespace, request.name);
    let ended = execute(context, discovery, &request, &mut status).await;
    let error = match ended {
        Ok(BackupPhase::Completed) => return RunEvent::Success,
        Ok(_) => return RunEvent::PartialFailure,
        Err(error) => error,
    };
    if matches!(error, RunError::Status(StatusError::NotOurs | StatusError::Gone)) {
        tracing::warn!(backup = name, "stopped working on a backup that is not this server's any more");
        return RunEvent::Failure;
    }
    let reason = error_chain(&error);
    tracing::error!(backup = name, error = reason, "backup failed");
    let failed = status
        .update(|backup| {
            let status = backup.status.get_or_insert_default();
            status.phase = Some(BackupPhase::Failed);
            status.failure_reason.clone_from(&reason);
            status.completion_timestamp = Some(Time(Timestamp::now()));
            backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
        })
        .await;
    if let Err(error) = failed {
        // The record stays: whoever leads next finds the run interrupted and ends it.
        tracing::error!(
            backup = name,
            error = error_chain(&error),
            "cannot write down that the backup failed"
        );
    }
    RunEvent::Failure
}

async fn execute(
    context: &Context,
    discovery: &Discovery,
    request: &BackupRequest,
    status: &mut RunStatus<Backup>,
) -> Result<BackupPhase, RunError> {
    let name = format!("{}/{}", context.namespace, request.name);
    let (log, journal) =
        RunLog::create(&context.options.scratch, context.options.log_format, RunKind::Backup, &name)?;
    let store = location::open(context, &request.location).await?;
    let dir = BackupDir::new(&request.name)?;
    if store.backup_exists(&dir).await? {
        return Err(RunError::Exists);
    }
    let written = write_files(context, discovery, request, status, &store, &dir, &journal, &log).await;
    let of_another =
        matches!(&written, Err(RunError::Files(FilesError::Store(StoreError::AlreadyExists { .. }))));
    if let Err(error) = &written
        && !of_another
    {
        // Whatever was written must not look like a backup; the log stays for whoever asks why.
        journal.write(Entry::error("the backup cannot be finished").with("error", error_chain(error)));
        files::remove_all_but_log(&store, &dir).await;
        if let Err(error) = files::put_log(&store, &dir, &log).await {
            tracing::warn!(
                backup = name,
                error = error_chain(&error),
                "cannot upload the log of a failed backup"
            );
        }
    }
    written
}

#[allow(clippy::too_many_arguments)] // each is a part of the run that only this function brings together
async fn write_files(
    context: &Context,
    discovery: &Discovery,
    request: &BackupRequest,
    status: &mut RunStatus<Backup>,
    store: &BackupStore,
    dir: &BackupDir,
    journal: &Journal,
    log: &RunLog,
) -> Result<BackupPhase, RunError> {
    let tally = write_archive(context, discovery, request, status, store, dir, journal).await?;
    files::put_side_files(store, dir, &tally, &journal.results()).await?;

    let phase = after_items(ItemsDone { errors: journal.errors(), operations_running: 0 });
    let (warnings, errors, taken) = (journal.warnings(), journal.errors(), tally.taken());
    status
        .update(|backup| {
            let status = backup.status.get_or_insert_default();
            status.phase = Some(phase.clone());
            status.warnings = warnings as i64;
            status.errors = errors as i64;
            status.progress = Some(progress(Progress { total: taken, done: taken }));
            status.hook_status = Some(HookStatus::default());
        })
        .await?;
    journal.info(format!("Backed up a total of {taken} items"));
    files::put_log(store, dir, log).await?;

    // The document tells the end before the object does: if the server dies between the two, whoever finds the object in this phase
    // reads in the bucket how the run ended.
    let last = after_finalizing(&phase).unwrap_or(BackupPhase::Failed);
    let end = |backup: &mut Backup| {
        let status = backup.status.get_or_insert_default();
        status.phase = Some(last.clone());
        status.completion_timestamp.get_or_insert_with(|| Time(Timestamp::now()));
        backup.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
    };
    let mut document = read_whole(context, discovery, request).await?;
    document.modify(end);
    files::put_document(store, dir, &document).await?;
    let ended_at = document.object().status.as_ref().and_then(|status| status.completion_timestamp.clone());
    let written = status
        .update(|backup| {
            backup.status.get_or_insert_default().completion_timestamp.clone_from(&ended_at);
            end(backup);
        })
        .await;
    if let Err(error) = written {
        // The backup is complete in the bucket: nothing may be removed any more. Whoever leads next adopts the document.
        tracing::error!(
            backup = request.name,
            error = error_chain(&error),
            "cannot write down how the backup ended"
        );
    }
    Ok(last)
}

/// The Backup as the API server has it, with the fields that this version does not know: they belong into its document.
async fn read_whole(
    context: &Context,
    discovery: &Discovery,
    request: &BackupRequest,
) -> Result<Document<Backup>, RunError> {
    let gone = || RunError::Status(StatusError::Gone);
    let kind = discovery.catalog.get(&GroupResource::parse("backups.velero.io")).ok_or_else(gone)?;
    let name = ObjectName::new(Some(&context.namespace), &request.name);
    let text = object::get(&context.client, kind, &name).await.map_err(RunError::Backup)?.ok_or_else(gone)?;
    let document = Document::<Backup>::parse(text.as_bytes()).map_err(RunError::Document)?;
    let ours = document.object().uid().as_deref() == Some(&request.uid);
    if ours { Ok(document) } else { Err(gone()) }
}

/// Collects, archives and uploads; gives back what was taken.
async fn write_archive(
    context: &Context,
    discovery: &Discovery,
    request: &BackupRequest,
    status: &mut RunStatus<Backup>,
    store: &BackupStore,
    dir: &BackupDir,
    journal: &Journal,
) -> Result<Tally, RunError> {
    let key = dir.key(BackupFile::Contents);
    let upload = store.upload(&key).await?;
    let open = OpenUpload { key: key.to_string(), id: upload.id().map(str::to_owned) };
    status.record(|record| record.uploads = vec![open.clone()]).await?;
    let started = started_of(status.current()).as_second();
    let writer = ArchiveWriter::start(
        UploadWriter::new(upload, &tokio::runtime::Handle::current()),
        started.unsigned_abs(),
    );

    let swept = sweep(context, discovery, request, status, writer.items(), journal).await;
    if swept.is_err() {
        // A broken stream says why; anything else ends the upload by dropping its writer unfinished.
        let archive = writer.finish().await;
        return match (swept, archive) {
            (Err(RunError::Fatal(Fatal::Archive(_))), Err(cause)) => {
                Err(RunError::Fatal(Fatal::Archive(cause)))
            }
            (swept, _) => swept,
        };
    }
    let upload = writer.finish().await.map_err(Fatal::from)?;
    let finished = tokio::task::spawn_blocking(move || upload.finish()).await;
    let uploaded = finished.map_err(|panic| {
        RunError::Fatal(Fatal::Archive(super::archive::ArchiveError(std::io::Error::other(panic))))
    })??;
    status.record(|record| record.uploads.clear()).await?;
    journal.info(format!("Uploaded the archive: {} bytes", uploaded.bytes));
    swept
}

async fn sweep(
    context: &Context,
    discovery: &Discovery,
    request: &BackupRequest,
    status: &mut RunStatus<Backup>,
    archive: super::archive::ArchiveItems,
    journal: &Journal,
) -> Result<Tally, RunError> {
    let sweep = Sweep::prepare(context, discovery, request, journal).await?;
    let resources =
        ResourceFilter::new(&request.resources, &discovery.catalog, sweep.namespaces.is_everything());
    for line in resources.describe() {
        journal.info(line);
    }
    let about = RunObject {
        purpose: Purpose::Backup,
        object: status.current(),
        started: started_of(status.current()),
        source: None,
        catalog: &discovery.catalog,
    };
    let actions = item_actions::begin(context, &about, journal);
    let used = item_actions::record(&actions, Purpose::Backup);
    item_actions::write_record(status, used).await?;
    let mut taker = ItemTaker {
        client: &context.client,
        catalog: &discovery.catalog,
        namespaces: &sweep.namespaces,
        resources: &resources,
        archive,
        journal,
        actions: &actions,
        session: actions.session(),
        tally: Tally::default(),
    };
    let mut reporter = Reporter::new(status, write_progress);
    sweep.run(context, &mut taker, &mut reporter).await?;
    Ok(taker.tally)
}

/// When the run began.
fn started_of(backup: &Backup) -> Timestamp {
    backup.status.as_ref().and_then(|s| s.start_timestamp.as_ref()).map_or(Timestamp::UNIX_EPOCH, |t| t.0)
}

/// Puts a progress into a backup.
fn write_progress(backup: &mut Backup, now: Progress) {
    backup.status.get_or_insert_default().progress = Some(progress(now));
}

fn progress(now: Progress) -> BackupProgress {
    BackupProgress { total_items: now.total as i64, items_backed_up: now.done as i64 }
}

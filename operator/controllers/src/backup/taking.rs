//! The first part of a run: everything that belongs to the backup is taken, and the archive is in the bucket.
//!
//! The archive is uploaded while it is made. The upload is in the run's record before its first byte, so that whoever comes after a crash
//! can abort it.

use std::sync::Arc;

use lateen_actions::{ActionSet, Purpose};
use lateen_api::v1::{Backup, BackupProgress, HookStatus};
use lateen_core::backup::filter::ResourceFilter;
use lateen_core::backup::tally::{Progress, Tally};
use lateen_core::item_operation::{BackupOperation, RunIdentity};
use lateen_core::namespaces::NamespaceFilter;
use lateen_core::run_record::OpenUpload;
use lateen_store::{BackupFile, UploadWriter};

use super::archive::{ArchiveError, ArchiveItems, ArchiveOptions, ArchiveWriter};
use super::engine::{Decisions, Engine, Fatal, ItemStage};
use super::facts::{schedule_of, started_of, told_to_actions};
use super::hooks::HookRunner;
use super::run::Run;
use super::run_error::{Reporter, RunError};
use super::scope::Scope;
use super::sweep::Sweep;
use super::volumes::{VolumeDecisions, VolumeReport};
use crate::item_actions;

/// What a backup has taken.
pub(super) struct Taken {
    /// The objects.
    pub tally: Tally,
    /// Work that actions have begun and that goes on.
    pub operations: Vec<BackupOperation>,
    /// What became of the data of volumes.
    pub volumes: VolumeReport,
    /// How many hooks ran.
    pub hooks: HookStatus,
    /// The actions that the items went through.
    pub actions: Arc<ActionSet>,
}

/// Collects, archives and uploads.
pub(super) async fn take(run: &Run<'_>) -> Result<Taken, RunError> {
    let key = run.dir.key(BackupFile::Contents);
    let upload = run.store.upload(&key).await?;
    let open = OpenUpload { key: key.to_string(), id: upload.id().map(str::to_owned) };
    run.status.record(move |record| record.uploads = vec![open.clone()]).await?;
    let started = started_of(&run.status.current()).as_second();
    let writer = ArchiveWriter::start(
        UploadWriter::new(upload, &tokio::runtime::Handle::current()),
        ArchiveOptions::new(started.unsigned_abs(), &run.context.options.scratch),
    );

    let swept = sweep(run, writer.items()).await;
    let taken = match swept {
        Ok(taken) => taken,
        Err(error) => {
            // A broken stream says why; anything else ends the upload by dropping its writer unfinished.
            return Err(match (error, writer.abandon().await) {
                (RunError::Fatal(Fatal::Archive(_)), Err(cause)) => Fatal::from(cause).into(),
                (error, _) => error,
            });
        }
    };
    let items = writer.items();
    let upload = writer.finish().await.map_err(Fatal::from)?;
    if items.written_early() > 0 {
        let line = format!(
            "{} objects that came along with others stand in the archive as they came: there were too many to sort",
            items.written_early()
        );
        run.journal.info(line);
    }
    let finished = tokio::task::spawn_blocking(move || upload.finish()).await;
    let uploaded =
        finished.map_err(|panic| Fatal::from(ArchiveError::from(std::io::Error::other(panic))))??;
    run.status.record(|record| record.uploads.clear()).await?;
    run.context.metrics.backup_archive(uploaded.bytes, schedule_of(&run.status.current()));
    run.journal.info(format!("Uploaded the archive: {} bytes", uploaded.bytes));
    Ok(taken)
}

async fn sweep(run: &Run<'_>, archive: ArchiveItems) -> Result<Taken, RunError> {
    let scope = Scope::prepare(run.context, run.discovery, run.request, &run.journal).await?;
    let Scope { namespaces, missing } = scope;
    let (engine, items) = engine(run, namespaces).await?;
    let reporter = Reporter::new(run.status.clone(), write_progress);
    let mut sweep = Sweep::new(run.context, Arc::clone(&engine), run.request, missing, archive, reporter);
    let swept = sweep.run().await;
    drop(sweep);
    items.hooks.close_all().await;
    swept?;
    let (volumes, hooks) = (items.volumes.finish(), items.hooks.counts());
    run.journal.info(&volumes.skipped_summary);
    let (tally, operations) = engine.take_results();
    Ok(Taken { tally, operations, volumes, hooks, actions: Arc::clone(engine.actions.set()) })
}

/// The decisions that the run begins with.
async fn engine(
    run: &Run<'_>,
    namespaces: NamespaceFilter,
) -> Result<(Arc<Engine>, Arc<ItemStage>), RunError> {
    let catalog = Arc::new(run.discovery.catalog.clone());
    let resources = ResourceFilter::new(&run.request.resources, &catalog, run.request.all_namespaces);
    for line in resources.describe() {
        run.journal.info(line);
    }
    let backup = run.status.current();
    let actions = item_actions::begin(run.context, &told_to_actions(&backup, &catalog), &run.journal);
    let used = item_actions::record(&actions, Purpose::Backup);
    item_actions::write_shared_record(&run.status, used).await?;
    let hooks = HookRunner::new(run.context, run.status.clone(), &catalog, &run.journal)?;
    let volumes = VolumeDecisions::new(run.context, run.request, &run.journal, &resources);
    let items = Arc::new(ItemStage { status: run.status.clone(), hooks, volumes });
    let engine = Engine::new(Decisions {
        backup: RunIdentity { name: run.request.name.clone(), uid: run.request.uid.clone() },
        client: run.context.client.clone(),
        catalog,
        namespaces,
        resources,
        journal: run.journal.clone(),
        actions,
        items: Some(Arc::clone(&items)),
        stop: run.context.shutdown.child_token(),
    });
    Ok((Arc::new(engine), items))
}

/// How far a run is, in its Backup.
fn write_progress(backup: &mut Backup, now: Progress) {
    backup.status.get_or_insert_default().progress = Some(progress(now));
}

/// As the status has it.
pub(super) fn progress(now: Progress) -> BackupProgress {
    BackupProgress { total_items: now.total as i64, items_backed_up: now.done as i64 }
}

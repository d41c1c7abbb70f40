//! The files of a restore: made when its items are through, and stored before the restore says so.
//!
//! Order: the log, the lists, at last the results, which tell also what went wrong with the others; then the status. As long as a file is
//! not stored the restore stays in `InProgress`, so that a server which ends meanwhile loses nothing: the next one goes through the items
//! again. What a location does not take for `--resource-timeout` is given up, and that is an error of the restore: one whose results
//! nobody can read never looks complete.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::ResourceExt;
use lateen_actions::ActionSet;
use lateen_api::v1::{Backup, BackupStorageLocation, Restore, RestoreProgress};
use lateen_core::backup::side_files::EMPTY_LIST;
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::{RestoreOperation, counts};
use lateen_core::journal::{Journal, Level};
use lateen_core::restore::created_claims;
use lateen_core::restore::operations::{Told, items_done, note_fault};
use lateen_core::restore::outcome::RestoredItems;
use lateen_core::results::Place;
use lateen_store::{InvalidName, RestoreFile};
use tokio_util::sync::CancellationToken;

use super::finish::{Finishing, Stopped, asking};
use super::hooks::PodHooks;
use super::operations_file::put_operations;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::gzip::{gzip, gzip_document};
use crate::location;
use crate::run_files::put_packed;
use crate::run_log::{RunLog, RunLogError};
use crate::run_status::{SharedRunStatus, change_record};

/// A restore whose items are through.
pub(super) struct ItemsThrough {
    /// What all controllers share.
    pub(super) context: Context,
    /// The Restore, in phase `InProgress` and ours.
    pub(super) status: SharedRunStatus<Restore>,
    /// What it restores.
    pub(super) backup: Backup,
    /// Where that lies, and the restore's own files will.
    pub(super) location: BackupStorageLocation,
    /// The run's journal.
    pub(super) journal: Journal,
    /// What the journal wrote.
    pub(super) log: RunLog,
    /// What became of the items.
    pub(super) restored: RestoredItems,
    /// What actions have begun.
    pub(super) operations: Vec<RestoreOperation>,
    /// The actions that the run began with.
    pub(super) set: Arc<ActionSet>,
    /// What the cluster serves.
    pub(super) catalog: Arc<Catalog>,
    /// Commands that run in pods, or will.
    pub(super) hooks: PodHooks,
    /// Cancelled when somebody wants the Restore gone, and perhaps when the server ends.
    pub(super) deleted: CancellationToken,
}

/// Why the files cannot even be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// The name is not one for a file.
    #[error("the restore's name cannot be a name in the bucket")]
    Name(#[from] InvalidName),
    /// The lists cannot be compressed.
    #[error("cannot make the lists of the restore")]
    Make(#[source] std::io::Error),
    /// Whoever made them broke off.
    #[error("making the lists of the restore broke off")]
    Broke(#[from] tokio::task::JoinError),
}

/// Asks once about the operations, stores the files and writes down that the items are through. None: the server's end, or somebody who
/// wants the Restore gone, has stopped it before that; its phase is as it was.
pub(super) fn store_files(
    through: ItemsThrough,
) -> BoxFuture<'static, Result<Option<Finishing>, FilesError>> {
    store(through).boxed()
}

async fn store(through: ItemsThrough) -> Result<Option<Finishing>, FilesError> {
    let ItemsThrough { context, status, backup, location, journal, log, restored, operations, .. } = through;
    let items = restored.len();
    let lists = tokio::task::spawn_blocking(move || Lists::make(&restored)).await?;
    let Lists { packed, created_claims } = lists.map_err(FilesError::Make)?;
    let mut finishing = Finishing::new(
        context,
        status,
        backup,
        operations,
        (through.set, through.catalog),
        through.hooks,
        created_claims,
        through.deleted,
    )?;
    for (place, message) in asking::ask(&mut finishing).await.errors {
        journal.result(Level::Error, &place, message);
    }
    let unstored = Unstored { log: Some(log), lists: packed, operations: true, results: true };
    let fault = match unstored.store(&finishing, &location, &journal).await {
        Ok(fault) => fault,
        Err(stopped) => {
            finishing.stop(stopped).await;
            return Ok(None);
        }
    };
    let told = Told { warnings: journal.warnings(), errors: journal.errors() };
    let counts = counts(&finishing.operations);
    let progress = number(items);
    let written = finishing.write(move |restore| {
        let status = restore.status.get_or_insert_default();
        status.progress = Some(RestoreProgress { total_items: progress, items_restored: progress });
        items_done(status, told, counts);
        if let Some(fault) = &fault {
            note_fault(status, fault);
        }
        change_record(restore, &|record| {
            record.items_done = true;
            record.operations.clear();
        });
    });
    match written.await {
        Ok(()) => Ok(Some(finishing)),
        Err(stopped) => {
            finishing.stop(stopped).await;
            Ok(None)
        }
    }
}

/// The lists that follow from the items alone, compressed.
struct Lists {
    packed: Vec<(RestoreFile, Bytes)>,
    created_claims: std::collections::BTreeSet<lateen_core::kind::ObjectName>,
}

impl Lists {
    fn make(restored: &RestoredItems) -> std::io::Result<Self> {
        let list = restored.resource_list();
        let packed = vec![
            (RestoreFile::ResourceList, gzip_document(&list)?),
            // The data of volumes is not brought back yet, so there is nothing to say about it.
            (RestoreFile::VolumeInfo, gzip(EMPTY_LIST)?),
        ];
        let claims = list.get(created_claims::CLAIMS).into_iter().flatten();
        Ok(Self { packed, created_claims: created_claims::among(claims) })
    }
}

/// What is not in the location yet.
struct Unstored {
    log: Option<RunLog>,
    lists: Vec<(RestoreFile, Bytes)>,
    operations: bool,
    results: bool,
}

impl Unstored {
    /// Stores everything. A fault: something cannot be stored, and why.
    async fn store(
        mut self,
        finishing: &Finishing,
        location: &BackupStorageLocation,
        journal: &Journal,
    ) -> Result<Option<String>, Stopped> {
        let began = Instant::now();
        loop {
            let Err(error) = self.store_once(finishing, location, journal).await else { return Ok(None) };
            let restore = finishing.status.current().name_any();
            tracing::warn!(restore, error, "cannot store the files of a restore yet");
            if began.elapsed() >= finishing.context.options.resource_timeout {
                return Ok(Some(format!("{} of the restore cannot be stored: {error}", self.names())));
            }
            finishing.pause().await?;
        }
    }

    /// Tries each file that is left, whatever became of the others; the last error is told.
    async fn store_once(
        &mut self,
        finishing: &Finishing,
        location: &BackupStorageLocation,
        journal: &Journal,
    ) -> Result<(), String> {
        let opened = location::open(&finishing.context, location).await;
        let store = opened.map_err(|error| error_chain(&error))?;
        let dir = &finishing.dir;
        let mut last = Ok(());
        let mut failed = |error: &(dyn std::error::Error + 'static)| last = Err(error_chain(error));
        if let Some(log) = &self.log {
            match log.upload(&store, &dir.key(RestoreFile::Log)).await {
                Ok(()) => self.log = None,
                Err(error @ RunLogError::Upload(_)) => failed(&error),
                Err(error) => {
                    let line = format!("error uploading log file to backup storage: {}", error_chain(&error));
                    journal.result(Level::Error, &Place::Run, line);
                    self.log = None;
                }
            }
        }
        let mut left = Vec::new();
        for (file, content) in self.lists.drain(..) {
            if let Err(error) = store.put(&dir.key(file), content.clone()).await {
                failed(&error);
                left.push((file, content));
            }
        }
        self.lists = left;
        if self.operations {
            match put_operations(&store, dir, &finishing.operations).await {
                Ok(()) => self.operations = false,
                Err(error) => failed(&error),
            }
        }
        if self.results {
            match put_packed(&store, dir.key(RestoreFile::Results), &journal.results()).await {
                Ok(()) => self.results = false,
                Err(error) => failed(&error),
            }
        }
        last
    }

    /// What is left, for people.
    fn names(&self) -> String {
        let lists = self.lists.iter().map(|(file, _)| match file {
            RestoreFile::ResourceList => "the list of resources",
            _ => "the list of volumes",
        });
        let others = [
            (self.log.is_some(), "the log"),
            (self.operations, "the operations"),
            (self.results, "the results"),
        ];
        let others = others.into_iter().filter_map(|(left, name)| left.then_some(name));
        lists.chain(others).collect::<Vec<_>>().join(", ")
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

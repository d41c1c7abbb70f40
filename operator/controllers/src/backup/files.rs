//! The files of a backup beside its archive: made, compressed, stored, and removed again when the run cannot be finished.

use lateen_core::backup::side_files::{self, NULL_LIST};
use lateen_core::backup::tally::Tally;
use lateen_core::backup::volumes::VolumeInfo;
use lateen_core::item_operation::{self, BackupOperation};
use lateen_core::results::Results;
use lateen_store::{BackupDir, BackupFile, BackupStore, StoreError};

use crate::gzip::gzip;
use crate::run_log::{RunLog, RunLogError};

/// Bytes of a `velero-backup.json` at most: its spec and status are bounded by the 1.5 MB that the API server takes.
pub const DOCUMENT_LIMIT: u64 = 4 << 20;

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It could not be made.
    #[error("cannot make {file}")]
    Encode {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The log was not kept.
    #[error(transparent)]
    Log(#[from] RunLogError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the files beside the archive say.
#[derive(Clone, Copy)]
pub struct SideFiles<'a> {
    /// What was taken.
    pub tally: &'a Tally,
    /// Work that actions have begun.
    pub operations: &'a [BackupOperation],
    /// What became of the data of volumes.
    pub volumes: &'a [VolumeInfo],
    /// Errors and warnings.
    pub results: &'a Results,
}

/// Stores the lists and results of a finished collection.
pub async fn put_side_files(
    store: &BackupStore,
    dir: &BackupDir,
    content: SideFiles<'_>,
) -> Result<(), FilesError> {
    let SideFiles { tally, operations, volumes, results } = content;
    let encode = |file: BackupFile, made: Result<Vec<u8>, serde_json::Error>| {
        made.map_err(|e| FilesError::Encode { file: dir.key(file).to_string(), source: e.into() })
    };
    let files = [
        (BackupFile::PodVolumeBackups, NULL_LIST.to_vec()),
        (BackupFile::VolumeSnapshots, NULL_LIST.to_vec()),
        (BackupFile::ItemOperations, encode(BackupFile::ItemOperations, item_operation::file(operations))?),
        (BackupFile::VolumeInfo, encode(BackupFile::VolumeInfo, side_files::document(&volumes))?),
        (BackupFile::ResourceList, encode(BackupFile::ResourceList, side_files::resource_list(tally))?),
        (BackupFile::Results, encode(BackupFile::Results, side_files::results(results))?),
    ];
    for (file, content) in files {
        let key = dir.key(file);
        let packed = gzip(&content).map_err(|source| FilesError::Encode { file: key.to_string(), source })?;
        store.put(&key, packed).await?;
    }
    Ok(())
}

/// Ends the log and stores it.
pub async fn put_log(store: &BackupStore, dir: &BackupDir, log: &RunLog) -> Result<(), FilesError> {
    Ok(log.upload(store, &dir.key(BackupFile::Log)).await?)
}

/// Removes what a run wrote, except its log. Best effort: what stays is not a backup, because its document is not there.
pub async fn remove_all_but_log(store: &BackupStore, dir: &BackupDir) {
    let files = [
        // First: as long as it is there, the rest looks like a backup.
        BackupFile::Metadata,
        BackupFile::Contents,
        BackupFile::PodVolumeBackups,
        BackupFile::VolumeSnapshots,
        BackupFile::ItemOperations,
        BackupFile::ResourceList,
        BackupFile::Results,
        BackupFile::VolumeInfo,
    ];
    for file in files {
        let key = dir.key(file);
        if let Err(error) = store.delete(&key).await {
            tracing::warn!(%key, %error, "cannot remove a file of a backup that was not finished");
        }
    }
}

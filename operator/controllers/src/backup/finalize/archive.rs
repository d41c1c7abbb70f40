//! A new archive in the place of the old one: the same entries in the same order, some with another content, and what is new at the end.
//!
//! The old archive is read as a stream while the new one is uploaded; neither is in memory or on a disk. Readers see the old one until
//! the new one is complete.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use lateen_api::v1::Backup;
use lateen_core::journal::{Entry, Journal};
use lateen_core::run_record::OpenUpload;
use lateen_store::{BackupDir, BackupFile, BackupStore, UploadWriter, Uploaded};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::FinishError;
use crate::backup::archive::{self, ArchiveError};
use crate::run_status::SharedRunStatus;

/// Uploads the archive anew, with these contents, and says how many bytes it has. The upload is in the run's record while it lasts.
pub(super) async fn replace(
    status: &SharedRunStatus<Backup>,
    store: &BackupStore,
    dir: &BackupDir,
    contents: BTreeMap<String, Bytes>,
    journal: &Journal,
) -> Result<u64, FinishError> {
    let key = dir.key(BackupFile::Contents);
    let (_, old) = store.get(&key).await?;
    let upload = store.upload(&key).await?;
    let open = OpenUpload { key: key.to_string(), id: upload.id().map(str::to_owned) };
    status.record(move |record| record.uploads = vec![open.clone()]).await?;
    let runtime = tokio::runtime::Handle::current();
    let sink = UploadWriter::new(upload, &runtime);
    let old = SyncIoBridge::new_with_handle(StreamReader::new(old.map_err(io::Error::other)), runtime);
    let now = Timestamp::now().as_second().unsigned_abs();
    let rewriting = move || -> Result<Uploaded, ArchiveError> {
        let sink = archive::rewrite(old, sink, contents, now)?;
        sink.finish().map_err(|error| ArchiveError::Write(io::Error::other(error)))
    };
    let rewritten = tokio::task::spawn_blocking(rewriting).await;
    let uploaded = rewritten.unwrap_or_else(|panic| Err(io::Error::other(panic).into()))?;
    status.record(|record| record.uploads.clear()).await?;
    journal.write(Entry::info(format!("Uploaded the archive again: {} bytes", uploaded.bytes)));
    Ok(uploaded.bytes)
}

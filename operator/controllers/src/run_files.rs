//! Files that a run keeps in its location and that are read or written again after its items: lists, results, the log.
//!
//! What is read was written by anybody who can write to the bucket: every size is bounded before it is believed, and what cannot be read as
//! what it has to be is an error of its own, so that nobody goes on as if it were not there.

use futures::TryStreamExt;
use lateen_core::item_operation::{self, OperationsError};
use lateen_core::results::Results;
use lateen_store::{BackupStore, Key, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::gzip::{gunzip, gzip_document};
use crate::run_log::{RunLog, RunLogError};

/// Bytes of a list or of results, unpacked: an entry for each of 100,000 volumes or messages takes some 600 bytes.
pub const LIST_LIMIT: usize = 64 << 20;

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file is not what it has to be.
    #[error("{key} cannot be read as what it has to be")]
    Unreadable {
        /// Which.
        key: Key,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be made.
    #[error("cannot make {key}")]
    Encode {
        /// Which.
        key: Key,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The log was not kept.
    #[error(transparent)]
    Log(#[from] RunLogError),
}

/// A list of operations; none: there is no such file.
pub async fn operations<O: DeserializeOwned>(
    store: &BackupStore,
    key: Key,
) -> Result<Option<Vec<O>>, RunFileError> {
    let parse = |json: &[u8]| item_operation::parse(json).map_err(OperationsError::into_io);
    read_packed(store, key, item_operation::FILE_LIMIT, parse).await
}

/// Adds to the results what came after the items, and gives back all there is then. What is there already, word for word, is not added
/// again.
pub async fn add_results(store: &BackupStore, key: Key, later: Results) -> Result<Results, RunFileError> {
    let mut results = read_packed(store, key.clone(), LIST_LIMIT, json::<Results>).await?.unwrap_or_default();
    if later != Results::default() {
        results.add(later);
        put_packed(store, key, &results).await?;
    }
    Ok(results)
}

/// Adds lines to a log: a gzipped file may be several, one behind the other.
pub async fn append_log(store: &BackupStore, key: &Key, logs: &[&RunLog]) -> Result<(), RunFileError> {
    let mut upload = store.upload(key).await?;
    match store.get(key).await {
        Ok((_, mut before)) => {
            while let Some(chunk) = before.try_next().await? {
                upload.write(chunk).await?;
            }
        }
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    for log in logs {
        log.write_to(&mut upload).await?;
    }
    upload.finish().await?;
    Ok(())
}

/// For [`read_packed`]: JSON of any shape.
pub fn json<T: DeserializeOwned>(text: &[u8]) -> std::io::Result<T> {
    Ok(serde_json::from_slice(text)?)
}

/// A gzipped file of at most `limit` bytes, packed and unpacked; none: it is not there.
pub async fn read_packed<T>(
    store: &BackupStore,
    key: Key,
    limit: usize,
    parse: impl FnOnce(&[u8]) -> std::io::Result<T>,
) -> Result<Option<T>, RunFileError> {
    let Some((_, packed)) = store.get_bounded(&key, limit as u64).await? else { return Ok(None) };
    match gunzip(&packed, limit).and_then(|text| parse(&text)) {
        Ok(read) => Ok(Some(read)),
        Err(source) => Err(RunFileError::Unreadable { key, source }),
    }
}

/// Stores a value as [`lateen_core::backup::side_files::write_document`] writes it, gzipped, over what was there.
pub async fn put_packed(store: &BackupStore, key: Key, value: &impl Serialize) -> Result<(), RunFileError> {
    match gzip_document(value) {
        Ok(packed) => store.put(&key, packed).await.map(drop).map_err(RunFileError::from),
        Err(source) => Err(RunFileError::Encode { key, source }),
    }
}

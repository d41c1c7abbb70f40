//! Reading: what exists, how large it is, its bytes.
//!
//! Large files are read in segments with a request each. A segment that fails is repeated on its own, and a consumer that is slow
//! (a restore that waits for the API server) keeps no request open and runs into no timeout. All segments are of the state of the
//! file that the first look saw, or the stream ends with an error.

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt};

use super::{BackupStore, Version};
use crate::layout::{BACKUPS, check_name};
use crate::{BackupDir, BackupFile, InvalidName, Key, StoreError};

/// How much one request reads: as much as an ordinary part of an upload.
const SEGMENT_BYTES: u64 = 8 << 20;

/// Segments that are asked for before the consumer wants them, the current one included. With one in the consumer's hands a
/// stream holds at most 3 * 8 = 24 MiB.
const SEGMENTS_AHEAD: usize = 2;

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its length in bytes.
    pub size: u64,
    /// Which state of it this is.
    pub version: Version,
}

impl Object {
    fn new(meta: ObjectMeta) -> Self {
        Self { size: meta.size, version: Version::new(meta.e_tag, meta.version) }
    }
}

/// The bytes of a file in order; after an error nothing follows.
pub type ObjectStream = BoxStream<'static, Result<Bytes, StoreError>>;

impl BackupStore {
    /// Whether there is a file at `key`.
    pub async fn exists(&self, key: &Key) -> Result<bool, StoreError> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the backup of this name has its `velero-backup.json`, without which it is none.
    pub async fn backup_exists(&self, backup: &BackupDir) -> Result<bool, StoreError> {
        self.exists(&backup.key(BackupFile::Metadata)).await
    }

    /// Size and version of a file, or [`StoreError::NotFound`].
    pub async fn head(&self, key: &Key) -> Result<Object, StoreError> {
        let path = self.locate(key).await?;
        let meta =
            self.objects().head(&path).await.map_err(|e| StoreError::new("look for", key.as_str(), &e))?;
        Ok(Object::new(meta))
    }

    /// A file of any size as a stream. A missing file is [`StoreError::NotFound`] here and not in the stream; a file that changes
    /// while it is read ends the stream with [`StoreError::Changed`].
    pub async fn get(&self, key: &Key) -> Result<(Object, ObjectStream), StoreError> {
        let object = self.head(key).await?;
        let starts = (0..object.size).step_by(SEGMENT_BYTES as usize);
        let (store, key, size, e_tag) =
            (self.clone(), key.clone(), object.size, object.version.e_tag.clone());
        let segments = stream::iter(starts)
            .map(move |start| {
                let range = start..(start + SEGMENT_BYTES).min(size);
                let (store, key, e_tag) = (store.clone(), key.clone(), e_tag.clone());
                async move { store.segment(&key, range, e_tag).await }
            })
            .buffered(SEGMENTS_AHEAD);
        // Ends after the first error, so that nobody takes what follows a gap for the file.
        let segments = segments.scan(false, |failed, segment| {
            let go_on = !*failed;
            *failed = segment.is_err();
            futures::future::ready(go_on.then_some(segment))
        });
        Ok((object, segments.boxed()))
    }

    async fn segment(
        &self,
        key: &Key,
        range: std::ops::Range<u64>,
        e_tag: Option<String>,
    ) -> Result<Bytes, StoreError> {
        let path = self.locate(key).await?;
        let expected = range.end - range.start;
        let range = Some(GetRange::Bounded(range));
        let options = GetOptions { range, if_match: e_tag.clone(), ..GetOptions::default() };
        let failed = |e: object_store::Error| StoreError::new("read", key.as_str(), &e);
        let found = self.objects().get_opts(&path, options).await.map_err(failed)?;
        // Not every server minds the condition.
        let same = found.meta.e_tag == e_tag;
        let bytes = found.bytes().await.map_err(failed)?;
        if same && bytes.len() as u64 == expected {
            Ok(bytes)
        } else {
            Err(StoreError::Changed { key: key.to_string() })
        }
    }

    /// A small file as a whole with its version, or none. More than `max` bytes are [`StoreError::TooLarge`], found out before or
    /// while reading, never after.
    pub async fn get_bounded(&self, key: &Key, max: u64) -> Result<Option<(Object, Bytes)>, StoreError> {
        let path = self.locate(key).await?;
        let failed = |e: object_store::Error| StoreError::new("read", key.as_str(), &e);
        let found = match self.objects().get_opts(&path, GetOptions::default()).await.map_err(failed) {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let too_large = || StoreError::TooLarge { key: key.to_string(), limit: max };
        let object = Object::new(found.meta.clone());
        if object.size > max {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(object.size as usize);
        let mut stream = found.into_stream();
        while let Some(chunk) = stream.try_next().await.map_err(failed)? {
            if bytes.len() as u64 + chunk.len() as u64 > max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some((object, bytes.into())))
    }

    /// The names of all backup directories, sorted. What is in them is not looked at, so a backup that is being written or was
    /// left half-deleted is among them. Directories that no Backup can be called are left out and logged.
    pub async fn list_backups(&self) -> Result<Vec<String>, StoreError> {
        let backups = Key::from_layout(BACKUPS);
        let path = self.locate(&backups).await?;
        let failed = |e: object_store::Error| StoreError::new("list", BACKUPS, &e);
        let listed = self.objects().list_with_delimiter(Some(&path)).await.map_err(failed)?;
        let mut names: Vec<String> = Vec::new();
        for directory in &listed.common_prefixes {
            let name = directory.filename().unwrap_or_default();
            match check_name(name) {
                Ok(()) => names.push(name.to_owned()),
                Err(InvalidName { name }) => {
                    tracing::warn!(
                        location = self.location(),
                        name,
                        "ignored a directory that is no backup's"
                    );
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

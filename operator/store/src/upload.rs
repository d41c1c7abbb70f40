//! Uploads of files whose length nobody knows beforehand, in parts, with bounded memory.
//!
//! Bytes are collected into parts; a full part is sent in the background while the next one fills, and [`Upload::write`] waits when
//! too many are under way. The file appears when [`Upload::finish`] succeeds, and not before; an upload that is dropped
//! is aborted as well as a drop can do it.
//!
//! Once a part failed (after the client's retries), every further call fails and the upload can only be aborted.

mod parts;
mod writer;

use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutPayloadMut};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

pub use parts::MAX_UPLOAD_BYTES;
pub use writer::UploadWriter;

use crate::{Cause, Key, StoreError, Version};

/// Parts under way while the next one fills. An upload therefore holds at most 3 parts: 24 MiB up to 15.6 GiB, and never more than
/// 3 * 256 MiB (see [`parts`]).
const PARTS_UNDER_WAY: usize = 2;

/// How long dropping an upload tries to abort it.
const DROP_TIMEOUT: Duration = Duration::from_secs(30);

/// Chunks shorter than this are copied together instead of being kept one by one.
const KEEP_BYTES: usize = 64 << 10;

/// A file that is being uploaded.
#[derive(Debug)]
pub struct Upload {
    key: Key,
    /// Gone when the upload was finished or aborted.
    target: Option<Target>,
    part: PutPayloadMut,
    parts: usize,
    written: u64,
    under_way: JoinSet<Result<(usize, Option<PartId>), StoreError>>,
    sent: Vec<(usize, PartId)>,
    failed: Option<StoreError>,
}

#[derive(Debug)]
enum Target {
    Bucket { client: AmazonS3, path: Path, id: String },
    Directory(Box<dyn MultipartUpload>),
}

/// A finished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The file's length in bytes.
    pub bytes: u64,
    /// The state that the upload gave it.
    pub version: Version,
}

impl Upload {
    pub(crate) fn to_bucket(key: Key, client: AmazonS3, path: Path, id: String) -> Self {
        Self::new(key, Target::Bucket { client, path, id })
    }

    pub(crate) fn to_directory(key: Key, staged: Box<dyn MultipartUpload>) -> Self {
        Self::new(key, Target::Directory(staged))
    }

    fn new(key: Key, target: Target) -> Self {
        Self {
            key,
            target: Some(target),
            part: PutPayloadMut::new(),
            parts: 0,
            written: 0,
            under_way: JoinSet::new(),
            sent: Vec::new(),
            failed: None,
        }
    }

    /// The key that the file will have.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The store's name for this upload, to be written down for [`crate::BackupStore::abort_upload`]; directories have none.
    pub fn id(&self) -> Option<&str> {
        match &self.target {
            Some(Target::Bucket { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next bytes; waits while too many parts are under way. Cancelling it loses at most the bytes of this call, after
    /// which the upload must not be finished.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        self.check()?;
        if self.written + bytes.len() as u64 > MAX_UPLOAD_BYTES {
            let error = StoreError::TooLarge { key: self.key.to_string(), limit: MAX_UPLOAD_BYTES };
            return Err(self.fail(error));
        }
        while !bytes.is_empty() {
            let size = parts::size(self.parts);
            let room = size - self.part.content_length();
            let chunk = bytes.split_to(room.min(bytes.len()));
            self.written += chunk.len() as u64;
            if chunk.len() < KEEP_BYTES {
                self.part.extend_from_slice(&chunk);
            } else {
                self.part.push(chunk);
            }
            if self.part.content_length() == size {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    /// Sends what is left and makes the file appear. On an error the upload is aborted.
    pub async fn finish(mut self) -> Result<Uploaded, StoreError> {
        match self.complete().await {
            Ok(version) => Ok(Uploaded { bytes: self.written, version }),
            Err(error) => {
                // The reason for giving up matters more than what goes wrong while doing so.
                let _ = self.abort().await;
                Err(error)
            }
        }
    }

    /// Gives up: removes what was sent.
    pub async fn abort(mut self) -> Result<(), StoreError> {
        self.under_way.shutdown().await;
        match self.target.take() {
            Some(target) => target.abort(&self.key).await,
            None => Ok(()),
        }
    }

    async fn complete(&mut self) -> Result<Version, StoreError> {
        self.check()?;
        if !self.part.is_empty() {
            self.send_part().await?;
        }
        while !self.under_way.is_empty() {
            self.take_sent().await?;
        }
        self.sent.sort_unstable_by_key(|(index, _)| *index);
        let ids = std::mem::take(&mut self.sent).into_iter().map(|(_, id)| id).collect();
        let done = match self.target.as_mut() {
            Some(Target::Bucket { client, path, id }) => client.complete_multipart(path, id, ids).await,
            Some(Target::Directory(staged)) => staged.complete().await,
            None => return Err(self.fail(stopped(&self.key))),
        };
        let put = done.map_err(|e| StoreError::new("finish the upload of", self.key.as_str(), &e))?;
        // From here on there is nothing to abort.
        self.target = None;
        Ok(Version::new(put.e_tag, put.version))
    }

    async fn send_part(&mut self) -> Result<(), StoreError> {
        while self.under_way.len() >= PARTS_UNDER_WAY {
            self.take_sent().await?;
        }
        let payload = std::mem::take(&mut self.part).freeze();
        let index = self.parts;
        self.parts += 1;
        let key = self.key.clone();
        let Some(target) = self.target.as_mut() else { return Err(self.fail(stopped(&key))) };
        let sending = target.send(index, payload);
        self.under_way.spawn(async move {
            let sent = sending
                .await
                .map_err(|e| StoreError::new(&format!("upload part {} of", index + 1), key.as_str(), &e))?;
            Ok((index, sent))
        });
        Ok(())
    }

    /// Waits for one part that is under way.
    async fn take_sent(&mut self) -> Result<(), StoreError> {
        let sent = match self.under_way.join_next().await {
            None => return Ok(()),
            Some(Ok(sent)) => sent,
            Some(Err(e)) => {
                let action = format!("upload {}", self.key);
                Err(StoreError::Failed { action, source: Cause::new(&e) })
            }
        };
        match sent {
            Ok((index, id)) => {
                self.sent.extend(id.map(|id| (index, id)));
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        self.failed = Some(error.clone());
        error
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(target), Ok(runtime)) = (self.target.take(), Handle::try_current()) else { return };
        let key = self.key.clone();
        let mut under_way = std::mem::take(&mut self.under_way);
        runtime.spawn(async move {
            under_way.shutdown().await;
            match tokio::time::timeout(DROP_TIMEOUT, target.abort(&key)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%key, %error, "an upload was dropped and could not be aborted");
                }
                Err(_) => tracing::warn!(%key, "an upload was dropped and not aborted in time"),
            }
        });
    }
}

impl Target {
    fn send(
        &mut self,
        index: usize,
        payload: PutPayload,
    ) -> impl Future<Output = object_store::Result<Option<PartId>>> + Send + 'static {
        enum Sending {
            Bucket(AmazonS3, Path, String, PutPayload),
            Directory(object_store::UploadPart),
        }
        let sending = match self {
            Self::Bucket { client, path, id } => {
                Sending::Bucket(client.clone(), path.clone(), id.clone(), payload)
            }
            Self::Directory(staged) => Sending::Directory(staged.put_part(payload)),
        };
        async move {
            match sending {
                Sending::Bucket(client, path, id, payload) => {
                    client.put_part(&path, &id, index, payload).await.map(Some)
                }
                Sending::Directory(part) => part.await.map(|()| None),
            }
        }
    }

    async fn abort(self, key: &Key) -> Result<(), StoreError> {
        let aborted = match self {
            Self::Bucket { client, path, id } => client.abort_multipart(&path, &id).await,
            Self::Directory(mut staged) => staged.abort().await,
        };
        match aborted {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(StoreError::new("abort the upload of", key.as_str(), &e)),
        }
    }
}

fn stopped(key: &Key) -> StoreError {
    let reason = "it was finished or aborted before".to_owned();
    StoreError::Unsupported { action: format!("go on with the upload of {key}"), reason }
}

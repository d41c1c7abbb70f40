//! Writes with a precondition: only if nobody was there before, only if nobody came in between.
//!
//! **Buckets** decide with `If-None-Match: *` and `If-Match`, in one step. When the answer to such a request is lost, repeating it
//! would meet our own write and call it somebody else's; so these requests are not repeated inside the client but here, and a
//! refusal after an attempt without an answer is settled by reading: our own bytes mean that we were it.
//! A store that says it does not know preconditions (501) gets a look first and a plain write after it, which two writers in the
//! same moment can both pass. A store that ignores the headers without saying so cannot be told from one that honours them.
//!
//! **Directories** create files in one step (a hard link that fails when the name is taken), also between processes. Replacing
//! compares and then writes; conditional writers of one process wait for each other there, those of several do not.

use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStore, PutMode, PutOptions, PutResult};
use tokio::sync::Mutex;

use super::{Backend, BackupStore, Version};
use crate::{Key, StoreError};

/// How often a write is tried when the store gives no answer: with waits of 0.5, 1, 2 and 4 s about 8 s of outage.
const ATTEMPTS: u32 = 5;

/// The first wait between attempts; each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Lets conditional writers of directories compare and write without another one in between.
static REPLACING: Mutex<()> = Mutex::const_new(());

impl BackupStore {
    /// Writes a file of up to 64 MiB where there is none, or fails with [`StoreError::AlreadyExists`] and changes nothing.
    pub async fn put_new(&self, key: &Key, content: Bytes) -> Result<Version, StoreError> {
        self.check_put(key, &content)?;
        match self.conditional(key, &content, &PutMode::Create).await {
            Err(StoreError::Failed { source, .. }) if source.says_not_implemented() => {
                if self.exists(key).await? {
                    return Err(StoreError::AlreadyExists { key: key.to_string() });
                }
                self.put(key, content).await
            }
            other => other,
        }
    }

    /// Replaces a file of up to 64 MiB that is still in the state that `version` names, or fails with [`StoreError::Changed`]
    /// (also when it is gone) and changes nothing.
    pub async fn put_if_unchanged(
        &self,
        key: &Key,
        content: Bytes,
        version: &Version,
    ) -> Result<Version, StoreError> {
        self.check_put(key, &content)?;
        match self.backend() {
            Backend::File(_) => {
                let _alone = REPLACING.lock().await;
                self.compare_and_put(key, content, version).await
            }
            // Without an entity tag there is nothing that the store could compare.
            Backend::Aws(_) if version.e_tag.is_none() => self.compare_and_put(key, content, version).await,
            Backend::Aws(_) => {
                match self.conditional(key, &content, &PutMode::Update(version.update())).await {
                    Err(StoreError::Failed { source, .. }) if source.says_not_implemented() => {
                        self.compare_and_put(key, content, version).await
                    }
                    other => other,
                }
            }
        }
    }

    async fn compare_and_put(
        &self,
        key: &Key,
        content: Bytes,
        version: &Version,
    ) -> Result<Version, StoreError> {
        match self.head(key).await {
            Ok(found) if found.version == *version => self.put(key, content).await,
            Ok(_) | Err(StoreError::NotFound { .. }) => Err(StoreError::Changed { key: key.to_string() }),
            Err(error) => Err(error),
        }
    }

    async fn conditional(&self, key: &Key, content: &Bytes, mode: &PutMode) -> Result<Version, StoreError> {
        let mut wait = FIRST_WAIT;
        let mut unanswered = false;
        for attempt in 1.. {
            match self.put_once(key, content, mode).await {
                Ok(put) => return Ok(Version::new(put.e_tag, put.version)),
                Err(taken @ (StoreError::AlreadyExists { .. } | StoreError::Changed { .. }))
                    if unanswered =>
                {
                    return self.was_it_us(key, content).await?.ok_or(taken);
                }
                Err(StoreError::Failed { source, .. })
                    if attempt < ATTEMPTS && !source.says_not_implemented() =>
                {
                    tracing::debug!(location = self.location(), %key, %source, "a write had no answer, trying again");
                    unanswered = true;
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn put_once(&self, key: &Key, content: &Bytes, mode: &PutMode) -> Result<PutResult, StoreError> {
        let path = self.locate(key).await?;
        let options = PutOptions { mode: mode.clone(), tags: self.tags(), ..PutOptions::default() };
        let payload = content.clone().into();
        let put = match self.backend() {
            Backend::Aws(aws) => aws.conditional.put_opts(&path, payload, options).await,
            Backend::File(file) => file.files.put_opts(&path, payload, options).await,
        };
        put.map_err(|e| StoreError::new("write", key.as_str(), &e))
    }

    /// Whether the file has our bytes, after an attempt without an answer.
    async fn was_it_us(&self, key: &Key, content: &Bytes) -> Result<Option<Version>, StoreError> {
        match self.get_bounded(key, content.len() as u64).await {
            Ok(Some((found, bytes))) if bytes == *content => Ok(Some(found.version)),
            Ok(_) | Err(StoreError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

//! Deleting, one file or a whole directory. What is gone already counts as deleted.

use futures::StreamExt;
use object_store::ObjectStoreExt;

use super::{Backend, BackupStore};
use crate::{Cause, Key, StoreError};

/// How many deletions of one directory run at a time.
const AT_A_TIME: usize = 8;

/// How many failures an error tells in full.
const EXAMPLES: usize = 3;

impl BackupStore {
    /// Deletes one file.
    pub async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.writable(key)?;
        let path = self.locate(key).await?;
        match self.objects().delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(StoreError::new("delete", key.as_str(), &e)),
        }
    }

    /// Deletes every file below a directory such as [`crate::BackupDir::prefix`]; in a directory location also the
    /// unfinished ones and the directory. Returns how many files there were.
    ///
    /// Goes on after failures and then fails with [`StoreError::Incomplete`]; calling it again does the rest.
    pub async fn delete_prefix(&self, prefix: &Key) -> Result<usize, StoreError> {
        self.writable(prefix)?;
        let path = self.locate(prefix).await?;
        let mut all = 0;
        let mut failures: Vec<String> = Vec::new();
        let mut failed = 0;
        {
            let deletions = self.objects().list(Some(&path)).map(|listed| async move {
                let found = listed.map_err(|e| StoreError::new("list", prefix.as_str(), &e))?;
                match self.key_of(&found.location) {
                    Some(key) => self.delete(&key).await,
                    None => Err(StoreError::Failed {
                        action: format!("delete {}", found.location),
                        source: Cause::text("its name cannot be a key of this location"),
                    }),
                }
            });
            let mut deletions = std::pin::pin!(deletions.buffer_unordered(AT_A_TIME));
            while let Some(deleted) = deletions.next().await {
                all += 1;
                if let Err(error) = deleted {
                    failed += 1;
                    if failures.len() < EXAMPLES {
                        failures.push(Cause::new(&error).to_string());
                    }
                }
            }
        }
        if failed > 0 {
            let action = format!("delete everything below {prefix}");
            return Err(StoreError::Incomplete { action, failed, all, examples: failures.join("; ") });
        }
        if let Backend::File(file) = self.backend() {
            file.clear_unfinished(&path, None).await?;
        }
        Ok(all)
    }
}

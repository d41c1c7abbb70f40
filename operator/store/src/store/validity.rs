//! Whether a location can be used: it can be listed, and nothing but a backup store is in it.

use std::time::Duration;

use super::BackupStore;
use crate::StoreError;
use crate::layout::FIRST_LEVEL;

/// How long the check may take, retries included. It runs once a minute for every location, and an endpoint that does not answer
/// must not keep the others waiting.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many foreign directories an error names.
const NAMED: usize = 3;

impl BackupStore {
    /// Lists the first level. An empty location is fine, and files at that level are ignored; a directory that is not part of
    /// the layout is [`StoreError::ForeignDirectories`]. Never writes.
    pub async fn validate(&self) -> Result<(), StoreError> {
        let action = format!("list location {}", self.location());
        match tokio::time::timeout(TIMEOUT, self.first_level()).await {
            Ok(listed) => only_ours(&listed?),
            Err(_) => Err(StoreError::TimedOut { action, seconds: TIMEOUT.as_secs() }),
        }
    }

    async fn first_level(&self) -> Result<Vec<String>, StoreError> {
        let prefix = &self.inner.prefix;
        let listed = self.objects().list_with_delimiter((!prefix.is_root()).then_some(prefix)).await;
        let listed = listed.map_err(|e| match StoreError::new("list location", self.location(), &e) {
            // Nothing to list is no error; what is missing is the bucket.
            StoreError::NotFound { .. } => StoreError::Failed {
                action: format!("list location {}", self.location()),
                source: crate::Cause::new(&e),
            },
            other => other,
        })?;
        Ok(listed.common_prefixes.iter().map(|path| path.filename().unwrap_or_default().to_owned()).collect())
    }
}

fn only_ours(directories: &[String]) -> Result<(), StoreError> {
    let foreign: Vec<&str> =
        directories.iter().map(String::as_str).filter(|name| !FIRST_LEVEL.contains(name)).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let mut names = foreign
        .iter()
        .take(NAMED)
        .map(|name| name.chars().take(80).collect())
        .collect::<Vec<String>>()
        .join(", ");
    if foreign.len() > NAMED {
        names = format!("{names} and {} more", foreign.len() - NAMED);
    }
    Err(StoreError::ForeignDirectories { names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_directories_are_named_but_not_all() {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(only_ours(&owned(&FIRST_LEVEL)).is_ok());
        let message = only_ours(&owned(&["a", "backups", "b", "c", "d", "e"])).unwrap_err().to_string();
        assert!(message.contains("a, b, c and 2 more"), "{message}");
    }
}

//! The place where an installation keeps its backups, seen from the side of its disk.
//!
//! Both stores end in a directory of this machine, where one file is one object. Reading and changing it there is what a person with
//! access to the bucket, a broken disk or an attacker does; the server is not asked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::archive::{Entry, entries};

/// The objects below one prefix.
#[derive(Clone, Debug)]
pub struct Bucket {
    directory: PathBuf,
}

impl Bucket {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory on disk.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All keys, sorted, without the prefix: `backups/x/velero-backup.json`.
    pub fn keys(&self) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut folders = vec![self.directory.clone()];
        while let Some(folder) = folders.pop() {
            if !folder.exists() {
                continue;
            }
            for entry in fs::read_dir(&folder).with_context(|| format!("look into {}", folder.display()))? {
                let path = entry.with_context(|| format!("look into {}", folder.display()))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(key) = path.strip_prefix(&self.directory) {
                    keys.push(key.display().to_string());
                }
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// The keys of one backup's files.
    pub fn keys_of(&self, backup: &str) -> Result<Vec<String>> {
        let prefix = format!("backups/{backup}/");
        Ok(self.keys()?.into_iter().filter(|key| key.starts_with(&prefix)).collect())
    }

    /// The bytes of an object.
    pub fn read(&self, key: &str) -> Result<Vec<u8>> {
        fs::read(self.directory.join(key)).with_context(|| format!("read {key} in the bucket"))
    }

    /// Writes an object, over one that is there.
    pub fn write(&self, key: &str, content: &[u8]) -> Result<()> {
        let path = self.directory.join(key);
        let folder = path.parent().unwrap_or(&self.directory);
        fs::create_dir_all(folder).with_context(|| format!("make a folder for {key} in the bucket"))?;
        fs::write(path, content).with_context(|| format!("write {key} in the bucket"))
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) -> Result<()> {
        fs::remove_file(self.directory.join(key)).with_context(|| format!("remove {key} from the bucket"))
    }

    /// The key of a backup's archive.
    pub fn archive_key(backup: &str) -> String {
        format!("backups/{backup}/{backup}.tar.gz")
    }

    /// The entries of a backup's archive.
    pub fn archive(&self, backup: &str) -> Result<Vec<Entry>> {
        entries(&self.read(&Self::archive_key(backup))?)
    }
}

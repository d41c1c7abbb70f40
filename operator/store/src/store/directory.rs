//! What a directory needs and a bucket does not: a look at symbolic links, and clearing of files that nobody finished.
//!
//! The object store writes a file under another name beside its place (`name#1`) and renames it when it is complete. A process
//! that is killed leaves such files; listings never show them.

use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};

use object_store::path::Path;

use crate::layout::is_staged;
use crate::location::file::FileLocation;
use crate::{Cause, StoreError};

/// Directories that are entered below one prefix when unfinished files are looked for: a backup has none, a few are generous.
const MAX_DEPTH: usize = 4;

impl FileLocation {
    /// Makes sure that a path, as far as it exists, lies below the location's directory when links are followed.
    ///
    /// Assumes that nobody exchanges directories for links while Lateen works in them: whoever can do that has the files anyway.
    pub(super) async fn stays_inside(&self, path: &Path) -> Result<(), StoreError> {
        let root = self.root.clone();
        let wanted = self.on_disk(path);
        let shown = path.to_string();
        blocking("look at", &shown, move || {
            let mut existing = wanted.as_path();
            let found = loop {
                match existing.canonicalize() {
                    Ok(found) => break found,
                    Err(e) if e.kind() == ErrorKind::NotFound && !existing.is_symlink() => {
                        match existing.parent() {
                            Some(parent) => existing = parent,
                            None => return Err(e),
                        }
                    }
                    Err(e) => return Err(e),
                }
            };
            if found.starts_with(&root) {
                return Ok(());
            }
            Err(std::io::Error::other("a symbolic link leads out of the location's directory"))
        })
        .await
    }

    /// Removes unfinished files whose final name satisfies `belongs`, from the directory at `path` downwards. Returns how many.
    pub(super) async fn clear_unfinished(
        &self,
        path: &Path,
        only: Option<&str>,
    ) -> Result<usize, StoreError> {
        let directory = self.on_disk(path);
        let only = only.map(str::to_owned);
        let shown = path.to_string();
        blocking("clear unfinished files of", &shown, move || clear(&directory, only.as_deref(), MAX_DEPTH))
            .await
    }

    fn on_disk(&self, path: &Path) -> PathBuf {
        path.parts().fold(self.root.clone(), |directory, part| directory.join(part.as_ref()))
    }
}

fn clear(directory: &FilePath, only: Option<&str>, depth: usize) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(directory) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut cleared = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        // The type of the entry itself, so that links are not followed.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 && only.is_none() {
            cleared += clear(&entry.path(), only, depth - 1)?;
        } else if kind.is_file()
            && is_staged(name)
            && only.is_none_or(|o| name.split_once('#').is_some_and(|(n, _)| n == o))
        {
            match std::fs::remove_file(entry.path()) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => cleared += 1,
            }
        }
    }
    // Goes only when it is empty, which is what is wanted.
    let _ = std::fs::remove_dir(directory);
    Ok(cleared)
}

/// Runs a short piece of file system work where it does not hold up the runtime.
async fn blocking<T: Send + 'static>(
    action: &str,
    path: &str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let failed = |e: &dyn std::error::Error| StoreError::Failed {
        action: format!("{action} {path}"),
        source: Cause::new(e),
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|e| failed(&e)),
        Err(e) => Err(failed(&e)),
    }
}

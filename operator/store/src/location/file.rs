//! Locations of provider `file`: a directory of the server's own file system.
//!
//! All of them lie below one root that the server was started with, so that whoever may create a location cannot point it at
//! the rest of the machine. Config keys: `path`, a directory below that root (relative, or absolute and inside it; default: the
//! root itself). The bucket is a directory in it and is created when it is missing; `path` is not, because it usually is a mount
//! and a missing mount must not be mistaken for an empty one.

use std::path::{Component, Path as FilePath, PathBuf};

use object_store::local::LocalFileSystem;

use crate::location::{Downloads, LocationConfig, StoreEnvironment, invalid, known_config, parse_bucket};
use crate::{Cause, ConfigError};

/// What a `file` location consists of.
#[derive(Debug)]
pub(crate) struct FileLocation {
    /// Reads and writes files, atomically and with fsync.
    pub(crate) files: LocalFileSystem,
    /// The bucket's directory, without symbolic links.
    pub(crate) root: PathBuf,
    /// For signed URLs.
    pub(crate) downloads: Option<Downloads>,
}

/// Finds, checks and if need be creates the directory of a location.
pub(crate) fn open(
    location: &LocationConfig,
    environment: &StoreEnvironment,
) -> Result<FileLocation, ConfigError> {
    let config = known_config("file", &location.config, &["path"])?;
    let bucket = parse_bucket(&location.bucket)?;
    if location.credentials.is_some() {
        return Err(ConfigError::Credentials("a file location takes none".to_owned()));
    }
    let Some(file_root) = &environment.file_root else {
        let why = "this server was started without a directory for file locations";
        return Err(ConfigError::Directory(why.to_owned()));
    };
    let file_root = canonical(file_root)?;
    let base = match config.get("path") {
        Some(path) => below(&file_root, path)?,
        None => file_root.clone(),
    };
    let root = base.join(bucket);
    if !root.exists() {
        if location.read_only {
            return Err(ConfigError::Directory(format!("{} does not exist", root.display())));
        }
        std::fs::create_dir(&root).map_err(|e| unusable(&root, &e))?;
    }
    let root = canonical(&root)?;
    if !root.starts_with(&file_root) {
        return Err(ConfigError::Directory(format!(
            "{} leads outside {}",
            root.display(),
            file_root.display()
        )));
    }
    let files = LocalFileSystem::new_with_prefix(&root).map_err(|e| ConfigError::Client(Cause::new(&e)))?;
    let files = files.with_fsync(true).with_automatic_cleanup(true);
    Ok(FileLocation { files, root, downloads: environment.downloads.clone() })
}

/// The existing directory that `path` names inside `root`.
fn below(root: &FilePath, path: &str) -> Result<PathBuf, ConfigError> {
    let wanted = FilePath::new(path);
    if wanted.components().any(|part| matches!(part, Component::ParentDir)) {
        return Err(invalid("path", path, "a path without '..'"));
    }
    // Joining an absolute path replaces the root; the check below decides about it.
    let found = canonical(&root.join(wanted))?;
    if found.starts_with(root) {
        Ok(found)
    } else {
        Err(ConfigError::Directory(format!("{path} is not inside {}", root.display())))
    }
}

fn canonical(path: &FilePath) -> Result<PathBuf, ConfigError> {
    let found = path.canonicalize().map_err(|e| unusable(path, &e))?;
    if found.is_dir() {
        Ok(found)
    } else {
        Err(ConfigError::Directory(format!("{} is not a directory", path.display())))
    }
}

fn unusable(path: &FilePath, error: &std::io::Error) -> ConfigError {
    ConfigError::Directory(format!("{}: {error}", path.display()))
}

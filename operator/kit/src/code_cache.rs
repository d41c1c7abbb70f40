//! What components compile to, kept from one command to the next: the second `run` need not wait for the compiler.
//!
//! The cache lies below the user's own cache folder with its key, which nobody else may read: whoever has the key and can write to the folder can
//! run code as the user. Where that cannot be had there is no cache, and nothing is said about it: it costs seconds, never a result.

use std::{
    env,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use lateen_actions::compile::{CacheKey, CacheOptions, CompileOptions};

/// Below the user's cache folder.
const FOLDER: &str = "lateen/components";

/// In there.
const KEY: &str = "key";

/// Rights of others, none of which the key may give.
const OTHERS: u32 = 0o077;

/// Compiling in this process, whose components are the author's own, with a cache where one can be had.
pub fn options(folder: Option<&Path>) -> CompileOptions {
    let folder = folder.map(Path::to_owned).or_else(usual);
    let cache = folder.and_then(|folder| {
        let key = key(&folder).ok()?;
        Some(CacheOptions::new(folder, key))
    });
    CompileOptions { cache, ..CompileOptions::default() }
}

/// `$XDG_CACHE_HOME/lateen/components`, or that in `~/.cache`. A relative path means nothing there, by the specification.
fn usual() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join(FOLDER))
}

/// The key in a folder; both are made where there is none.
fn key(folder: &Path) -> io::Result<CacheKey> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(KEY);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let mut fresh = [0; CacheKey::LENGTH];
            getrandom::fill(&mut fresh).map_err(|error| io::Error::other(error.to_string()))?;
            file.write_all(&fresh)?;
            Ok(CacheKey::from(fresh))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(error),
    }
}

/// One that another command is just making is too short, and this one does without.
fn read(path: &Path) -> io::Result<CacheKey> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    let home = fs::metadata(path.parent().unwrap_or(path))?;
    if metadata.mode() & OTHERS != 0 || metadata.uid() != home.uid() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "others can read or have made the key"));
    }
    let mut bytes = Vec::new();
    file.take(CacheKey::LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    CacheKey::try_from(&bytes[..]).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_the_users_own() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/b");
        assert!(options(Some(&folder)).cache.is_some());
        let path = folder.join(KEY);
        let first = fs::read(&path).unwrap();
        assert_eq!(first.len(), CacheKey::LENGTH);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(options(Some(&folder)).cache.is_some());
        assert_eq!(fs::read(&path).unwrap(), first);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(options(Some(&folder)).cache.is_none(), "others can read it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(options(Some(&folder)).cache.is_none());
    }
}

//! What lies in the folder of a cache, and what of it goes. Only files with our names are touched; nothing here fails, it is told in the log.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Extension of entries.
pub(super) const EXTENSION: &str = "cwasm";

/// What the names of files begin with that are being written.
pub(super) const INCOMING: &str = "incoming-";

/// Who writes is ready within seconds; what is older is what a server left that ended in between.
const INCOMING_AGE: Duration = Duration::from_hours(1);

/// A file of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

/// Removes entries of engines that are not ours, whose names end otherwise, and what never got its name.
pub(super) fn remove_foreign(folder: &Path, suffix: &str) {
    let now = SystemTime::now();
    for file in list(folder) {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let foreign = if name.starts_with(INCOMING) {
            now.duration_since(file.used).is_ok_and(|age| age > INCOMING_AGE)
        } else {
            !name.ends_with(suffix)
        };
        if foreign {
            remove(&file.path);
        }
    }
}

/// Removes the entries that were not used for longest, until the others fit.
pub(super) fn remove_oldest(folder: &Path, capacity: u64) {
    for file in surplus(list(folder), capacity) {
        tracing::debug!(file = %file.display(), "compiled component removed, the cache is full");
        remove(&file);
    }
}

/// Removes whatever lies there.
pub(super) fn remove(path: &Path) {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "cannot remove from the cache of item actions");
        }
        _ => {}
    }
}

/// Which files have to go, the oldest first.
fn surplus(mut files: Vec<Kept>, capacity: u64) -> Vec<PathBuf> {
    files.sort_by_key(|file| std::cmp::Reverse(file.used));
    let mut total = 0_u64;
    let over = files.iter().position(|file| {
        total = total.saturating_add(file.size);
        total > capacity
    });
    files.drain(over.unwrap_or(files.len())..).rev().map(|file| file.path).collect()
}

fn list(folder: &Path) -> Vec<Kept> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "cannot list the cache of item actions");
            return Vec::new();
        }
    };
    let kept = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let ours = path.extension().is_some_and(|extension| extension == EXTENSION)
            || entry.file_name().to_string_lossy().starts_with(INCOMING);
        let metadata = entry.metadata().ok().filter(|_| ours)?;
        Some(Kept { path, size: metadata.len(), used: metadata.modified().ok()? })
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, size: u64, used: u64) -> Kept {
        Kept { path: name.into(), size, used: SystemTime::UNIX_EPOCH + Duration::from_secs(used) }
    }

    #[test]
    fn the_oldest_go_first() {
        let files = vec![kept("old", 40, 1), kept("new", 50, 3), kept("middle", 30, 2), kept("oldest", 1, 0)];
        let gone = |capacity| surplus(files.clone(), capacity);
        assert!(gone(121).is_empty());
        assert_eq!(gone(120), [PathBuf::from("oldest")]);
        assert_eq!(gone(80), [PathBuf::from("oldest"), PathBuf::from("old")]);
        assert_eq!(gone(0).len(), 4);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * INCOMING_AGE;
        for (name, modified) in [
            ("a-1.cwasm", old),
            ("b-2.cwasm", old),
            ("incoming-fresh", SystemTime::now()),
            ("incoming-stale", old),
            ("README", old),
        ] {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(modified).unwrap();
        }
        remove_foreign(folder.path(), "-1.cwasm");
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["README", "a-1.cwasm", "incoming-fresh"]);
    }
}

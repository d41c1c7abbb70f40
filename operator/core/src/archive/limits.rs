//! What one archive may ask of whoever reads it, counted entry by entry before anything of an entry is believed.

use crate::archive::path::{self, Entry, UnsafePath};

/// What one archive may ask of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries of any type.
    pub entries: u64,
    /// Bytes of one item.
    pub item_bytes: u64,
    /// Bytes of all kept items together: the size of the spool file.
    pub spool_bytes: u64,
    /// Bytes of all entries together, kept or not.
    pub archive_bytes: u64,
    /// Bytes of a path.
    pub path_bytes: usize,
}

impl Default for Limits {
    /// Two entries for each of a million items; an item of 16 MiB is ten times what etcd stores; 64 GiB are a million items of 64 KiB,
    /// and an archive holds each of them twice.
    fn default() -> Self {
        Self {
            entries: 2_000_000,
            item_bytes: 16 << 20,
            spool_bytes: 64 << 30,
            archive_bytes: 160 << 30,
            path_bytes: 4096,
        }
    }
}

/// Why an archive is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// A path leads out of the archive.
    #[error(transparent)]
    UnsafePath(#[from] UnsafePath),
    /// A path is longer than any that a backup writes.
    #[error("an archive path of {bytes} bytes is longer than the limit of {limit}")]
    LongPath {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More entries than the limit.
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// One item is larger than the limit.
    #[error("item {path:?} has {bytes} bytes, more than the limit of {limit}")]
    LargeItem {
        /// Its path.
        path: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// All items, or all entries, together are larger than the limit.
    #[error("the archive holds more than {limit} bytes")]
    LargeArchive {
        /// The limit.
        limit: u64,
    },
}

/// Counts what an archive has asked for so far.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    entries: u64,
    bytes: u64,
}

impl Meter {
    /// Begins an archive.
    pub fn new(limits: Limits) -> Self {
        Self { limits, entries: 0, bytes: 0 }
    }

    /// Counts the next entry by its header and says what its path stands for. An error refuses the archive.
    pub fn entry(&mut self, path: &[u8], size: u64) -> Result<Entry, ArchiveError> {
        let Limits { entries, archive_bytes, path_bytes, .. } = self.limits;
        self.entries += 1;
        if self.entries > entries {
            return Err(ArchiveError::TooManyEntries { limit: entries });
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > archive_bytes {
            return Err(ArchiveError::LargeArchive { limit: archive_bytes });
        }
        if path.len() > path_bytes {
            return Err(ArchiveError::LongPath { bytes: path.len(), limit: path_bytes });
        }
        // Bytes that are no text are replaced for the check and for messages only: no object has such a name.
        Ok(path::parse(&String::from_utf8_lossy(path))?)
    }
}

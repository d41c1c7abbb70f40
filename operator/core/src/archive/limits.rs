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
    /// Bytes of memory for the index: names, with what it takes to keep them.
    pub index_bytes: u64,
    /// How many times its packed size an archive may have, once it is larger than [`Limits::ratio_from`].
    pub ratio: u64,
    /// Bytes of an archive from which on its ratio counts.
    pub ratio_from: u64,
}

impl Default for Limits {
    /// Two entries for each of a million items; an item of 16 MiB is ten times what etcd stores; 64 GiB are a million items of 64 KiB,
    /// and an archive holds each of them twice. 512 MiB of index are a million items with the longest names that there are (253 bytes
    /// and 16 for the place), in two versions.
    ///
    /// Objects of one kind that differ in names and numbers only pack 46 to 1 and, with the second copy of each, 63 to 1 (measured with
    /// ConfigMaps of 600 bytes); 300 is five times that, and gzip itself comes to 1032. Up to 2 GiB the ratio is nobody's business: some
    /// objects full of zeros do no harm.
    fn default() -> Self {
        Self {
            entries: 2_000_000,
            item_bytes: 16 << 20,
            spool_bytes: 64 << 30,
            archive_bytes: 160 << 30,
            path_bytes: 4096,
            index_bytes: 512 << 20,
            ratio: 300,
            ratio_from: 2 << 30,
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
    #[error("archive path {start:?}... has {bytes} bytes, more than the limit of {limit}")]
    LongPath {
        /// How it begins.
        start: String,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More entries than the limit.
    #[error("the archive has more than {limit} entries, {path:?} is one too many")]
    TooManyEntries {
        /// The one too many.
        path: String,
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
    #[error("the archive holds more than {limit} bytes, the limit is reached at {path:?}")]
    LargeArchive {
        /// The entry that goes over the limit.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// The names of all items together are more than one can keep in memory.
    #[error(
        "the names in the archive need more than {limit} bytes of memory, the limit is reached at {path:?}"
    )]
    LargeIndex {
        /// The entry that goes over the limit.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// It unpacks to far more than any backup does.
    #[error(
        "{packed} bytes of the archive unpack to {unpacked}, more than the {ratio} times that objects can come to"
    )]
    Bomb {
        /// Bytes that were read.
        packed: u64,
        /// What they came to.
        unpacked: u64,
        /// How many times as much is allowed.
        ratio: u64,
    },
    /// It unpacks to more than the limit, whatever its entries say.
    #[error("the archive unpacks to more than {limit} bytes")]
    Endless {
        /// The limit.
        limit: u64,
    },
}

impl Limits {
    /// Whether so many bytes may have come out of so many. What lies between entries counts too.
    pub fn check_unpacked(&self, packed: u64, unpacked: u64) -> Result<(), ArchiveError> {
        // Headers, attributes and padding: three blocks of 512 bytes an entry are plenty.
        let all = self.archive_bytes.saturating_add(self.entries.saturating_mul(3 * 512));
        if unpacked > all {
            return Err(ArchiveError::Endless { limit: all });
        }
        let Self { ratio, ratio_from, .. } = *self;
        if unpacked > ratio_from && unpacked / ratio.max(1) > packed {
            return Err(ArchiveError::Bomb { packed, unpacked, ratio });
        }
        Ok(())
    }
}

/// How much of a path a message shows: enough to find it.
const SHOWN: usize = 200;

/// A path for a message: text, and not endless.
pub(super) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(&path[..path.len().min(SHOWN)]).into_owned()
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
            return Err(ArchiveError::TooManyEntries { path: shown(path), limit: entries });
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > archive_bytes {
            return Err(ArchiveError::LargeArchive { path: shown(path), limit: archive_bytes });
        }
        if path.len() > path_bytes {
            let bytes = path.len();
            return Err(ArchiveError::LongPath { start: shown(path), bytes, limit: path_bytes });
        }
        // Bytes that are no text are replaced for the check and for messages only: no object has such a name.
        Ok(path::parse(&String::from_utf8_lossy(path))?)
    }
}

//! How much an archive holds while it waits for its turn or for the store.

/// What one archive may hold. In memory that is, with the defaults, 4 + 8 + 4 = 16 MiB, and what the compressors hold ([`super::gzip`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Bytes of items from the sweep whose turn it is, while the store is behind. One item larger than this passes alone.
    pub in_line: usize,
    /// Bytes in memory of what workers have filled in. More goes to a file.
    pub early_memory: usize,
    /// Bytes of the file of what came early, above which the sweep waits until the file has run empty. What the workers have in their
    /// hands then still comes on top.
    pub early_file: u64,
    /// Bytes in memory of related objects that stand nowhere yet. More goes to a file.
    pub related_memory: usize,
    /// Bytes of the file of related objects, above which those that stand nowhere are written without waiting for the end.
    pub related_file: u64,
}

impl Default for ArchiveLimits {
    /// 4 MiB are a tenth of a second of compressing; 8 MiB are what 2,700 items of 3 KB take up; 1 GiB are 350,000 such items, which the
    /// sweep passes while one hook takes a minute; 256 MiB are 87,000 related objects that nobody lists.
    fn default() -> Self {
        Self {
            in_line: 4 << 20,
            early_memory: 8 << 20,
            early_file: 1 << 30,
            related_memory: 4 << 20,
            related_file: 256 << 20,
        }
    }
}

//! Items that wait: in memory up to a cap, then one behind the other in a file without a name.
//!
//! The file only grows at its end, and begins at the front again when nothing in it is waited for any more. What is taken out gives its
//! room back when it is dropped, on whatever thread that is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::ArchiveItem;

/// What is read or written at once. One item can be larger, of what etcd stores by 1.5 MiB.
const BUFFER_BYTES: usize = 256 << 10;

/// Items that follow each other in the archive.
#[derive(Debug)]
pub(super) enum Run {
    /// From the sweep, in turn. The permits keep their room in the line; a run of the same page may have a share in them.
    InLine(Vec<ArchiveItem>, #[allow(dead_code)] Arc<OwnedSemaphorePermit>),
    /// Kept in memory.
    Memory(Vec<ArchiveItem>, #[allow(dead_code)] MemoryHold),
    /// Kept in the file.
    File(Extent),
}

impl Run {
    /// Calls `take` with each item. The error is one of reading, or that of `take`.
    pub(super) fn each<E: From<SpoolError>>(
        self,
        mut take: impl FnMut(ArchiveItem) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::InLine(items, _) | Self::Memory(items, _) => items.into_iter().try_for_each(take),
            Self::File(extent) => {
                let mut records = extent.records();
                while let Some(item) = read_record(&mut records).map_err(SpoolError)? {
                    take(item)?;
                }
                Ok(())
            }
        }
    }

    /// Lengthens a run in the file by one that follows it there; gives back what does not follow.
    pub(super) fn join(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::File(first), Self::File(next)) => first.join(next).map(Self::File),
            (_, other) => Some(other),
        }
    }
}

/// The file cannot be written or read.
#[derive(Debug)]
pub(super) struct SpoolError(pub(super) io::Error);

/// How full a spool's file is. Seen from all sides.
#[derive(Debug)]
pub(super) struct Usage {
    waiting: AtomicU64,
    end: AtomicU64,
    cap: u64,
    emptied: Arc<Notify>,
}

impl Usage {
    /// Tells `emptied` whenever nothing in the file is waited for any more.
    pub(super) fn new(cap: u64, emptied: Arc<Notify>) -> Self {
        Self { waiting: AtomicU64::new(0), end: AtomicU64::new(0), cap, emptied }
    }

    /// Whether the file is larger than its cap, and will not begin anew with the next run.
    pub(super) fn is_over(&self) -> bool {
        self.end.load(Ordering::SeqCst) > self.cap && self.waiting.load(Ordering::SeqCst) > 0
    }

    fn release(&self, bytes: u64) {
        if self.waiting.fetch_sub(bytes, Ordering::SeqCst) == bytes {
            self.emptied.notify_waiters();
        }
    }
}

/// Takes in items that have to wait.
#[derive(Debug)]
pub(super) struct Spool {
    memory: Arc<AtomicUsize>,
    memory_cap: usize,
    scratch: PathBuf,
    file: Option<Arc<File>>,
    usage: Arc<Usage>,
}

impl Spool {
    /// A spool whose file, if one becomes necessary, is in `scratch`.
    pub(super) fn new(memory_cap: usize, scratch: PathBuf, usage: Arc<Usage>) -> Self {
        Self { memory: Arc::default(), memory_cap, scratch, file: None, usage }
    }

    /// Keeps items until the run is used.
    pub(super) fn put(&mut self, items: Vec<ArchiveItem>) -> Result<Run, SpoolError> {
        let bytes = items.iter().map(ArchiveItem::size).sum();
        if self.memory.load(Ordering::SeqCst).saturating_add(bytes) <= self.memory_cap {
            let hold = MemoryHold::new(&self.memory, bytes);
            return Ok(Run::Memory(items.into_iter().map(detached).collect(), hold));
        }
        self.write(&items).map(Run::File).map_err(SpoolError)
    }

    fn write(&mut self, items: &[ArchiveItem]) -> io::Result<Extent> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(tempfile::tempfile_in(&self.scratch)?))),
        };
        let usage = Arc::clone(&self.usage);
        if usage.waiting.load(Ordering::SeqCst) == 0 && usage.end.load(Ordering::SeqCst) > 0 {
            file.set_len(0)?;
            usage.end.store(0, Ordering::SeqCst);
        }
        let offset = usage.end.load(Ordering::SeqCst);
        let mut end = offset;
        let mut buffer = Vec::new();
        for (index, item) in items.iter().enumerate() {
            write_record(&mut buffer, item)?;
            if buffer.len() >= BUFFER_BYTES || index + 1 == items.len() {
                file.write_all_at(&buffer, end)?;
                end += buffer.len() as u64;
                buffer.clear();
            }
        }
        usage.waiting.fetch_add(end - offset, Ordering::SeqCst);
        usage.end.store(end, Ordering::SeqCst);
        Ok(Extent { file, usage, offset, bytes: end - offset })
    }

    /// Whether the file is above its cap.
    pub(super) fn is_over(&self) -> bool {
        self.usage.is_over()
    }
}

/// An item that keeps nothing alive but itself: its content may be a slice of a page of hundreds.
fn detached(item: ArchiveItem) -> ArchiveItem {
    ArchiveItem { content: Bytes::copy_from_slice(&item.content), ..item }
}

/// Bytes of memory that are counted until this is dropped.
#[derive(Debug)]
pub(super) struct MemoryHold {
    memory: Arc<AtomicUsize>,
    bytes: usize,
}

impl MemoryHold {
    fn new(memory: &Arc<AtomicUsize>, bytes: usize) -> Self {
        memory.fetch_add(bytes, Ordering::SeqCst);
        Self { memory: Arc::clone(memory), bytes }
    }
}

impl Drop for MemoryHold {
    fn drop(&mut self) {
        self.memory.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// Part of the file, which is waited for until this is dropped.
#[derive(Debug)]
pub(super) struct Extent {
    file: Arc<File>,
    usage: Arc<Usage>,
    offset: u64,
    bytes: u64,
}

impl Extent {
    fn records(&self) -> impl BufRead {
        let from = ReadFrom { file: Arc::clone(&self.file), offset: self.offset };
        BufReader::with_capacity(BUFFER_BYTES, from.take(self.bytes))
    }

    fn join(&mut self, mut next: Self) -> Option<Self> {
        if self.offset + self.bytes != next.offset || !Arc::ptr_eq(&self.file, &next.file) {
            return Some(next);
        }
        self.bytes += std::mem::take(&mut next.bytes);
        None
    }
}

impl Drop for Extent {
    fn drop(&mut self) {
        // Nothing is left in one that was joined to another.
        if self.bytes > 0 {
            self.usage.release(self.bytes);
        }
    }
}

struct ReadFrom {
    file: Arc<File>,
    offset: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// A record: a line of JSON with the paths and the length of the content, then the content.
fn write_record(buffer: &mut Vec<u8>, item: &ArchiveItem) -> io::Result<()> {
    serde_json::to_writer(&mut *buffer, &(&item.paths, item.content.len()))?;
    buffer.push(b'\n');
    buffer.extend_from_slice(&item.content);
    Ok(())
}

fn read_record(records: &mut impl BufRead) -> io::Result<Option<ArchiveItem>> {
    let mut line = Vec::new();
    if records.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let (paths, bytes): (Vec<String>, usize) = serde_json::from_slice(&line)?;
    let mut content = vec![0; bytes];
    records.read_exact(&mut content)?;
    Ok(Some(ArchiveItem { paths, content: content.into() }))
}

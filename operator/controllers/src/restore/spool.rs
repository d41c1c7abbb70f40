//! The archive on its way in: read once as a stream, its items put one behind the other into a file without a name, indexed by where
//! they are.
//!
//! Reading and unpacking run on a thread of their own behind a bounded channel. Everything that an archive can say is bounded before it
//! is believed: sizes by [`Limits`], names by what a path may be.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use lateen_core::archive::index::{ArchiveIndex, IndexBuilder, Location, Verdict, Versions};
use lateen_core::archive::limits::{ArchiveError, Limits};
use lateen_core::selector::Selection;
use lateen_store::{BackupStore, Key, ObjectStream, StoreError};
use tokio::sync::mpsc;

use crate::archive_entries::{EntriesError, each_entry};

/// Chunks between the store and the reader. The store hands out segments of 8 MiB, so 32 MiB at most.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Why there are no items.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    /// The archive cannot be read from its location.
    #[error("error downloading backup")]
    Store(#[from] StoreError),
    /// The scratch directory cannot be written to.
    #[error("cannot keep the items of the backup in the scratch directory")]
    Scratch(#[source] io::Error),
    /// It is no archive, or not a whole one.
    #[error("the backup's archive cannot be read")]
    Unreadable(#[source] io::Error),
    /// It is refused for what it holds.
    #[error("the backup's archive is refused")]
    Refused(#[from] ArchiveError),
}

impl SpoolError {
    /// Whether the fault is in the archive itself and not in how it was fetched.
    pub(super) fn is_about_the_archive(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::Refused(_))
    }
}

/// The items of an archive.
#[derive(Debug)]
pub(super) struct Spool {
    index: ArchiveIndex,
    items: Arc<File>,
}

impl Spool {
    /// Reads the archive at `key`; its items, in these versions, go to a file in `scratch` that is gone when this is dropped.
    pub(super) async fn read(
        store: &BackupStore,
        key: &Key,
        selection: Selection,
        versions: Versions,
        scratch: &Path,
    ) -> Result<Self, SpoolError> {
        let (_, chunks) = store.get(key).await?;
        let builder = IndexBuilder::new(selection, Limits::default()).with_versions(versions);
        Self::unpack(chunks, builder, scratch).await
    }

    async fn unpack(
        mut chunks: ObjectStream,
        builder: IndexBuilder,
        scratch: &Path,
    ) -> Result<Self, SpoolError> {
        let file = tempfile::tempfile_in(scratch).map_err(SpoolError::Scratch)?;
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let reader = ChunkReader { chunks: receiver, current: Bytes::new() };
        let thread = tokio::task::spawn_blocking(move || unpack(reader, file, builder));
        let mut lost = None;
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => {
                    // A reader that is gone has ended early, and says why.
                    if sender.send(chunk).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    lost = Some(error);
                    break;
                }
            }
        }
        drop(sender);
        let unpacked =
            thread.await.unwrap_or_else(|panic| Err(SpoolError::Unreadable(io::Error::other(panic))));
        match lost {
            // What the reader makes of half an archive is not the reason.
            Some(error) => Err(error.into()),
            None => unpacked,
        }
    }

    /// Which items there are.
    pub(super) fn index(&self) -> &ArchiveIndex {
        &self.index
    }

    /// The bytes of an item.
    pub(super) async fn item(&self, location: Location) -> io::Result<Vec<u8>> {
        let items = Arc::clone(&self.items);
        let read = move || {
            let mut bytes = vec![0; location.len as usize];
            items.read_exact_at(&mut bytes, location.offset).map(|()| bytes)
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }
}

/// The chunks of a stream as something to read from.
struct ChunkReader {
    chunks: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let taken = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

fn unpack(reader: impl Read, file: File, mut builder: IndexBuilder) -> Result<Spool, SpoolError> {
    let mut items = BufWriter::new(file);
    let limits = *builder.limits();
    each_entry(reader, &limits, |entry| {
        if let Verdict::Keep(item) = builder.entry(&entry.path, entry.size, entry.entry_type)? {
            let bytes = entry.read()?;
            items.write_all(&bytes).map_err(SpoolError::Scratch)?;
            builder.keep(item, &bytes)?;
        }
        Ok::<(), SpoolError>(())
    })?;
    let items = items.into_inner().map_err(|error| SpoolError::Scratch(error.into_error()))?;
    Ok(Spool { index: builder.finish(), items: Arc::new(items) })
}

impl From<EntriesError> for SpoolError {
    fn from(error: EntriesError) -> Self {
        match error {
            EntriesError::Unreadable(error) => Self::Unreadable(error),
            EntriesError::Refused(error) => Self::Refused(error),
        }
    }
}

#[cfg(test)]
mod tests;

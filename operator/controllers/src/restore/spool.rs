//! The archive on its way in: read once as a stream, its items put one behind the other into a file without a name, indexed by where
//! they are.
//!
//! Reading and unpacking run on a thread of their own behind a bounded channel. Everything that an archive can say is bounded before it
//! is believed: sizes by [`Limits`], names by what a path may be. Long names come as entries in front of the one that they are for (GNU)
//! or as attributes (pax); both are read here and not by the tar library, which would take them at any length.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use lateen_core::archive::index::{
    ArchiveError, ArchiveIndex, EntryType, IndexBuilder, Limits, Location, Verdict,
};
use lateen_core::selector::Selection;
use lateen_store::{BackupStore, Key, ObjectStream, StoreError};
use tokio::sync::mpsc;

/// Chunks between the store and the reader. The store hands out segments of 8 MiB, so 32 MiB at most.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Bytes of attributes in front of one entry. Archives of backups have a path there, of at most 4 KiB.
const ATTRIBUTES_LIMIT: u64 = 64 << 10;

/// What may follow the end of the archive inside the compressed stream: padding, of some KiB. It is read for the checksum behind it.
const PADDING_LIMIT: u64 = 1 << 20;

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
    /// Reads the archive at `key`; its items go to a file in `scratch` that is gone when this is dropped.
    pub(super) async fn read(
        store: &BackupStore,
        key: &Key,
        selection: Selection,
        scratch: &Path,
    ) -> Result<Self, SpoolError> {
        let (_, chunks) = store.get(key).await?;
        Self::unpack(chunks, selection, Limits::default(), scratch).await
    }

    async fn unpack(
        mut chunks: ObjectStream,
        selection: Selection,
        limits: Limits,
        scratch: &Path,
    ) -> Result<Self, SpoolError> {
        let file = tempfile::tempfile_in(scratch).map_err(SpoolError::Scratch)?;
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let reader = ChunkReader { chunks: receiver, current: Bytes::new() };
        let builder = IndexBuilder::new(selection, limits);
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
    let mut archive = tar::Archive::new(MultiGzDecoder::new(reader));
    let mut items = BufWriter::new(file);
    let mut long_path = None;
    for entry in archive.entries().map_err(SpoolError::Unreadable)?.raw(true) {
        let mut entry = entry.map_err(SpoolError::Unreadable)?;
        let entry_type = match entry.header().entry_type() {
            tar::EntryType::GNULongName => {
                let mut path = attributes(&mut entry)?;
                path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
                long_path = Some(path);
                continue;
            }
            tar::EntryType::XHeader => {
                long_path = pax_path(&attributes(&mut entry)?)?.or(long_path);
                continue;
            }
            tar::EntryType::GNUSparse => {
                let error = "it holds a sparse file, which no backup has";
                return Err(SpoolError::Unreadable(io::Error::other(error)));
            }
            tar::EntryType::Regular | tar::EntryType::Continuous => EntryType::File,
            _ => EntryType::Other,
        };
        let path = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let size = entry.header().entry_size().map_err(SpoolError::Unreadable)?;
        if let Verdict::Keep(item) = builder.entry(&path, size, entry_type)? {
            let bytes = content(&mut entry, size)?;
            items.write_all(&bytes).map_err(SpoolError::Scratch)?;
            builder.keep(item, &bytes)?;
        }
    }
    let mut padding = archive.into_inner().take(PADDING_LIMIT);
    io::copy(&mut padding, &mut io::sink()).map_err(SpoolError::Unreadable)?;
    let items = items.into_inner().map_err(|error| SpoolError::Scratch(error.into_error()))?;
    Ok(Spool { index: builder.finish(), items: Arc::new(items) })
}

/// The content of an entry whose size was accepted; less than that is half an archive.
fn content(entry: &mut impl Read, size: u64) -> Result<Vec<u8>, SpoolError> {
    let mut bytes = Vec::with_capacity(size as usize);
    entry.take(size).read_to_end(&mut bytes).map_err(SpoolError::Unreadable)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(SpoolError::Unreadable(io::ErrorKind::UnexpectedEof.into()))
    }
}

fn attributes(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, SpoolError> {
    let size = entry.header().entry_size().map_err(SpoolError::Unreadable)?;
    if size > ATTRIBUTES_LIMIT {
        let error = format!("the attributes of an entry have {size} bytes, more than {ATTRIBUTES_LIMIT}");
        return Err(SpoolError::Unreadable(io::Error::other(error)));
    }
    content(entry, size)
}

/// The path among the attributes of an entry. A size there is only needed beyond 8 GiB, which no item has.
fn pax_path(attributes: &[u8]) -> Result<Option<Vec<u8>>, SpoolError> {
    let mut path = None;
    for attribute in tar::PaxExtensions::new(attributes) {
        let attribute = attribute.map_err(SpoolError::Unreadable)?;
        match attribute.key_bytes() {
            b"path" => path = Some(attribute.value_bytes().to_vec()),
            b"size" => return Err(SpoolError::Unreadable(io::Error::other("an entry has more than 8 GiB"))),
            _ => {}
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests;

//! The entries of an archive, read as a stream by somebody who trusts nothing in it.
//!
//! What an archive can say is bounded before it is believed. Long names come as entries in front of the one that they are for (GNU) or as
//! attributes (pax); both are read here and not by the tar library, which would take them at any length. An archive has to be whole: its
//! compressed stream with its checksum, the mark at its end, and nothing behind it. Of two archives in one file the second would be lost
//! without a word otherwise. Whoever reads bounds paths and sizes (`lateen_core::archive::limits`); what comes out of the compressed stream
//! is bounded here.

mod unpacked;

use std::io::{self, Read};

use lateen_core::archive::index::EntryType;
use lateen_core::archive::limits::{ArchiveError, Limits};

use unpacked::Unpacked;

/// Bytes of attributes in front of one entry. Archives of backups have a path there, of at most 4 KiB.
pub(crate) const ATTRIBUTES_LIMIT: u64 = 64 << 10;

/// What may follow the end of the archive inside the compressed stream: padding, of some KiB. It is read for the checksum behind it.
const PADDING_LIMIT: u64 = 1 << 20;

/// How much of a path a message shows.
const SHOWN: usize = 200;

/// Why the entries of an archive cannot be read.
#[derive(Debug)]
pub(crate) enum EntriesError {
    /// It is no archive, or not a whole one.
    Unreadable(io::Error),
    /// It unpacks to more than any backup does.
    Refused(ArchiveError),
}

impl From<io::Error> for EntriesError {
    fn from(error: io::Error) -> Self {
        match error.downcast() {
            Ok(refused) => Self::Refused(refused),
            Err(error) => Self::Unreadable(error),
        }
    }
}

/// An archive breaks off or goes wrong in the middle.
#[derive(Debug, thiserror::Error)]
#[error("at {path:?}")]
struct AtEntry {
    path: String,
    source: io::Error,
}

/// One entry, whose content is still to be read.
pub(crate) struct ArchiveEntry<R> {
    /// The path, as it is written.
    pub(crate) path: Vec<u8>,
    /// What it is.
    pub(crate) entry_type: EntryType,
    /// Bytes of its content, by its header.
    pub(crate) size: u64,
    /// Its permissions; 0 if the header does not tell.
    pub(crate) mode: u32,
    /// Seconds since 1970; 0 if the header does not tell.
    pub(crate) mtime: u64,
    content: R,
}

impl<R: Read> ArchiveEntry<R> {
    /// The whole content. The size must have been accepted; less than that is half an archive.
    pub(crate) fn read(self) -> Result<Vec<u8>, EntriesError> {
        let Self { path, size, content, .. } = self;
        whole(content, size).map_err(|error| at(&path, error))
    }

    /// The content as a stream, which ends with an error where it is shorter than the header says.
    pub(crate) fn stream(self) -> impl Read {
        Whole { left: self.size, content: self.content }
    }
}

/// Reads a compressed archive from front to back and gives each entry to `take`. What `take` does not read is skipped.
pub(crate) fn each_entry<R: Read, E: From<EntriesError>>(
    reader: R,
    limits: &Limits,
    mut take: impl FnMut(ArchiveEntry<tar::Entry<'_, Unpacked<R>>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(Unpacked::new(reader, *limits));
    let mut last = Vec::new();
    let mut front = Front::default();
    for entry in archive.entries().map_err(|error| at(&last, error))?.raw(true) {
        let entry = entry.map_err(|error| at(&last, error))?;
        let header = entry.header();
        let size = header.entry_size().map_err(|error| at(&last, error))?;
        let entry_type = match header.entry_type() {
            tar::EntryType::GNULongName | tar::EntryType::GNULongLink | tar::EntryType::XHeader => {
                let kind = header.entry_type();
                front.read(kind, entry, size).map_err(|error| at(&last, error))?;
                continue;
            }
            tar::EntryType::GNUSparse => return Err(at(&entry.path_bytes(), sparse()).into()),
            tar::EntryType::Regular | tar::EntryType::Continuous => EntryType::File,
            tar::EntryType::Directory => EntryType::Directory,
            _ => EntryType::Other,
        };
        // Neither says anything about an item: a header without them is as good.
        let (mode, mtime) = (header.mode().unwrap_or(0), header.mtime().unwrap_or(0));
        let path = std::mem::take(&mut front).path.unwrap_or_else(|| entry.path_bytes().into_owned());
        last.clear();
        last.extend_from_slice(&path[..path.len().min(SHOWN)]);
        take(ArchiveEntry { path, entry_type, size, mode, mtime, content: entry })?;
    }
    if !front.is_empty() {
        return Err(at(
            &last,
            io::Error::other("what stands at the end belongs to an entry that is not there"),
        )
        .into());
    }
    read_to_end(archive.into_inner()).map_err(|error| at(&last, error).into())
}

/// Reads on behind the end of an archive, where nothing may be but padding, to the checksum of the compressed stream.
fn read_to_end(mut unpacked: Unpacked<impl Read>) -> io::Result<()> {
    if unpacked.is_at_end() {
        return Err(io::Error::other("the archive ends without the mark of its end: something is missing"));
    }
    let (mut read, mut buffer) = (0, [0; 4096]);
    loop {
        let bytes = unpacked.read(&mut buffer)?;
        read += bytes as u64;
        if bytes == 0 {
            return Ok(());
        }
        if read > PADDING_LIMIT || buffer[..bytes].iter().any(|byte| *byte != 0) {
            return Err(io::Error::other("something follows behind the end of the archive"));
        }
    }
}

/// What stands in front of an entry about it.
#[derive(Default)]
struct Front {
    path: Option<Vec<u8>>,
    others: bool,
}

impl Front {
    fn is_empty(&self) -> bool {
        self.path.is_none() && !self.others
    }

    /// Takes the path; everything else says nothing about an item.
    fn read(&mut self, kind: tar::EntryType, entry: impl Read, size: u64) -> io::Result<()> {
        if size > ATTRIBUTES_LIMIT {
            let message =
                format!("the attributes of an entry have {size} bytes, more than {ATTRIBUTES_LIMIT}");
            return Err(io::Error::other(message));
        }
        let mut text = whole(entry, size)?;
        self.others = true;
        match kind {
            tar::EntryType::GNULongName => {
                text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
                self.path = Some(text);
            }
            tar::EntryType::XHeader => self.path = pax_path(&text)?.or(self.path.take()),
            _ => {}
        }
        Ok(())
    }
}

/// The path among the attributes of an entry. A size there is only needed beyond 8 GiB, which no item has.
fn pax_path(attributes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut path = None;
    for attribute in tar::PaxExtensions::new(attributes) {
        let attribute = attribute?;
        match attribute.key_bytes() {
            b"path" => path = Some(attribute.value_bytes().to_vec()),
            b"size" => return Err(io::Error::other("an entry has more than 8 GiB")),
            key if key.starts_with(b"GNU.sparse") => return Err(sparse()),
            _ => {}
        }
    }
    Ok(path)
}

fn sparse() -> io::Error {
    io::Error::other("it is a sparse file, which no backup has")
}

fn whole(content: impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size as usize);
    content.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// What went wrong, with the last entry that was seen. A refusal stays what it is.
fn at(path: &[u8], error: io::Error) -> EntriesError {
    match EntriesError::from(error) {
        EntriesError::Unreadable(source) if !path.is_empty() => {
            let path = String::from_utf8_lossy(&path[..path.len().min(SHOWN)]).into_owned();
            EntriesError::Unreadable(io::Error::other(AtEntry { path, source: printable(source) }))
        }
        EntriesError::Unreadable(error) => EntriesError::Unreadable(printable(error)),
        refused @ EntriesError::Refused(_) => refused,
    }
}

/// An error that shows nothing of the archive as it is: the tar library quotes headers, which may hold anything.
fn printable(error: io::Error) -> io::Error {
    let text = error.to_string();
    if text.len() <= SHOWN && !text.contains(char::is_control) {
        return error;
    }
    let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    io::Error::new(error.kind(), shown)
}

struct Whole<R> {
    left: u64,
    content: R,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.content.read(&mut buffer[..most])?;
        self.left -= read as u64;
        if read == 0 && most > 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
    }
}

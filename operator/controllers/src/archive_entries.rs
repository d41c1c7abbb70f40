//! The entries of an archive, read as a stream by somebody who trusts nothing in it.
//!
//! What an archive can say is bounded before it is believed. Long names come as entries in front of the one that they are for (GNU) or as
//! attributes (pax); both are read here and not by the tar library, which would take them at any length. Whoever reads bounds paths and
//! sizes (`lateen_core::archive::limits`).

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use lateen_core::archive::index::EntryType;

/// Bytes of attributes in front of one entry. Archives of backups have a path there, of at most 4 KiB.
pub(crate) const ATTRIBUTES_LIMIT: u64 = 64 << 10;

/// What may follow the end of the archive inside the compressed stream: padding, of some KiB. It is read for the checksum behind it.
const PADDING_LIMIT: u64 = 1 << 20;

/// It is no archive, or not a whole one.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) io::Error);

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
    pub(crate) fn read(self) -> Result<Vec<u8>, Unreadable> {
        whole(self.content, self.size)
    }

    /// The content as a stream, which ends with an error where it is shorter than the header says.
    pub(crate) fn stream(self) -> impl Read {
        Whole { left: self.size, content: self.content }
    }
}

/// Reads a compressed archive from front to back and gives each entry to `take`. What `take` does not read is skipped.
pub(crate) fn each_entry<R: Read, E: From<Unreadable>>(
    reader: R,
    mut take: impl FnMut(ArchiveEntry<tar::Entry<'_, MultiGzDecoder<R>>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(reader));
    let mut long_path = None;
    for entry in archive.entries().map_err(Unreadable)?.raw(true) {
        let entry = entry.map_err(Unreadable)?;
        let header = entry.header();
        let size = header.entry_size().map_err(Unreadable)?;
        let entry_type = match header.entry_type() {
            tar::EntryType::GNULongName => {
                let mut path = attributes(entry, size)?;
                path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
                long_path = Some(path);
                continue;
            }
            tar::EntryType::XHeader => {
                long_path = pax_path(&attributes(entry, size)?)?.or(long_path);
                continue;
            }
            tar::EntryType::GNUSparse => {
                return Err(unreadable("it holds a sparse file, which no backup has").into());
            }
            tar::EntryType::Regular | tar::EntryType::Continuous => EntryType::File,
            _ => EntryType::Other,
        };
        // Neither says anything about an item: a header without them is as good.
        let (mode, mtime) = (header.mode().unwrap_or(0), header.mtime().unwrap_or(0));
        let path = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        take(ArchiveEntry { path, entry_type, size, mode, mtime, content: entry })?;
    }
    let mut padding = archive.into_inner().take(PADDING_LIMIT);
    io::copy(&mut padding, &mut io::sink()).map_err(Unreadable)?;
    Ok(())
}

fn attributes(entry: impl Read, size: u64) -> Result<Vec<u8>, Unreadable> {
    if size > ATTRIBUTES_LIMIT {
        return Err(unreadable(format!(
            "the attributes of an entry have {size} bytes, more than {ATTRIBUTES_LIMIT}"
        )));
    }
    whole(entry, size)
}

/// The path among the attributes of an entry. A size there is only needed beyond 8 GiB, which no item has.
fn pax_path(attributes: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
    let mut path = None;
    for attribute in tar::PaxExtensions::new(attributes) {
        let attribute = attribute.map_err(Unreadable)?;
        match attribute.key_bytes() {
            b"path" => path = Some(attribute.value_bytes().to_vec()),
            b"size" => return Err(unreadable("an entry has more than 8 GiB")),
            _ => {}
        }
    }
    Ok(path)
}

fn whole(content: impl Read, size: u64) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::with_capacity(size as usize);
    content.take(size).read_to_end(&mut bytes).map_err(Unreadable)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(Unreadable(io::ErrorKind::UnexpectedEof.into())) }
}

fn unreadable(reason: impl Into<String>) -> Unreadable {
    Unreadable(io::Error::other(reason.into()))
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

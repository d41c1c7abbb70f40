//! A finished archive made anew: the same entries in the same order, some with another content, and what is new at the end.
//!
//! The old archive is a stream from a bucket that others may write to: it is held against the limits of a restore, and an entry that no
//! backup writes refuses it. Nothing of it is kept but the entry that is being copied.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use bytes::Bytes;
use lateen_core::archive::index::EntryType;
use lateen_core::archive::limits::{Limits, Meter};
use lateen_core::archive::path;

use super::gzip::{GzipWriter, compressors};
use super::{ArchiveError, entry};
use crate::archive_entries::{ArchiveEntry, EntriesError, each_entry};

/// Writes `old` to `sink`, and gives the sink back. An entry whose path is in `replacements` gets that content, and `mtime` (seconds since
/// 1970); other entries keep theirs; what replaces nothing follows at the end, sorted by path. Without replacements an archive that
/// Lateen wrote comes out with the same bytes.
///
/// Blocks. An error leaves the sink without the end of a stream.
pub fn rewrite<W: Write>(
    old: impl Read,
    sink: W,
    replacements: BTreeMap<String, Bytes>,
    mtime: u64,
) -> Result<W, ArchiveError> {
    rewrite_within(Limits::default(), old, sink, &replacements, mtime)
}

pub(super) fn rewrite_within<W: Write>(
    limits: Limits,
    old: impl Read,
    sink: W,
    replacements: &BTreeMap<String, Bytes>,
    mtime: u64,
) -> Result<W, ArchiveError> {
    for path in replacements.keys() {
        path::parse(path)?;
    }
    let mut tar = tar::Builder::new(GzipWriter::new(sink, compressors())?);
    let mut meter = Meter::new(limits);
    let mut replaced = BTreeSet::new();
    each_entry(old, &limits, |entry| {
        meter.entry(&entry.path, entry.size)?;
        let path = path_of(&entry)?;
        match replacements.get_key_value(&path) {
            Some((path, content)) => {
                replaced.insert(path.as_str());
                entry::append(&mut tar, path, content, mtime).map_err(ArchiveError::Write)
            }
            None => copy(&mut tar, &path, entry),
        }
    })?;
    for (path, content) in replacements.iter().filter(|(path, _)| !replaced.contains(path.as_str())) {
        entry::append(&mut tar, path, content, mtime)?;
    }
    Ok(tar.into_inner()?.finish()?)
}

fn path_of<R>(entry: &ArchiveEntry<R>) -> Result<String, ArchiveError> {
    let text = String::from_utf8_lossy(&entry.path);
    if entry.entry_type == EntryType::File && text.as_bytes() == entry.path {
        return Ok(text.into_owned());
    }
    let error = format!("{text:?} is an entry that no backup writes");
    Err(ArchiveError::Unreadable(io::Error::other(error)))
}

fn copy<R: Read>(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    entry: ArchiveEntry<R>,
) -> Result<(), ArchiveError> {
    let header = entry::header(tar, path, entry.size, entry.mode, entry.mtime)?;
    let mut content = Blamed { content: entry.stream(), failed: false };
    tar.append(&header, &mut content).map_err(|error| {
        if content.failed { EntriesError::from(error).into() } else { ArchiveError::Write(error) }
    })
}

/// Remembers whether it was reading that failed, and not writing.
struct Blamed<R> {
    content: R,
    failed: bool,
}

impl<R: Read> Read for Blamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content
            .read(buffer)
            .inspect_err(|error| self.failed |= error.kind() != io::ErrorKind::Interrupted)
    }
}

impl From<EntriesError> for ArchiveError {
    fn from(error: EntriesError) -> Self {
        match error {
            EntriesError::Unreadable(error) => Self::Unreadable(error),
            EntriesError::Refused(error) => Self::Refused(error),
        }
    }
}

#[cfg(test)]
mod tests;

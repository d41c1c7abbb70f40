//! A compressed stream on its way out, held against what a backup can come to.
//!
//! A few bytes can unpack to thousands of times as many. The check is here and not at the headers of entries, because what lies between
//! entries, or in an entry that nobody reads, has to be unpacked too.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use lateen_core::archive::limits::Limits;

/// Reads what a compressed stream, of one member or several, comes to. An [`lateen_core::archive::limits::ArchiveError`] within the error
/// says that it is too much.
pub(crate) struct Unpacked<R> {
    stream: MultiGzDecoder<Counted<R>>,
    bytes: u64,
    limits: Limits,
    at_end: bool,
}

impl<R: Read> Unpacked<R> {
    pub(super) fn new(packed: R, limits: Limits) -> Self {
        let stream = MultiGzDecoder::new(Counted { reader: packed, bytes: 0 });
        Self { stream, bytes: 0, limits, at_end: false }
    }

    /// Whether somebody has read to the end.
    pub(super) fn is_at_end(&self) -> bool {
        self.at_end
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.at_end |= read == 0 && !buffer.is_empty();
        self.bytes = self.bytes.saturating_add(read as u64);
        self.limits.check_unpacked(self.stream.get_ref().bytes, self.bytes).map_err(io::Error::other)?;
        Ok(read)
    }
}

struct Counted<R> {
    reader: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes = self.bytes.saturating_add(read as u64);
        Ok(read)
    }
}

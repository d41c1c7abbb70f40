//! Small files of a bucket, compressed in memory.

use std::io::{BufReader, BufWriter, Error, ErrorKind, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lateen_core::backup::side_files::write_document;
use serde::Serialize;

/// Gzipped, as all small files in a bucket are.
pub fn gzip(content: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.into())
}

/// A value as [`write_document`] writes it, gzipped on the way: its text is never in memory as a whole.
pub fn gzip_document(value: &impl Serialize) -> std::io::Result<Bytes> {
    // The encoder takes small pieces; a buffer in front of it saves a call for each of them.
    let mut encoder = BufWriter::new(GzEncoder::new(Vec::new(), Compression::default()));
    write_document(&mut encoder, value)?;
    let packed = encoder.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()?;
    Ok(packed.into())
}

/// What was gzipped, unless it has more than `limit` bytes: a few of them can unpack to any number.
pub fn gunzip(packed: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    unpack(packed, limit as u64).read_to_end(&mut content)?;
    Ok(content)
}

/// What was gzipped, piece by piece as it is read; more than `limit` bytes are an error where they would come.
pub fn unpack(packed: &[u8], limit: u64) -> impl Read {
    BufReader::new(Limited { content: MultiGzDecoder::new(packed), left: limit, limit })
}

struct Limited<R> {
    content: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            Error::new(ErrorKind::InvalidData, format!("it unpacks to more than {} bytes", self.limit))
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_unpacks_to_its_text() {
        let packed = gzip_document(&["<a>"]).unwrap();
        assert_eq!(gunzip(&packed, 1000).unwrap(), b"[\"\\u003ca\\u003e\"]\n");
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let packed = gzip(&[b' '; 1000]).unwrap();
        assert_eq!(gunzip(&packed, 1000).unwrap().len(), 1000);
        assert!(gunzip(&packed, 999).is_err());
        assert!(gunzip(&packed[..packed.len() / 2], 1000).is_err());
    }
}

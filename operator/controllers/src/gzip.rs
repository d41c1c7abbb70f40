//! Small files of a bucket, compressed in memory.

use std::io::{Error, ErrorKind, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Gzipped, as all small files in a bucket are.
pub fn gzip(content: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.into())
}

/// What was gzipped, unless it has more than `limit` bytes: a few of them can unpack to any number.
pub fn gunzip(packed: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    MultiGzDecoder::new(packed).take(limit as u64 + 1).read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(Error::new(ErrorKind::InvalidData, format!("it unpacks to more than {limit} bytes")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let packed = gzip(&[b' '; 1000]).unwrap();
        assert_eq!(gunzip(&packed, 1000).unwrap().len(), 1000);
        assert!(gunzip(&packed, 999).is_err());
        assert!(gunzip(&packed[..packed.len() / 2], 1000).is_err());
    }
}

//! Components may be compressed with gzip or zstd, told by their first bytes; what they become is limited before it is made.
//!
//! zstd is the reference implementation and not one in Rust: a frame of 130 KB can claim to be gigabytes in a single block, and only a decoder that holds
//! blocks against the format's limit of 128 KiB while it makes them stops in time.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::read::MultiGzDecoder;

use crate::limits;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a component cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("cannot unpack the gzip data: {0}")]
    Gzip(io::Error),
    #[error("cannot unpack the zstd data: {0}")]
    Zstd(io::Error),
    #[error("it is larger than {} MiB once unpacked", limits::COMPONENT >> 20)]
    TooLarge,
}

/// The component itself. Stops at the limit, however much there would be.
pub(crate) fn unpack(packed: &[u8]) -> Result<Cow<'_, [u8]>, UnpackError> {
    if packed.starts_with(&GZIP) {
        return bounded(MultiGzDecoder::new(packed), UnpackError::Gzip).map(Cow::Owned);
    }
    if packed.starts_with(&ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(UnpackError::Zstd)?;
        decoder.window_log_max(limits::UNPACK_WINDOW_LOG).map_err(UnpackError::Zstd)?;
        return bounded(decoder, UnpackError::Zstd).map(Cow::Owned);
    }
    if packed.len() > limits::COMPONENT {
        return Err(UnpackError::TooLarge);
    }
    Ok(Cow::Borrowed(packed))
}

fn bounded(reader: impl Read, error: fn(io::Error) -> UnpackError) -> Result<Vec<u8>, UnpackError> {
    let mut component = Vec::new();
    reader.take(limits::COMPONENT as u64 + 1).read_to_end(&mut component).map_err(error)?;
    if component.len() > limits::COMPONENT {
        return Err(UnpackError::TooLarge);
    }
    Ok(component)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 19).unwrap()
    }

    #[test]
    fn packed_or_not_it_is_the_same() {
        let bytes = b"\0asm and so on".repeat(100);
        assert_eq!(unpack(&bytes).unwrap(), bytes);
        assert_eq!(unpack(&gzip(&bytes)).unwrap(), bytes);
        assert_eq!(unpack(&zstd(&bytes)).unwrap(), bytes);
        let frames = [zstd(&bytes), zstd(&bytes)].concat();
        assert_eq!(unpack(&frames).unwrap(), bytes.repeat(2));
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let zeros = vec![0; limits::COMPONENT + 1];
        for bomb in [gzip(&zeros), zstd(&zeros)] {
            assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
            assert!(matches!(unpack(&bomb), Err(UnpackError::TooLarge)));
        }
        // In several members, each of them harmless.
        let half = vec![0; limits::COMPONENT / 2];
        for members in [gzip(&half).repeat(100), zstd(&half).repeat(100)] {
            assert!(matches!(unpack(&members), Err(UnpackError::TooLarge)));
        }
    }

    /// A frame with eight bytes and a block of `matches` repetitions of one length, which the symbol and `bits` stand for.
    fn repeating(matches: usize, symbol: u8, bits: &[u8]) -> Vec<u8> {
        let block = |kind: u32, last: bool, bytes: &[u8]| {
            let header = (bytes.len() as u32) << 3 | kind << 1 | u32::from(last);
            [&header.to_le_bytes()[..3], bytes].concat()
        };
        // No literals; the number of sequences, less 0x7f00; each table is one symbol: no literals, a repeated offset, the length.
        let count = u16::try_from(matches - 0x7f00).unwrap().to_le_bytes();
        let sequences = [&[0x00, 0xff], &count[..], &[0b0101_0100, 0, 0, symbol], bits, &[1]].concat();
        // The window: 1 MiB.
        let header = [&ZSTD[..], &[0x00, 10 << 3]].concat();
        [header, block(0, false, b"12345678"), block(2, true, &sequences)].concat()
    }

    #[test]
    fn a_block_is_no_larger_than_the_format_allows() {
        // Three bytes each, together less than 128 KiB.
        assert_eq!(unpack(&repeating(0x7f00, 0, &[])).unwrap().len(), 8 + 3 * 0x7f00);
        // The longest match there is, two bytes for 131,074: 120 KB that say they are 7.8 GB.
        let bomb = repeating(60_000, 52, &vec![0xff; 2 * 60_000]);
        assert!(bomb.len() < 125_000, "{} bytes", bomb.len());
        assert!(matches!(unpack(&bomb), Err(UnpackError::Zstd(_))));
    }

    #[test]
    fn a_window_is_no_larger_than_a_component_needs() {
        // A frame that wants 2 GiB of history for nothing.
        let frame = [&ZSTD[..], &[0x00, 21 << 3, 1, 0, 0]].concat();
        assert!(matches!(unpack(&frame), Err(UnpackError::Zstd(_))));
    }

    #[test]
    fn cut_off_data_is_an_error() {
        let bytes = b"\0asm and so on".repeat(100);
        let cut = |packed: Vec<u8>| packed[..packed.len() / 2].to_vec();
        assert!(matches!(unpack(&cut(gzip(&bytes))), Err(UnpackError::Gzip(_))));
        assert!(matches!(unpack(&cut(zstd(&bytes))), Err(UnpackError::Zstd(_))));
    }
}

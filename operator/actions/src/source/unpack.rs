//! Components may be compressed with gzip; what they become is limited before it is made.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::read::MultiGzDecoder;

use crate::limits;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a component cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("cannot unpack the gzip data: {0}")]
    Gzip(#[from] io::Error),
    #[error("it is larger than {} MiB once unpacked", limits::COMPONENT >> 20)]
    TooLarge,
}

/// The component itself. Stops at the limit, however much there would be.
pub(crate) fn unpack(packed: &[u8]) -> Result<Cow<'_, [u8]>, UnpackError> {
    if !packed.starts_with(&GZIP) {
        return if packed.len() > limits::COMPONENT {
            Err(UnpackError::TooLarge)
        } else {
            Ok(Cow::Borrowed(packed))
        };
    }
    let mut component = Vec::new();
    MultiGzDecoder::new(packed).take(limits::COMPONENT as u64 + 1).read_to_end(&mut component)?;
    if component.len() > limits::COMPONENT {
        return Err(UnpackError::TooLarge);
    }
    Ok(Cow::Owned(component))
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

    #[test]
    fn plain_and_gzip_are_the_same() {
        let bytes = b"\0asm and so on".repeat(100);
        assert_eq!(unpack(&bytes).unwrap(), bytes);
        assert_eq!(unpack(&gzip(&bytes)).unwrap(), bytes);
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![0; limits::COMPONENT + 1]);
        assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
        assert!(matches!(unpack(&bomb), Err(UnpackError::TooLarge)));
        // In several members, each of them harmless.
        let members = gzip(&vec![0; limits::COMPONENT / 2]).repeat(100);
        assert!(matches!(unpack(&members), Err(UnpackError::TooLarge)));
    }

    #[test]
    fn cut_off_gzip_is_an_error() {
        let packed = gzip(&b"\0asm and so on".repeat(100));
        assert!(matches!(unpack(&packed[..packed.len() / 2]), Err(UnpackError::Gzip(_))));
    }
}

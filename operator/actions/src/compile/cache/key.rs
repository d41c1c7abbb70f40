//! The key of an installation, by which its servers know what they compiled.

use std::fmt;

use aws_lc_rs::hmac;

/// 32 bytes from a source of randomness. Whoever has them can make a server run any code, if he can also write to its cache.
#[derive(Clone)]
pub struct CacheKey([u8; CacheKey::LENGTH]);

/// The bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has 32 bytes, not {0}")]
pub struct InvalidKey(pub usize);

impl CacheKey {
    /// Bytes of a key: those of the digest that it is for.
    pub const LENGTH: usize = 32;

    /// The key for HMAC.
    pub(super) fn for_hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl From<[u8; Self::LENGTH]> for CacheKey {
    fn from(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for CacheKey {
    type Error = InvalidKey;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidKey> {
        bytes.try_into().map(Self).map_err(|_| InvalidKey(bytes.len()))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_length_and_is_never_shown() {
        let key = CacheKey::try_from(&[7; 32][..]).unwrap();
        assert!(!format!("{key:?}").contains('7'));
        assert_eq!(CacheKey::try_from(&[7; 16][..]).unwrap_err().to_string(), "a key has 32 bytes, not 16");
    }
}

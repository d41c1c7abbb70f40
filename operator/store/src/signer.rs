//! Signatures for the download links of directory locations.
//!
//! A directory has no server that could check a signed URL, so Lateen's own download endpoint does, with these signatures:
//! HMAC-SHA256 over the location's name, the key and the second at which the link ends. Whoever has a link can read that one file
//! until then, and nothing else. A signer whose key was generated is known to this process only: links end with it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Key;

/// How long signed URLs are good for, the same for every provider: the velero CLI fetches at once, and a person has time to paste.
pub const SIGNED_URL_TTL: Duration = Duration::from_mins(10);

/// The shortest key that is taken: the output length of the hash, as RFC 2104 recommends.
const MIN_KEY_BYTES: usize = 32;

/// Separates these signatures from any other use of the same key.
const PURPOSE: &[u8] = b"lateen.dev download v1";

/// Makes and checks signatures.
#[derive(Debug)]
pub struct FileSigner {
    key: hmac::Key,
}

/// Why a link is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was not signed with this key, or not for this file.
    #[error("the signature of the link does not match")]
    Forged,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
}

/// The key could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The machine gives no randomness.
    #[error("cannot generate a key for download links")]
    NoRandomness,
    /// The given key is too short to be one.
    #[error("the key for download links has fewer than {MIN_KEY_BYTES} bytes")]
    ShortKey,
}

impl FileSigner {
    /// A signer with a fresh key.
    pub fn generate() -> Result<Self, SignerError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        key.map(|key| Self { key }).map_err(|_| SignerError::NoRandomness)
    }

    /// A signer with a key that several servers share, at least 32 bytes.
    pub fn from_key(key: &[u8]) -> Result<Self, SignerError> {
        if key.len() < MIN_KEY_BYTES {
            return Err(SignerError::ShortKey);
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) })
    }

    /// The signature of a link that ends at `expires` (seconds since 1970), as URL-safe base64.
    pub fn sign(&self, location: &str, key: &Key, expires: u64) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &message(location, key, expires)))
    }

    /// Checks a link's signature in constant time, and then that `now` is before its end.
    pub fn verify(
        &self,
        location: &str,
        key: &Key,
        expires: u64,
        signature: &str,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let tag = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::Forged)?;
        hmac::verify(&self.key, &message(location, key, expires), &tag).map_err(|_| Refusal::Forged)?;
        if seconds(now) < expires { Ok(()) } else { Err(Refusal::Expired) }
    }
}

/// Seconds since 1970; a clock before that counts as 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// What is signed. Every part has its length in front, so that no two different links have the same text.
fn message(location: &str, key: &Key, expires: u64) -> Vec<u8> {
    let expires = expires.to_string();
    let mut message = Vec::new();
    for part in [PURPOSE, location.as_bytes(), key.as_str().as_bytes(), expires.as_bytes()] {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_file_and_one_time() {
        let signer = FileSigner::from_key(&[7; 32]).unwrap();
        let key = Key::parse("backups/b/b-logs.gz").unwrap();
        let other = Key::parse("backups/b/b.tar.gz").unwrap();
        let at = |s| UNIX_EPOCH + Duration::from_secs(s);
        let signature = signer.sign("default", &key, 1_000);

        assert_eq!(signer.verify("default", &key, 1_000, &signature, at(999)), Ok(()));
        assert_eq!(signer.verify("default", &key, 1_000, &signature, at(1_000)), Err(Refusal::Expired));
        assert_eq!(signer.verify("default", &key, 2_000, &signature, at(999)), Err(Refusal::Forged));
        assert_eq!(signer.verify("default", &other, 1_000, &signature, at(999)), Err(Refusal::Forged));
        assert_eq!(signer.verify("defaul", &key, 1_000, &signature, at(999)), Err(Refusal::Forged));
        assert_eq!(signer.verify("default", &key, 1_000, "", at(999)), Err(Refusal::Forged));
        let stranger = FileSigner::generate().unwrap();
        assert_eq!(stranger.verify("default", &key, 1_000, &signature, at(999)), Err(Refusal::Forged));
        assert_eq!(FileSigner::from_key(&[7; 31]).unwrap_err(), SignerError::ShortKey);
    }
}

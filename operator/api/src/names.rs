//! Names that have to fit into label values.
//!
//! A label value has at most 63 characters, an object's name up to 253. Whoever writes a name into a label and whoever selects by it
//! must shorten it in the same way, the stock CLI included.

use sha2::{Digest, Sha256};

/// The longest label value.
pub const MAX_LABEL_VALUE_BYTES: usize = 63;

/// Digits of the hash at the end of a shortened name.
const HASH_DIGITS: usize = 6;

/// The name as it stands in a label: itself if it fits, else its first 57 bytes and six digits of its SHA-256, in lower-case hex.
///
/// A name is cut in front of a character that would be torn apart; Kubernetes has no such names, other input may.
pub fn valid_name(name: &str) -> String {
    if name.len() <= MAX_LABEL_VALUE_BYTES {
        return name.to_owned();
    }
    let mut digits = hex::encode(Sha256::digest(name.as_bytes()));
    digits.truncate(HASH_DIGITS);
    let kept = &name[..name.floor_char_boundary(MAX_LABEL_VALUE_BYTES - HASH_DIGITS)];
    format!("{kept}{digits}")
}

/// A claim as it stands in a label: namespace and name with a dot between them, shortened like a name.
pub fn claim_label_value(namespace: &str, claim: &str) -> String {
    valid_name(&format!("{namespace}.{claim}"))
}

/// Whether the API server takes a text as a label value: empty, or letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
pub fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    text.len() <= MAX_LABEL_VALUE_BYTES
        && ends.into_iter().flatten().all(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit_stay() {
        for name in ["", "b1", &"x".repeat(63)] {
            assert_eq!(valid_name(name), name);
        }
    }

    #[test]
    fn longer_ones_end_with_their_hash() {
        // printf %064d 0 | sha256sum
        let name = "0".repeat(64);
        assert_eq!(valid_name(&name), format!("{}60e05b", "0".repeat(57)));
        assert_ne!(valid_name(&format!("{name}a")), valid_name(&format!("{name}b")));
        assert_eq!(claim_label_value("ns", "claim"), "ns.claim");
    }

    #[test]
    fn characters_are_not_torn_apart() {
        let short = valid_name(&"\u{20ac}".repeat(30));
        assert_eq!(short.chars().filter(|c| *c == '\u{20ac}').count(), 19);
        let short = valid_name(&format!("a{}", "\u{20ac}".repeat(30)));
        assert!(short.len() <= MAX_LABEL_VALUE_BYTES, "{short}");
    }

    #[test]
    fn label_values() {
        for text in ["", "a", "a.b_c-d", "0", &"x".repeat(63)] {
            assert!(is_label_value(text), "{text:?}");
        }
        for text in ["-a", "a.", "a b", "a/b", "\u{e9}", &"x".repeat(64)] {
            assert!(!is_label_value(text), "{text:?}");
        }
    }
}

//! Keys and the check of the names in them.
//!
//! A name of a backup, restore or location is what the Kubernetes API server would take as an object's name. Nothing is repaired:
//! what does not fit is refused.

use std::fmt;

/// The longest name in bytes, as the API server has it.
pub const MAX_NAME_BYTES: usize = 253;

/// The longest key in bytes, without the location's prefix: S3 takes 1,024 bytes in all, and the longest key of the layout is
/// 8 + 253 + 1 + 253 + 35 = 550 bytes, so 700 leave a prefix its 324.
pub const MAX_KEY_BYTES: usize = 700;

/// A name that is not a DNS subdomain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not a name that Kubernetes takes (lower case letters, digits, '-' and '.', at most {MAX_NAME_BYTES} bytes)"
)]
pub struct InvalidName {
    /// The name, cut to a length that fits a message.
    pub name: String,
}

/// A key that is not made of plain segments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key:?} is not a key: {reason}")]
pub struct InvalidKey {
    /// The key, cut to a length that fits a message.
    pub key: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The place of one file (or, for a prefix, of one directory) below a location's prefix: segments joined by `/`, none of them
/// empty, `.` or `..`, without control characters and backslashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a key that somebody else wrote.
    pub fn parse(key: &str) -> Result<Self, InvalidKey> {
        match flaw(key) {
            None => Ok(Self(key.to_owned())),
            Some(reason) => Err(InvalidKey { key: cut(key), reason }),
        }
    }

    /// The key as text, without leading or trailing `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment, for example `backups`.
    pub fn first_level(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// A key that is one of the layout's own directories.
    pub(crate) fn from_layout(directory: &'static str) -> Self {
        Self::from_checked(directory.to_owned())
    }

    /// A key from parts that were checked before; only for this module's own tables.
    pub(super) fn from_checked(key: String) -> Self {
        debug_assert_eq!(flaw(&key), None);
        Self(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses every name that the API server would not take for a Backup, Restore or BackupStorageLocation: it has to be a
/// DNS subdomain (RFC 1123), which has no `/`, no `..` and no upper case.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= MAX_NAME_BYTES && name.split('.').all(label) {
        Ok(())
    } else {
        Err(InvalidName { name: cut(name) })
    }
}

fn flaw(key: &str) -> Option<&'static str> {
    if key.len() > MAX_KEY_BYTES {
        return Some("it is too long");
    }
    key.split('/').find_map(|segment| match segment {
        "" => Some("a segment is empty"),
        "." | ".." => Some("a segment is a step in the directory tree"),
        s if s.contains('\\') => Some("it has a backslash"),
        s if s.chars().any(char::is_control) => Some("it has a control character"),
        s if is_staged(s) => Some("a segment looks like a file in the making"),
        _ => None,
    })
}

/// Whether a file name is one of those that a directory store gives to files it has not finished (`name#1`).
pub(crate) fn is_staged(name: &str) -> bool {
    name.split_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// As much of hostile text as belongs into a message.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_subdomains() {
        for name in ["a", "nightly-20260101", "a.b-c.d9", &"x".repeat(253)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a..b",
            "a/b",
            "../a",
            "A",
            "a\0",
            "a\n",
            "-a",
            "a-",
            "ä",
            "a b",
            "a%2f",
            "a\\b",
            &"x".repeat(254),
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn keys_stay_where_they_are() {
        assert_eq!(
            Key::parse("backups/b/b.tar.gz").map(|k| k.to_string()),
            Ok("backups/b/b.tar.gz".to_owned())
        );
        let long = "x".repeat(MAX_KEY_BYTES + 1);
        for key in ["", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\nb", "a/b#12", &long] {
            assert!(Key::parse(key).is_err(), "{key:?}");
        }
    }
}

//! The names of things in a bucket: which key holds which file of which backup or restore.
//!
//! Every part of a key is checked when the key is made, because names come from custom resources and from buckets that
//! anybody may have written to. A [`Key`] is relative to the location's prefix and never leaves it.
//!
//! This module never looks into a bucket and never decodes a file.

mod files;
mod key;

pub use files::{BackupDir, BackupFile, DownloadKind, RestoreDir, RestoreFile, UnknownKind};
pub(crate) use key::is_staged;
pub use key::{InvalidKey, InvalidName, Key, MAX_KEY_BYTES, MAX_NAME_BYTES, check_name};

/// The directory of backups.
pub const BACKUPS: &str = "backups";

/// The directory of what restores leave behind.
pub const RESTORES: &str = "restores";

/// Every first-level directory that a location may have below its prefix; any other makes it unavailable, because the bucket
/// then serves something else too. Lateen writes the first two; the others belong to Velero's volume data and its past.
pub const FIRST_LEVEL: [&str; 6] = [BACKUPS, RESTORES, "kopia", "restic", "metadata", "plugins"];

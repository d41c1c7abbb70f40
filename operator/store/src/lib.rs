//! The backup store: where backups, and what restores leave behind, are kept in a bucket or a directory.
//!
//! A [`LocationConfig`] (what a BackupStorageLocation says) is opened into a [`BackupStore`], which speaks in the [`Key`]s of the
//! bucket layout that [`layout`] knows. Stores are S3 compatible buckets (provider `aws`) and directories (provider `file`).
//!
//! Promises: no payload is whole in memory except those that the caller hands over or asks for whole, every wait and every
//! buffer has a limit that is a named constant, and no error carries a credential or the signature of a URL.
//!
//! Never done here: reading environment variables or Secrets (they come in with [`StoreEnvironment`] and [`LocationConfig`]),
//! and knowing what is inside a file.

pub mod layout;
mod location;

mod error;
mod signer;
mod store;
mod upload;

pub use error::{Cause, ConfigError, StoreError};
pub use layout::{BackupDir, BackupFile, DownloadKind, InvalidName, Key, RestoreDir, RestoreFile};
pub use location::{Downloads, LocationConfig, StoreEnvironment};
pub use signer::{FileSigner, Refusal, SIGNED_URL_TTL, SignerError};
pub use store::{BackupStore, Object, ObjectStream, Version};
pub use upload::{MAX_UPLOAD_BYTES, Upload, UploadWriter, Uploaded};

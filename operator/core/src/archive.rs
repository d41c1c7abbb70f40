//! The archive of a backup: where each item stands in it, and what a reader accepts.

pub mod index;
pub mod limits;
pub mod path;

/// The format that is written, and stands in `metadata/version`.
pub const FORMAT_VERSION: &str = "1.1.0";

/// First entry of every archive.
pub const VERSION_PATH: &str = "metadata/version";

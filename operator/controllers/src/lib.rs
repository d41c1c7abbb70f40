//! One module per kind of velero.io: observe, decide, run, report.
//!
//! A controller watches its kind, looks up what a decision needs, lets the pure crates decide, does what was decided and writes down
//! what became of it. Status is only ever patched with the fields that changed and with the resource version that the decision was made
//! on. Two servers that both believe to lead cannot both run a backup: the second patch is a conflict.

mod archive_entries;
pub mod backup;
pub mod backup_storage_location;
pub mod context;
pub mod download_request;
pub mod error_chain;
pub mod gzip;
pub mod item_actions;
pub mod known;
pub mod location;
pub mod metrics;
pub mod operations;
pub mod pod_hook;
pub mod restore;
pub mod run_files;
pub mod run_log;
pub mod run_status;
pub mod schedule;
pub mod server_status_request;

pub use context::{Context, Options};

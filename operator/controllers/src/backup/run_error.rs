//! Why a run of a backup ends without one, and how it tells how far it is.

use lateen_api::v1::Backup;
use lateen_core::backup::tally::Progress;
use lateen_core::hooks::backup::SpecHooksError;

use super::engine::Fatal;
use super::files::FilesError;
use super::finalize::FinishError;
use super::stored::StoredError;
use crate::location;
use crate::run_log::RunLogError;
use crate::run_status::{ProgressReporter, StatusError};

/// Tells how far a backup is.
pub(super) type Reporter<'a> = ProgressReporter<'a, Backup, Progress>;

/// Why a run ended without a backup.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// The location cannot be opened.
    #[error("error getting backup store")]
    Location(#[from] location::LocationError),
    /// The name is not one for a file.
    #[error("the backup's name cannot be a name in the bucket")]
    Name(#[from] lateen_store::InvalidName),
    /// There is a backup of that name.
    #[error("backup already exists in object storage")]
    Exists,
    /// The store failed.
    #[error("cannot write the backup to its location")]
    Store(#[from] lateen_store::StoreError),
    /// A side file could not be made or stored.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The run's log cannot be kept.
    #[error(transparent)]
    Log(#[from] RunLogError),
    /// The engine gave up.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// Namespaces cannot be listed or matched: nobody knows what would be missing.
    #[error("cannot tell the namespaces of the backup: {0}")]
    Namespaces(String),
    /// The hooks of the spec cannot be resolved.
    #[error(transparent)]
    Hooks(#[from] SpecHooksError),
    /// A file cannot be written for those who go on with the backup.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The items are complete, and the backup cannot be finished.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// The server is going down.
    #[error("the server was shut down during the run")]
    Shutdown,
    /// The run's status cannot be kept.
    #[error(transparent)]
    Status(#[from] StatusError),
}

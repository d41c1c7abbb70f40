//! Why a run of a restore ends early, and how it tells how far it is.

use lateen_api::v1::Restore;
use lateen_cluster::discovery::DiscoveryError;
use lateen_core::namespaces::PatternError;
use lateen_core::restore::outcome::Progress;
use lateen_store::InvalidName;

use super::spool::SpoolError;
use super::versions::PrioritiesError;
use super::volumes::VolumeListsError;
use crate::location;
use crate::run_log::RunLogError;
use crate::run_status::{ProgressReporter, StatusError};

/// Tells how far a restore is.
pub(super) type Reporter<'a> = ProgressReporter<'a, Restore, Progress>;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// The location cannot be opened.
    #[error("error getting backup store")]
    Location(#[from] location::LocationError),
    /// A name is not one for a file.
    #[error("the name of the restore or its backup cannot be a name in the bucket")]
    Name(#[from] InvalidName),
    /// The run's log cannot be kept.
    #[error(transparent)]
    Log(#[from] RunLogError),
    /// The archive cannot be fetched.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The lists of volumes cannot be read: nobody knows where their data is.
    #[error(transparent)]
    Volumes(#[from] VolumeListsError),
    /// Nobody knows what the cluster serves.
    #[error("cannot tell what the cluster serves")]
    Discovery(#[from] DiscoveryError),
    /// Nobody knows which versions of kinds are wanted.
    #[error(transparent)]
    Versions(#[from] PrioritiesError),
    /// Work that an interrupted run has begun cannot be ended, and would go on beside the new one.
    #[error("cannot end the operations of the interrupted run")]
    Operations(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A namespace pattern that cannot be read.
    #[error("cannot tell the namespaces of the restore")]
    Namespaces(#[from] PatternError),
    /// An action whose failure policy is to fail the run.
    #[error("action {action} failed on {item} and its failure policy ends the run: {reason}")]
    Action {
        /// Its name.
        action: String,
        /// The item.
        item: String,
        /// As the action gave it.
        reason: String,
    },
    /// A worker broke off.
    #[error("a worker of the restore broke off")]
    Worker(#[source] tokio::task::JoinError),
    /// The server is going down.
    #[error("the server was shut down during the run")]
    Shutdown,
    /// The run's status cannot be kept.
    #[error(transparent)]
    Status(#[from] StatusError),
}

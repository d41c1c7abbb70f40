//! Why there is no preview.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lateen_actions::HostError;
use lateen_cluster::client::ConnectError;
use lateen_cluster::configmap::ConfigMapError;
use lateen_controllers::error_chain::error_chain;
use lateen_controllers::restore::preview::PreviewError;
use lateen_store::{ConfigError, StoreError};

/// Ends the command with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of `-f` is not one Restore.
    #[error("{path} is not a Restore of velero.io/v1: {reason}")]
    NoRestore {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be kept while the command runs.
    #[error("cannot keep the backup's files in {path}; --scratch-dir names another directory")]
    Scratch {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no cluster to ask.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Backups cannot be listed.
    #[error("cannot list the backups of namespace {namespace}")]
    Backups {
        /// Of the server.
        namespace: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The ConfigMaps of item actions cannot be read.
    #[error(
        "cannot read the item actions of the cluster, without which nobody knows what a restore makes of the objects"
    )]
    Actions(#[from] ConfigMapError),
    /// The engine of item actions cannot begin.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The server cannot be asked for a link.
    #[error(
        "cannot ask the server in namespace {namespace} for {file} of backup {backup} (a DownloadRequest)"
    )]
    Ask {
        /// Of the server.
        namespace: String,
        /// Which file.
        file: String,
        /// Of which backup.
        backup: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The server has not answered.
    #[error(
        "the server in namespace {namespace} gave no link to {file} of backup {backup} within {limit:?}: is it running? --timeout waits longer"
    )]
    NoLink {
        /// Of the server.
        namespace: String,
        /// Which file.
        file: String,
        /// Of which backup.
        backup: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// Certificates cannot be used.
    #[error("cannot use the certificates of {0}")]
    Certificates(String, #[source] reqwest::Error),
    /// The file cannot be fetched.
    #[error(
        "cannot fetch {file} of backup {backup} from {host}; --cacert or --insecure-skip-tls-verify help where its certificate is not trusted"
    )]
    Fetch {
        /// Which file.
        file: String,
        /// Of which backup.
        backup: String,
        /// From where.
        host: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The store has another answer than the file.
    #[error("cannot fetch {file} of backup {backup} from {host}: it answered {status}")]
    Refused {
        /// Which file.
        file: String,
        /// Of which backup.
        backup: String,
        /// From where.
        host: String,
        /// With what.
        status: reqwest::StatusCode,
    },
    /// The files cannot be put down.
    #[error("cannot keep the files of the backup")]
    Keep(#[from] StoreError),
    /// There is no place for the files.
    #[error("cannot keep the files of the backup")]
    Place(#[from] ConfigError),
    /// The engine cannot say what it would do.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// The preview cannot be written as JSON.
    #[error("cannot write the preview as JSON")]
    Json(#[source] serde_json::Error),
    /// The async runtime cannot be started.
    #[error("cannot start the async runtime")]
    Runtime(#[source] io::Error),
    /// Standard output is closed.
    #[error("cannot write the preview")]
    Output(#[from] io::Error),
}

impl PlanError {
    /// With its causes.
    pub(crate) fn text(&self) -> String {
        error_chain(self)
    }
}

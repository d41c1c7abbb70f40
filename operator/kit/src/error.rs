//! Why a command cannot do its work at all. What an action does wrong is no error of the kit, but what it reports.

use std::{io, path::PathBuf};

use lateen_actions::HostError;
use lateen_cluster::{client::ConnectError, configmap::ConfigMapError};

/// Ends a command with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than anything that would make sense there.
    #[error("{path} is larger than {limit}")]
    TooLarge {
        /// Which one.
        path: PathBuf,
        /// As people write it.
        limit: String,
    },
    /// A file does not hold what it has to.
    #[error("{0}")]
    Content(String),
    /// Standard output or standard error is closed.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
    /// The engine cannot begin.
    #[error(transparent)]
    Host(#[from] HostError),
    /// There is no cluster to ask.
    #[error("{}", with_causes(.0))]
    Connect(#[from] ConnectError),
    /// The cluster does not answer as it should.
    #[error("{}", with_causes(.0))]
    Cluster(#[from] ConfigMapError),
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

//! The two kinds of `velero.io/v2alpha1`: the content of a volume snapshot on its way into the repository and back.
//!
//! The rules of [`crate::v1`] hold here as well.

mod data_download;
mod data_upload;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::v1::{DataMovementPhase, DataMovementProgress};
pub use data_download::{DataDownload, DataDownloadSpec, DataDownloadStatus, TargetVolume};
pub use data_upload::{CsiSnapshot, DataUpload, DataUploadSpec, DataUploadStatus};

use crate::encoding::display_as_written;

/// Which operating system a node has to run for a volume to be mounted there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NodeOs {
    /// To be found out.
    #[serde(rename = "auto")]
    Auto,
    /// Linux.
    #[serde(rename = "linux")]
    Linux,
    /// Windows.
    #[serde(rename = "windows")]
    Windows,
    /// One that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(NodeOs);

//! What the four kinds that move the data of a volume have in common: their phases, their progress, and who moves it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{display_as_written, is_default, null_as_default};

/// How far the movement of a volume's data is.
///
/// `New` -> `Accepted` -> `Prepared` -> `InProgress` -> `Completed` or `Failed`. A request to cancel leads to `Canceled`, over
/// `Canceling` where data is being moved at that moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DataMovementPhase {
    /// Nobody has taken it yet. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// A node has taken it and makes the volume reachable.
    Accepted,
    /// The volume can be reached.
    Prepared,
    /// Data is being moved.
    InProgress,
    /// The movement is being stopped.
    Canceling,
    /// It was stopped on request. Terminal.
    Canceled,
    /// All data was moved. Terminal.
    Completed,
    /// It was given up. Terminal.
    Failed,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

impl DataMovementPhase {
    /// Whether nothing happens any more.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Canceled | Self::Completed | Self::Failed)
    }
}

/// What moves the data, and so what can read it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum UploaderType {
    /// Kopia, the only one in use.
    #[serde(rename = "kopia")]
    Kopia,
    /// Restic, of old backups.
    #[serde(rename = "restic")]
    Restic,
    /// Not said; read as Kopia.
    #[default]
    #[serde(rename = "")]
    Unspecified,
    /// One that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(DataMovementPhase, UploaderType);

/// How much data there is and how much of it was moved.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DataMovementProgress {
    /// Bytes to move, as far as is known.
    #[schemars(extend("x-lateen-format" = "int64"))]
    pub total_bytes: i64,
    /// Bytes moved so far.
    #[schemars(extend("x-lateen-format" = "int64"))]
    pub bytes_done: i64,
}

//! DownloadRequest: asks a server for a URL under which one file of a backup or restore can be fetched for a while.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default};

/// Which file is asked for.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["target"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "DownloadRequest",
    namespaced,
    status = "DownloadRequestStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "Asks for a URL under which one file of a backup or restore can be fetched for a while."
)]
pub struct DownloadRequestSpec {
    /// The file.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub target: DownloadTarget,
}

absent_spec_is_default!(DownloadRequestSpec);

/// A file of a backup or restore.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct DownloadTarget {
    /// Which of its files.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub kind: DownloadTargetKind,
    /// Name of the Backup or Restore.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}

/// The files that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DownloadTargetKind {
    /// The log of a backup.
    BackupLog,
    /// The archive of a backup.
    BackupContents,
    /// The native volume snapshots of a backup.
    BackupVolumeSnapshots,
    /// The operations that item actions of a backup left running.
    BackupItemOperations,
    /// The list of what a backup holds.
    BackupResourceList,
    /// The warnings and errors of a backup.
    BackupResults,
    /// The log of a restore.
    RestoreLog,
    /// The warnings and errors of a restore.
    RestoreResults,
    /// The list of what a restore did with each item.
    RestoreResourceList,
    /// The operations that item actions of a restore left running.
    RestoreItemOperations,
    /// The CSI snapshots of a backup made by an old server.
    #[serde(rename = "CSIBackupVolumeSnapshots")]
    CsiBackupVolumeSnapshots,
    /// The contents of CSI snapshots of a backup made by an old server.
    #[serde(rename = "CSIBackupVolumeSnapshotContents")]
    CsiBackupVolumeSnapshotContents,
    /// What was done about each volume in a backup.
    BackupVolumeInfos,
    /// What was done about each volume in a restore.
    RestoreVolumeInfo,
    /// A file that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

impl Default for DownloadTargetKind {
    /// No file at all: what a request holds that does not say.
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl DownloadTargetKind {
    /// Whether the target's name is that of a Restore rather than a Backup.
    pub fn is_of_restore(&self) -> bool {
        matches!(
            self,
            Self::RestoreLog
                | Self::RestoreResults
                | Self::RestoreResourceList
                | Self::RestoreItemOperations
                | Self::RestoreVolumeInfo
        )
    }
}

/// Whether there is an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DownloadRequestPhase {
    /// Not yet looked at. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// Answered.
    Processed,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(DownloadTargetKind, DownloadRequestPhase);

/// The answer.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DownloadRequestStatus {
    /// Whether there is an answer.
    pub phase: Option<DownloadRequestPhase>,
    /// Where the file can be fetched with a plain GET. Whoever knows it can.
    #[serde(rename = "downloadURL")]
    pub download_url: String,
    /// Until when the URL works; the request itself is removed after that.
    #[schemars(extend("nullable" = true))]
    pub expiration: Option<Time>,
}

impl DownloadRequest {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &DownloadRequestPhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&DownloadRequestPhase::New)
    }
}

//! Data of a volume that was asked for and is not taken.

use std::fmt;

/// An error of the item that asked. Says what was asked, by what, and how to get a backup without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeFault {
    /// A copy of files.
    #[error(
        "{by} asks for a copy of the files of {volumes}, and this version of the server cannot copy files of volumes: {}",
        .by.remedy()
    )]
    Files {
        /// `volume data` or `volumes a, b`.
        volumes: String,
        /// What asks.
        by: FileAsker,
    },
    /// A snapshot by the provider of a location.
    #[error(
        "{by} asks for a snapshot of the volume in location {location} (provider {provider}), and this version of the server cannot take snapshots of volumes: {}",
        .by.remedy()
    )]
    Native {
        /// The VolumeSnapshotLocation.
        location: String,
        /// Its provider.
        provider: String,
        /// What asks.
        by: SnapshotAsker,
    },
    /// A snapshot that a policy wants, wherever.
    #[error(
        "a resource policy asks for a snapshot of the volume, and this version of the server cannot take snapshots of volumes: {}",
        SnapshotAsker::Policy.remedy()
    )]
    ByPolicy,
    /// A CSI snapshot.
    #[error(
        "{by} asks for a CSI snapshot of volume {volume} (driver {driver}), and this version of the server cannot take CSI snapshots: {}",
        .by.remedy()
    )]
    Csi {
        /// The PersistentVolume.
        volume: String,
        /// The CSI driver.
        driver: String,
        /// What asks.
        by: SnapshotAsker,
    },
    /// The content of a snapshot.
    #[error(
        "spec.snapshotMoveData asks for the data of volume {volume} (driver {driver}), and this version of the server cannot move data of snapshots: set spec.snapshotVolumes to false to go without it"
    )]
    MoveData {
        /// The PersistentVolume.
        volume: String,
        /// The CSI driver.
        driver: String,
    },
    /// A claim whose volume is gone, with its data.
    #[error(
        "the claim is in phase {phase} and its volume {volume} is not there, so that there is nothing to take a snapshot of: delete the claim, or leave its data out by a resource policy for the phase"
    )]
    VolumeGone {
        /// The PersistentVolume that the claim names.
        volume: String,
        /// Phase of the claim.
        phase: String,
    },
    /// The claim of a volume of a running pod.
    #[error("the pod's volume {volume} is of claim {claim}, which does not exist")]
    ClaimGone {
        /// In the pod.
        volume: String,
        /// The claim's name.
        claim: String,
    },
    /// Nobody can tell what becomes of the data.
    #[error("cannot decide about the data of the item's volumes: {0}")]
    Unknown(String),
}

/// What asks for a copy of the files of a pod's volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileAsker {
    /// Resource policies.
    Policy,
    /// The pod.
    Annotation,
    /// The backup, for all volumes.
    Default,
}

impl FileAsker {
    fn remedy(self) -> &'static str {
        match self {
            Self::Policy => "change the policy to skip to go without them",
            Self::Annotation => "take the names off the annotation to go without them",
            Self::Default => {
                "name the volumes in the pod's annotation backup.velero.io/backup-volumes-excludes to go without them"
            }
        }
    }
}

impl fmt::Display for FileAsker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "a resource policy",
            Self::Annotation => "the pod's annotation backup.velero.io/backup-volumes",
            Self::Default => "spec.defaultVolumesToFsBackup",
        })
    }
}

/// What asks for a snapshot of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotAsker {
    /// Resource policies.
    Policy,
    /// `spec.snapshotVolumes: true`.
    Spec,
    /// Nothing says no.
    Default,
}

impl SnapshotAsker {
    fn remedy(self) -> &'static str {
        match self {
            Self::Policy => "change the policy to skip to go without it",
            Self::Spec | Self::Default => "set spec.snapshotVolumes to false to go without it",
        }
    }
}

impl fmt::Display for SnapshotAsker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "a resource policy",
            Self::Spec => "spec.snapshotVolumes",
            Self::Default => "spec.snapshotVolumes, which is true where it is not set,",
        })
    }
}

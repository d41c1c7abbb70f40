//! What becomes of the data of volumes: who asks for it, what cannot be taken and why, and the report about it.
//!
//! Decisions are Velero's: resource policies first, then annotations of pods, then the spec's defaults. This version of the server takes no
//! data of volumes, so a decision ends in one of two ways. Data that nobody asked for, or that Velero would leave out as well, is skipped, and
//! the report says why. Data that was asked for is a [`VolumeFault`], an error of its item: a backup without it must not look complete.
//!
//! Everything here is pure. What has to be looked up (the claim of a volume, the volume of a claim, pods that use it) comes in as an
//! argument, and each decision says what it needs.

mod claim;
mod claim_users;
mod fault;
mod info;
mod native;
mod pod;
mod pod_decision;
mod skipped;
mod storage;

pub use self::claim::{decide_claim, needs_volume};
pub use self::claim_users::ClaimUsers;
pub use self::fault::{FileAsker, SnapshotAsker, VolumeFault};
pub use self::info::{PvInfo, VolumeInfo, volume_infos};
pub use self::native::{SnapshotLocation, decide_volume, depends_on_claim, depends_on_pods};
pub use self::pod::{Pod, PodVolume};
pub use self::pod_decision::{Found, PodDecision, claims_of_interest, copied_claims, decide_pod};
pub use self::skipped::{Approach, SkippedVolume, SkippedVolumes};
pub use self::storage::{Claim, Volume};
use super::policies::{ActionType, ResourcePolicies, VolumeFacts};
use super::request::BackupRequest;

/// What one backup says about the data of volumes.
#[derive(Debug, Clone, Default)]
pub struct VolumeRules {
    /// `spec.defaultVolumesToFsBackup`.
    pub copy_files_by_default: bool,
    /// `spec.snapshotVolumes`; None counts as yes.
    pub snapshot_volumes: Option<bool>,
    /// `spec.snapshotMoveData`.
    pub move_data: bool,
    /// The server's feature `EnableCSI`.
    pub csi: bool,
    /// The backup leaves PersistentVolumeClaims out.
    pub claims_excluded: bool,
    /// Resource policies.
    pub policies: Option<ResourcePolicies>,
    /// Where native snapshots would go, in the order in which they are tried.
    pub snapshot_locations: Vec<SnapshotLocation>,
}

impl VolumeRules {
    /// Those of a request. `claims_excluded`: its filter leaves PersistentVolumeClaims out.
    pub fn of(request: &BackupRequest, csi: bool, claims_excluded: bool) -> Self {
        Self {
            copy_files_by_default: request.default_volumes_to_fs_backup,
            snapshot_volumes: request.snapshot_volumes,
            move_data: request.snapshot_move_data,
            csi,
            claims_excluded,
            policies: request.policies.clone(),
            snapshot_locations: request.snapshot_locations.iter().map(SnapshotLocation::of).collect(),
        }
    }

    /// What the policies say about a volume.
    fn policy(&self, facts: &VolumeFacts) -> Option<ActionType> {
        Some(self.policies.as_ref()?.volume_action(facts)?.kind)
    }

    /// Who asks for a snapshot of a volume, if somebody does. `copied`: a pod that uses it has its files copied.
    fn snapshot_asker(&self, policy: Option<ActionType>, copied: bool) -> Option<SnapshotAsker> {
        match (policy, self.snapshot_volumes) {
            // A policy counts more than the spec.
            (Some(ActionType::Snapshot), _) => Some(SnapshotAsker::Policy),
            (Some(_), _) | (None, Some(false)) => None,
            (None, _) if copied => None,
            (None, Some(true)) => Some(SnapshotAsker::Spec),
            (None, None) => Some(SnapshotAsker::Default),
        }
    }
}

/// What was decided about one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Data that was asked for and is not taken: errors of the item.
    pub faults: Vec<VolumeFault>,
    /// What its owner should know.
    pub warnings: Vec<String>,
    /// PersistentVolumes whose data is left out.
    pub skips: Vec<Skip>,
}

/// One way on which a volume's data is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Name of the PersistentVolume.
    pub volume: String,
    /// The way.
    pub approach: Approach,
    /// Why.
    pub reason: String,
}

impl Decision {
    /// Without a PersistentVolume there is nothing to report: what is in an `emptyDir` goes away with its pod.
    fn skip(&mut self, volume: &str, approach: Approach, reason: impl Into<String>) {
        if !volume.is_empty() {
            self.skips.push(Skip { volume: volume.to_owned(), approach, reason: reason.into() });
        }
    }

    /// The same words as error and in the report.
    fn fault(&mut self, volume: &str, approach: Approach, fault: VolumeFault) {
        self.skip(volume, approach, fault.to_string());
        self.faults.push(fault);
    }
}

#[cfg(test)]
mod tests;

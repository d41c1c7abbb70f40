//! What becomes of the data of a PersistentVolume: whether the provider of a VolumeSnapshotLocation takes a snapshot of it.

use lateen_api::v1::VolumeSnapshotLocation;

use super::super::policies::{ActionType, VolumeFacts};
use super::fault::{SnapshotAsker, VolumeFault};
use super::skipped::{Approach, reason};
use super::storage::{Claim, Volume};
use super::{Decision, VolumeRules};

/// Where native snapshots go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotLocation {
    /// Of the VolumeSnapshotLocation.
    pub name: String,
    /// Who takes the snapshots.
    pub provider: String,
}

/// Providers, without the prefix `velero.io/` that a name without one stands for, with the source and the CSI drivers of the volumes that they
/// take snapshots of.
const PROVIDERS: [(&str, &str, &[&str]); 3] = [
    ("aws", "awsElasticBlockStore", &["ebs.csi.aws.com"]),
    ("azure", "azureDisk", &["disk.csi.azure.com"]),
    ("gcp", "gcePersistentDisk", &["pd.csi.storage.gke.io", "filestore.csi.storage.gke.io"]),
];

impl SnapshotLocation {
    pub(super) fn of(location: &VolumeSnapshotLocation) -> Self {
        Self {
            name: location.metadata.name.clone().unwrap_or_default(),
            provider: location.spec.provider.clone(),
        }
    }

    /// Whether its provider would take a snapshot of the volume. Of a provider that we do not know nobody can tell, and "perhaps" must not
    /// leave data out.
    fn applies_to(&self, volume: &Volume) -> bool {
        let provider = self.provider.strip_prefix("velero.io/").unwrap_or(&self.provider);
        PROVIDERS.iter().find(|(name, _, _)| *name == provider).is_none_or(|(_, source, drivers)| {
            volume.facts.volume_type == *source
                || volume.driver().is_some_and(|driver| drivers.contains(&driver))
        })
    }
}

/// Whether it matters to a volume or claim, as policies see it, that a pod has its files copied: not where a policy decides or no snapshots
/// are taken anyway.
pub fn depends_on_pods(rules: &VolumeRules, facts: &VolumeFacts) -> bool {
    rules.snapshot_volumes != Some(false) && rules.policy(facts).is_none()
}

/// Whether [`decide_volume`] wants to know the volume's claim.
pub fn depends_on_claim(rules: &VolumeRules, volume: &Volume) -> bool {
    rules.policies.is_some() && volume.claim.is_some()
}

/// Decides about a PersistentVolume. `claim`: the one that it names, where it is there; `copied`: a pod that uses it has its files copied,
/// which counts where [`depends_on_pods`] says so.
pub fn decide_volume(rules: &VolumeRules, volume: &Volume, claim: Option<&Claim>, copied: bool) -> Decision {
    let mut decision = Decision::default();
    let Some(by) = rules.snapshot_asker(rules.policy(&volume.facts), copied) else {
        decision.skip(&volume.name, Approach::VolumeSnapshot, reason::NOT_WANTED);
        return decision;
    };
    let driver = volume.driver();
    if rules.csi && driver.is_some() {
        // Its claim decides, if it has one.
        if volume.claim.is_none() && by == SnapshotAsker::Policy {
            decision.fault(&volume.name, Approach::CsiSnapshot, VolumeFault::ByPolicy);
        }
        return decision;
    }
    let with_claim = claim.and_then(|claim| rules.policy(&volume.facts.clone().with_claim(&claim.facts)));
    if with_claim == Some(ActionType::Skip) {
        decision.skip(&volume.name, Approach::VolumeSnapshot, reason::POLICY_SKIP);
        return decision;
    }
    if rules.move_data {
        if let Some(driver) = driver {
            let fault = VolumeFault::MoveData { volume: volume.name.clone(), driver: driver.to_owned() };
            decision.fault(&volume.name, Approach::VolumeSnapshot, fault);
            return decision;
        }
        decision.warnings.push(
            "spec.snapshotMoveData has no effect on the volume, because it is not of a CSI driver".into(),
        );
    }
    let location = rules.snapshot_locations.iter().find(|location| location.applies_to(volume));
    let fault = match (location, by) {
        (Some(location), by) => {
            VolumeFault::Native { location: location.name.clone(), provider: location.provider.clone(), by }
        }
        (None, SnapshotAsker::Policy) => VolumeFault::ByPolicy,
        (None, SnapshotAsker::Spec | SnapshotAsker::Default) => {
            decision.skip(&volume.name, Approach::VolumeSnapshot, reason::NO_SNAPSHOTTER);
            return decision;
        }
    };
    decision.fault(&volume.name, Approach::VolumeSnapshot, fault);
    decision
}

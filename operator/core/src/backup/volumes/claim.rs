//! What becomes of the data of a claim: whether a CSI driver takes a snapshot of its volume.

use super::super::policies::{ActionType, VolumeFacts};
use super::fault::VolumeFault;
use super::skipped::{Approach, reason};
use super::storage::{Claim, Volume};
use super::{Decision, VolumeRules};

/// Whether [`decide_claim`] wants to know the claim's volume.
pub fn needs_volume(rules: &VolumeRules, claim: &Claim) -> bool {
    !claim.volume.is_empty() && (rules.csi || rules.policies.is_some())
}

/// Decides about a claim. `volume`: the one that it names, where it is there; `copied`: a pod that uses it has its files copied, which
/// counts where [`depends_on_pods`](super::depends_on_pods) says so for the claim and its volume together.
pub fn decide_claim(rules: &VolumeRules, claim: &Claim, volume: Option<&Volume>, copied: bool) -> Decision {
    let mut decision = Decision::default();
    let facts = volume.map_or_else(VolumeFacts::default, |volume| volume.facts.clone());
    let policy = rules.policy(&facts.with_claim(&claim.facts));
    if policy == Some(ActionType::Skip) {
        decision.skip(&claim.volume, Approach::Any, reason::POLICY);
        return decision;
    }
    if !rules.csi {
        return decision;
    }
    let Some(by) = rules.snapshot_asker(policy, copied) else {
        decision.skip(&claim.volume, Approach::VolumeSnapshot, reason::NOT_WANTED);
        return decision;
    };
    match volume {
        // It was never bound, so nothing was ever written to it.
        None if claim.volume.is_empty() || claim.facts.phase == "Pending" => {}
        None => {
            let fault =
                VolumeFault::VolumeGone { volume: claim.volume.clone(), phase: claim.facts.phase.clone() };
            decision.fault(&claim.volume, Approach::CsiSnapshot, fault);
        }
        Some(volume) => match volume.driver() {
            None => decision.skip(&claim.volume, Approach::CsiSnapshot, reason::NOT_CSI),
            Some(driver) => {
                let (volume, driver) = (volume.name.clone(), driver.to_owned());
                let fault = if rules.move_data {
                    VolumeFault::MoveData { volume, driver }
                } else {
                    VolumeFault::Csi { volume, driver, by }
                };
                decision.fault(&claim.volume, Approach::CsiSnapshot, fault);
            }
        },
    }
    decision
}

//! A volume that was made anew for a restored claim gets the labels and the reclaim policy that the old one had.
//!
//! Labels are added to those that the new volume has. Those that say where a disk is stay the new volume's: with the old zone on it no
//! pod could use it.

use serde_json::{Map, Value, json};

use super::{claim_of, text, volume_of};
use crate::backup::volumes::PvInfo;
use crate::kind::ObjectName;

/// Begins of labels that say where a disk is.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/", "failure-domain.beta.kubernetes.io/", "failure-domain.kubernetes.io/"];

/// What a look at a claim of the cluster says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimLook {
    /// It has this volume.
    Bound(String),
    /// It has none yet. With a class that waits for the first consumer, it has none before a pod uses it.
    Unbound {
        /// Its phase, empty if it has none yet.
        phase: String,
        /// Its storage class, where it names one.
        class: Option<String>,
        /// The scheduler has chosen a node, so that a volume is on its way.
        scheduled: bool,
    },
}

/// Looks at a claim.
pub fn look_at_claim(claim: &Value) -> ClaimLook {
    let phase = text(claim, "/status/phase");
    match volume_of(claim) {
        Some(volume) if phase == "Bound" => ClaimLook::Bound(volume.to_owned()),
        _ => {
            let annotations = claim.pointer("/metadata/annotations");
            let node =
                annotations.and_then(|annotations| annotations.get("volume.kubernetes.io/selected-node"));
            let class = Some(text(claim, "/spec/storageClassName")).filter(|class| !class.is_empty());
            ClaimLook::Unbound {
                phase: phase.to_owned(),
                class: class.map(str::to_owned),
                scheduled: node.is_some(),
            }
        }
    }
}

/// Whether a storage class makes volumes only once a pod uses the claim.
pub fn waits_for_consumer(class: &Value) -> bool {
    text(class, "/volumeBindingMode") == "WaitForFirstConsumer"
}

/// What a look at the volume of a claim says.
#[derive(Debug, Clone, PartialEq)]
pub enum VolumeLook {
    /// It is not bound yet.
    Unbound,
    /// It is bound to another claim.
    OfAnother(ObjectName),
    /// It is as it should be.
    Same,
    /// This merge patch makes it so.
    Patch(Value),
}

/// Looks at the volume of a claim of the cluster.
pub fn look_at_volume(volume: &Value, claim: &ObjectName, renewal: &PvInfo) -> VolumeLook {
    match claim_of(volume) {
        Some(of) if text(volume, "/status/phase") == "Bound" => {
            if of != *claim {
                return VolumeLook::OfAnother(of);
            }
        }
        _ => return VolumeLook::Unbound,
    }
    let mut patch = Map::new();
    let there = volume.pointer("/metadata/labels");
    let labels = renewal.labels.iter().flatten().filter(|(key, value)| {
        let there = there.and_then(|there| there.get(key.as_str())).and_then(Value::as_str);
        there != Some(value.as_str()) && !TOPOLOGY.iter().any(|begin| key.starts_with(begin))
    });
    let labels: Map<String, Value> =
        labels.map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    if !labels.is_empty() {
        patch.insert("metadata".into(), json!({"labels": labels}));
    }
    let policy = renewal.reclaim_policy.as_str();
    if !policy.is_empty() && text(volume, "/spec/persistentVolumeReclaimPolicy") != policy {
        patch.insert("spec".into(), json!({"persistentVolumeReclaimPolicy": policy}));
    }
    if patch.is_empty() { VolumeLook::Same } else { VolumeLook::Patch(Value::Object(patch)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_without_a_volume_may_wait_for_a_pod() {
        let claim = |volume: &str, phase: &str, annotations: Value| {
            look_at_claim(&json!({
                "metadata": {"annotations": annotations},
                "spec": {"volumeName": volume, "storageClassName": "fast"}, "status": {"phase": phase},
            }))
        };
        let unbound = |phase: &str, scheduled| ClaimLook::Unbound {
            phase: phase.into(),
            class: Some("fast".into()),
            scheduled,
        };
        assert_eq!(claim("pv", "Bound", json!({})), ClaimLook::Bound("pv".into()));
        assert_eq!(claim("pv", "Pending", json!(null)), unbound("Pending", false));
        let node = json!({"volume.kubernetes.io/selected-node": "n1"});
        assert_eq!(claim("", "Pending", node), unbound("Pending", true));
        assert_eq!(claim("pv", "Lost", json!({})), unbound("Lost", false));
        assert!(waits_for_consumer(&json!({"volumeBindingMode": "WaitForFirstConsumer"})));
        assert!(!waits_for_consumer(&json!({})));
    }

    #[test]
    fn the_new_volume_gets_what_the_old_one_had_and_keeps_its_place() {
        let claim = ObjectName::new(Some("app"), "data");
        let look = |of: Value, phase: &str, renewal: Value| {
            let volume = json!({
                "metadata": {"labels": {"disk": "new", "topology.kubernetes.io/zone": "b"}},
                "spec": {"persistentVolumeReclaimPolicy": "Delete", "claimRef": of}, "status": {"phase": phase},
            });
            look_at_volume(&volume, &claim, &serde_json::from_value(renewal).unwrap())
        };
        let data = || json!({"namespace": "app", "name": "data"});
        let old = || json!({"reclaimPolicy": "Retain", "labels": {"disk": "big", "topology.kubernetes.io/zone": "a"}});
        assert_eq!(look(data(), "Pending", old()), VolumeLook::Unbound);
        assert_eq!(look(json!(null), "Bound", old()), VolumeLook::Unbound);
        let other = ObjectName::new(Some("app"), "other");
        assert_eq!(
            look(json!({"namespace": "app", "name": "other"}), "Bound", old()),
            VolumeLook::OfAnother(other)
        );
        assert_eq!(
            look(data(), "Bound", old()),
            VolumeLook::Patch(json!({
                "metadata": {"labels": {"disk": "big"}}, "spec": {"persistentVolumeReclaimPolicy": "Retain"},
            }))
        );
        let same = [json!({"reclaimPolicy": "Delete", "labels": {"disk": "new"}}), json!({"labels": null})];
        assert!(same.into_iter().all(|renewal| look(data(), "Bound", renewal) == VolumeLook::Same));
    }
}

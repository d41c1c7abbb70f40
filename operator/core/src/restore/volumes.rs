//! Volumes and claims of a restore: what the backup holds of their data, and what becomes of them by that.
//!
//! A volume whose data lies in a backup of its own, or that is deleted together with its claim, is no volume to point at: its claim loses
//! the reference, and the storage class provides a new volume. A claim whose data the backup holds and nobody here can bring back is not
//! created: it would be empty, and look like one that was restored.
//!
//! [`VolumeRecords`] is made of the lists in the bucket; [`decide_volume`], [`decide_claim`], [`decide_pod`] and [`template_claims`] decide
//! by it; [`standing`] looks at a volume that the cluster has already; [`look_at_volume`] says what a volume that was made anew lacks.
//! Nothing here waits, and nothing here brings data back.

mod data;
mod decision;
mod entries;
mod in_cluster;
mod info;
mod legacy;
mod record;
mod records;
mod renewal;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::data::{DataMethod, DataState, VolumeData};
pub use self::decision::{
    ClaimDecision, IfAbsent, PodLack, TemplateClaim, VolumeDecision, VolumeWishes, decide_claim, decide_pod,
    decide_volume, template_claims,
};
pub use self::in_cluster::{Standing, standing, stays};
pub use self::record::VolumeRecord;
pub use self::records::{DamagedList, VolumeFiles, VolumeRecords};
pub use self::renewal::{ClaimLook, VolumeLook, look_at_claim, look_at_volume, waits_for_consumer};
use super::reset::reset_binding;
use crate::kind::ObjectName;

/// The volume that a claim names, if any.
pub fn volume_of(claim: &Value) -> Option<&str> {
    Some(text(claim, "/spec/volumeName")).filter(|name| !name.is_empty())
}

/// The claim that a volume is or was bound to, if any.
pub fn claim_of(volume: &Value) -> Option<ObjectName> {
    let name = text(volume, "/spec/claimRef/name");
    let namespace = text(volume, "/spec/claimRef/namespace");
    (!name.is_empty()).then(|| ObjectName::new(Some(namespace), name))
}

/// Lets a claim be provisioned anew.
pub fn release_claim(claim: &mut Value) {
    if let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("volumeName");
    }
}

/// Makes a volume of the backup one that waits for its claim, which may be in a namespace of another name now.
pub fn await_claim(volume: &mut Value, namespace_mapping: &BTreeMap<String, String>) {
    reset_binding(volume);
    let mapped = claim_of(volume).and_then(|claim| namespace_mapping.get(&claim.namespace?));
    if let (Some(mapped), Some(namespace)) = (mapped, volume.pointer_mut("/spec/claimRef/namespace")) {
        *namespace = Value::from(mapped.as_str());
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;

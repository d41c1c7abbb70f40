//! Claims and volumes as far as decisions about their data go.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::policies::{ClaimFacts, VolumeFacts};
use crate::kind::ObjectName;

/// A PersistentVolumeClaim as far as decisions go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Namespace and name.
    pub object: ObjectName,
    /// Name of its PersistentVolume; empty while there is none.
    pub volume: String,
    /// For policies.
    pub facts: ClaimFacts,
}

impl Claim {
    /// Reads what an item has of it. Never fails: what is missing is empty.
    pub fn read(item: &Value) -> Self {
        let text = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Self {
            object: ObjectName::new(Some(text("/metadata/namespace")), text("/metadata/name")),
            volume: text("/spec/volumeName").to_owned(),
            facts: ClaimFacts::of(item),
        }
    }
}

/// A PersistentVolume as far as decisions and the report go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// metadata.name.
    pub name: String,
    /// The claim that it is or was bound to.
    pub claim: Option<ObjectName>,
    /// For policies.
    pub facts: VolumeFacts,
    /// spec.persistentVolumeReclaimPolicy.
    pub reclaim_policy: String,
    /// metadata.labels, where it has some.
    pub labels: Option<BTreeMap<String, String>>,
}

impl Volume {
    /// Reads what an item has of it. Never fails: what is missing is empty.
    pub fn read(item: &Value) -> Self {
        let text = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let claim = ObjectName::new(Some(text("/spec/claimRef/namespace")), text("/spec/claimRef/name"));
        let labels = item.pointer("/metadata/labels").and_then(Value::as_object);
        let labels = labels.map(|labels| {
            let pairs = labels.iter();
            pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        });
        Self {
            name: text("/metadata/name").to_owned(),
            claim: (!claim.name.is_empty()).then_some(claim),
            facts: VolumeFacts::of_volume(item),
            reclaim_policy: text("/spec/persistentVolumeReclaimPolicy").to_owned(),
            labels,
        }
    }

    /// The CSI driver that it is of.
    pub fn driver(&self) -> Option<&str> {
        self.facts.csi.as_ref().map(|csi| csi.driver.as_str())
    }
}

//! The conditions of one volume policy: read strictly, checked once, and then held against volumes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_yaml_ng::{Mapping, Value};

use super::PolicyError;
use super::volume_facts::VolumeFacts;
use crate::quantity::Quantity;

/// Conditions as written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Raw {
    #[serde(deserialize_with = "text")]
    capacity: String,
    #[serde(deserialize_with = "list")]
    storage_class: Vec<String>,
    #[serde(deserialize_with = "present")]
    nfs: Option<Nfs>,
    #[serde(deserialize_with = "present")]
    csi: Option<Csi>,
    #[serde(deserialize_with = "list")]
    volume_types: Vec<String>,
    #[serde(deserialize_with = "map")]
    pvc_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "list")]
    pvc_phase: Vec<String>,
}

/// Conditions that were checked. All must hold; none at all holds for every volume.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditions {
    lower: Quantity,
    upper: Quantity,
    storage_class: Vec<String>,
    nfs: Option<Nfs>,
    csi: Option<Csi>,
    volume_types: Vec<String>,
    pvc_labels: BTreeMap<String, String>,
    pvc_phase: Vec<String>,
}

/// An NFS share; what is empty is any.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Nfs {
    #[serde(deserialize_with = "text")]
    server: String,
    #[serde(deserialize_with = "text")]
    path: String,
}

/// A volume of a CSI driver; what is empty is any.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Csi {
    #[serde(deserialize_with = "text")]
    driver: String,
    #[serde(deserialize_with = "map")]
    volume_attributes: BTreeMap<String, String>,
}

impl Raw {
    pub(super) fn check(self, policy: usize) -> Result<Conditions, PolicyError> {
        let (lower, upper) = range(self.capacity, policy)?;
        if self.csi.as_ref().is_some_and(|csi| csi.driver.is_empty() && !csi.volume_attributes.is_empty()) {
            return Err(PolicyError::AttributesWithoutDriver { policy });
        }
        Ok(Conditions {
            lower,
            upper,
            storage_class: self.storage_class,
            nfs: self.nfs,
            csi: self.csi,
            volume_types: self.volume_types,
            pvc_labels: self.pvc_labels,
            pvc_phase: self.pvc_phase,
        })
    }
}

/// The two bounds of `lower,upper`. A bound that is missing is zero, and an upper bound of zero is none.
fn range(capacity: String, policy: usize) -> Result<(Quantity, Quantity), PolicyError> {
    if capacity.is_empty() {
        return Ok((Quantity::ZERO, Quantity::ZERO));
    }
    let bounds = capacity.split_once(',').filter(|(_, upper)| !upper.contains(','));
    let Some((lower, upper)) = bounds else { return Err(PolicyError::CapacityForm { policy, capacity }) };
    let bound = |text: &str| match text.trim() {
        "" => Ok(Quantity::ZERO),
        text => text.parse().map_err(|source| PolicyError::CapacityBound { policy, source }),
    };
    let (lower, upper): (Quantity, Quantity) = (bound(lower)?, bound(upper)?);
    let in_order = upper >= lower || (lower > Quantity::ZERO && upper.is_zero());
    if in_order { Ok((lower, upper)) } else { Err(PolicyError::CapacityOrder { policy, capacity }) }
}

impl Conditions {
    pub(super) fn hold_for(&self, volume: &VolumeFacts) -> bool {
        self.holds_capacity(volume.capacity)
            && is_among(&self.storage_class, &volume.storage_class)
            && self.holds_nfs(volume)
            && self.holds_csi(volume)
            && is_among(&self.volume_types, volume.volume_type)
            && within(&self.pvc_labels, &volume.claim.labels)
            && is_among(&self.pvc_phase, &volume.claim.phase)
    }

    fn holds_capacity(&self, capacity: Quantity) -> bool {
        capacity >= self.lower && (self.upper.is_zero() || capacity <= self.upper)
    }

    fn holds_nfs(&self, volume: &VolumeFacts) -> bool {
        let Some(wanted) = &self.nfs else { return true };
        volume.nfs.as_ref().is_some_and(|share| {
            (wanted.server.is_empty() || wanted.server == share.server)
                && (wanted.path.is_empty() || wanted.path == share.path)
        })
    }

    fn holds_csi(&self, volume: &VolumeFacts) -> bool {
        let Some(wanted) = &self.csi else { return true };
        volume.csi.as_ref().is_some_and(|csi| {
            wanted.driver.is_empty()
                || (wanted.driver == csi.driver && within(&wanted.volume_attributes, &csi.attributes))
        })
    }
}

/// An empty list asks for nothing; otherwise the value must be in it, and an unknown one never is.
fn is_among(list: &[String], value: &str) -> bool {
    list.is_empty() || (!value.is_empty() && list.iter().any(|wanted| wanted == value))
}

fn within(wanted: &BTreeMap<String, String>, present: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| present.get(key) == Some(value))
}

/// A key that is there counts, also where nothing stands behind it: `nfs:` is `nfs: {}`, any NFS volume. Reading it as "no condition"
/// would make the policy fit everything.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Some(Option::<T>::deserialize(deserializer)?.unwrap_or_default()))
}

/// Text, also where YAML reads something else in it (`true`, `1`): labels and names are always text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    scalar(Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A list of texts; nothing is an empty list.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let list = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    list.into_iter().map(scalar).collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// Text by text; nothing is an empty map. A key that is there twice is refused.
fn map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let map = Option::<Mapping>::deserialize(deserializer)?.unwrap_or_default();
    let pairs = map.into_iter().map(|(key, value)| Ok((scalar(key)?, scalar(value)?)));
    pairs.collect::<Result<_, String>>().map_err(D::Error::custom)
}

fn scalar(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        Value::Sequence(_) => Err("a list stands where text is expected".into()),
        Value::Mapping(_) | Value::Tagged(_) => Err("a map stands where text is expected".into()),
    }
}

//! What policies look at in a volume, read from a PersistentVolume, a PersistentVolumeClaim or a volume of a pod.
//!
//! Reading never fails: what is missing or of another shape is empty, and fits no condition that asks for it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::quantity::Quantity;

/// The properties of one volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// `spec.capacity.storage` of the PersistentVolume, else zero.
    pub capacity: Quantity,
    /// `spec.storageClassName` of the PersistentVolume, else empty.
    pub storage_class: String,
    /// Where it is an NFS share.
    pub nfs: Option<NfsShare>,
    /// Where it is a CSI driver's.
    pub csi: Option<VolumeDriver>,
    /// The source's name as policies have it (`hostPath`, `csi`); empty where unknown.
    pub volume_type: &'static str,
    /// Of the claim, where there is one.
    pub claim: ClaimFacts,
}

/// The properties of a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimFacts {
    /// metadata.labels.
    pub labels: BTreeMap<String, String>,
    /// status.phase.
    pub phase: String,
}

/// An NFS share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NfsShare {
    /// Host.
    pub server: String,
    /// Path on it.
    pub path: String,
}

/// A CSI driver's volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeDriver {
    /// Its name.
    pub driver: String,
    /// `volumeAttributes`.
    pub attributes: BTreeMap<String, String>,
}

/// Sources by their field, with the name that policies have for them. Fields that hold no data of their own (`persistentVolumeClaim`) are not
/// among them.
const TYPES: [(&str, &str); 30] = [
    ("awsElasticBlockStore", "awsElasticBlockStore"),
    ("azureDisk", "azureDisk"),
    ("azureFile", "azureFile"),
    ("cephfs", "cephfs"),
    ("cinder", "cinder"),
    ("configMap", "configMap"),
    ("csi", "csi"),
    ("downwardAPI", "downwardAPI"),
    ("emptyDir", "emptyDir"),
    ("ephemeral", "ephemeral"),
    ("fc", "fc"),
    ("flexVolume", "flexVolume"),
    ("flocker", "flocker"),
    ("gcePersistentDisk", "gcePersistentDisk"),
    ("gitRepo", "gitRepo"),
    ("glusterfs", "glusterfs"),
    ("hostPath", "hostPath"),
    ("image", "image"),
    ("iscsi", "iscsi"),
    ("local", "local"),
    ("nfs", "nfs"),
    ("photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", "portworxVolume"),
    ("projected", "projected"),
    ("quobyte", "quobyte"),
    ("rbd", "rbd"),
    ("scaleIO", "scaleIO"),
    ("secret", "secret"),
    ("storageos", "storageOS"),
    ("vsphereVolume", "vsphereVolume"),
];

impl VolumeFacts {
    /// Of a PersistentVolume.
    pub fn of_volume(volume: &Value) -> Self {
        let Some(spec) = volume.get("spec") else { return Self::default() };
        let capacity = spec.pointer("/capacity/storage").and_then(Value::as_str);
        Self {
            capacity: capacity.and_then(|text| text.parse().ok()).unwrap_or_default(),
            storage_class: text(spec, "storageClassName"),
            ..Self::of_source(spec)
        }
    }

    /// Of a volume in a pod's `spec.volumes` that is not a claim.
    pub fn of_source(source: &Value) -> Self {
        let present = |field: &str| source.get(field).is_some_and(|value| !value.is_null());
        let volume_type = TYPES.iter().find(|(field, _)| present(field)).map_or("", |(_, name)| name);
        let nfs = source.get("nfs").filter(|nfs| nfs.is_object());
        let csi = source.get("csi").filter(|csi| csi.is_object());
        Self {
            nfs: nfs.map(|nfs| NfsShare { server: text(nfs, "server"), path: text(nfs, "path") }),
            csi: csi.map(|csi| VolumeDriver {
                driver: text(csi, "driver"),
                attributes: texts(csi.get("volumeAttributes")),
            }),
            volume_type,
            ..Self::default()
        }
    }

    /// Together with its claim.
    #[must_use]
    pub fn with_claim(self, claim: &ClaimFacts) -> Self {
        Self { claim: claim.clone(), ..self }
    }
}

impl ClaimFacts {
    /// Of a PersistentVolumeClaim.
    pub fn of(claim: &Value) -> Self {
        let phase = claim.get("status").map(|status| text(status, "phase"));
        Self { labels: texts(claim.pointer("/metadata/labels")), phase: phase.unwrap_or_default() }
    }
}

fn text(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(map: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = map.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

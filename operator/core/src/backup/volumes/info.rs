//! `<backup>-volumeinfo.json.gz`: how the data of each volume was backed up, or why it was not. Restores and the CLI read it.
//!
//! This version takes no data, so every entry is one of a volume that was skipped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::skipped::SkippedVolumes;
use super::storage::Volume;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeInfo {
    /// The claim's name; absent where the volume has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pvc_name: String,
    /// The claim's namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pvc_namespace: String,
    /// The PersistentVolume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pv_name: String,
    /// The content of a snapshot was copied.
    pub snapshot_data_moved: bool,
    /// The snapshot stays in the cluster.
    pub preserve_local_snapshot: bool,
    /// No data was taken.
    pub skipped: bool,
    /// Why, by way: `<approach>: <reason>;`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub skipped_reason: String,
    /// What a restore gives a volume that it has made anew.
    pub pv_info: PvInfo,
}

/// Of a PersistentVolume. Reading, what is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PvInfo {
    /// `Retain`, `Delete` or `Recycle`.
    pub reclaim_policy: String,
    /// Its labels, `null` without.
    pub labels: Option<BTreeMap<String, String>>,
}

impl VolumeInfo {
    /// Of a PersistentVolume whose data nothing is known about yet.
    pub fn of(volume: &Volume) -> Self {
        let claim = volume.claim.clone().unwrap_or_default();
        Self {
            pvc_name: claim.name,
            pvc_namespace: claim.namespace.unwrap_or_default(),
            pv_name: volume.name.clone(),
            snapshot_data_moved: false,
            preserve_local_snapshot: false,
            skipped: false,
            skipped_reason: String::new(),
            pv_info: PvInfo { reclaim_policy: volume.reclaim_policy.clone(), labels: volume.labels.clone() },
        }
    }
}

/// The entries, sorted by volume, of those that were skipped and that the backup has seen. `seen` has them by name.
pub fn volume_infos(skipped: &SkippedVolumes, seen: &BTreeMap<String, VolumeInfo>) -> Vec<VolumeInfo> {
    let entries = skipped.iter().filter_map(|skip| {
        let info = seen.get(skip.name)?.clone();
        Some(VolumeInfo { skipped: true, skipped_reason: skip.reason(), ..info })
    });
    entries.collect()
}

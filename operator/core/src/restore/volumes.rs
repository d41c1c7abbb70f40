//! Persistent volumes: restored as they are, or left to be provisioned anew for their claim.
//!
//! A volume whose data lies in a backup of its own, or that is deleted together with its claim, is no volume to point at: its claim
//! loses the reference, and the storage class provides a new volume.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// How the data of a volume was backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum BackupMethod {
    /// By a snapshot of the storage provider's own.
    NativeSnapshot,
    /// File by file.
    PodVolumeBackup,
    /// By a CSI snapshot, perhaps moved elsewhere.
    CSISnapshot,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeInfo {
    #[serde(default)]
    pv_name: String,
    #[serde(default)]
    backup_method: Option<Value>,
}

/// Reads `<backup>-volumeinfo.json`: how the data of each volume was backed up, by the volume's name. A method that is not known here
/// counts as none.
pub fn methods(document: &[u8]) -> Result<BTreeMap<String, BackupMethod>, serde_json::Error> {
    let infos: Option<Vec<VolumeInfo>> = serde_json::from_slice(document)?;
    let named = infos.unwrap_or_default().into_iter().filter(|info| !info.pv_name.is_empty());
    Ok(named
        .filter_map(|info| {
            let method = serde_json::from_value(info.backup_method?).ok()?;
            Some((info.pv_name, method))
        })
        .collect())
}

/// What becomes of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeFate {
    /// It is restored as it is and points at the storage it pointed at.
    Restore,
    /// It is not restored, and its claim gets a new one; the data that was backed up by this method is not brought back.
    Provision {
        /// How the data was backed up, if it was.
        data_in: Option<BackupMethod>,
    },
    /// It can only be made from a snapshot, which is not possible here.
    NeedsSnapshot,
}

/// Decides about a volume from its object and from what is known of its data.
pub fn fate(volume: &Value, method: Option<BackupMethod>) -> VolumeFate {
    match method {
        Some(BackupMethod::NativeSnapshot) => VolumeFate::NeedsSnapshot,
        Some(method) => VolumeFate::Provision { data_in: Some(method) },
        None => match volume.pointer("/spec/persistentVolumeReclaimPolicy").and_then(Value::as_str) {
            Some("Delete") => VolumeFate::Provision { data_in: None },
            _ => VolumeFate::Restore,
        },
    }
}

/// The volume that a claim names, if any.
pub fn volume_of(claim: &Value) -> Option<&str> {
    claim.pointer("/spec/volumeName").and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// Lets a claim be provisioned anew.
pub fn release_claim(claim: &mut Value) {
    if let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("volumeName");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_that_lies_elsewhere_and_volumes_that_go_with_their_claim_are_provisioned_anew() {
        let volume = |policy: &str| json!({"spec": {"persistentVolumeReclaimPolicy": policy}});
        assert_eq!(fate(&volume("Retain"), None), VolumeFate::Restore);
        assert_eq!(fate(&volume("Delete"), None), VolumeFate::Provision { data_in: None });
        let csi = Some(BackupMethod::CSISnapshot);
        assert_eq!(fate(&volume("Retain"), csi), VolumeFate::Provision { data_in: csi });
        assert_eq!(fate(&volume("Delete"), Some(BackupMethod::NativeSnapshot)), VolumeFate::NeedsSnapshot);
    }

    #[test]
    fn methods_are_read_by_volume_and_unknown_ones_count_as_none() {
        let document = json!([
            {"pvName": "a", "backupMethod": "PodVolumeBackup", "snapshotDataMoved": false},
            {"pvName": "b", "backupMethod": "Telepathy"},
            {"pvName": "c", "skipped": true},
            {"backupMethod": "PodVolumeBackup"}
        ]);
        let methods = methods(document.to_string().as_bytes()).unwrap();
        assert_eq!(methods, BTreeMap::from([("a".to_owned(), BackupMethod::PodVolumeBackup)]));
        assert!(super::methods(b"null").unwrap().is_empty());
        assert!(super::methods(b"{").is_err());
    }
}

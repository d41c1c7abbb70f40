//! An entry of `<backup>-volumeinfo.json.gz`.
//!
//! Written once the items are through, and again when operations have ended: an entry without a result is one whose end nobody has
//! written down, so its data counts as held unless its phase says otherwise.

use lateen_api::v1::DataMovementPhase;
use serde::Deserialize;

use super::data::{DataMethod, DataState, VolumeData};
use super::record::VolumeRecord;
use crate::backup::volumes::PvInfo;
use crate::kind::ObjectName;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pvc_name: Option<String>,
    pvc_namespace: Option<String>,
    pv_name: Option<String>,
    backup_method: Option<String>,
    snapshot_data_moved: Option<bool>,
    skipped: Option<bool>,
    result: Option<String>,
    csi_snapshot_info: Option<Csi>,
    snapshot_data_movement_info: Option<Movement>,
    native_snapshot_info: Option<Native>,
    pvb_info: Option<Files>,
    pv_info: Option<PvInfo>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Csi {
    snapshot_handle: Option<String>,
    size: Option<i64>,
    driver: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Movement {
    data_mover: Option<String>,
    snapshot_handle: Option<String>,
    size: Option<i64>,
    #[serde(rename = "Phase")]
    phase: Option<DataMovementPhase>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Native {
    snapshot_handle: Option<String>,
    volume_type: Option<String>,
    #[serde(rename = "Phase")]
    phase: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Files {
    snapshot_handle: Option<String>,
    size: Option<i64>,
    uploader_type: Option<String>,
    volume_name: Option<String>,
    pod_name: Option<String>,
    pod_namespace: Option<String>,
    #[serde(rename = "Phase")]
    phase: Option<DataMovementPhase>,
}

impl Entry {
    pub(super) fn record(self) -> VolumeRecord {
        let data = self.data();
        let pod = self.pvb_info.map(|files| {
            let pod = ObjectName::new(files.pod_namespace.as_deref(), &files.pod_name.unwrap_or_default());
            (pod, files.volume_name.unwrap_or_default())
        });
        let claim = self.pvc_name.filter(|name| !name.is_empty());
        VolumeRecord {
            volume: self.pv_name.filter(|name| !name.is_empty()),
            claim: claim.map(|name| ObjectName::new(self.pvc_namespace.as_deref(), &name)),
            pod,
            data,
            renewal: self.pv_info,
        }
    }

    fn data(&self) -> VolumeData {
        let method = self.backup_method.as_deref().unwrap_or_default();
        if self.skipped == Some(true) || method.is_empty() {
            return VolumeData::skipped();
        }
        let mut data = match method {
            "NativeSnapshot" => native(self.native_snapshot_info.as_ref()),
            "PodVolumeBackup" => files(self.pvb_info.as_ref()),
            "CSISnapshot" if self.snapshot_data_moved == Some(true) => {
                movement(self.snapshot_data_movement_info.as_ref())
            }
            "CSISnapshot" => csi(self.csi_snapshot_info.as_ref()),
            other => {
                let method = Some(DataMethod::Other(other.chars().take(80).collect()));
                VolumeData { method, state: DataState::Held, ..VolumeData::skipped() }
            }
        };
        if self.result.as_deref() == Some("failed") {
            data.state = DataState::Failed;
        }
        data
    }
}

fn native(info: Option<&Native>) -> VolumeData {
    let phase = info.and_then(|info| info.phase.as_deref()).unwrap_or_default();
    VolumeData {
        method: Some(DataMethod::NativeSnapshot),
        state: if phase == "Failed" { DataState::Failed } else { DataState::Held },
        size: None,
        snapshot: text(info.map(|info| &info.snapshot_handle)),
        reader: text(info.map(|info| &info.volume_type)),
    }
}

fn csi(info: Option<&Csi>) -> VolumeData {
    VolumeData {
        method: Some(DataMethod::CsiSnapshot),
        state: DataState::Held,
        size: info.and_then(|info| bytes(info.size)),
        snapshot: text(info.map(|info| &info.snapshot_handle)),
        reader: text(info.map(|info| &info.driver)),
    }
}

fn movement(info: Option<&Movement>) -> VolumeData {
    VolumeData {
        method: Some(DataMethod::DataMovement),
        state: moved(info.and_then(|info| info.phase.as_ref())),
        size: info.and_then(|info| bytes(info.size)),
        snapshot: text(info.map(|info| &info.snapshot_handle)),
        reader: text(info.map(|info| &info.data_mover)),
    }
}

fn files(info: Option<&Files>) -> VolumeData {
    let snapshot = text(info.map(|info| &info.snapshot_handle));
    let phase = info.and_then(|info| info.phase.as_ref());
    VolumeData {
        method: Some(DataMethod::FileSystem),
        state: copied(phase, &snapshot),
        size: info.and_then(|info| bytes(info.size)),
        snapshot,
        reader: text(info.map(|info| &info.uploader_type)),
    }
}

/// Whether moving data has left any.
pub(super) fn moved(phase: Option<&DataMovementPhase>) -> DataState {
    match phase {
        Some(DataMovementPhase::Failed | DataMovementPhase::Canceled) => DataState::Failed,
        _ => DataState::Held,
    }
}

/// Whether copying files has left any: of an empty directory there is no snapshot.
pub(super) fn copied(phase: Option<&DataMovementPhase>, snapshot: &str) -> DataState {
    match phase {
        Some(DataMovementPhase::Completed) if snapshot.is_empty() => DataState::Empty,
        phase => moved(phase),
    }
}

/// A size that says something.
pub(super) fn bytes(size: Option<i64>) -> Option<u64> {
    size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0)
}

fn text(field: Option<&Option<String>>) -> String {
    field.cloned().flatten().unwrap_or_default()
}

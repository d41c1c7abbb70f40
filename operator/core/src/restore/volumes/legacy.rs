//! The files that say more than the volume infos, or that stand in for them in backups of Velero before 1.13: the list of copied
//! volumes of pods, of native snapshots, of CSI snapshots, and the operations that moved data.

use lateen_api::labels::annotations;
use lateen_api::v1::DataMovementPhase;
use serde::Deserialize;

use super::data::{DataMethod, DataState, VolumeData};
use super::info::{bytes, copied};
use super::record::VolumeRecord;
use crate::item_operation::{BackupOperation, OperationPhase};
use crate::kind::ObjectName;

/// What begins the id of an operation that moves the data of a claim.
const MOVEMENT_PREFIX: &str = "du-";

/// An entry of `<backup>-podvolumebackups.json.gz`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PodVolumeBackup {
    metadata: Option<Metadata>,
    spec: Option<PodVolumeSpec>,
    status: Option<PodVolumeStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PodVolumeSpec {
    pod: Option<Pod>,
    volume: Option<String>,
    uploader_type: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pod {
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodVolumeStatus {
    phase: Option<DataMovementPhase>,
    #[serde(rename = "snapshotID")]
    snapshot_id: Option<String>,
    progress: Option<Progress>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Progress {
    total_bytes: Option<i64>,
}

impl PodVolumeBackup {
    pub(super) fn record(self) -> VolumeRecord {
        let (spec, status) = (self.spec.unwrap_or_default(), self.status.unwrap_or_default());
        let pod = spec.pod.unwrap_or_default();
        let annotations = self.metadata.and_then(|metadata| metadata.annotations).unwrap_or_default();
        let claim = annotations.get(annotations::PVC_NAME).filter(|name| !name.is_empty());
        let snapshot = status.snapshot_id.unwrap_or_default();
        VolumeRecord {
            volume: None,
            claim: claim.map(|name| ObjectName::new(pod.namespace.as_deref(), name)),
            pod: Some((
                ObjectName::new(pod.namespace.as_deref(), &pod.name.unwrap_or_default()),
                spec.volume.unwrap_or_default(),
            )),
            data: VolumeData {
                method: Some(DataMethod::FileSystem),
                state: copied(status.phase.as_ref(), &snapshot),
                size: bytes(status.progress.unwrap_or_default().total_bytes),
                snapshot,
                reader: spec.uploader_type.unwrap_or_default(),
            },
            renewal: None,
        }
    }
}

/// An entry of `<backup>-volumesnapshots.json.gz`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct NativeSnapshot {
    spec: Option<NativeSpec>,
    status: Option<NativeStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NativeSpec {
    persistent_volume_name: Option<String>,
    volume_type: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NativeStatus {
    #[serde(rename = "providerSnapshotID")]
    provider_snapshot_id: Option<String>,
    phase: Option<String>,
}

impl NativeSnapshot {
    /// None: it names no volume.
    pub(super) fn record(self) -> Option<VolumeRecord> {
        let (spec, status) = (self.spec.unwrap_or_default(), self.status.unwrap_or_default());
        let volume = spec.persistent_volume_name.filter(|name| !name.is_empty())?;
        let failed = status.phase.as_deref() == Some("Failed");
        let data = VolumeData {
            method: Some(DataMethod::NativeSnapshot),
            state: if failed { DataState::Failed } else { DataState::Held },
            size: None,
            snapshot: status.provider_snapshot_id.unwrap_or_default(),
            reader: spec.volume_type.unwrap_or_default(),
        };
        Some(VolumeRecord { volume: Some(volume), claim: None, pod: None, data, renewal: None })
    }
}

/// An entry of `<backup>-csi-volumesnapshots.json.gz`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CsiSnapshot {
    metadata: Option<Metadata>,
    spec: Option<CsiSpec>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CsiSpec {
    source: Option<CsiSource>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct CsiSource {
    persistent_volume_claim_name: Option<String>,
}

impl CsiSnapshot {
    /// None: it is not of a claim. Which driver it is of stands in its content, which is another file.
    pub(super) fn record(self) -> Option<VolumeRecord> {
        let metadata = self.metadata.unwrap_or_default();
        let source = self.spec.unwrap_or_default().source.unwrap_or_default();
        let claim = source.persistent_volume_claim_name.filter(|name| !name.is_empty())?;
        let annotations = metadata.annotations.unwrap_or_default();
        let handle = annotations.get(annotations::VOLUME_SNAPSHOT_HANDLE).cloned().or(metadata.name);
        let data = VolumeData {
            method: Some(DataMethod::CsiSnapshot),
            state: DataState::Held,
            size: None,
            snapshot: handle.unwrap_or_default(),
            reader: annotations.get(annotations::CSI_DRIVER_NAME).cloned().unwrap_or_default(),
        };
        let claim = ObjectName::new(metadata.namespace.as_deref(), &claim);
        Some(VolumeRecord { volume: None, claim: Some(claim), pod: None, data, renewal: None })
    }
}

/// The data that an operation of a backup moves. None: it moves none.
pub(super) fn moved(operation: &BackupOperation) -> Option<VolumeRecord> {
    let BackupOperation { spec, status } = operation;
    if !spec.operation_id.starts_with(MOVEMENT_PREFIX)
        || !spec.resource_identifier.kind().is("persistentvolumeclaims")
    {
        return None;
    }
    let failed = status.phase == OperationPhase::Failed;
    let data = VolumeData {
        method: Some(DataMethod::DataMovement),
        state: if failed { DataState::Failed } else { DataState::Held },
        size: bytes(Some(status.n_total)),
        snapshot: String::new(),
        reader: String::new(),
    };
    let claim = Some(spec.resource_identifier.object());
    Some(VolumeRecord { volume: None, claim, pod: None, data, renewal: None })
}

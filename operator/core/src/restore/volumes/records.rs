//! What the files of a backup say about the data of its volumes, by volume, by claim and by pod.
//!
//! The volume infos come first. What they do not name, because the backup is older than they are or because its volume was not in the
//! backup, is looked up in the other lists, in the order of Velero's own: native snapshots, copied files, CSI snapshots, moved data. Of
//! several entries of one list the one counts that holds data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use lateen_api::labels::annotations;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::data::{DataMethod, DataState, VolumeData};
use super::info::Entry;
use super::legacy::{self, CsiSnapshot, NativeSnapshot, PodVolumeBackup};
use super::record::VolumeRecord;
use super::{claim_of, entries, text, volume_of};
use crate::backup::volumes::PvInfo;
use crate::item_operation::BackupOperation;
use crate::kind::ObjectName;

/// What a backup says about the data of its volumes. Some 500 bytes for each.
#[derive(Debug, Clone, Default)]
pub struct VolumeRecords {
    records: Vec<(List, VolumeRecord)>,
    by_volume: BTreeMap<String, usize>,
    by_claim: BTreeMap<ObjectName, usize>,
    by_pod: BTreeMap<ObjectName, BTreeMap<String, usize>>,
}

/// The lists beside an archive, JSON for [`VolumeRecords::read`]; None where a backup has none.
#[derive(Debug)]
pub struct VolumeFiles<R> {
    /// `<backup>-volumeinfo.json.gz`.
    pub infos: Option<R>,
    /// `<backup>-volumesnapshots.json.gz`.
    pub native_snapshots: Option<R>,
    /// `<backup>-podvolumebackups.json.gz`.
    pub pod_volume_backups: Option<R>,
    /// `<backup>-csi-volumesnapshots.json.gz`.
    pub csi_snapshots: Option<R>,
    /// `<backup>-itemoperations.json.gz`.
    pub operations: Option<R>,
}

impl<R> Default for VolumeFiles<R> {
    fn default() -> Self {
        Self {
            infos: None,
            native_snapshots: None,
            pod_volume_backups: None,
            csi_snapshots: None,
            operations: None,
        }
    }
}

/// A list that cannot be read: nobody knows where the data of the volumes is.
#[derive(Debug, thiserror::Error)]
#[error("the backup's list of {list} is damaged")]
pub struct DamagedList {
    list: &'static str,
    #[source]
    source: serde_json::Error,
}

/// The list that an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Infos,
    NativeSnapshots,
    PodVolumes,
    CsiSnapshots,
    Operations,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Infos => "volume infos",
            Self::NativeSnapshots => "native snapshots",
            Self::PodVolumes => "copied volumes of pods",
            Self::CsiSnapshots => "CSI snapshots",
            Self::Operations => "operations",
        }
    }
}

impl VolumeRecords {
    /// Reads what a backup has.
    pub fn read(files: VolumeFiles<impl Read>) -> Result<Self, DamagedList> {
        let mut records = Self::default();
        records.take(List::Infos, files.infos, |info: Entry| Some(info.record()))?;
        records.take(List::NativeSnapshots, files.native_snapshots, NativeSnapshot::record)?;
        records.take(List::PodVolumes, files.pod_volume_backups, |copied: PodVolumeBackup| {
            Some(copied.record())
        })?;
        records.take(List::CsiSnapshots, files.csi_snapshots, CsiSnapshot::record)?;
        records.take(List::Operations, files.operations, |moved: BackupOperation| legacy::moved(&moved))?;
        Ok(records)
    }

    fn take<T: DeserializeOwned>(
        &mut self,
        list: List,
        json: Option<impl Read>,
        record: impl Fn(T) -> Option<VolumeRecord>,
    ) -> Result<(), DamagedList> {
        let Some(json) = json else { return Ok(()) };
        let read = entries::read(json, |entry| {
            if let Some(record) = record(entry) {
                self.add(list, record);
            }
        });
        read.map_err(|source| DamagedList { list: list.name(), source })
    }

    /// Puts an entry where it is looked for, unless something better is there.
    fn add(&mut self, list: List, record: VolumeRecord) {
        let (records, new) = (&self.records, self.records.len());
        let put = |place: &mut usize| {
            let wins = records
                .get(*place)
                .is_some_and(|(of, old)| *of == list && record.data.state > old.data.state);
            if wins {
                *place = new;
            }
        };
        if let Some(volume) = &record.volume {
            put(self.by_volume.entry(volume.clone()).or_insert(new));
        }
        match (&record.claim, &record.pod) {
            (Some(claim), _) => put(self.by_claim.entry(claim.clone()).or_insert(new)),
            (None, Some((pod, volume))) => {
                put(self.by_pod.entry(pod.clone()).or_default().entry(volume.clone()).or_insert(new));
            }
            (None, None) => {}
        }
        self.records.push((list, record));
    }

    fn at(&self, place: usize) -> &VolumeRecord {
        &self.records[place].1
    }

    /// Of a PersistentVolume as it is in the backup: by its name, else by the claim that it is bound to.
    pub fn of_volume(&self, volume: &Value) -> Option<&VolumeRecord> {
        let by_name = self.by_volume.get(text(volume, "/metadata/name"));
        let place = by_name.or_else(|| self.by_claim.get(&claim_of(volume)?))?;
        Some(self.at(*place))
    }

    /// Of a claim as it is in the backup: by its volume, by its name, else by what its backup has noted on it.
    pub fn of_claim(&self, claim: &Value) -> Option<Cow<'_, VolumeData>> {
        let name = ObjectName::new(Some(text(claim, "/metadata/namespace")), text(claim, "/metadata/name"));
        let by_volume = || volume_of(claim).and_then(|volume| self.by_volume.get(volume));
        match self.by_claim.get(&name).or_else(by_volume) {
            Some(place) => Some(Cow::Borrowed(&self.at(*place).data)),
            None => noted_on(claim).map(Cow::Owned),
        }
    }

    /// The record of a claim, by its namespace in the backup and its name.
    pub fn claim(&self, claim: &ObjectName) -> Option<&VolumeRecord> {
        self.by_claim.get(claim).map(|place| self.at(*place))
    }

    /// The claims of a namespace of the backup whose data the backup holds.
    pub(super) fn held_claims<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a VolumeData)> {
        let from = ObjectName::new(Some(namespace), "");
        let claims = self.by_claim.range(from..);
        let claims = claims.take_while(move |(claim, _)| claim.namespace.as_deref() == Some(namespace));
        let claims = claims.map(|(claim, place)| (claim.name.as_str(), &self.at(*place).data));
        claims.filter(|(_, data)| data.is_held())
    }

    /// The volume of a pod whose data has no claim, by the pod's place in the backup and the volume's name.
    pub(super) fn pod_volume(&self, pod: &ObjectName, volume: &str) -> Option<&VolumeData> {
        self.by_pod.get(pod)?.get(volume).map(|place| &self.at(*place).data)
    }

    /// The entries whose claims get a new volume that is to be like the old one: what the backup noted of it is there.
    pub fn renewals(&self) -> impl Iterator<Item = (&ObjectName, &PvInfo)> {
        self.by_claim.iter().filter_map(|(claim, place)| {
            let record = self.at(*place);
            let method = record.data.method.as_ref().filter(|method| **method != DataMethod::NativeSnapshot);
            method.and(record.renewal.as_ref()).map(|renewal| (claim, renewal))
        })
    }
}

/// What the actions of the backup wrote on a claim whose snapshot they took.
fn noted_on(claim: &Value) -> Option<VolumeData> {
    let annotations = claim.pointer("/metadata/annotations")?;
    let note = |key: &str| annotations.get(key).and_then(Value::as_str).filter(|note| !note.is_empty());
    let (method, snapshot) = match note(annotations::DATA_UPLOAD_NAME) {
        // It names an object of the cluster, and not the data.
        Some(_) => (DataMethod::DataMovement, ""),
        None => (DataMethod::CsiSnapshot, note(annotations::VOLUME_SNAPSHOT_NAME)?),
    };
    let (state, snapshot) = (DataState::Held, snapshot.to_owned());
    Some(VolumeData { method: Some(method), state, snapshot, ..VolumeData::skipped() })
}

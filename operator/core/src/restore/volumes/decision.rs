//! What becomes of volumes, claims, pods and stateful sets, by what the backup holds of their data.
//!
//! The table for volumes is Velero's. What is not Velero's: a claim is not created with an empty volume in place of the data that the
//! backup holds, unless the Restore asks for that, and nothing is created that would make such a claim by itself.

use lateen_api::labels::annotations;
use serde_json::Value;

use super::data::{DataState, VolumeData};
use super::records::VolumeRecords;
use super::text;
use crate::kind::ObjectName;

/// What a Restore says about the data of volumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VolumeWishes {
    /// `spec.restorePVs`: `false` goes without the data of snapshots.
    pub restore_volumes: Option<bool>,
    /// The annotation that wants empty volumes where data cannot be brought back.
    pub allow_empty: bool,
}

impl VolumeWishes {
    /// Whether an empty volume in the place of this data is wanted.
    fn wants_empty(self, data: &VolumeData) -> bool {
        self.allow_empty || (self.without_snapshots() && data.is_snapshot())
    }

    fn without_snapshots(self) -> bool {
        self.restore_volumes == Some(false)
    }
}

/// What becomes of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeDecision {
    /// It is restored as it is and points at the storage it pointed at.
    Restore,
    /// It is not restored: the storage class makes a new one for its claim.
    Provision {
        /// Why, for the log.
        reason: String,
    },
    /// One that is in the cluster stays; if there is none, this.
    Native(IfAbsent),
}

/// What becomes of a volume with a native snapshot that is not in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfAbsent {
    /// It is restored as it is.
    Restore,
    /// It is not restored: the storage class makes a new one for its claim.
    Provision {
        /// Why, for the log.
        reason: String,
    },
    /// It can only be made from its snapshot.
    Refuse {
        /// The error of the item.
        message: String,
    },
}

/// What becomes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimDecision {
    /// It is restored.
    Restore {
        /// What its owner should know.
        warning: Option<String>,
    },
    /// It would get an empty volume in the place of data: not created where there is none of its name.
    Refuse {
        /// The error of the item.
        message: String,
    },
}

/// Data of a pod that is not brought back; the pod is restored all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodLack {
    /// What is missing.
    pub message: String,
    /// Whether that is an error; else the Restore has asked for it, and it is a warning.
    pub is_error: bool,
}

/// Decides about a volume as it is in the backup.
pub fn decide_volume(volume: &Value, records: &VolumeRecords, wishes: VolumeWishes) -> VolumeDecision {
    let data = records.of_volume(volume).map(|record| &record.data);
    match data {
        Some(data) if data.is_held() && data.is_native() => VolumeDecision::Native(if_absent(data, wishes)),
        Some(data) if data.is_held() => VolumeDecision::Provision {
            reason: format!("its data is in {data}, so that its claim gets a new volume"),
        },
        Some(data) if data.state == DataState::Empty => VolumeDecision::Provision {
            reason: "it was empty when its files were copied, so that its claim gets a new volume".to_owned(),
        },
        _ if text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" => {
            VolumeDecision::Provision { reason: gone_with_its_claim(data) }
        }
        _ => VolumeDecision::Restore,
    }
}

fn if_absent(data: &VolumeData, wishes: VolumeWishes) -> IfAbsent {
    if wishes.without_snapshots() {
        IfAbsent::Restore
    } else if wishes.allow_empty {
        let reason = format!(
            "it can only be made from {data}, which this version of the server cannot do, so that its claim gets a new volume"
        );
        IfAbsent::Provision { reason }
    } else {
        IfAbsent::Refuse {
            message: format!(
                "the volume can only be made from {data}, which this version of the server cannot do; {}, or restore with spec.restorePVs false to have the volume point at the storage that it pointed at",
                go_on()
            ),
        }
    }
}

fn gone_with_its_claim(data: Option<&VolumeData>) -> String {
    let why = match data {
        Some(data) if data.state == DataState::Failed => format!("{} failed in the backup", data.attempt()),
        _ => "the backup has no data of it".to_owned(),
    };
    format!("its reclaim policy is Delete and {why}, so that its claim gets a new, empty volume")
}

/// Decides about a claim as it is in the backup.
pub fn decide_claim(claim: &Value, records: &VolumeRecords, wishes: VolumeWishes) -> ClaimDecision {
    let no_warning = ClaimDecision::Restore { warning: None };
    let Some(data) = records.of_claim(claim) else { return no_warning };
    match data.state {
        DataState::Held => {}
        DataState::Failed => {
            let lack = "if the claim gets a new volume, that is empty";
            let warning = format!("the backup has no data of its volume: {} failed; {lack}", data.attempt());
            return ClaimDecision::Restore { warning: Some(warning) };
        }
        DataState::Empty | DataState::Skipped => return no_warning,
    }
    if wishes.without_snapshots() && data.is_native() {
        // Its volume is restored as it is.
        return no_warning;
    }
    if wishes.wants_empty(&data) {
        let by = if wishes.allow_empty {
            format!("the annotation {}", annotations::ALLOW_EMPTY_VOLUMES)
        } else {
            "spec.restorePVs false".to_owned()
        };
        let warning = format!("its volume is empty, as {by} of the Restore asks: its data is in {data}");
        return ClaimDecision::Restore { warning: Some(warning) };
    }
    let message = format!(
        "its data is in {data}, which this version of the server cannot bring back, and an empty volume in its place would look like a restored one; {}",
        go_on()
    );
    ClaimDecision::Refuse { message }
}

/// What of a pod's data has no claim and is not brought back. The pod is given as it is in the backup.
pub fn decide_pod(pod: &Value, records: &VolumeRecords, wishes: VolumeWishes) -> Option<PodLack> {
    let name = ObjectName::new(Some(text(pod, "/metadata/namespace")), text(pod, "/metadata/name"));
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array)?;
    let lacks = volumes.iter().filter_map(|volume| {
        let called = text(volume, "/name");
        // The claim of an ephemeral volume is made by a controller, and goes with the pod.
        let claim = || ObjectName::new(name.namespace.as_deref(), &format!("{}-{called}", name.name));
        let ephemeral = volume.get("ephemeral").and_then(|_| Some(&records.claim(&claim())?.data));
        let data = ephemeral.or_else(|| records.pod_volume(&name, called)).cloned();
        let data = data.or_else(|| noted_on(pod, called)).filter(VolumeData::is_held)?;
        Some(format!("{called} ({data})"))
    });
    let lacks: Vec<String> = lacks.collect();
    if lacks.is_empty() {
        return None;
    }
    let volumes = lacks.join(", ");
    let message = format!(
        "the backup holds data of volumes of the pod that this version of the server cannot bring back, and they begin empty: {volumes}"
    );
    Some(PodLack { message, is_error: !wishes.allow_empty })
}

/// Snapshots in the repository, as very old backups note them on the pod.
fn noted_on(pod: &Value, volume: &str) -> Option<VolumeData> {
    let annotations = pod.pointer("/metadata/annotations")?;
    let snapshot = annotations.get(format!("{}{volume}", annotations::LEGACY_SNAPSHOT_PREFIX))?.as_str()?;
    (!snapshot.is_empty()).then(|| VolumeData {
        method: Some(super::DataMethod::FileSystem),
        state: DataState::Held,
        snapshot: snapshot.to_owned(),
        ..VolumeData::skipped()
    })
}

/// A claim that a stateful set makes by itself, where the backup holds its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateClaim {
    /// Its name.
    pub name: String,
    /// The error of the stateful set if the cluster has no such claim.
    pub message: String,
}

/// The claims that a stateful set, as it is about to be created, would make with empty volumes in the place of data. `namespace` is the
/// one in the backup.
pub fn template_claims(
    set: &Value,
    namespace: &str,
    records: &VolumeRecords,
    wishes: VolumeWishes,
) -> Vec<TemplateClaim> {
    let number = |pointer: &str| set.pointer(pointer).and_then(Value::as_u64);
    let first = number("/spec/ordinals/start").unwrap_or(0);
    let end = first.saturating_add(number("/spec/replicas").unwrap_or(1));
    let templates = set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let templates: Vec<&str> =
        templates.into_iter().flatten().map(|template| text(template, "/metadata/name")).collect();
    let set = text(set, "/metadata/name");
    let is_made = |claim: &str| {
        templates.iter().any(|template| {
            let ordinal = claim.strip_prefix(template).and_then(|rest| rest.strip_prefix('-'));
            let ordinal =
                ordinal.and_then(|rest| rest.strip_prefix(set)).and_then(|rest| rest.strip_prefix('-'));
            ordinal
                .and_then(|ordinal| ordinal.parse().ok())
                .is_some_and(|ordinal| (first..end).contains(&ordinal))
        })
    };
    let held =
        records.held_claims(namespace).filter(|(claim, data)| is_made(claim) && !wishes.wants_empty(data));
    held.map(|(claim, data)| TemplateClaim {
        name: claim.to_owned(),
        message: format!(
            "its controller would make claim {claim} with an empty volume, and the claim's data is in {data}, which this version of the server cannot bring back; {}",
            go_on()
        ),
    })
    .collect()
}

/// How the owner of the data gets on.
fn go_on() -> String {
    format!(
        "restore it with Velero, or set the annotation {}: \"true\" on the Restore to go without the data",
        annotations::ALLOW_EMPTY_VOLUMES
    )
}

//! Operations: work that an action began and that goes on after its call, as the files of a bucket remember it.
//!
//! The file is a list with one entry for each operation: what it is (`spec`) and where it stands (`status`). It is all that another
//! process needs to go on asking. Files of Velero's own are read as well, and what they say beyond the fields that are known here is kept.
//! Whoever can write to the bucket can write this file: its size is bounded before it is parsed, and it says nothing that is obeyed without
//! a look at the action it names.

mod follow;
mod poll;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use follow::{ItemOperation, counts};
pub use poll::{Answer, OperationState, Progress, TIMED_OUT, Verdict};

use crate::backup::side_files;
use crate::kind::{GroupResource, ObjectName};

/// Bytes of an operations file before compression, at most. An operation with two objects to read again takes some 800 bytes, so this is
/// room for 80,000: one for each claim of the largest clusters.
pub const FILE_LIMIT: usize = 64 << 20;

/// Why an operations file is none.
#[derive(Debug, thiserror::Error)]
pub enum OperationsError {
    /// More than [`FILE_LIMIT`].
    #[error("the list of operations has more than {FILE_LIMIT} bytes")]
    TooLarge,
    /// It is not JSON, or not a list of operations.
    #[error("the list of operations cannot be read")]
    Read(#[from] serde_json::Error),
}

impl OperationsError {
    /// For those to whom it is one file among others.
    pub fn into_io(self) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::InvalidData, self)
    }
}

/// An object that an operation names. The keys are written with capitals, as Velero writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceIdentifier {
    /// API group, empty for the core group.
    pub group: String,
    /// Plural, lower case.
    pub resource: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// metadata.name.
    pub name: String,
}

/// An operation that began while an item was backed up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BackupOperation {
    /// What it is.
    pub spec: BackupOperationSpec,
    /// Where it stands.
    #[serde(default)]
    pub status: OperationStatus,
}

/// Which Backup or Restore an operation belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunIdentity {
    /// metadata.name.
    pub name: String,
    /// metadata.uid.
    pub uid: String,
}

/// What an operation of a backup is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupOperationSpec {
    /// The Backup.
    #[serde(default)]
    pub backup_name: String,
    /// Its uid.
    #[serde(default, rename = "backupUID")]
    pub backup_uid: String,
    /// Name of the action that began it, and that is asked about it.
    pub backup_item_action: String,
    /// The item that it began with.
    pub resource_identifier: ResourceIdentifier,
    /// Chosen by the action.
    #[serde(rename = "operationID")]
    pub operation_id: String,
    /// Objects to read again when it has ended; null is the same as none.
    #[serde(default)]
    pub post_operation_items: Option<Vec<ResourceIdentifier>>,
    /// What another server wrote and this one does not know.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An operation that began while an item was restored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RestoreOperation {
    /// What it is.
    pub spec: RestoreOperationSpec,
    /// Where it stands.
    #[serde(default)]
    pub status: OperationStatus,
}

/// What an operation of a restore is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreOperationSpec {
    /// The Restore.
    #[serde(default)]
    pub restore_name: String,
    /// Its uid.
    #[serde(default, rename = "restoreUID")]
    pub restore_uid: String,
    /// Name of the action that began it, and that is asked about it.
    pub restore_item_action: String,
    /// The item that it began with.
    pub resource_identifier: ResourceIdentifier,
    /// Chosen by the action.
    #[serde(rename = "operationID")]
    pub operation_id: String,
    /// What another server wrote and this one does not know.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Where an operation stands. Fields that have nothing to say are left out; times have whole seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationStatus {
    /// How far it is.
    pub phase: OperationPhase,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// How much is done, in `operationUnits`.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_completed: i64,
    /// How much there is to do, in `operationUnits`.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_total: i64,
    /// What is counted: `Bytes`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operation_units: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When the action began it: its time runs from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// When the work itself started, as the action says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// What moment the progress is of, as the action says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<Time>,
    /// What another server wrote and this one does not know.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationPhase {
    /// Begun, and not known to work yet.
    #[default]
    #[serde(alias = "")]
    New,
    /// At work.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended badly, or its time is over.
    Failed,
}

impl OperationPhase {
    /// Whether the action is still to be asked.
    pub fn is_running(self) -> bool {
        matches!(self, Self::New | Self::InProgress)
    }
}

/// How many operations there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub attempted: u64,
    /// Ended well.
    pub completed: u64,
    /// Ended badly.
    pub failed: u64,
}

impl Counts {
    /// Counts operations by where they stand.
    pub fn of<'a>(statuses: impl Iterator<Item = &'a OperationStatus>) -> Self {
        statuses.fold(Self::default(), |counts, status| Self {
            attempted: counts.attempted + 1,
            completed: counts.completed + u64::from(status.phase == OperationPhase::Completed),
            failed: counts.failed + u64::from(status.phase == OperationPhase::Failed),
        })
    }

    /// Those that have not ended.
    pub fn running(self) -> u64 {
        self.attempted - self.completed - self.failed
    }
}

impl ResourceIdentifier {
    /// From a kind and an object of it.
    pub fn new(kind: &GroupResource, object: &ObjectName) -> Self {
        Self {
            group: kind.group.clone(),
            resource: kind.resource.clone(),
            namespace: object.namespace.clone().unwrap_or_default(),
            name: object.name.clone(),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.resource)
    }

    /// Its place.
    pub fn object(&self) -> ObjectName {
        ObjectName::new(Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty()), &self.name)
    }
}

impl BackupOperation {
    /// An operation that `action` has just started with `item`. `created` is now; `post_items` are to be read again at its end.
    pub fn started(
        backup: &RunIdentity,
        action: &str,
        item: ResourceIdentifier,
        id: &str,
        post_items: Vec<ResourceIdentifier>,
        created: Timestamp,
    ) -> Self {
        Self {
            spec: BackupOperationSpec {
                backup_name: backup.name.clone(),
                backup_uid: backup.uid.clone(),
                backup_item_action: action.to_owned(),
                resource_identifier: item,
                operation_id: id.to_owned(),
                post_operation_items: (!post_items.is_empty()).then_some(post_items),
                rest: Map::new(),
            },
            status: OperationStatus::started(created),
        }
    }

    /// The objects to read again when it has ended.
    pub fn post_items(&self) -> &[ResourceIdentifier] {
        self.spec.post_operation_items.as_deref().unwrap_or_default()
    }
}

impl RestoreOperation {
    /// An operation that `action` has just started with `item`, which is named as it is in the cluster. `created` is now.
    pub fn started(
        restore: &RunIdentity,
        action: &str,
        item: ResourceIdentifier,
        id: &str,
        created: Timestamp,
    ) -> Self {
        Self {
            spec: RestoreOperationSpec {
                restore_name: restore.name.clone(),
                restore_uid: restore.uid.clone(),
                restore_item_action: action.to_owned(),
                resource_identifier: item,
                operation_id: id.to_owned(),
                rest: Map::new(),
            },
            status: OperationStatus::started(created),
        }
    }
}

impl OperationStatus {
    /// Of an operation that has just begun.
    fn started(created: Timestamp) -> Self {
        Self { created: Some(Time(whole_seconds(created))), ..Self::default() }
    }
}

/// Reads a list of [`BackupOperation`] or [`RestoreOperation`], unpacked. `null` is an empty list.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<Vec<T>, OperationsError> {
    if json.len() > FILE_LIMIT {
        return Err(OperationsError::TooLarge);
    }
    Ok(serde_json::from_slice::<Option<Vec<T>>>(json)?.unwrap_or_default())
}

/// The file of a list, before compression.
pub fn file<T: Serialize>(operations: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    side_files::document(&operations)
}

/// Files have no fractions of a second, and nothing may differ from what is read back.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[expect(clippy::trivially_copy_pass_by_ref)] // serde calls it so
fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Velero's server writes it for a claim whose data is moved and for a snapshot.
    const OF_VELERO: &str = r#"[
        {"spec":{"backupName":"b1","backupUID":"u1","backupItemAction":"velero.io/csi-pvc-backupper",
          "resourceIdentifier":{"Group":"","Resource":"persistentvolumeclaims","Namespace":"app","Name":"data"},
          "operationID":"du-u1.c1","postOperationItems":[{"Group":"velero.io","Resource":"datauploads","Namespace":"velero","Name":"b1-x"}]},
         "status":{"phase":"InProgress","nCompleted":512,"nTotal":1024,"operationUnits":"Bytes","description":"InProgress",
          "created":"2026-05-20T10:00:00Z","started":"2026-05-20T10:00:05Z","updated":"2026-05-20T10:01:00Z"}},
        {"spec":{"backupName":"b1","backupUID":"u1","backupItemAction":"velero.io/csi-volumesnapshot-backupper",
          "resourceIdentifier":{"Group":"snapshot.storage.k8s.io","Resource":"volumesnapshots","Namespace":"app","Name":"s"},
          "operationID":"app/s/2026-05-20T10:00:00Z","postOperationItems":null},
         "status":{"phase":"New","created":"2026-05-20T10:00:00Z"}}]"#;

    #[test]
    fn a_file_of_velero_is_read_and_written_as_it_was() {
        let operations: Vec<BackupOperation> = parse(OF_VELERO.as_bytes()).unwrap();
        assert_eq!(operations[0].status.phase, OperationPhase::InProgress);
        assert_eq!(operations[0].post_items()[0].kind().to_string(), "datauploads.velero.io");
        assert_eq!(operations[1].post_items(), []);
        let written: Value = serde_json::from_slice(&file(&operations).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(OF_VELERO).unwrap());
    }

    #[test]
    fn our_own_are_read_back_as_they_were_written() {
        let item = ResourceIdentifier::new(&GroupResource::parse("nodes"), &ObjectName::new(None, "n1"));
        let created = "2026-05-20T10:00:00.75Z".parse().unwrap();
        let backup = RunIdentity { name: "b".into(), uid: "u".into() };
        let begun =
            BackupOperation::started(&backup, "test.example/move", item.clone(), "op", vec![item], created);
        let text = file(std::slice::from_ref(&begun)).unwrap();
        assert_eq!(parse::<BackupOperation>(&text).unwrap(), [begun]);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(r#""status":{"phase":"New","created":"2026-05-20T10:00:00Z"}"#), "{text}");
        assert_eq!(file::<BackupOperation>(&[]).unwrap(), b"[]\n");
    }

    #[test]
    fn operations_of_a_restore_have_their_own_names() {
        let text = r#"[{"spec":{"restoreName":"r","restoreUID":"u","restoreItemAction":"velero.io/csi-pvc-restorer",
            "resourceIdentifier":{"Group":"","Resource":"persistentvolumeclaims","Namespace":"app","Name":"data"},
            "operationID":"dd-1"},"status":{"phase":"Failed","error":"no node"}}]"#;
        let operations: Vec<RestoreOperation> = parse(text.as_bytes()).unwrap();
        let written: Value = serde_json::from_slice(&file(&operations).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_is_no_list_of_operations_is_refused_and_what_is_strange_is_kept() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let no_action = r#"[{"spec":{"operationID":"x","resourceIdentifier":{}}}]"#;
        let unknown_phase = r#"[{"spec":{"backupItemAction":"a","operationID":"x","resourceIdentifier":{}},"status":{"phase":"Lost"}}]"#;
        for bad in ["", "{", "{}", "[1]", no_action, unknown_phase, &deep] {
            assert!(
                matches!(parse::<BackupOperation>(bad.as_bytes()), Err(OperationsError::Read(_))),
                "{bad:.40}"
            );
        }
        assert!(matches!(
            parse::<BackupOperation>(&vec![b' '; FILE_LIMIT + 1]),
            Err(OperationsError::TooLarge)
        ));
        assert_eq!(parse::<BackupOperation>(b"null\n").unwrap(), []);

        let newer = r#"[{"spec":{"backupName":"","backupUID":"","backupItemAction":"a","operationID":"x","retries":3,
            "resourceIdentifier":{"Group":"","Resource":"","Namespace":"","Name":""},"postOperationItems":null},
            "status":{"phase":"New","node":"n1"}}]"#;
        let kept = file(&parse::<BackupOperation>(newer.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&kept).unwrap(),
            serde_json::from_str::<Value>(newer).unwrap()
        );
    }
}

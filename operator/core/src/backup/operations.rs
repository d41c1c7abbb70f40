//! What operations make of a backup: its phase while it waits for them, its counters, and what its volume infos say at the end.
//!
//! Errors are counted by comparing with what is written down already, so that a server that comes after a crash counts none twice and
//! forgets none: a backup with a failed operation never ends as `Completed`.

use std::collections::BTreeMap;

use lateen_api::v1::{BackupPhase, BackupStatus};
use serde_json::{Value, json};

use crate::item_operation::{BackupOperation, Counts, OperationPhase, ResourceIdentifier};

/// The kind whose operations are CSI snapshots.
const VOLUME_SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";

/// Writes down where operations stand, and which phase follows. `status` is what was written down last; the phase stays unless it is one of
/// waiting.
pub fn write_down(status: &mut BackupStatus, counts: Counts) {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let failed = number(counts.failed);
    status.errors += (failed - status.backup_item_operations_failed).max(0);
    status.backup_item_operations_attempted = number(counts.attempted);
    status.backup_item_operations_completed = number(counts.completed);
    status.backup_item_operations_failed = failed;
    let with_errors = counts.failed > 0
        || matches!(status.phase, Some(BackupPhase::WaitingForPluginOperationsPartiallyFailed));
    let waits = status.phase.as_ref().is_some_and(is_waiting);
    if waits {
        status.phase = Some(match (counts.running() > 0, with_errors) {
            (true, false) => BackupPhase::WaitingForPluginOperations,
            (true, true) => BackupPhase::WaitingForPluginOperationsPartiallyFailed,
            (false, false) => BackupPhase::Finalizing,
            (false, true) => BackupPhase::FinalizingPartiallyFailed,
        });
    }
}

/// Whether a backup waits for operations.
pub fn is_waiting(phase: &BackupPhase) -> bool {
    matches!(
        phase,
        BackupPhase::WaitingForPluginOperations | BackupPhase::WaitingForPluginOperationsPartiallyFailed
    )
}

/// Whether a backup's operations have ended and it does not say yet how it ended itself.
pub fn is_finalizing(phase: &BackupPhase) -> bool {
    matches!(phase, BackupPhase::Finalizing | BackupPhase::FinalizingPartiallyFailed)
}

/// The objects to read again when all operations have ended, each once, in the order in which they were named.
pub fn post_items(operations: &[BackupOperation]) -> Vec<ResourceIdentifier> {
    let mut seen = std::collections::HashSet::new();
    let named = operations.iter().flat_map(BackupOperation::post_items);
    named.filter(|item| seen.insert(*item)).cloned().collect()
}

/// CSI snapshots among the operations that ended well.
pub fn snapshots_completed(operations: &[BackupOperation]) -> u64 {
    let completed = operations.iter().filter(|operation| {
        operation.status.phase == OperationPhase::Completed
            && operation.spec.resource_identifier.kind().is(VOLUME_SNAPSHOTS)
    });
    completed.count() as u64
}

/// Tells in the list of volumes how the operations of their snapshots ended. True where anything changed. Entries that are not of the shape
/// that is expected stay as they are.
pub fn end_volume_infos(infos: &mut [Value], operations: &[BackupOperation]) -> bool {
    let by_id: BTreeMap<&str, &BackupOperation> =
        operations.iter().map(|operation| (operation.spec.operation_id.as_str(), operation)).collect();
    let mut changed = false;
    for info in infos {
        let id = info.pointer("/csiSnapshotInfo/operationID").and_then(Value::as_str);
        let Some(operation) = id.and_then(|id| by_id.get(id)) else { continue };
        if let Some(updated) = &operation.status.updated {
            info["completionTimestamp"] = json!(updated);
        }
        let well = operation.status.error.is_empty();
        info["result"] = json!(if well { "succeeded" } else { "failed" });
        changed = true;
    }
    changed
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::item_operation::{RunIdentity, counts};
    use crate::kind::{GroupResource, ObjectName};

    fn operation(kind: &str, id: &str, phase: OperationPhase) -> BackupOperation {
        let item = ResourceIdentifier::new(&GroupResource::parse(kind), &ObjectName::new(Some("app"), id));
        let post = vec![item.clone(), ResourceIdentifier::default()];
        let backup = RunIdentity::default();
        let mut started = BackupOperation::started(&backup, "t/a", item, id, post, Timestamp::UNIX_EPOCH);
        started.status.phase = phase;
        started
    }

    fn waiting(phase: BackupPhase, errors: i64, failed: i64) -> BackupStatus {
        BackupStatus {
            phase: Some(phase),
            errors,
            backup_item_operations_failed: failed,
            ..BackupStatus::default()
        }
    }

    #[test]
    fn the_phase_follows_from_what_runs_and_what_failed() {
        use BackupPhase::{
            Finalizing, FinalizingPartiallyFailed, WaitingForPluginOperations as Waiting,
            WaitingForPluginOperationsPartiallyFailed as WaitingFailed,
        };
        use OperationPhase::{Completed, Failed, InProgress, New};
        let cases = [
            (Waiting, 0, 0, vec![New, InProgress], Waiting, 0),
            (Waiting, 0, 0, vec![New, Failed], WaitingFailed, 1),
            (Waiting, 0, 0, vec![Completed, Completed], Finalizing, 0),
            (Waiting, 0, 0, vec![Completed, Failed], FinalizingPartiallyFailed, 1),
            (WaitingFailed, 2, 0, vec![Completed], FinalizingPartiallyFailed, 2),
            (WaitingFailed, 3, 1, vec![Failed, Failed, New], WaitingFailed, 4),
            // What another server counted before it died is not counted again, and is not forgotten either.
            (WaitingFailed, 3, 2, vec![Failed, Failed], FinalizingPartiallyFailed, 3),
            (Waiting, 0, 0, vec![Failed], FinalizingPartiallyFailed, 1),
            (Finalizing, 0, 0, vec![Completed], Finalizing, 0),
            (Waiting, 0, 0, vec![], Finalizing, 0),
        ];
        for (phase, errors, failed, phases, then, errors_then) in cases {
            let operations: Vec<_> = phases.iter().map(|phase| operation("pods", "x", *phase)).collect();
            let mut status = waiting(phase.clone(), errors, failed);
            write_down(&mut status, counts(&operations));
            assert_eq!((status.phase, status.errors), (Some(then), errors_then), "{phase} {phases:?}");
            assert_eq!(status.backup_item_operations_attempted, phases.len() as i64);
        }
    }

    #[test]
    fn objects_are_read_again_once_each() {
        let operations = [
            operation("pods", "a", OperationPhase::Completed),
            operation("pods", "b", OperationPhase::Failed),
            operation("pods", "a", OperationPhase::Completed),
        ];
        let names: Vec<String> = post_items(&operations).into_iter().map(|item| item.name).collect();
        assert_eq!(names, ["a", "", "b"]);
    }

    #[test]
    fn volumes_tell_how_their_snapshots_ended() {
        let mut ended = operation(VOLUME_SNAPSHOTS, "one", OperationPhase::Completed);
        ended.status.updated = Some(Time(Timestamp::from_second(60).unwrap()));
        let mut failed = operation(VOLUME_SNAPSHOTS, "two", OperationPhase::Failed);
        failed.status.error = "gone".into();
        let operations = [ended, failed, operation("pods", "three", OperationPhase::Completed)];
        assert_eq!(snapshots_completed(&operations), 1);
        let entry = |id: &str| json!({ "pvcName": id, "csiSnapshotInfo": { "operationID": id } });
        let mut infos =
            [entry("one"), entry("two"), entry("unknown"), json!("strange"), json!({ "skipped": true })];
        assert!(end_volume_infos(&mut infos, &operations));
        assert_eq!(infos[0]["result"], "succeeded");
        assert_eq!(infos[0]["completionTimestamp"], "1970-01-01T00:01:00Z");
        assert_eq!(infos[1]["result"], "failed");
        assert!(infos[1]["completionTimestamp"].is_null());
        assert_eq!((&infos[2], &infos[3]), (&entry("unknown"), &json!("strange")));
        assert!(!end_volume_infos(&mut infos[2..], &operations));
    }
}

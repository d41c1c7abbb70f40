use lateen_api::v1::RestorePhase::{
    Completed, Finalizing, FinalizingPartiallyFailed, InProgress, PartiallyFailed,
    WaitingForPluginOperations as Waiting, WaitingForPluginOperationsPartiallyFailed as WaitingFailed,
};

use super::*;
use crate::item_operation::{ResourceIdentifier, RunIdentity};
use crate::kind::{GroupResource, ObjectName};

fn told(errors: u64) -> Told {
    Told { warnings: 0, errors }
}

fn counts(running: u64, completed: u64, failed: u64) -> Counts {
    Counts { attempted: running + completed + failed, completed, failed }
}

fn status(phase: RestorePhase, errors: i64) -> RestoreStatus {
    RestoreStatus { phase: Some(phase), errors, ..RestoreStatus::default() }
}

#[test]
fn the_phase_after_the_items_follows_from_errors_and_operations() {
    let cases = [
        (0, counts(0, 0, 0), Finalizing),
        (2, counts(0, 0, 0), FinalizingPartiallyFailed),
        (0, counts(1, 1, 0), Waiting),
        (1, counts(1, 0, 0), WaitingFailed),
        // Whatever the results say: an operation that failed is never forgotten.
        (0, counts(1, 0, 1), WaitingFailed),
        (0, counts(0, 0, 1), FinalizingPartiallyFailed),
    ];
    for (errors, counts, then) in cases {
        let mut status = status(InProgress, 0);
        items_done(&mut status, told(errors), counts);
        assert_eq!(status.phase, Some(then), "{errors} {counts:?}");
        assert_eq!(status.restore_item_operations_attempted, counts.attempted as i64);
    }
}

#[test]
fn waiting_ends_with_the_last_operation_and_counts_what_the_results_hold() {
    let cases = [
        (Waiting, 0, 0, counts(1, 1, 0), Waiting, 0),
        (Waiting, 0, 1, counts(1, 0, 1), WaitingFailed, 1),
        (Waiting, 0, 0, counts(0, 2, 0), Finalizing, 0),
        (Waiting, 0, 1, counts(0, 1, 1), FinalizingPartiallyFailed, 1),
        (WaitingFailed, 2, 2, counts(0, 1, 0), FinalizingPartiallyFailed, 2),
        // A server before this one has counted it already.
        (WaitingFailed, 3, 3, counts(0, 0, 2), FinalizingPartiallyFailed, 3),
        // More errors than the results hold.
        (WaitingFailed, 30_000, 10_001, counts(1, 0, 1), WaitingFailed, 30_000),
        (Finalizing, 0, 0, counts(0, 1, 0), Finalizing, 0),
    ];
    for (phase, errors, in_results, counts, then, errors_then) in cases {
        let mut status = status(phase.clone(), errors);
        write_down(&mut status, told(in_results), counts);
        assert_eq!((status.phase, status.errors), (Some(then), errors_then), "{phase} {counts:?}");
    }
}

#[test]
fn a_restore_is_completed_only_where_nothing_says_otherwise() {
    let cases = [
        (Finalizing, 0, 0, Some(Completed), 0),
        (Finalizing, 0, 1, Some(PartiallyFailed), 1),
        (Finalizing, 1, 0, Some(PartiallyFailed), 1),
        (FinalizingPartiallyFailed, 2, 2, Some(PartiallyFailed), 2),
        (Waiting, 0, 0, None, 0),
        (Completed, 0, 0, None, 0),
    ];
    for (phase, errors, in_results, last, errors_then) in cases {
        let mut status = status(phase.clone(), errors);
        let ended = end(&mut status, told(in_results), HookStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(ended, last.is_some(), "{phase}");
        assert_eq!(status.completion_timestamp.is_some(), ended, "{phase}");
        assert_eq!((status.phase, status.errors), (last.or(Some(phase)), errors_then));
    }
}

#[test]
fn faults_without_a_place_in_the_results_are_errors_all_the_same() {
    for (phase, then) in [(Waiting, WaitingFailed), (Finalizing, FinalizingPartiallyFailed)] {
        let mut status = status(phase, 1);
        note_fault(&mut status, "no list");
        note_fault(&mut status, "no list");
        assert_eq!((status.phase, status.errors, &*status.failure_reason), (Some(then), 2, "no list"));
    }
    let mut without = status(Waiting, 0);
    lose_operations(&mut without, "no operations");
    assert_eq!((without.phase.clone(), without.errors), (Some(FinalizingPartiallyFailed), 1));
    give_up(&mut without, "the backup is gone", Timestamp::UNIX_EPOCH);
    assert!(without.failure_reason.starts_with("no operations; the backup is gone; "), "{without:?}");
    let mut status = status(Waiting, 0);
    give_up(&mut status, "the backup is gone", Timestamp::UNIX_EPOCH);
    assert_eq!((status.phase, status.errors), (Some(PartiallyFailed), 1));
    assert_eq!(status.failure_reason, "the backup is gone; what was left to do for the restore was not done");
}

#[test]
fn the_failure_of_an_operation_names_its_item() {
    let failed = |object: ObjectName, kind| {
        let item = ResourceIdentifier::new(&GroupResource::parse(kind), &object);
        let restore = RunIdentity::default();
        let mut operation = RestoreOperation::started(&restore, "t/a", item, "op-1", Timestamp::UNIX_EPOCH);
        operation.status.error = "no node".into();
        failure(&operation)
    };
    let (place, text) = failed(ObjectName::new(Some("app"), "data"), "persistentvolumeclaims");
    assert_eq!(place, Place::Namespace("app".into()));
    assert_eq!(
        text,
        "error restoring persistentvolumeclaims/app/data: the operation op-1 of t/a failed: no node"
    );
    assert_eq!(failed(ObjectName::new(None, "v"), "persistentvolumes").0, Place::Cluster);
}

//! What comes after the items of a restore: its phases and counters, and what an operation that failed is to it.
//!
//! Errors and warnings are counted in what is written down, the results: a server that comes after a crash counts none twice and forgets
//! none, and a restore whose results hold an error never ends as `Completed`.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use lateen_api::v1::{HookStatus, RestorePhase, RestoreStatus};

use super::outcome::{after_finalizing, after_items};
use crate::item_operation::{Counts, ItemOperation, RestoreOperation};
use crate::results::{Place, Results};

/// Warnings and errors of a restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Warnings.
    pub warnings: u64,
    /// Errors.
    pub errors: u64,
}

impl Told {
    /// Those that the results hold.
    pub fn of(results: &Results) -> Self {
        Self { warnings: results.warnings.count() as u64, errors: results.errors.count() as u64 }
    }

    /// The larger of both counts: results hold only so many messages, a status counts them all.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { warnings: self.warnings.max(other.warnings), errors: self.errors.max(other.errors) }
    }
}

/// Whether a restore waits for operations.
pub fn is_waiting(phase: &RestorePhase) -> bool {
    matches!(
        phase,
        RestorePhase::WaitingForPluginOperations | RestorePhase::WaitingForPluginOperationsPartiallyFailed
    )
}

/// Whether a restore's operations have ended and it does not say yet how it ended itself.
pub fn is_finalizing(phase: &RestorePhase) -> bool {
    matches!(phase, RestorePhase::Finalizing | RestorePhase::FinalizingPartiallyFailed)
}

/// Writes down that the items are through: what was told so far, where operations stand, and the phase that follows.
pub fn items_done(status: &mut RestoreStatus, told: Told, counts: Counts) {
    count(status, told, counts);
    status.phase = Some(after_items(told.errors.max(counts.failed), counts.running()));
}

/// Writes down where operations stand, and the phase that follows. A phase that is none of waiting stays.
pub fn write_down(status: &mut RestoreStatus, told: Told, counts: Counts) {
    count(status, told, counts);
    let phase = status.phase.clone().unwrap_or_default();
    if is_waiting(&phase) {
        let failed_before = phase == RestorePhase::WaitingForPluginOperationsPartiallyFailed;
        let errors = u64::from(failed_before || status.errors > 0 || counts.failed > 0);
        status.phase = Some(after_items(errors, counts.running()));
    }
}

/// Ends a restore that is being finalized. False: it is in none of these phases, and nothing is changed.
pub fn end(status: &mut RestoreStatus, told: Told, hooks: HookStatus, now: Timestamp) -> bool {
    let errors = told.errors + u64::from(status.errors > 0);
    let Some(last) = status.phase.as_ref().and_then(|phase| after_finalizing(phase, errors)) else {
        return false;
    };
    raise(status, told);
    status.phase = Some(last);
    status.hook_status = Some(hooks);
    status.completion_timestamp = Some(Time(now));
    true
}

/// Ends a restore that cannot be finished, for this reason beside others that are noted, whatever was left to do.
pub fn give_up(status: &mut RestoreStatus, reason: &str, now: Timestamp) {
    status.phase = Some(RestorePhase::PartiallyFailed);
    if !status.failure_reason.is_empty() {
        status.failure_reason.push_str("; ");
    }
    status.failure_reason.push_str(&format!("{reason}; what was left to do for the restore was not done"));
    status.errors += 1;
    status.completion_timestamp = Some(Time(now));
}

/// Notes an error that has no place in the results, and that the restore goes on with. One that is noted already is not counted again.
pub fn note_fault(status: &mut RestoreStatus, reason: &str) {
    if status.failure_reason == reason {
        return;
    }
    status.errors += 1;
    reason.clone_into(&mut status.failure_reason);
    status.phase = status.phase.take().map(|phase| match phase {
        RestorePhase::WaitingForPluginOperations => RestorePhase::WaitingForPluginOperationsPartiallyFailed,
        RestorePhase::Finalizing => RestorePhase::FinalizingPartiallyFailed,
        other => other,
    });
}

/// Goes on without operations that nobody can follow any more, for this reason. What is known of them stays in the counters.
pub fn lose_operations(status: &mut RestoreStatus, reason: &str) {
    note_fault(status, reason);
    status.phase = Some(RestorePhase::FinalizingPartiallyFailed);
}

/// The failure of an operation as it stands in the results. No two operations of a restore have the same text: a text that is there already
/// was told by a server before this one.
pub fn failure(operation: &RestoreOperation) -> (Place, String) {
    let item = operation.item();
    let (kind, object) = (item.kind(), item.object());
    let text = format!(
        "error restoring {kind}/{object}: the operation {} of {} failed: {}",
        operation.id(),
        operation.action(),
        operation.status.error
    );
    (Place::of(object.namespace.as_deref()), text)
}

fn count(status: &mut RestoreStatus, told: Told, counts: Counts) {
    raise(status, told);
    status.restore_item_operations_attempted = number(counts.attempted);
    status.restore_item_operations_completed = number(counts.completed);
    status.restore_item_operations_failed = number(counts.failed);
}

fn raise(status: &mut RestoreStatus, told: Told) {
    status.warnings = status.warnings.max(number(told.warnings));
    status.errors = status.errors.max(number(told.errors));
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

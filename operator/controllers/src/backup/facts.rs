//! What others want to know of a Backup: the actions that work for it, and those who count.

use jiff::Timestamp;
use kube::ResourceExt;
use lateen_actions::Purpose;
use lateen_api::labels;
use lateen_api::v1::{Backup, BackupPhase};
use lateen_core::catalog::Catalog;

use crate::item_actions::RunObject;
use crate::metrics::RunEvent;

/// What actions are told about a backup.
pub(super) fn told_to_actions<'a>(backup: &'a Backup, catalog: &'a Catalog) -> RunObject<'a, Backup> {
    RunObject { purpose: Purpose::Backup, object: backup, started: started_of(backup), source: None, catalog }
}

/// When the run began.
pub(super) fn started_of(backup: &Backup) -> Timestamp {
    let started = backup.status.as_ref().and_then(|status| status.start_timestamp.as_ref());
    started.map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

/// The schedule that made a backup, empty for none.
pub(super) fn schedule_of(backup: &Backup) -> &str {
    backup.labels().get(labels::SCHEDULE_NAME).map_or("", String::as_str)
}

/// How a backup that ended in this phase is counted.
pub(super) fn event_of(phase: &BackupPhase) -> RunEvent {
    match phase {
        BackupPhase::Completed => RunEvent::Success,
        BackupPhase::PartiallyFailed => RunEvent::PartialFailure,
        _ => RunEvent::Failure,
    }
}

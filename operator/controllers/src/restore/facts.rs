//! What others want to know of a Restore, in the forms in which they want it.

use jiff::Timestamp;
use lateen_actions::Purpose;
use lateen_api::v1::{Backup, Restore};
use lateen_core::catalog::Catalog;

use crate::item_actions::RunObject;

/// What actions are told about a restore.
pub(super) fn told_to_actions<'a>(
    restore: &'a Restore,
    backup: &'a Backup,
    catalog: &'a Catalog,
) -> RunObject<'a, Restore> {
    let started = restore.status.as_ref().and_then(|status| status.start_timestamp.as_ref());
    RunObject {
        purpose: Purpose::Restore,
        object: restore,
        started: started.map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        source: Some(backup),
        catalog,
    }
}

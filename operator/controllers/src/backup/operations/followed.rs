//! A backup in the hands of this server after its items: what it was found with, and where it stands.

use std::sync::Arc;
use std::time::Instant;

use kube::ResourceExt;
use lateen_actions::ActionSet;
use lateen_api::v1::Backup;
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::BackupOperation;
use lateen_core::journal::Entry;

use crate::run_status::SharedRunStatus;

/// A backup that this server follows.
pub(super) struct Followed {
    pub(super) status: SharedRunStatus<Backup>,
    /// The actions as they were when following began.
    pub(super) set: Arc<ActionSet>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) operations: Vec<BackupOperation>,
    /// Lines for the run's log that are not in the bucket yet.
    pub(super) untold: Vec<Entry>,
    /// Progress that is not in the bucket yet, and when there was last nothing such.
    pub(super) stale: bool,
    pub(super) stored: Instant,
}

impl Followed {
    /// Whether it is this object that is followed, and not an earlier one of its name.
    pub(super) fn is_of(&self, backup: &Backup) -> bool {
        self.status.current().uid() == backup.uid()
    }
}

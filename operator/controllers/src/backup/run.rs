//! A run of a backup: what its parts have in their hands.

use lateen_api::v1::Backup;
use lateen_cluster::discovery::Discovery;
use lateen_core::backup::request::BackupRequest;
use lateen_core::journal::{Entry, Journal};
use lateen_store::{BackupDir, BackupStore};

use super::files;
use super::run_error::RunError;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::run_log::RunLog;
use crate::run_status::SharedRunStatus;

/// A run and all that its parts need.
pub(super) struct Run<'a> {
    /// What controllers share.
    pub context: &'a Context,
    /// What the cluster serves.
    pub discovery: &'a Discovery,
    /// What was asked for.
    pub request: &'a BackupRequest,
    /// The Backup.
    pub status: SharedRunStatus<Backup>,
    /// Where it goes.
    pub store: BackupStore,
    /// Its folder there.
    pub dir: BackupDir,
    /// What is told about it.
    pub journal: Journal,
    /// Where that is kept.
    pub log: RunLog,
}

impl Run<'_> {
    /// Whatever was written must not look like a backup; the log stays for whoever asks why.
    pub(super) async fn clean_up(&self, name: &str, error: &RunError) {
        let entry = Entry::error("the backup cannot be finished").with("error", error_chain(error));
        self.journal.write(entry);
        files::remove_all_but_log(&self.store, &self.dir).await;
        if let Err(error) = files::put_log(&self.store, &self.dir, &self.log).await {
            let error = error_chain(&error);
            tracing::warn!(backup = name, error, "cannot upload the log of a failed backup");
        }
    }
}

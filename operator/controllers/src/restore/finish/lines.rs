//! What is told of a restore after its items: lines that go to its results and its log, which lie in the bucket by then.
//!
//! Adding can be repeated: results take no line twice, and the log has one twice at worst.

use std::sync::Arc;

use lateen_core::item_operation::Counts;
use lateen_core::journal::Level;
use lateen_core::restore::operations::Told;
use lateen_core::results::{Messages, Place, Results};
use lateen_store::{BackupStore, RestoreDir, RestoreFile};

use crate::context::Options;
use crate::error_chain::error_chain;
use crate::run_files::{RunFileError, add_results, append_log};
use crate::run_log::{RunKind, RunLog};

/// Lines that are not in the bucket yet.
#[derive(Default)]
pub(super) struct Lines {
    messages: Vec<(Level, Place, String)>,
    /// How the operations ended.
    ended: Option<Counts>,
    /// For the log alone: what hooks said.
    hooks: Option<Arc<RunLog>>,
}

impl Lines {
    /// Adds a warning or an error.
    pub(super) fn add(&mut self, level: Level, place: Place, message: String) {
        self.messages.push((level, place, message));
    }

    /// Adds all of one level.
    pub(super) fn add_all(&mut self, level: Level, messages: Messages) {
        let Messages { velero, cluster, namespaces } = messages;
        let at = |place: Place| move |message| (level, place.clone(), message);
        self.messages.extend(velero.into_iter().map(at(Place::Run)));
        self.messages.extend(cluster.into_iter().map(at(Place::Cluster)));
        for (namespace, messages) in namespaces {
            self.messages.extend(messages.into_iter().map(at(Place::Namespace(namespace))));
        }
    }

    /// Notes that there are no more operations to wait for.
    pub(super) fn operations_ended(&mut self, counts: Counts) {
        self.ended = Some(counts);
    }

    /// Adds a log.
    pub(super) fn add_log(&mut self, of_hooks: Option<Arc<RunLog>>) {
        self.hooks = of_hooks;
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.ended.is_none() && self.hooks.is_none()
    }

    /// Brings the lines into the bucket; all that the results hold then, or why those that are there cannot be read. `run` is
    /// `namespace/name`.
    pub(super) async fn store(
        &self,
        options: &Options,
        store: &BackupStore,
        dir: &RestoreDir,
        run: &str,
    ) -> Result<Result<Told, String>, RunFileError> {
        let key = dir.key(RestoreFile::Results);
        if self.is_empty() {
            return added(add_results(store, key, Results::default()).await);
        }
        let (log, journal) = RunLog::create(&options.scratch, options.log_format, RunKind::Restore, run)?;
        for (level, place, message) in &self.messages {
            journal.result(*level, place, message.as_str());
        }
        if let Some(Counts { completed, failed, .. }) = self.ended {
            journal.info(format!("All operations have ended: {completed} well, {failed} not"));
        }
        let told = added(add_results(store, key, journal.results()).await)?;
        let logs: Vec<&RunLog> = self.hooks.iter().map(|hooks| &**hooks).chain([&log]).collect();
        append_log(store, &dir.key(RestoreFile::Log), &logs).await?;
        Ok(told)
    }
}

fn added(results: Result<Results, RunFileError>) -> Result<Result<Told, String>, RunFileError> {
    match results {
        Ok(results) => Ok(Ok(Told::of(&results))),
        Err(error @ RunFileError::Unreadable { .. }) => Ok(Err(error_chain(&error))),
        Err(error) => Err(error),
    }
}

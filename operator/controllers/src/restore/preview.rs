//! A restore foreseen: the way of a run from a Restore that nobody has created to what it would do, with the rights of whoever asks.
//!
//! The same observation, validation, archive reader, plan, actions and executor as in a run; nothing is written, no log is kept, and
//! actions are told that it is a dry run.

use std::error::Error;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use kube::ResourceExt;
use lateen_actions::Modifier;
use lateen_api::v1::{Backup, BackupStorageLocation, Restore};
use lateen_cluster::discovery;
use lateen_core::item_operation::RunIdentity;
use lateen_core::journal::Journal;
use lateen_core::restore::preview::{BackupSummary, Findings, Preview, SharedLines};
use lateen_core::restore::request::{RestoreRequest, prepare};
use lateen_core::restore::reset::restore_labels;
use lateen_core::results::Results;
use lateen_store::BackupStore;

use super::decisions::Decisions;
use super::executor::{Executor, Purpose};
use super::facts::told_to_actions;
use super::foresight::Foresight;
use super::run_error::{Reporter, RunError};
use super::sessions::Sessions;
use super::source::{Prepared, Source};
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::item_actions;

/// Why nobody can say what a restore would do.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Backups, locations or ConfigMaps cannot be read.
    #[error("cannot look up what the restore needs")]
    Observe(#[source] Box<dyn Error + Send + Sync>),
    /// A server would refuse the Restore.
    #[error("the restore is not valid: {}", .0.join("; "))]
    Invalid(Vec<String>),
    /// There is no archive of the backup, or none that is whole.
    #[error(
        "backup {backup} is in phase {phase}: only one that is Completed or PartiallyFailed can be restored from"
    )]
    NotRestorable {
        /// Its name.
        backup: String,
        /// As its status has it.
        phase: String,
    },
    /// What a run begins with cannot be had, or the run ended for a reason that is not its items'.
    #[error("cannot go through the restore")]
    Run(#[source] Box<dyn Error + Send + Sync>),
    /// The archive cannot be read, or is not that of a backup.
    #[error("nothing of backup {backup} would be restored: {}", told.join("; "))]
    Nothing {
        /// Its name.
        backup: String,
        /// Why, as the results of the restore would have it.
        told: Vec<String>,
    },
}

impl From<RunError> for PreviewError {
    fn from(error: RunError) -> Self {
        Self::Run(error.into())
    }
}

/// A Restore that a server would run.
pub struct Wanted {
    restore: Restore,
    request: RestoreRequest,
    backup: Backup,
    modifier: Option<Arc<Modifier>>,
}

impl Wanted {
    /// The backup that it restores from.
    pub fn backup(&self) -> &Backup {
        &self.backup
    }

    /// The location of the backup.
    pub fn location(&self) -> &BackupStorageLocation {
        &self.request.location
    }
}

/// Looks up what a Restore needs and validates it as a server would. The Restore has a name and a namespace, and need not exist.
pub async fn validate(context: &Context, mut restore: Restore) -> Result<Wanted, PreviewError> {
    let (observed, modifier, defaults) =
        super::observe::observe(context, &restore).await.map_err(PreviewError::Observe)?;
    let Some(request) = prepare(&mut restore, &observed, &defaults, Timestamp::now()) else {
        let errors = restore.status.map(|status| status.validation_errors).unwrap_or_default();
        return Err(PreviewError::Invalid(errors));
    };
    let backup = super::observe::backup_of(&observed, &request);
    if !backup.phase().is_restorable() {
        let phase = backup.phase().to_string();
        return Err(PreviewError::NotRestorable { backup: request.backup_name, phase });
    }
    Ok(Wanted { restore, request, backup, modifier })
}

/// Goes through the whole restore without writing. `store` holds the files of the backup, laid out as in its location.
pub async fn preview(
    context: &Context,
    wanted: Wanted,
    store: &BackupStore,
) -> Result<Preview, PreviewError> {
    let Wanted { restore, request, backup, modifier } = wanted;
    let lines = SharedLines::default();
    let journal = Journal::new(lines.clone());
    let catalog = Arc::new(discovery::discover(&context.client).await.map_err(RunError::from)?.catalog);
    let source = Source { context, request: &request, backup: &backup, store, catalog: &catalog };
    let Some(Prepared { spool, plan, volumes }) = source.prepare(&journal).await? else {
        let Results { errors, warnings } = journal.results();
        let told = [errors.velero, warnings.velero].concat();
        return Err(PreviewError::Nothing { backup: request.backup_name, told });
    };
    let told = told_to_actions(&restore, &backup, &catalog);
    let actions = item_actions::rehearse(context, &told, modifier.as_deref(), &journal);
    let foresight = Arc::new(Foresight::default());
    let decisions = Decisions {
        context: context.clone(),
        identity: RunIdentity { name: request.name.clone(), uid: request.uid.clone() },
        plan,
        spool,
        journal: journal.clone(),
        sessions: Sessions::new(actions),
        volumes,
        labels: restore_labels(&request.backup_name, &request.name),
        restore_created: None,
        again: false,
        catalog: RwLock::new(catalog),
        request,
    };
    let executor = Arc::new(Executor::new(decisions, Purpose::Foresee(Arc::clone(&foresight))));
    let broke_off = match Arc::clone(&executor).run(&mut Reporter::silent()).await {
        Ok(()) => None,
        // Any other reason is about this process, and not about the restore.
        Err(error @ RunError::Action { .. }) => Some(error_chain(&error)),
        Err(error) => return Err(error.into()),
    };
    let (gathering, namespaces) = foresight.take();
    let findings = Findings {
        backup: summary(&backup),
        policy: executor.request.existing,
        namespaces,
        lines: lines.take(),
        results: journal.results(),
        broke_off,
    };
    Ok(gathering.preview(&executor.plan, findings))
}

fn summary(backup: &Backup) -> BackupSummary {
    let started = backup.status.as_ref().and_then(|status| status.start_timestamp.as_ref());
    let schedule = backup.labels().get(lateen_api::labels::SCHEDULE_NAME);
    BackupSummary {
        name: backup.name_any(),
        phase: backup.phase().to_string(),
        location: backup.spec.storage_location.clone(),
        started: started.map(|time| time.0.to_string()).unwrap_or_default(),
        schedule: schedule.cloned().unwrap_or_default(),
    }
}

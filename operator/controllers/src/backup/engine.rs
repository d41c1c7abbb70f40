//! What everybody who works on one backup shares: the decisions that it began with, and what has become of its items so far.
//!
//! One task sweeps through the cluster and several workers take up blocks; whatever they all need is here, behind a lock where it changes.
//! No lock is held across an await.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use kube::Client;
use lateen_actions::manifest::FailurePolicy;
use lateen_actions::{ActionError, ActionRun, ActionSession, Note, NoteLevel, Role, Subject};
use lateen_api::v1::Backup;
use lateen_core::archive::path::{is_archivable, item_paths};
use lateen_core::backup::filter::ResourceFilter;
use lateen_core::backup::tally::{Claim, Lane, Progress, Tally};
use lateen_core::backup::verdict::{LeftOut, Origin, left_out};
use lateen_core::catalog::Catalog;
use lateen_core::item::Facts;
use lateen_core::item_operation::{BackupOperation, RunIdentity};
use lateen_core::journal::{Entry, Journal};
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_core::namespaces::NamespaceFilter;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::archive::{ArchiveError, ArchiveItem};
use super::chosen::{Chosen, about};
use super::hooks::HookRunner;
use super::volumes::VolumeDecisions;
use crate::run_status::SharedRunStatus;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fatal {
    /// The stream to the store is broken.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An action whose failure policy is to fail the run.
    #[error("action {action} failed on {item} and its failure policy ends the run: {reason}")]
    Action {
        /// Its name.
        action: String,
        /// The item.
        item: String,
        /// As the action gave it.
        reason: String,
    },
    /// What the blocks are made of cannot be kept in the scratch directory.
    #[error("cannot keep objects in the scratch directory")]
    Scratch(#[source] std::io::Error),
    /// A worker broke off.
    #[error("a worker of the backup broke off")]
    Worker(#[source] tokio::task::JoinError),
}

/// What only counts while the items of a backup are taken.
pub(super) struct ItemStage {
    /// The run's record: operations are remembered in it.
    pub status: SharedRunStatus<Backup>,
    /// Commands in pods before and after their block.
    pub hooks: HookRunner,
    /// What becomes of the data of volumes.
    pub volumes: VolumeDecisions,
}

/// What a run has decided before its first item.
pub(super) struct Decisions {
    /// Which Backup this is about.
    pub backup: RunIdentity,
    /// For what is read by name.
    pub client: Client,
    /// What the cluster serves.
    pub catalog: Arc<Catalog>,
    /// The filter by namespace.
    pub namespaces: NamespaceFilter,
    /// The filter by kind.
    pub resources: ResourceFilter,
    /// The run's journal.
    pub journal: Journal,
    /// The actions that the run began with.
    pub actions: Arc<ActionRun>,
    /// What is looked at besides, where the items themselves are taken; none when a backup is finalized.
    pub items: Option<Arc<ItemStage>>,
    /// Cancelled when the run is to end early: workers then finish what they have opened and take up nothing more.
    pub stop: CancellationToken,
}

/// Shared by all who work on a run: what was decided, which never changes, and what has become of the items.
pub(super) struct Engine {
    decisions: Decisions,
    state: Mutex<State>,
    sessions: Mutex<Vec<ActionSession>>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    operations: Vec<BackupOperation>,
}

impl Deref for Engine {
    type Target = Decisions;

    fn deref(&self) -> &Decisions {
        &self.decisions
    }
}

impl Engine {
    /// With nothing taken yet.
    pub(super) fn new(decisions: Decisions) -> Self {
        Self { decisions, state: Mutex::default(), sessions: Mutex::default() }
    }

    /// Whether this is the end of a backup, where what operations have left is taken: everything counts, whatever the filters say.
    pub(super) fn is_finalizing(&self) -> bool {
        self.items.is_none()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Whoever panicked with the lock held has not left a half-made change: each is a single step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the tally.
    pub(super) fn tally<T>(&self, look: impl FnOnce(&Tally) -> T) -> T {
        look(&self.state().tally)
    }

    /// Objects that a list has shown.
    pub(super) fn see(&self, objects: u64) {
        self.state().tally.see(objects);
    }

    /// How far the run is.
    pub(super) fn progress(&self) -> Progress {
        self.state().tally.progress()
    }

    /// An action has begun work that goes on. Whoever finds the run interrupted reads in its record that there is something to end.
    pub(super) async fn begin_operation(&self, operation: BackupOperation) {
        if let Some(items) = &self.items {
            let (action, id) =
                (operation.spec.backup_item_action.clone(), operation.spec.operation_id.clone());
            items.status.record_soon(move |record| record.remember_operation(&action, &id)).await;
        }
        self.state().operations.push(operation);
    }

    /// The tally and the operations, at the end.
    pub(super) fn take_results(&self) -> (Tally, Vec<BackupOperation>) {
        let State { tally, operations } = std::mem::take(&mut *self.state());
        (tally, operations)
    }

    /// Decides whether an object belongs to the backup, and claims it. None: it is not taken, which was told if it is
    /// worth telling, or somebody else has taken it.
    pub(super) fn choose(
        &self,
        kind: &ServedKind,
        facts: &Facts,
        json: &str,
        origin: Origin,
        lane: Lane,
    ) -> Option<Claim> {
        if let Some(reason) = left_out(facts, kind, origin, &self.namespaces, &self.resources) {
            if reason == LeftOut::Label
                && has_volumes(&kind.group_resource)
                && let (Some(items), Ok(item)) = (&self.items, serde_json::from_str(json))
            {
                items.volumes.left_out(kind, &item);
            }
            self.journal.write(about(Entry::info(reason.reason()), kind, facts));
            return None;
        }
        Some(self.state().tally.claim(kind, &facts.object, lane))
    }

    /// Reads an object's facts; what is no object is an error of its kind.
    pub(super) fn facts(&self, kind: &ServedKind, json: &str) -> Option<Facts> {
        let told = |error| {
            let entry = Entry::error("cannot read an object that the API server sent");
            self.journal.write(entry.with("resource", &kind.group_resource).with("error", error));
        };
        Facts::read(json).map_err(told).ok()
    }

    /// Whether a backup action can concern objects of this kind. Asked once for a kind: nearly all objects of a cluster are of kinds that
    /// none is for.
    pub(super) fn has_actions(&self, kind: &ServedKind) -> bool {
        let GroupResource { group, resource } = &kind.group_resource;
        self.actions.set().concerns_resource(Role::Backup, group, resource)
    }

    /// Whether a backup action concerns this object.
    pub(super) fn is_concerned(&self, subject: &Subject, facts: &Facts) -> bool {
        self.actions.set().concerns(Role::Backup, subject, Some(&facts.labels))
    }

    /// An object for its actions. None: it is nothing that could be handed to them, which was told.
    pub(super) fn parse(&self, chosen: &Chosen, json: &[u8]) -> Option<Value> {
        let told = |error: &serde_json::Error| {
            let entry = Entry::error("cannot parse the object for its actions").with("error", error);
            self.journal.write(chosen.line(entry));
        };
        serde_json::from_slice(json).inspect_err(told).ok()
    }

    /// Tells an error of the item, unless the action's policy makes it the end of the run.
    pub(super) fn tell_failure(
        &self,
        message: &str,
        error: ActionError,
        chosen: &Chosen,
    ) -> Result<(), Fatal> {
        if error.policy == FailurePolicy::FailRun {
            return Err(Fatal::Action { action: error.action, item: error.item, reason: error.reason });
        }
        let entry = Entry::error(message).with("action", &error.action).with("error", &error);
        self.journal.write(chosen.line(entry));
        Ok(())
    }

    /// Writes down what actions have said about an item.
    pub(super) fn tell_notes(&self, chosen: &Chosen, notes: &[Note]) {
        for note in notes {
            let entry = match note.level {
                NoteLevel::Debug => continue,
                NoteLevel::Info => Entry::info(&note.message),
                NoteLevel::Warn => Entry::warning(&note.message),
                NoteLevel::Error => Entry::error(&note.message),
            };
            self.journal.write(chosen.line(entry.with("action", &note.action)));
        }
    }

    /// The object for the archive; it counts as written. None: its name is not one for a file in an archive, which was told, and it is not in
    /// the backup.
    pub(super) fn archive_item(
        &self,
        kind: &ServedKind,
        facts: &Facts,
        name: &ObjectName,
        content: Bytes,
    ) -> Option<ArchiveItem> {
        if !is_archivable(&kind.group_resource, &kind.version, name) {
            let entry = Entry::error("Error backing up item")
                .with("error", format!("the name {:?} cannot be one of a file in an archive", name.name));
            self.journal.write(about(entry, kind, facts));
            self.state().tally.drop_claim(kind, &facts.object);
            return None;
        }
        let progress = {
            let tally = &mut self.state().tally;
            tally.written(kind, &facts.object);
            tally.progress()
        };
        let line = format!(
            "Backed up {} items out of an estimated total of {} (estimate will change throughout the backup)",
            progress.done, progress.total
        );
        self.journal.write(about(Entry::info(line), kind, facts));
        let preferred = self.catalog.is_preferred(kind);
        let paths = item_paths(&kind.group_resource, &kind.version, preferred, name);
        Some(ArchiveItem { paths, content })
    }

    /// What was chosen is not in the backup after all.
    pub(super) fn drop_claim(&self, chosen: &Chosen) {
        self.state().tally.drop_claim(&chosen.kind, &chosen.facts.object);
    }

    /// A worker's instances of the actions: those of somebody who is done with them, or new ones.
    pub(super) fn session(&self) -> ActionSession {
        let kept = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| self.actions.session())
    }

    /// Keeps a session for the next one.
    pub(super) fn keep_session(&self, session: ActionSession) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

/// Kinds whose objects are looked at for the data of volumes.
pub(super) fn has_volumes(kind: &GroupResource) -> bool {
    ["pods", "persistentvolumeclaims", "persistentvolumes"].iter().any(|of_volumes| kind.is(of_volumes))
}

/// The object as actions are told of it.
pub(super) fn subject(kind: &ServedKind, facts: &Facts, origin: Origin) -> Subject {
    Subject {
        group: kind.group_resource.group.clone(),
        resource: kind.group_resource.resource.clone(),
        version: kind.version.clone(),
        kind: kind.kind.clone(),
        namespace: facts.object.namespace.clone(),
        name: facts.object.name.clone(),
        target_namespace: facts.object.namespace.clone(),
        additional: origin != Origin::Listed,
    }
}

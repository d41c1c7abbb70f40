//! What is made of an item before the cluster is asked: what becomes of volumes, resets, actions, modifiers, its namespace and its labels;
//! and the items that it needs, which are restored first.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use lateen_actions::manifest::FailurePolicy;
use lateen_actions::{ActionError, ITEM_ACTION_LABEL, Note, NoteLevel, Role, Step, Subject};
use lateen_core::item_operation::{ResourceIdentifier, RestoreOperation};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::restore::completed::is_mirror_pod;
use lateen_core::restore::plan::{PlannedItem, Related};
use lateen_core::restore::reset;
use lateen_core::results::Place;
use serde_json::Value;

use super::destination::{Destination, NoPlace};
use super::executor::Executor;
use super::item::{Item, Ready};
use super::run_error::RunError;
use super::volumes::{ClaimStep, VolumeStep};
use crate::error_chain::error_chain;

/// How far related items may lead from the item that began it. Every item is restored once, so chains end by themselves; this bounds the
/// stack of a hostile one.
const RELATED_DEPTH: usize = 64;

/// What the actions leave of an item.
enum Acted {
    Object(Value),
    Skipped(String),
    /// It was told.
    Failed,
}

/// The item as actions are told of it.
fn subject(item: &Item) -> Subject {
    let PlannedItem { kind, source, target_namespace, .. } = &item.planned;
    Subject {
        group: kind.group.clone(),
        resource: kind.resource.clone(),
        version: item.kind.version.clone(),
        kind: item.kind.kind.clone(),
        namespace: source.namespace.clone(),
        name: source.name.clone(),
        target_namespace: target_namespace.clone(),
        additional: item.depth > 0,
    }
}

impl Executor {
    /// From the item as it is in the archive to the object that is created.
    pub(super) async fn prepare(&self, item: &Item) -> Result<Ready, RunError> {
        let kind = &item.planned.kind;
        if is_mirror_pod(kind, &item.pristine) {
            return Ok(Ready::Skipped("a node makes it by itself".into()));
        }
        let mut object = match self.data_of_volumes(item).await {
            Ok(object) => object,
            Err(ready) => return Ok(ready),
        };
        let taken = match reset::reset(&mut object) {
            Ok(taken) => taken,
            Err(error) => return Ok(self.refuse(item, &error)),
        };
        let mut object = match self.run_actions(item, object).await? {
            Acted::Object(object) => object,
            Acted::Skipped(reason) => return Ok(Ready::Skipped(reason)),
            Acted::Failed => return Ok(Ready::Failed),
        };
        if kind.is("persistentvolumeclaims") {
            self.volumes.bind(&mut object);
        }
        let mut object = match self.modify(item, object).await? {
            Acted::Object(object) => object,
            Acted::Skipped(reason) => return Ok(Ready::Skipped(reason)),
            Acted::Failed => return Ok(Ready::Failed),
        };
        if kind.is("statefulsets.apps")
            && let Some(lack) = self.lack_of_claims(item, &object).await
        {
            return Ok(self.error(item, lack));
        }
        let to = match self.destination(item, &object) {
            Ok(to) => to,
            Err(error) => return Ok(self.refuse(item, &error)),
        };
        if let Some(namespace) = &item.planned.target_namespace {
            reset::set_namespace(&mut object, namespace);
        }
        reset::label(&mut object, &self.labels);
        self.disarm(item, &to, &mut object);
        Ok(Ready::Object(Box::new(object), Box::new(to), taken))
    }

    /// Why a stateful set is not created: claims that it would make are those of data that is not brought back.
    async fn lack_of_claims(&self, item: &Item, object: &Value) -> Option<String> {
        let namespace = item.planned.source.namespace.as_deref().unwrap_or_default();
        self.volumes.stateful_set(&self.context, namespace, object).await
    }

    fn destination(&self, item: &Item, object: &Value) -> Result<Destination, NoPlace> {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        Destination::of(object, &item.kind, item.planned.target_namespace.as_deref(), &catalog)
    }

    /// A backup must not plant code: a ConfigMap that comes into the server's namespace is not an item action until somebody says so.
    fn disarm(&self, item: &Item, to: &Destination, object: &mut Value) {
        if !to.may_be_item_action(&self.context.namespace) {
            return;
        }
        let labels = object.pointer_mut("/metadata/labels").and_then(Value::as_object_mut);
        if labels.and_then(|labels| labels.remove(ITEM_ACTION_LABEL)).is_some() {
            let line = format!(
                "{}: restored without its label {ITEM_ACTION_LABEL}; put the label on again to make it an item action",
                item.id()
            );
            self.journal.result(Level::Warning, &item.place(), line);
        }
    }

    /// The object that is restored, if the data of volumes lets it: nearly always the one in the archive.
    async fn data_of_volumes(&self, item: &Item) -> Result<Value, Ready> {
        let kind = &item.planned.kind;
        if kind.is("persistentvolumes") {
            return match self.volumes.volume(&self.context, &item.pristine).await {
                VolumeStep::Restore(object) => Ok(object),
                VolumeStep::Skip { reason } => Err(Ready::Skipped(reason)),
                VolumeStep::Refuse { message } => Err(self.error(item, message)),
            };
        }
        if kind.is("persistentvolumeclaims") {
            match self.volumes.claim(&self.context, &item.pristine).await {
                ClaimStep::Restore { warning: None } => {}
                ClaimStep::Restore { warning: Some(warning) } => {
                    self.journal.result(Level::Warning, &item.place(), warning);
                }
                ClaimStep::Refuse { message } => return Err(self.error(item, message)),
            }
        }
        if kind.is("pods")
            && let Some(lack) = self.volumes.pod(&self.context, &item.pristine).await
        {
            let level = if lack.is_error { Level::Error } else { Level::Warning };
            self.journal.result(level, &item.place(), lack.message);
        }
        Ok(Value::clone(&item.pristine))
    }

    /// Takes the object through the actions that match it.
    async fn run_actions(&self, item: &Item, object: Value) -> Result<Acted, RunError> {
        let subject = subject(item);
        let actions = self.sessions.actions();
        if !actions.set().concerns(Role::Restore, &subject, None) {
            return Ok(Acted::Object(object));
        }
        let mut chain =
            self.sessions.lend().await.begin_restore(&subject, object, Arc::clone(&item.pristine));
        loop {
            // Lent for one call: what the action asks for may take a long time, and others need sessions too.
            let step = self.sessions.lend().await.step(&mut chain).await;
            let Some(step) = step else { break };
            self.after_action(item, &step).await?;
        }
        let end = chain.finish();
        self.acted(item, end.item, end.skip.map(|skip| (skip.action, skip.reason)), end.error)
    }

    /// Takes the object through the modifier of the restore, if there is one and it matches.
    async fn modify(&self, item: &Item, object: Value) -> Result<Acted, RunError> {
        let subject = subject(item);
        if !self.sessions.actions().modifies(&subject, None) {
            return Ok(Acted::Object(object));
        }
        let mut session = self.sessions.lend().await;
        let result = session.modify(&subject, object, Arc::clone(&item.pristine)).await;
        drop(session);
        self.tell_notes(item, &result.notes);
        let skip = result.skip.map(|skip| (skip.action, skip.reason));
        self.acted(item, result.item, skip, result.error)
    }

    fn acted(
        &self,
        item: &Item,
        object: Value,
        skip: Option<(String, String)>,
        error: Option<ActionError>,
    ) -> Result<Acted, RunError> {
        if let Some(error) = error {
            if error.policy == FailurePolicy::FailRun {
                let ActionError { action, item, reason, .. } = error;
                return Err(RunError::Action { action, item, reason });
            }
            self.error(item, format!("error preparing {}: {error}", item.id()));
            return Ok(Acted::Failed);
        }
        Ok(match skip {
            Some((action, reason)) => Acted::Skipped(format!("action {action} leaves it out: {reason}")),
            None => Acted::Object(object),
        })
    }

    /// What an action asks for beside its change, before the next one is called.
    async fn after_action(&self, item: &Item, step: &Step) -> Result<(), RunError> {
        self.tell_notes(item, &step.notes);
        if let Some(operation) = &step.operation {
            let target = ObjectName::new(item.planned.target_namespace.as_deref(), &item.planned.source.name);
            let resource = ResourceIdentifier::new(&item.planned.kind, &target);
            let (id, now) = (&operation.id, Timestamp::now());
            let begun = RestoreOperation::started(&self.identity, &operation.action, resource, id, now);
            self.begin_operation(begun).await;
        }
        for related in &step.related {
            let kind = GroupResource::new(&related.group, &related.resource);
            let object = ObjectName::new(related.namespace.as_deref(), &related.name);
            self.restore_related(item, &kind, &object).await?;
        }
        if let Some(seconds) = step.wait_seconds {
            self.wait_for_related(item, step, seconds).await;
        }
        Ok(())
    }

    /// Restores an item that another one needs, by its place in the backup.
    async fn restore_related(
        &self,
        of: &Item,
        kind: &GroupResource,
        object: &ObjectName,
    ) -> Result<(), RunError> {
        let place = Place::of(object.namespace.as_deref());
        match self.plan.related(self.spool.index(), kind, object) {
            Related::Item(item) if of.depth < RELATED_DEPTH => {
                return self.restore(of.chain, item, of.depth + 1).await;
            }
            Related::Item(_) => {
                let line = format!(
                    "{}: items that need each other lead further than {RELATED_DEPTH} steps",
                    of.id()
                );
                self.error(of, line);
            }
            Related::Missing => {
                let line =
                    format!("unable to restore additional item {kind} {object}: it is not in the backup");
                self.journal.result(Level::Warning, &place, line);
            }
            Related::LeftOut(reason) if reason.is_error() => {
                self.journal.result(Level::Error, &place, format!("{kind} {object}: {}", reason.text()));
            }
            Related::LeftOut(reason) => {
                let line = format!("Needed, but not restored: {kind} {object}: {}", reason.text());
                self.journal.write(of.about(Entry::info(line)));
            }
        }
        Ok(())
    }

    pub(super) fn tell_notes(&self, item: &Item, notes: &[Note]) {
        for note in notes {
            let message = format!("{}: {}", note.action, note.message);
            match note.level {
                NoteLevel::Debug => {}
                NoteLevel::Info => self.journal.write(item.about(Entry::info(message))),
                NoteLevel::Warn => {
                    self.journal.result(Level::Warning, &item.place(), format!("{}: {message}", item.id()));
                }
                NoteLevel::Error => {
                    self.journal.result(Level::Error, &item.place(), format!("{}: {message}", item.id()));
                }
            }
        }
    }

    fn refuse(&self, item: &Item, error: &(dyn std::error::Error + 'static)) -> Ready {
        self.error(item, format!("error preparing {}: {}", item.id(), error_chain(error)))
    }
}

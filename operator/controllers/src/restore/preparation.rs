//! What is made of an item before the cluster is asked: resets, the rules of its kind, actions, its namespace and its labels; and the
//! items that it needs, which are restored first.

use std::sync::{Arc, PoisonError};

use lateen_actions::manifest::FailurePolicy;
use lateen_actions::{ActionSession, ITEM_ACTION_LABEL, Note, NoteLevel, Step, Subject};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::restore::completed::is_mirror_pod;
use lateen_core::restore::kinds::{self, KindContext, Need};
use lateen_core::restore::plan::{PlannedItem, Related};
use lateen_core::restore::request::asks_in_vain;
use lateen_core::restore::reset;
use lateen_core::restore::volumes::{self, VolumeFate};
use lateen_core::results::Place;
use serde_json::Value;

use super::destination::{Destination, NoPlace};
use super::executor::Executor;
use super::item::{Item, Ready};
use super::run_error::RunError;
use crate::error_chain::error_chain;

/// How far related items may lead from the item that began it. Every item is restored once, so chains end by themselves; this bounds the
/// stack of a hostile one.
const RELATED_DEPTH: usize = 64;

impl Executor {
    /// Resets, rules, actions, mapping and labels.
    pub(super) async fn prepare(
        &self,
        session: &mut ActionSession,
        item: &Item,
        depth: usize,
    ) -> Result<Ready, RunError> {
        let kind = &item.planned.kind;
        if is_mirror_pod(kind, &item.pristine) {
            self.journal.write(item.about(Entry::info("Not restored, because a node makes it by itself")));
            return Ok(Ready::Skipped);
        }
        if kind.is("persistentvolumes")
            && let Some(ready) = self.decide_volume(item)
        {
            return Ok(ready);
        }
        if let Some(lack) = asks_in_vain(kind, &item.pristine) {
            self.error(item, format!("{}: {lack}", item.id()));
        }
        let mut object = Value::clone(&item.pristine);
        let taken = match reset::reset(&mut object) {
            Ok(taken) => taken,
            Err(error) => return Ok(self.refuse(item, &error)),
        };
        let context = KindContext {
            pristine: &item.pristine,
            namespace_mapping: &self.request.namespace_mapping,
            preserve_node_ports: self.request.preserve_node_ports,
        };
        let outcome = match kinds::apply(kind, &mut object, &context) {
            Ok(outcome) => outcome,
            Err(error) => return Ok(self.refuse(item, &error)),
        };
        if let Some(reason) = outcome.skip {
            self.journal.write(item.about(Entry::info(format!("Not restored: {reason}"))));
            return Ok(Ready::Skipped);
        }
        for Need { kind, object } in &outcome.needs {
            self.restore_related(session, item, kind, object, depth).await?;
        }
        let Some(mut object) = self.run_actions(session, item, object, depth).await? else {
            return Ok(Ready::Skipped);
        };
        if object.is_null() {
            return Ok(Ready::Failed);
        }
        let to = match self.destination(item, &object) {
            Ok(to) => to,
            Err(error) => return Ok(self.refuse(item, &error)),
        };
        if kind.is("persistentvolumeclaims") {
            self.bind_claim(&mut object);
        }
        if let Some(namespace) = &item.planned.target_namespace {
            reset::set_namespace(&mut object, namespace);
        }
        reset::label(&mut object, &self.labels);
        self.disarm(item, &to, &mut object);
        Ok(Ready::Object(Box::new(object), Box::new(to), taken))
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

    /// None: the volume is restored as an object like any other.
    fn decide_volume(&self, item: &Item) -> Option<Ready> {
        let name = &item.planned.source.name;
        match volumes::fate(&item.pristine, self.methods.get(name).copied()) {
            VolumeFate::Restore => None,
            VolumeFate::NeedsSnapshot => {
                let lack =
                    "it can only be made from a volume snapshot, which this version of the server cannot do";
                Some(self.error(item, format!("error restoring {}: {lack}", item.id())))
            }
            VolumeFate::Provision { data_in } => {
                self.released_volumes.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
                let Some(method) = data_in else {
                    self.journal
                        .write(item.about(Entry::info("Not restored, because its claim gets a new volume")));
                    return Some(Ready::Skipped);
                };
                let lack = "its claim gets a new, empty volume, and this version of the server does not bring the data back";
                Some(self.error(item, format!("{}: {lack} ({method:?})", item.id())))
            }
        }
    }

    /// A claim of a volume that is not restored is provisioned anew.
    fn bind_claim(&self, claim: &mut Value) {
        let released = self.released_volumes.lock().unwrap_or_else(PoisonError::into_inner);
        if volumes::volume_of(claim).is_some_and(|volume| released.contains(volume)) {
            volumes::release_claim(claim);
        }
    }

    /// The object as the actions leave it. `None`: one of them skips it; `null`: one of them failed, which was told.
    async fn run_actions(
        &self,
        session: &mut ActionSession,
        item: &Item,
        object: Value,
        depth: usize,
    ) -> Result<Option<Value>, RunError> {
        let PlannedItem { kind, source, target_namespace, .. } = &item.planned;
        let subject = Subject {
            group: kind.group.clone(),
            resource: kind.resource.clone(),
            version: item.kind.version.clone(),
            kind: item.kind.kind.clone(),
            namespace: source.namespace.clone(),
            name: source.name.clone(),
            target_namespace: target_namespace.clone(),
            additional: depth > 0,
        };
        let mut chain = session.begin_restore(&subject, object, Arc::clone(&item.pristine));
        while let Some(step) = session.step(&mut chain).await {
            self.after_action(session, item, &step, depth).await?;
        }
        let end = chain.finish();
        if let Some(error) = end.error {
            if error.policy == FailurePolicy::FailRun {
                return Err(RunError::Action {
                    action: error.action,
                    item: error.item,
                    reason: error.reason,
                });
            }
            self.error(item, format!("error preparing {}: {error}", item.id()));
            return Ok(Some(Value::Null));
        }
        if let Some(skip) = end.skip {
            let line = format!("Action {} leaves the item out: {}", skip.action, skip.reason);
            self.journal.write(item.about(Entry::info(line)));
            return Ok(None);
        }
        Ok(Some(end.item))
    }

    /// What an action asks for beside its change, before the next one is called.
    async fn after_action(
        &self,
        session: &mut ActionSession,
        item: &Item,
        step: &Step,
        depth: usize,
    ) -> Result<(), RunError> {
        self.tell_notes(item, &step.notes);
        if let Some(operation) = &step.operation {
            let lack = "which this version of the server does not follow; the restore does not wait for it";
            let line =
                format!("{}: action {} began operation {:?}, {lack}", item.id(), step.action, operation.id);
            self.error(item, line);
        }
        for related in &step.related {
            let kind = GroupResource::new(&related.group, &related.resource);
            let object = ObjectName::new(related.namespace.as_deref(), &related.name);
            self.restore_related(session, item, &kind, &object, depth).await?;
        }
        if let Some(seconds) = step.wait_seconds {
            self.wait_for_related(session, item, step, seconds).await;
        }
        Ok(())
    }

    /// Restores an item that another one needs, by its place in the backup.
    async fn restore_related(
        &self,
        session: &mut ActionSession,
        of: &Item,
        kind: &GroupResource,
        object: &ObjectName,
        depth: usize,
    ) -> Result<(), RunError> {
        let place = Place::of(object.namespace.as_deref());
        match self.plan.related(self.spool.index(), kind, object) {
            Related::Item(item) if depth < RELATED_DEPTH => {
                return self.restore(session, item, depth + 1).await;
            }
            Related::Item(_) => {
                self.error(
                    of,
                    format!(
                        "{}: items that need each other lead further than {RELATED_DEPTH} steps",
                        of.id()
                    ),
                );
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

//! One item's way into the archive: is it wanted, is it the first of its name, what do the actions say, where does it stand.
//!
//! An item that neither a filter nor an action concerns is never parsed beyond its metadata: its bytes go through as they came. An item
//! that fails is an error of that item; the run goes on. Only a broken archive, or an action whose policy says so, ends the run.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use lateen_actions::manifest::FailurePolicy;
use lateen_actions::{
    ActionError, ActionRun, ActionSession, Note, NoteLevel, ObjectRef, Role, Step, Subject,
};
use lateen_cluster::object;
use lateen_core::archive::path::item_paths;
use lateen_core::backup::filter::ResourceFilter;
use lateen_core::backup::tally::Tally;
use lateen_core::backup::verdict::{Origin, asks_in_vain, left_out};
use lateen_core::catalog::Catalog;
use lateen_core::item::{Facts, with_type};
use lateen_core::journal::{Entry, Journal};
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_core::namespaces::NamespaceFilter;
use serde_json::Value;

use super::archive::{ArchiveError, ArchiveItem, ArchiveItems};
use crate::error_chain::error_chain;

/// How far related objects may lead from the item that began it. Every object is taken once, so chains end by themselves; this bounds
/// the stack of a hostile one.
const RELATED_DEPTH: usize = 64;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
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
}

/// Takes items into the archive of one run.
pub struct ItemTaker<'a> {
    /// For related objects.
    pub client: &'a Client,
    /// What the cluster serves.
    pub catalog: &'a Catalog,
    /// The filter by namespace.
    pub namespaces: &'a NamespaceFilter,
    /// The filter by kind.
    pub resources: &'a ResourceFilter,
    /// Where items go.
    pub archive: ArchiveItems,
    /// The run's journal.
    pub journal: &'a Journal,
    /// The actions that the run began with.
    pub actions: &'a ActionRun,
    /// This worker's instances of them.
    pub session: ActionSession,
    /// What was taken.
    pub tally: Tally,
}

impl ItemTaker<'_> {
    /// Takes an item of a list.
    pub async fn take(&mut self, kind: &ServedKind, json: &str) -> Result<(), Fatal> {
        self.take_from(kind, json, Origin::Listed, 0).await
    }

    /// Takes an item that belongs to the backup whatever the filters by namespace and label say, such as the definition of a kind.
    pub async fn take_related(&mut self, kind: &ServedKind, json: &str) -> Result<(), Fatal> {
        self.take_from(kind, json, Origin::Related, 0).await
    }

    async fn take_from(
        &mut self,
        kind: &ServedKind,
        json: &str,
        origin: Origin,
        depth: usize,
    ) -> Result<(), Fatal> {
        let facts = match Facts::read(json) {
            Ok(facts) => facts,
            Err(error) => {
                let entry = Entry::error("cannot read an object that the API server sent")
                    .with("resource", &kind.group_resource);
                self.journal.write(entry.with("error", error));
                return Ok(());
            }
        };
        if let Some(reason) = left_out(&facts, kind, origin, self.namespaces, self.resources) {
            self.journal.write(about(Entry::info(reason.reason()), kind, &facts));
            return Ok(());
        }
        if !self.tally.claim(kind, &facts.object) {
            return Ok(());
        }
        if let Some(lack) = asks_in_vain(kind, json) {
            self.journal.write(about(Entry::error(lack), kind, &facts));
        }
        let json = Bytes::from(with_type(json, &facts, &kind.api_version(), &kind.kind).into_owned());
        let subject = subject(kind, &facts, origin);
        let (object, content) = if self.actions.set().concerns(Role::Backup, &subject, Some(&facts.labels)) {
            match self.run_actions(kind, &facts, &subject, &json, depth).await? {
                Some(changed) => changed,
                None => {
                    self.tally.give_back(kind, &facts.object);
                    return Ok(());
                }
            }
        } else {
            (facts.object.clone(), json.clone())
        };
        let paths = item_paths(&kind.group_resource, &kind.version, true, &object);
        self.archive.add(ArchiveItem { paths, content }).await?;
        self.tally.written(kind, &facts.object);
        if self.actions.set().concerns(Role::RelatedItems, &subject, Some(&facts.labels)) {
            self.take_what_belongs_together(kind, &facts, &subject, &json, depth).await?;
        }
        let progress = self.tally.progress();
        let line = format!(
            "Backed up {} items out of an estimated total of {} (estimate will change throughout the backup)",
            progress.done, progress.total
        );
        self.journal.write(about(Entry::info(line), kind, &facts));
        Ok(())
    }

    /// The item as the actions leave it, with the name that it has then, or none where one of them skips it or it failed.
    async fn run_actions(
        &mut self,
        kind: &ServedKind,
        facts: &Facts,
        subject: &Subject,
        json: &Bytes,
        depth: usize,
    ) -> Result<Option<(ObjectName, Bytes)>, Fatal> {
        let Some(item) = self.parse(kind, facts, json) else { return Ok(None) };
        let mut chain = self.session.begin_backup(subject, item);
        while let Some(step) = self.session.step(&mut chain).await {
            self.after_action(kind, facts, &step, depth).await?;
        }
        let result = chain.finish();
        if let Some(error) = result.error {
            self.tell_failure("Error backing up item", error, kind, facts)?;
            return Ok(None);
        }
        if let Some(skip) = result.skip {
            let line = format!("Action {} leaves the item out: {}", skip.action, skip.reason);
            self.journal.write(about(Entry::info(line), kind, facts));
            return Ok(None);
        }
        if !result.changed {
            return Ok(Some((facts.object.clone(), json.clone())));
        }
        let name = result.item.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.unwrap_or(&facts.object.name).to_owned();
        match serde_json::to_vec(&result.item) {
            Ok(content) => Ok(Some((ObjectName { name, ..facts.object.clone() }, content.into()))),
            Err(error) => {
                self.journal.write(about(
                    Entry::error("cannot write the changed object").with("error", error),
                    kind,
                    facts,
                ));
                Ok(None)
            }
        }
    }

    /// An object for its actions. None: it is nothing that could be handed to them, which was told.
    fn parse(&self, kind: &ServedKind, facts: &Facts, json: &[u8]) -> Option<Value> {
        let parsed = serde_json::from_slice(json);
        parsed
            .inspect_err(|error| {
                let entry = Entry::error("cannot parse the object for its actions").with("error", error);
                self.journal.write(about(entry, kind, facts));
            })
            .ok()
    }

    /// What an action asks for beside its change, before the next one is called.
    async fn after_action(
        &mut self,
        kind: &ServedKind,
        facts: &Facts,
        step: &Step,
        depth: usize,
    ) -> Result<(), Fatal> {
        self.tell_notes(kind, facts, &step.notes);
        if let Some(operation) = &step.operation {
            let lack = "an action began an operation, which this version of the server does not follow; the backup does not wait for it";
            let entry = Entry::error(lack).with("action", &step.action).with("operation", &operation.id);
            self.journal.write(about(entry, kind, facts));
        }
        let origin = if step.must_include { Origin::MustInclude } else { Origin::Related };
        for related in &step.related {
            self.take_named(kind, facts, related, origin, depth + 1).await?;
        }
        Ok(())
    }

    /// Asks what belongs together with an item, and takes it.
    async fn take_what_belongs_together(
        &mut self,
        kind: &ServedKind,
        facts: &Facts,
        subject: &Subject,
        json: &[u8],
        depth: usize,
    ) -> Result<(), Fatal> {
        let Some(item) = self.parse(kind, facts, json) else { return Ok(()) };
        let asked = self.session.related_items(subject, &item).await;
        self.tell_notes(kind, facts, &asked.notes);
        for error in asked.errors {
            self.tell_failure("cannot tell what belongs together with the item", error, kind, facts)?;
        }
        for related in &asked.related {
            self.take_named(kind, facts, related, Origin::Related, depth + 1).await?;
        }
        Ok(())
    }

    /// Reads an object that an action named and takes it.
    fn take_named<'s>(
        &'s mut self,
        of_kind: &'s ServedKind,
        of: &'s Facts,
        named: &'s ObjectRef,
        origin: Origin,
        depth: usize,
    ) -> BoxFuture<'s, Result<(), Fatal>> {
        async move {
            let wanted = GroupResource::new(&named.group, &named.resource);
            let said = |entry: Entry| {
                let entry = entry.with(
                    "related",
                    format!("{wanted} {}/{}", named.namespace.as_deref().unwrap_or(""), named.name),
                );
                about(entry, of_kind, of)
            };
            if depth > RELATED_DEPTH {
                self.journal
                    .write(said(Entry::error("related objects lead too far from the item that began it")));
                return Ok(());
            }
            let Some(kind) = self.catalog.get(&wanted) else {
                self.journal.write(said(Entry::warning(
                    "a related object is of a kind that the cluster does not serve",
                )));
                return Ok(());
            };
            let object = ObjectName::new(named.namespace.as_deref(), &named.name);
            match object::get(self.client, kind, &object).await {
                Ok(Some(json)) => self.take_from(kind, &json, origin, depth).await?,
                Ok(None) => self.journal.write(said(Entry::warning(
                    "Additional item was not found in Kubernetes API, can't back it up",
                ))),
                Err(error) => self.journal.write(said(
                    Entry::error("cannot read a related object").with("error", error_chain(&error)),
                )),
            }
            Ok(())
        }
        .boxed()
    }

    /// Tells an error of the item, unless the action's policy makes it the end of the run.
    fn tell_failure(
        &self,
        message: &str,
        error: ActionError,
        kind: &ServedKind,
        facts: &Facts,
    ) -> Result<(), Fatal> {
        if error.policy == FailurePolicy::FailRun {
            return Err(Fatal::Action { action: error.action, item: error.item, reason: error.reason });
        }
        let entry = Entry::error(message).with("action", &error.action).with("error", &error);
        self.journal.write(about(entry, kind, facts));
        Ok(())
    }

    fn tell_notes(&self, kind: &ServedKind, facts: &Facts, notes: &[Note]) {
        for note in notes {
            let entry = match note.level {
                NoteLevel::Debug => continue,
                NoteLevel::Info => Entry::info(&note.message),
                NoteLevel::Warn => Entry::warning(&note.message),
                NoteLevel::Error => Entry::error(&note.message),
            };
            self.journal.write(about(entry.with("action", &note.action), kind, facts));
        }
    }
}

fn about(entry: Entry, kind: &ServedKind, facts: &Facts) -> Entry {
    entry.about(&kind.group_resource, facts.object.namespace.as_deref(), &facts.object.name)
}

fn subject(kind: &ServedKind, facts: &Facts, origin: Origin) -> Subject {
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

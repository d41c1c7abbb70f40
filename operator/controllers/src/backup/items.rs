//! One item's way into the archive: what do the actions say, what comes along with it, where does it stand.
//!
//! An item that fails is an error of that item; the run goes on. What is asked for along with an item is taken before it, and an item
//! whose companion failed fails too: restored without it, it would not be what was backed up. Only a broken archive, or an action whose
//! policy says so, ends the run.

mod along;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use lateen_actions::manifest::FailurePolicy;
use lateen_actions::{ActionError, ActionSession, Note, NoteLevel, ObjectRef, Role, StartedOperation};
use lateen_core::backup::tally::Lane;
use lateen_core::item_operation::{BackupOperation, ResourceIdentifier};
use lateen_core::journal::Entry;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use serde_json::Value;

use super::archive::{ArchiveItem, Slot};
use super::chosen::Chosen;
use super::engine::{Engine, Fatal, has_volumes, subject};

/// Takes the items of one block.
pub(super) struct ItemWorker<'a> {
    engine: &'a Engine,
    session: Option<ActionSession>,
    members: Vec<Option<Member>>,
    by_name: HashMap<(GroupResource, ObjectName), Vec<usize>>,
    out: Outbox,
}

/// What a block is made of.
#[derive(Debug)]
pub(super) enum Member {
    /// An object that this block takes.
    Chosen(Chosen),
    /// An object that came along with one of another block while this one was formed. It stands here all the same: the order of the
    /// archive does not depend on who was faster.
    Elsewhere {
        /// Its kind.
        kind: GroupResource,
        /// Its name.
        name: ObjectName,
        /// Its key in the archive.
        key: Arc<str>,
    },
}

/// What a worker has for the archive.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// For the block's own place.
    pub slots: Vec<Slot>,
    /// What became of objects that came along and stand elsewhere.
    pub related: Vec<(Arc<str>, Option<ArchiveItem>)>,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It is in the archive, or was before.
    Yes,
    /// It does not belong there.
    LeftOut,
    /// An error was told.
    Failed,
}

/// The item after its actions.
struct Changed {
    name: ObjectName,
    content: Bytes,
    /// Parsed, where an action has asked for that.
    item: Option<Value>,
}

impl<'a> ItemWorker<'a> {
    /// For the members of a block.
    pub(super) fn new(engine: &'a Engine, members: Vec<Member>) -> Self {
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (position, member) in members.iter().enumerate() {
            let name = match member {
                Member::Chosen(chosen) => (chosen.kind.group_resource.clone(), chosen.facts.object.clone()),
                Member::Elsewhere { kind, name, .. } => (kind.clone(), name.clone()),
            };
            by_name.entry(name).or_default().push(position);
        }
        let members = members.into_iter().map(Some).collect();
        Self { engine, session: Some(engine.session()), members, by_name, out: Outbox::default() }
    }

    /// An object of the block that was not taken yet.
    pub(super) fn member(&self, position: usize) -> Option<&Chosen> {
        match self.members.get(position)?.as_ref()? {
            Member::Chosen(chosen) => Some(chosen),
            Member::Elsewhere { .. } => None,
        }
    }

    /// Leaves a member out: it is not in the backup.
    pub(super) fn give_up(&mut self, position: usize) {
        if let Some(Some(Member::Chosen(chosen))) = self.members.get_mut(position).map(Option::take) {
            self.engine.drop_claim(&chosen);
        }
    }

    /// Takes a member, unless it was taken along with another one.
    pub(super) async fn take_member(&mut self, position: usize) -> Result<(), Fatal> {
        self.take_members(&[position], 0).await.map(drop)
    }

    /// What there is for the archive since this was last asked.
    pub(super) fn take_out(&mut self) -> Outbox {
        std::mem::take(&mut self.out)
    }

    /// Takes an item that is claimed.
    async fn take(&mut self, chosen: Chosen, lane: Lane, depth: usize) -> Result<Taken, Fatal> {
        let made = self.make(&chosen, depth).await;
        let key = || archive_key(&chosen.kind, &chosen.facts.object);
        let (item, taken) = match made {
            Ok(Ok(changed)) => {
                let Changed { name, content, .. } = changed;
                let item = self.engine.archive_item(&chosen.kind, &chosen.facts, &name, content);
                let taken = if item.is_some() { Taken::Yes } else { Taken::Failed };
                (item, taken)
            }
            Ok(Err(taken)) => {
                self.engine.drop_claim(&chosen);
                (None, taken)
            }
            Err(fatal) => return Err(fatal),
        };
        match (lane, item) {
            (Lane::Listed, Some(item)) => self.out.slots.push(Slot::Item(item)),
            (Lane::Listed, None) => {}
            (Lane::Related, item) => self.out.related.push((key(), item)),
        }
        Ok(taken)
    }

    /// The item as it goes into the archive, or why it does not.
    async fn make(&mut self, chosen: &Chosen, depth: usize) -> Result<Result<Changed, Taken>, Fatal> {
        let json = match chosen.text.read().await {
            Ok(json) => json,
            Err(error) => return Err(Fatal::Scratch(error)),
        };
        let subject = subject(&chosen.kind, &chosen.facts, chosen.origin);
        let asked = self.engine.actions.set().concerns(Role::Backup, &subject, Some(&chosen.facts.labels));
        let mut changed = if asked {
            match self.run_actions(chosen, json, depth).await? {
                Ok(changed) => changed,
                Err(taken) => return Ok(Err(taken)),
            }
        } else {
            Changed { name: chosen.facts.object.clone(), content: json, item: None }
        };
        if let Some(items) = self.engine.items.as_ref().filter(|_| has_volumes(&chosen.kind.group_resource)) {
            let item = match changed.item.take() {
                Some(item) => item,
                None => match self.parse(chosen, &changed.content) {
                    Some(item) => item,
                    None => return Ok(Err(Taken::Failed)),
                },
            };
            let faults = items.volumes.decide(&chosen.kind, &item).await;
            for fault in &faults {
                let entry = Entry::error("Error backing up item").with("error", fault);
                self.engine.journal.write(chosen.line(entry));
            }
            if !faults.is_empty() {
                return Ok(Err(Taken::Failed));
            }
        }
        Ok(Ok(changed))
    }

    /// The item as the actions leave it, with the name that it has then.
    async fn run_actions(
        &mut self,
        chosen: &Chosen,
        json: Bytes,
        depth: usize,
    ) -> Result<Result<Changed, Taken>, Fatal> {
        let Some(item) = self.parse(chosen, &json) else { return Ok(Err(Taken::Failed)) };
        let subject = subject(&chosen.kind, &chosen.facts, chosen.origin);
        let mut chain = self.session().begin_backup(&subject, item);
        while let Some(step) = self.session().step(&mut chain).await {
            if self.after_action(chosen, &step, depth).await? == Taken::Failed {
                return Ok(Err(Taken::Failed));
            }
        }
        let result = chain.finish();
        if let Some(error) = result.error {
            self.tell_failure("Error backing up item", error, chosen)?;
            return Ok(Err(Taken::Failed));
        }
        if let Some(skip) = result.skip {
            let line = format!("Action {} leaves the item out: {}", skip.action, skip.reason);
            self.engine.journal.write(chosen.line(Entry::info(line)));
            return Ok(Err(Taken::LeftOut));
        }
        let mut name = chosen.facts.object.clone();
        if !result.changed {
            return Ok(Ok(Changed { name, content: json, item: Some(result.item) }));
        }
        if let Some(changed) = result.item.pointer("/metadata/name").and_then(Value::as_str) {
            changed.clone_into(&mut name.name);
        }
        match serde_json::to_vec(&result.item) {
            Ok(content) => Ok(Ok(Changed { name, content: content.into(), item: Some(result.item) })),
            Err(error) => {
                let entry = Entry::error("cannot write the changed object").with("error", error);
                self.engine.journal.write(chosen.line(entry));
                Ok(Err(Taken::Failed))
            }
        }
    }

    fn session(&mut self) -> &mut ActionSession {
        let engine = self.engine;
        self.session.get_or_insert_with(|| engine.session())
    }

    /// An object for its actions. None: it is nothing that could be handed to them, which was told.
    fn parse(&self, chosen: &Chosen, json: &[u8]) -> Option<Value> {
        let parsed = serde_json::from_slice(json);
        parsed
            .inspect_err(|error| {
                let entry = Entry::error("cannot parse the object for its actions").with("error", error);
                self.engine.journal.write(chosen.line(entry));
            })
            .ok()
    }

    /// Remembers work that an action has begun.
    async fn begin_operation(&self, chosen: &Chosen, begun: &StartedOperation) {
        let item = ResourceIdentifier::new(&chosen.kind.group_resource, &chosen.facts.object);
        let post = begun.post_items.iter().map(identifier).collect();
        let (backup, now) = (&self.engine.backup, Timestamp::now());
        let operation = BackupOperation::started(backup, &begun.action, item, &begun.id, post, now);
        self.engine.begin_operation(operation).await;
    }

    /// Tells an error of the item, unless the action's policy makes it the end of the run.
    fn tell_failure(&self, message: &str, error: ActionError, chosen: &Chosen) -> Result<(), Fatal> {
        tell_failure(self.engine, message, error, chosen)
    }

    fn tell_notes(&self, chosen: &Chosen, notes: &[Note]) {
        tell_notes(self.engine, chosen, notes);
    }
}

impl Drop for ItemWorker<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.engine.keep_session(session);
        }
    }
}

/// Tells an error of the item, unless the action's policy makes it the end of the run.
pub(super) fn tell_failure(
    engine: &Engine,
    message: &str,
    error: ActionError,
    chosen: &Chosen,
) -> Result<(), Fatal> {
    if error.policy == FailurePolicy::FailRun {
        return Err(Fatal::Action { action: error.action, item: error.item, reason: error.reason });
    }
    let entry = Entry::error(message).with("action", &error.action).with("error", &error);
    engine.journal.write(chosen.line(entry));
    Ok(())
}

/// Writes down what actions have said about an item.
pub(super) fn tell_notes(engine: &Engine, chosen: &Chosen, notes: &[Note]) {
    for note in notes {
        let entry = match note.level {
            NoteLevel::Debug => continue,
            NoteLevel::Info => Entry::info(&note.message),
            NoteLevel::Warn => Entry::warning(&note.message),
            NoteLevel::Error => Entry::error(&note.message),
        };
        engine.journal.write(chosen.line(entry.with("action", &note.action)));
    }
}

/// What an object that came along is called between the engine and the archive.
pub(super) fn archive_key(kind: &ServedKind, object: &ObjectName) -> Arc<str> {
    Arc::from(format!("{}/{object}", kind.resource_key()))
}

fn identifier(named: &ObjectRef) -> ResourceIdentifier {
    let ObjectRef { group, resource, namespace, name } = named.clone();
    ResourceIdentifier { group, resource, namespace: namespace.unwrap_or_default(), name }
}

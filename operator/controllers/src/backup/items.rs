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
use lateen_actions::{ActionSession, StartedOperation, Subject};
use lateen_core::backup::tally::Lane;
use lateen_core::item_operation::{BackupOperation, ResourceIdentifier};
use lateen_core::journal::Entry;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use serde_json::Value;

use super::archive::{ArchiveItem, Slot};
use super::chosen::{Chosen, place_of};
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

/// Why there is no item for the archive. What is wrong with it was told.
enum Stopped {
    /// It is not one.
    Item(Taken),
    /// The run cannot go on.
    Run(Fatal),
}

const FAILED: Stopped = Stopped::Item(Taken::Failed);

impl From<Fatal> for Stopped {
    fn from(fatal: Fatal) -> Self {
        Self::Run(fatal)
    }
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
        Self { engine, session: None, members, by_name, out: Outbox::default() }
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
        let (item, taken) = match self.make(&chosen, depth).await {
            Ok(Changed { name, content, .. }) => {
                let item = self.engine.archive_item(&chosen.kind, &chosen.facts, &name, content);
                let taken = if item.is_some() { Taken::Yes } else { Taken::Failed };
                (item, taken)
            }
            Err(Stopped::Item(taken)) => {
                self.engine.drop_claim(&chosen);
                (None, taken)
            }
            Err(Stopped::Run(fatal)) => return Err(fatal),
        };
        match (lane, item) {
            (Lane::Listed, item) => self.out.slots.extend(item.map(Slot::Item)),
            (Lane::Related, item) => {
                self.out.related.push((archive_key(&chosen.kind, &chosen.facts.object), item));
            }
        }
        Ok(taken)
    }

    /// The item as it goes into the archive.
    async fn make(&mut self, chosen: &Chosen, depth: usize) -> Result<Changed, Stopped> {
        let json = chosen.text.read().await.map_err(Fatal::Scratch)?;
        let subject = subject(&chosen.kind, &chosen.facts, chosen.origin);
        let mut changed = if self.engine.is_concerned(&subject, &chosen.facts) {
            self.run_actions(chosen, &subject, json, depth).await?
        } else {
            Changed { name: chosen.facts.object.clone(), content: json, item: None }
        };
        if let Some(items) = self.engine.items.as_ref().filter(|_| has_volumes(&chosen.kind.group_resource)) {
            let item = match changed.item.take() {
                Some(item) => item,
                None => self.engine.parse(chosen, &changed.content).ok_or(FAILED)?,
            };
            let faults = items.volumes.decide(&chosen.kind, &item).await;
            for fault in &faults {
                let entry = Entry::error("Error backing up item").with("error", fault);
                self.engine.journal.write(chosen.line(entry));
            }
            if !faults.is_empty() {
                return Err(FAILED);
            }
        }
        Ok(changed)
    }

    /// The item as the actions leave it, with the name that it has then.
    async fn run_actions(
        &mut self,
        chosen: &Chosen,
        subject: &Subject,
        json: Bytes,
        depth: usize,
    ) -> Result<Changed, Stopped> {
        let item = self.engine.parse(chosen, &json).ok_or(FAILED)?;
        let mut chain = self.session().begin_backup(subject, item);
        while let Some(step) = self.session().step(&mut chain).await {
            if self.after_action(chosen, &step, depth).await? == Taken::Failed {
                return Err(FAILED);
            }
        }
        let result = chain.finish();
        if let Some(error) = result.error {
            self.engine.tell_failure("Error backing up item", error, chosen)?;
            return Err(FAILED);
        }
        if let Some(skip) = result.skip {
            let line = format!("Action {} leaves the item out: {}", skip.action, skip.reason);
            self.engine.journal.write(chosen.line(Entry::info(line)));
            return Err(Stopped::Item(Taken::LeftOut));
        }
        let mut name = chosen.facts.object.clone();
        if !result.changed {
            return Ok(Changed { name, content: json, item: Some(result.item) });
        }
        if let Some(changed) = result.item.pointer("/metadata/name").and_then(Value::as_str) {
            changed.clone_into(&mut name.name);
        }
        match serde_json::to_vec(&result.item) {
            Ok(content) => Ok(Changed { name, content: content.into(), item: Some(result.item) }),
            Err(error) => {
                let entry = Entry::error("cannot write the changed object").with("error", error);
                self.engine.journal.write(chosen.line(entry));
                Err(FAILED)
            }
        }
    }

    fn session(&mut self) -> &mut ActionSession {
        let engine = self.engine;
        self.session.get_or_insert_with(|| engine.session())
    }

    /// Remembers work that an action has begun.
    async fn begin_operation(&self, chosen: &Chosen, begun: &StartedOperation) {
        let item = ResourceIdentifier::new(&chosen.kind.group_resource, &chosen.facts.object);
        let post = begun.post_items.iter().map(place_of);
        let post = post.map(|(kind, object)| ResourceIdentifier::new(&kind, &object)).collect();
        let (backup, now) = (&self.engine.backup, Timestamp::now());
        let operation = BackupOperation::started(backup, &begun.action, item, &begun.id, post, now);
        self.engine.begin_operation(operation).await;
    }
}

impl Drop for ItemWorker<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.engine.keep_session(session);
        }
    }
}

/// What an object that came along is called between the engine and the archive.
pub(super) fn archive_key(kind: &ServedKind, object: &ObjectName) -> Arc<str> {
    Arc::from(format!("{}/{object}", kind.resource_key()))
}

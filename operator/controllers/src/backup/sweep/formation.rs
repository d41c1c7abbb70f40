//! Forming blocks: which of the gathered objects belong together, and so are taken by one worker one after the other.
//!
//! Actions say what belongs together with an object, and what belongs together with that. Objects whose order was asked for form one
//! block of their kind. An object is in one block only; what is named and was not gathered is read from the cluster.

use std::sync::Arc;

use bytes::Bytes;
use lateen_actions::{ActionSession, ObjectRef, Role};
use lateen_cluster::object;
use lateen_core::backup::ordered::{self, Place};
use lateen_core::backup::tally::{Claim, Lane};
use lateen_core::backup::verdict::Origin;
use lateen_core::item::Facts;
use lateen_core::journal::Entry;
use lateen_core::kind::{ObjectName, ServedKind};

use super::Sweep;
use crate::backup::chosen::{Chosen, Text, place_of, typed};
use crate::backup::engine::{Engine, Fatal, subject};
use crate::backup::gathered::{Found, Gathered};
use crate::backup::items::{Member, archive_key};
use crate::backup::run_error::RunError;
use crate::error_chain::error_chain;

/// Members of a block at most. A block is taken by one worker, one after the other, so what is longer would make the run slow; what does
/// not fit begins another block.
const MEMBERS: usize = 4096;

impl Sweep<'_> {
    /// Gathers the objects of these kinds and takes them block by block.
    pub(super) async fn take_blocks(&mut self, kinds: &[Arc<ServedKind>]) -> Result<(), RunError> {
        let mut gathered = Gathered::new(&self.context.options.scratch).map_err(Fatal::Scratch)?;
        for kind in kinds {
            gathered.expect(kind);
        }
        let mut lists = self.lists(kinds);
        while let Some((plan, page)) = self.next_page(&mut lists).await? {
            let kind = Arc::new(plan.kind.clone());
            let read = |json| self.engine.facts(&kind, json).map(|facts| (facts, json));
            let objects: Vec<(Facts, &str)> = page.items().filter_map(read).collect();
            gathered.take_in(&kind, objects).await.map_err(Fatal::Scratch)?;
            self.reporter.report(self.engine.progress()).await?;
        }
        let engine = Arc::clone(&self.engine);
        let mut former = Former { engine: &engine, gathered: &gathered, session: engine.session() };
        for (number, known) in gathered.kinds().iter().enumerate() {
            let wanted = ordered::names_in_order(&self.request.ordered_resources, &known.kind);
            let order = ordered::put_in_order(known.names(), wanted);
            // Every version of a kind has the same names.
            for missing in order.missing.iter().filter(|_| engine.catalog.is_preferred(&known.kind)) {
                self.engine.journal.write(Entry::warning(ordered::not_found(missing)));
            }
            let (together, others): (Vec<Place>, Vec<Place>) =
                order.places.into_iter().partition(|place| place.ordered);
            let members = former.form(number, &together).await?;
            self.start(members).await?;
            for place in others {
                let members = former.form(number, &[place]).await?;
                self.start(members).await?;
                self.reporter.report(self.engine.progress()).await?;
            }
        }
        let Former { session, .. } = former;
        engine.keep_session(session);
        Ok(())
    }
}

/// A member on its way into a block, with its text, which was just read and is needed once more.
struct Joining {
    member: Member,
    /// Empty for one that stands elsewhere.
    json: Bytes,
}

struct Former<'a> {
    engine: &'a Engine,
    gathered: &'a Gathered,
    session: ActionSession,
}

impl Former<'_> {
    /// The block that begins with these objects of a kind; empty if all of them were taken before or do not belong to the backup.
    async fn form(&mut self, kind: usize, places: &[Place]) -> Result<Vec<Member>, Fatal> {
        let mut members = Vec::new();
        for place in places {
            let known = &self.gathered.kinds()[kind].kind;
            let Some((name, found)) = self.gathered.at(kind, place.index) else { continue };
            if let Some(first) = self.choose(known, name, Some(found), Origin::Listed).await? {
                self.add(&mut members, first).await?;
            }
        }
        Ok(members)
    }

    /// Puts an object into the block, with what belongs together with it, and with that, depth first.
    async fn add(&mut self, members: &mut Vec<Member>, first: Joining) -> Result<(), Fatal> {
        let mut open = vec![self.related_of(&first).await?.into_iter()];
        members.push(first.member);
        while let Some(named) = open.last_mut() {
            let Some(named) = named.next().filter(|_| members.len() < MEMBERS) else {
                open.pop();
                continue;
            };
            if let Some(next) = self.choose_named(&named).await? {
                open.push(self.related_of(&next).await?.into_iter());
                members.push(next.member);
            }
        }
        Ok(())
    }

    async fn choose_named(&self, named: &ObjectRef) -> Result<Option<Joining>, Fatal> {
        let (wanted, name) = place_of(named);
        let Some(kind) = self.engine.catalog.get(&wanted) else {
            let lack = "what belongs together with an item is of a kind that the cluster does not serve";
            self.engine.journal.write(Entry::warning(lack).with("related", named));
            return Ok(None);
        };
        let found = self.gathered.find(&wanted, &name);
        let origin = if found.is_some() { Origin::Listed } else { Origin::Related };
        self.choose(&Arc::new(kind.clone()), &name, found, origin).await
    }

    /// Claims an object for the block. None: it is not for this block, which was told if it is worth telling.
    async fn choose(
        &self,
        kind: &Arc<ServedKind>,
        name: &ObjectName,
        found: Option<Found>,
        origin: Origin,
    ) -> Result<Option<Joining>, Fatal> {
        let elsewhere = || {
            let (kind, name, key) = (kind.group_resource.clone(), name.clone(), archive_key(kind, name));
            Joining { member: Member::Elsewhere { kind, name, key }, json: Bytes::new() }
        };
        match self.engine.tally(|tally| tally.lane_of(kind, name)) {
            Some(Lane::Listed) => return Ok(None),
            Some(Lane::Related) => return Ok(Some(elsewhere())),
            None => {}
        }
        let (text, json) = match found {
            Some(Found::Text(text)) => {
                let json = text.read().await.map_err(Fatal::Scratch)?;
                (text, json)
            }
            Some(Found::Name) | None => match self.read(kind, name).await {
                Some(json) => (Text::Here(json.clone()), json),
                None => return Ok(None),
            },
        };
        let readable = std::str::from_utf8(&json).unwrap_or_default();
        let Some(facts) = self.engine.facts(kind, readable) else { return Ok(None) };
        Ok(match self.engine.choose(kind, &facts, readable, origin, Lane::Listed) {
            Some(Claim::First) => {
                let member = Member::Chosen(Chosen { kind: Arc::clone(kind), facts, text, origin });
                Some(Joining { member, json })
            }
            Some(Claim::Taken(Lane::Related)) => Some(elsewhere()),
            Some(Claim::Taken(Lane::Listed)) | None => None,
        })
    }

    /// An object from the cluster, with its type.
    async fn read(&self, kind: &ServedKind, name: &ObjectName) -> Option<Bytes> {
        let about = |entry: Entry| entry.about(&kind.group_resource, name.namespace.as_deref(), &name.name);
        match object::get(&self.engine.client, kind, name).await {
            Ok(Some(json)) => {
                let facts = self.engine.facts(kind, &json)?;
                Some(typed(kind, &facts, &json))
            }
            Ok(None) => {
                let line = "what belongs together with an item was not found in the cluster";
                self.engine.journal.write(about(Entry::warning(line)));
                None
            }
            Err(error) => {
                let entry = Entry::error("cannot read what belongs together with an item");
                self.engine.journal.write(about(entry.with("error", error_chain(&error))));
                None
            }
        }
    }

    /// What actions say belongs together with a member.
    async fn related_of(&mut self, joining: &Joining) -> Result<Vec<ObjectRef>, Fatal> {
        let Member::Chosen(chosen) = &joining.member else { return Ok(Vec::new()) };
        let subject = subject(&chosen.kind, &chosen.facts, chosen.origin);
        let set = self.engine.actions.set();
        if !set.concerns(Role::RelatedItems, &subject, Some(&chosen.facts.labels)) {
            return Ok(Vec::new());
        }
        let Some(item) = self.engine.parse(chosen, &joining.json) else { return Ok(Vec::new()) };
        let asked = self.session.related_items(&subject, &item).await;
        self.engine.tell_notes(chosen, &asked.notes);
        for error in asked.errors {
            let message = "cannot tell what belongs together with the item";
            self.engine.tell_failure(message, error, chosen)?;
        }
        Ok(asked.related)
    }
}

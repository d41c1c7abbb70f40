//! What comes along with an item: objects that its actions name, taken before it.
//!
//! Out of the item's block if they are in it, or else as the cluster has them now. Each is taken once in a run, whoever names it first.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use lateen_actions::{ObjectRef, Step};
use lateen_cluster::object;
use lateen_core::backup::tally::{Claim, Lane};
use lateen_core::backup::verdict::Origin;
use lateen_core::journal::Entry;

use super::{ItemWorker, Member, Taken};
use crate::backup::archive::Slot;
use crate::backup::chosen::{Chosen, place_of};
use crate::backup::engine::Fatal;
use crate::error_chain::error_chain;

/// How far related objects may lead from the item that began it. Every object is taken once, so chains end by themselves; this bounds
/// the stack of a hostile one.
const RELATED_DEPTH: usize = 64;

impl ItemWorker<'_> {
    /// What an action asks for beside its change, before the next one is called. Failed: so does the item.
    pub(super) async fn after_action(
        &mut self,
        chosen: &Chosen,
        step: &Step,
        depth: usize,
    ) -> Result<Taken, Fatal> {
        self.engine.tell_notes(chosen, &step.notes);
        if let Some(operation) = &step.operation {
            self.begin_operation(chosen, operation).await;
        }
        let must_include = step.must_include || self.engine.is_finalizing();
        let origin = if must_include { Origin::MustInclude } else { Origin::Related };
        for related in &step.related {
            if self.take_named(chosen, related, origin, depth + 1).await? == Taken::Failed {
                let entry = Entry::error("Error backing up item")
                    .with("action", &step.action)
                    .with("error", format!("the additional item {related} could not be backed up"));
                self.engine.journal.write(chosen.line(entry));
                return Ok(Taken::Failed);
            }
        }
        Ok(Taken::Yes)
    }

    /// Takes an object that an action named: out of this block if it is in it, or else as the cluster has it now.
    fn take_named<'s>(
        &'s mut self,
        of: &'s Chosen,
        named: &'s ObjectRef,
        origin: Origin,
        depth: usize,
    ) -> BoxFuture<'s, Result<Taken, Fatal>> {
        async move {
            let (wanted, name) = place_of(named);
            let said = |entry: Entry| of.line(entry.with("related", named));
            if depth > RELATED_DEPTH {
                let lack = "related objects lead too far from the item that began it";
                self.engine.journal.write(said(Entry::error(lack)));
                return Ok(Taken::Failed);
            }
            let Some(kind) = self.engine.catalog.get(&wanted) else {
                let lack = "a related object is of a kind that the cluster does not serve";
                self.engine.journal.write(said(Entry::warning(lack)));
                return Ok(Taken::LeftOut);
            };
            if let Some(positions) = self.by_name.get(&(wanted, name.clone())).cloned() {
                return self.take_members(&positions, depth).await;
            }
            if self.engine.tally(|tally| tally.lane_of(kind, &name)).is_some() {
                return Ok(Taken::Yes);
            }
            let json = match object::get(&self.engine.client, kind, &name).await {
                Ok(Some(json)) => json,
                Ok(None) => {
                    let lack = "Additional item was not found in Kubernetes API, can't back it up";
                    self.engine.journal.write(said(Entry::warning(lack)));
                    return Ok(Taken::LeftOut);
                }
                Err(error) => {
                    let lack = Entry::error("cannot read a related object");
                    self.engine.journal.write(said(lack.with("error", error_chain(&error))));
                    return Ok(Taken::Failed);
                }
            };
            let Some(facts) = self.engine.facts(kind, &json) else { return Ok(Taken::Failed) };
            match self.engine.choose(kind, &facts, &json, origin, Lane::Related) {
                Some(Claim::First) => {}
                Some(Claim::Taken(_)) => return Ok(Taken::Yes),
                None => return Ok(Taken::LeftOut),
            }
            let chosen = Chosen::of(Arc::new(kind.clone()), facts, &json, origin);
            self.take(chosen, Lane::Related, depth).await
        }
        .boxed()
    }

    /// Members of the block; those that an action of another member asked for are taken before it.
    pub(super) async fn take_members(&mut self, positions: &[usize], depth: usize) -> Result<Taken, Fatal> {
        let mut worst = Taken::Yes;
        for position in positions {
            match self.members.get_mut(*position).and_then(Option::take) {
                Some(Member::Chosen(chosen)) => {
                    let taken = self.take(chosen, Lane::Listed, depth).await?;
                    worst = if taken == Taken::Failed { taken } else { worst };
                }
                Some(Member::Elsewhere { key, .. }) => self.out.slots.push(Slot::Related(key)),
                None => {}
            }
        }
        Ok(worst)
    }
}

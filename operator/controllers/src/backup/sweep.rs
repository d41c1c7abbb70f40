//! Going through the cluster in three waves: what belongs together, everything else, and what is only known at the end.
//!
//! First come the kinds that blocks are made of ([`formation`]); then all others, streamed, most of whose objects go to the archive
//! as the API server wrote them; at last the namespaces and definitions of what was taken ([`closing`]). One task does all this in
//! order and gives every object its place; what takes time is done by [`Workers`].
//!
//! A kind that cannot be listed is an error of that kind, and the sweep goes on; a kind that vanished since discovery is a warning.

mod closing;
mod formation;

use std::sync::Arc;

use lateen_actions::Role;
use lateen_cluster::list::{ListError, Page};
use lateen_core::backup::collection::{Listing, listing};
use lateen_core::backup::ordered::{keys_in_vain, names_in_order};
use lateen_core::backup::places::Places;
use lateen_core::backup::request::BackupRequest;
use lateen_core::backup::tally::{Claim, Lane};
use lateen_core::backup::verdict::Origin;
use lateen_core::journal::Entry;
use lateen_core::kind::ServedKind;

use super::archive::{ArchiveItems, Slot};
use super::block::{Block, MEMBERS_PER_PLACE};
use super::chosen::{Chosen, typed};
use super::collect::{Collector, KindPlan, ListPlan};
use super::engine::{Engine, Fatal, has_volumes, subject};
use super::items::{Member, archive_key};
use super::run_error::{Reporter, RunError};
use super::workers::Workers;
use crate::context::Context;
use crate::error_chain::error_chain;

/// Bytes of objects that are handed to the archive in one go: enough that the channel costs nothing, little enough to stay in the cache.
const HAND_ON: usize = 256 << 10;

/// One way through the cluster.
pub(super) struct Sweep<'a> {
    context: &'a Context,
    engine: Arc<Engine>,
    request: &'a BackupRequest,
    /// Namespaces that were asked for by name and do not exist.
    missing: Vec<String>,
    archive: ArchiveItems,
    reporter: Reporter<'a>,
    workers: Workers,
    /// Objects that pass through, not yet handed on.
    waiting: Vec<Slot>,
    waiting_bytes: usize,
}

impl<'a> Sweep<'a> {
    /// Ready to go.
    pub(super) fn new(
        context: &'a Context,
        engine: Arc<Engine>,
        request: &'a BackupRequest,
        missing: Vec<String>,
        archive: ArchiveItems,
        reporter: Reporter<'a>,
    ) -> Self {
        let workers = Workers::new(Arc::clone(&engine), archive.clone(), context.options.item_block_workers);
        let (waiting, waiting_bytes) = (Vec::new(), 0);
        Self { context, engine, request, missing, archive, reporter, workers, waiting, waiting_bytes }
    }

    /// Takes everything. Blocks that have begun are done when this returns, also after an error.
    pub(super) async fn run(&mut self) -> Result<(), RunError> {
        let swept = self.run_waves().await;
        if swept.is_err() {
            self.engine.stop.cancel();
        }
        let rested = self.workers.rest().await;
        swept?;
        rested?;
        // Workers that were told to stop have left items out, even if the lists had come to their end before.
        if self.engine.stop.is_cancelled() { Err(RunError::Shutdown) } else { Ok(()) }
    }

    async fn run_waves(&mut self) -> Result<(), RunError> {
        let kinds = self.kinds();
        let (of_blocks, others): (Vec<_>, Vec<_>) =
            kinds.into_iter().partition(|kind| self.is_of_blocks(kind));
        self.take_blocks(&of_blocks).await?;
        self.take_stream(&others).await?;
        self.close().await?;
        self.hand_on().await
    }

    /// The kinds to list; what is left out and what is asked for in vain is told.
    fn kinds(&self) -> Vec<Arc<ServedKind>> {
        let (catalog, journal) = (&self.engine.catalog, &self.engine.journal);
        let Listing { kinds, left_out } = if self.context.options.all_versions() {
            listing(catalog.all_versions(), &self.engine.resources)
        } else {
            listing(catalog.kinds().iter(), &self.engine.resources)
        };
        for (kind, why) in left_out {
            journal.write(Entry::info(why.reason()).with("resource", &kind.group_resource));
        }
        for key in keys_in_vain(&self.request.ordered_resources, &kinds) {
            let line = format!("orderedResources names {key}, which is no kind that this backup lists");
            journal.write(Entry::warning(line));
        }
        kinds.into_iter().cloned().map(Arc::new).collect()
    }

    /// Whether blocks are made of objects of this kind: an action says what belongs together with them, they are the volumes of such
    /// objects, or their order was asked for.
    fn is_of_blocks(&self, kind: &ServedKind) -> bool {
        let name = &kind.group_resource;
        let set = self.engine.actions.set();
        set.concerns_resource(Role::RelatedItems, &name.group, &name.resource)
            || has_volumes(name)
            || !names_in_order(&self.request.ordered_resources, kind).is_empty()
    }

    /// The objects that nothing groups, as their lists bring them.
    async fn take_stream(&mut self, kinds: &[Arc<ServedKind>]) -> Result<(), RunError> {
        let mut lists = self.lists(kinds);
        while let Some((plan, page)) = self.next_page(&mut lists).await? {
            let kind = Arc::new(plan.kind.clone());
            let has_actions = self.engine.has_actions(&kind);
            for json in page.items() {
                self.take_listed(&kind, json, has_actions).await?;
            }
            self.reporter.report(self.engine.progress()).await?;
        }
        Ok(())
    }

    /// An object of a list, of a kind that no block is made of: it passes through unless an action concerns it. `has_actions`: one may
    /// concern objects of its kind.
    pub(super) async fn take_listed(
        &mut self,
        kind: &Arc<ServedKind>,
        json: &str,
        has_actions: bool,
    ) -> Result<(), RunError> {
        let Some(facts) = self.engine.facts(kind, json) else { return Ok(()) };
        match self.engine.choose(kind, &facts, json, Origin::Listed, Lane::Listed) {
            None | Some(Claim::Taken(Lane::Listed)) => return Ok(()),
            Some(Claim::Taken(Lane::Related)) => {
                self.waiting.push(Slot::Related(archive_key(kind, &facts.object)));
                return Ok(());
            }
            Some(Claim::First) => {}
        }
        let about = || subject(kind, &facts, Origin::Listed);
        if has_actions && self.engine.is_concerned(&about(), &facts) {
            let chosen = Chosen::of(Arc::clone(kind), facts, json, Origin::Listed);
            return self.start(vec![Member::Chosen(chosen)]).await;
        }
        let text = typed(kind, &facts, json);
        self.waiting_bytes += text.len();
        let item = self.engine.archive_item(kind, &facts, &facts.object, text);
        self.waiting.extend(item.map(Slot::Item));
        if self.waiting_bytes > HAND_ON { self.hand_on().await } else { Ok(()) }
    }

    /// Gives a block its place and a worker.
    pub(super) async fn start(&mut self, members: Vec<Member>) -> Result<(), RunError> {
        if members.is_empty() {
            return Ok(());
        }
        self.hand_on().await?;
        let count = members.len().div_ceil(MEMBERS_PER_PLACE);
        let places = self.archive.reserve_all(count).await.map_err(Fatal::from)?;
        Ok(self.workers.start(Block { places, members }).await?)
    }

    /// Hands what passes through to the archive.
    pub(super) async fn hand_on(&mut self) -> Result<(), RunError> {
        self.waiting_bytes = 0;
        if self.waiting.is_empty() {
            return Ok(());
        }
        Ok(self.archive.append(std::mem::take(&mut self.waiting)).await.map_err(Fatal::from)?)
    }

    /// Lists of these kinds, in this order, where and by which labels the backup wants them.
    pub(super) fn lists(&self, kinds: &[Arc<ServedKind>]) -> Collector {
        let targets = self.engine.namespaces.list_targets();
        let plans = kinds.iter().flat_map(|kind| {
            let places = Places::new(kind.namespaced, &targets);
            let plan = move |query| {
                let (kind, places) = (ServedKind::clone(kind), places.clone());
                KindPlan { kind, places, query }
            };
            self.request.selection.queries().into_iter().map(plan)
        });
        self.collector(plans.collect::<Vec<_>>())
    }

    /// Everything of one kind.
    pub(super) fn list_of(&self, kind: &ServedKind) -> Collector {
        let plan = ListPlan { kind: kind.clone(), namespace: None, query: String::new() };
        self.collector([plan])
    }

    fn collector<P: Into<KindPlan>>(&self, plans: impl IntoIterator<Item = P>) -> Collector {
        Collector::new(self.engine.client.clone(), self.context.options.page_size, plans)
    }

    /// The next page of the lists; what is wrong with one is told.
    pub(super) async fn next_page(
        &self,
        lists: &mut Collector,
    ) -> Result<Option<(ListPlan, Page)>, RunError> {
        loop {
            if self.context.shutdown.is_cancelled() {
                return Err(RunError::Shutdown);
            }
            let Some((plan, page)) = lists.next().await else { return Ok(None) };
            match page {
                Ok(page) => {
                    if page.spans_revisions {
                        let line =
                            "the list went on at a newer revision, so it spans two states of the cluster";
                        let entry = Entry::warning(line).with("resource", &plan.kind.group_resource);
                        self.engine.journal.write(entry);
                    }
                    self.engine.see(page.len() as u64);
                    return Ok(Some((plan, page)));
                }
                Err(error) => self.tell_list_error(&plan, &error),
            }
        }
    }

    fn tell_list_error(&self, plan: &ListPlan, error: &ListError) {
        let entry = match error {
            ListError::NotFound(_) => {
                Entry::warning("the kind is not served any more; there is nothing of it in the backup")
            }
            _ => Entry::error("Error listing items"),
        };
        let entry = entry.with("resource", &plan.kind.group_resource).with("error", error_chain(error));
        self.engine.journal.write(match &plan.namespace {
            Some(namespace) => entry.with("namespace", namespace),
            None => entry,
        });
    }
}

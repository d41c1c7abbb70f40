//! Objects that belong together, taken by one worker: pre hooks, the items, post hooks.
//!
//! A pod whose pre hook fails is not in the backup. Post hooks run for all others, also when the run is being given up in between: what
//! was frozen is thawed first. Nothing here waits for the archive, which a slow bucket can hold up.

use std::sync::Arc;

use serde_json::Value;

use super::archive::{ArchiveItems, Place};
use super::engine::{Engine, Fatal};
use super::hooks::PodHooks;
use super::items::{ItemWorker, Member};

/// Members that share a place in the archive. A block hands its items on place by place and keeps no more than these in memory.
pub(super) const MEMBERS_PER_PLACE: usize = 32;

/// Objects that belong together, and where they stand.
#[derive(Debug)]
pub(super) struct Block {
    /// One for every [`MEMBERS_PER_PLACE`] members, at least one.
    pub places: Vec<Place>,
    /// In their order.
    pub members: Vec<Member>,
}

/// Takes a block from its pre hooks to its post hooks.
pub(super) async fn take(engine: Arc<Engine>, archive: ArchiveItems, block: Block) -> Result<(), Fatal> {
    let Block { places, members } = block;
    let count = members.len();
    let mut worker = ItemWorker::new(&engine, members);
    let open = run_pre_hooks(&engine, &mut worker, count).await;
    let taken = take_members(&engine, &archive, &mut worker, places, count).await;
    if let Some(items) = &engine.items {
        for pod in &open {
            items.hooks.post(pod).await;
        }
    }
    taken
}

async fn take_members(
    engine: &Engine,
    archive: &ArchiveItems,
    worker: &mut ItemWorker<'_>,
    places: Vec<Place>,
    count: usize,
) -> Result<(), Fatal> {
    for (number, place) in places.into_iter().enumerate() {
        for position in number * MEMBERS_PER_PLACE..count.min((number + 1) * MEMBERS_PER_PLACE) {
            if !engine.stop.is_cancelled() {
                worker.take_member(position).await?;
            }
        }
        let out = worker.take_out();
        archive.fill(place, out.slots)?;
        for (key, item) in out.related {
            archive.related(key, item)?;
        }
    }
    Ok(())
}

/// Runs the pre hooks of the block's pods; gives back the pods whose post hooks are due.
async fn run_pre_hooks(engine: &Engine, worker: &mut ItemWorker<'_>, members: usize) -> Vec<Value> {
    let mut open = Vec::new();
    let Some(items) = &engine.items else { return open };
    for position in 0..members {
        let Some(member) = worker.member(position).filter(|member| member.kind.group_resource.is("pods"))
        else {
            continue;
        };
        // What cannot be read or parsed is told when the item is taken.
        let Ok(json) = member.text.read().await else { continue };
        let text = std::str::from_utf8(&json).unwrap_or_default();
        if !items.hooks.concerns(&member.facts, text) || engine.stop.is_cancelled() {
            continue;
        }
        let Ok(pod) = serde_json::from_slice::<Value>(&json) else { continue };
        match items.hooks.pre(&pod).await {
            PodHooks::Failed => worker.give_up(position),
            PodHooks::Ran => open.push(pod),
            PodHooks::None => {}
        }
    }
    open
}

//! Objects that are read again when the operations of a backup have ended: as they are then, through their actions, for the archive that
//! is written anew.
//!
//! All of them count, whatever the backup's filters say, and so does what their actions name. Hooks and volumes are not looked at again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lateen_core::backup::tally::{Claim, Lane};
use lateen_core::backup::verdict::Origin;
use lateen_core::kind::ServedKind;

use super::archive::{ArchiveItem, Slot};
use super::chosen::Chosen;
use super::engine::{Engine, Fatal};
use super::items::{ItemWorker, Member};

/// An object as the cluster has it now.
pub(super) struct Fetched {
    /// What it is.
    pub kind: ServedKind,
    /// Its JSON.
    pub json: String,
}

/// Takes the objects through their actions, with an engine of stage `Finalize`; gives back their files by path. What fails is told in the
/// journal and has no files: the old ones stay.
pub(super) async fn files(engine: &Engine, fetched: Vec<Fetched>) -> Result<BTreeMap<String, Bytes>, Fatal> {
    let mut members = Vec::new();
    for Fetched { kind, json } in fetched {
        let Some(facts) = engine.facts(&kind, &json) else { continue };
        if engine.choose(&kind, &facts, &json, Origin::MustInclude, Lane::Listed) != Some(Claim::First) {
            continue;
        }
        let chosen = Chosen::of(Arc::new(kind), facts, &json, Origin::MustInclude);
        members.push(Member::Chosen(chosen));
    }
    let count = members.len();
    let mut worker = ItemWorker::new(engine, members);
    for position in 0..count {
        worker.take_member(position).await?;
    }
    let out = worker.take_out();
    let own = out.slots.into_iter().filter_map(|slot| match slot {
        Slot::Item(item) => Some(item),
        // Only blocks have objects that stand elsewhere.
        Slot::Related(_) => None,
    });
    let along = out.related.into_iter().filter_map(|(_, item)| item);
    let files = own.chain(along).flat_map(|ArchiveItem { paths, content }| {
        paths.into_iter().map(move |path| (path, content.clone()))
    });
    Ok(files.collect())
}

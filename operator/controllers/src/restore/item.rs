//! An item on its way into the cluster, and what becomes of it.

use std::sync::Arc;

use lateen_core::journal::Entry;
use lateen_core::kind::ServedKind;
use lateen_core::restore::outcome::{Action, ItemKey};
use lateen_core::restore::plan::PlannedItem;
use lateen_core::restore::reset::TakenOff;
use lateen_core::results::Place;
use serde_json::Value;

use super::destination::Destination;
use super::in_hand::Chain;

/// An item on its way.
pub(super) struct Item {
    /// Where it stands in the backup and in the cluster.
    pub(super) planned: PlannedItem,
    /// The kind in the version that the item has.
    pub(super) kind: ServedKind,
    /// As it is in the backup.
    pub(super) pristine: Arc<Value>,
    /// Under which it is in the record.
    pub(super) key: ItemKey,
    /// The work that it belongs to.
    pub(super) chain: Chain,
    /// How many items have led to it.
    pub(super) depth: usize,
}

/// What becomes of an item before the cluster is asked.
pub(super) enum Ready {
    /// This object is to be created.
    Object(Box<Value>, Box<Destination>, TakenOff),
    /// It is not wanted, for this reason: it ends as skipped.
    Skipped(String),
    /// It ends as failed, and was told.
    Failed,
}

/// What became of an item.
pub(super) struct Done {
    /// For the list of items.
    pub(super) action: Action,
    /// The name that the API server gave it, as far as it is known.
    pub(super) created_name: Option<String>,
}

impl Done {
    pub(super) fn without_name(action: Action) -> Self {
        Self { action, created_name: None }
    }
}

impl Item {
    /// `deployments.apps/app2/web`, with the namespace in the cluster.
    pub(super) fn id(&self) -> String {
        match &self.planned.target_namespace {
            Some(namespace) => format!("{}/{namespace}/{}", self.planned.kind, self.planned.source.name),
            None => format!("{}/{}", self.planned.kind, self.planned.source.name),
        }
    }

    /// Where messages about it belong.
    pub(super) fn place(&self) -> Place {
        Place::of(self.planned.target_namespace.as_deref())
    }

    pub(super) fn about(&self, entry: Entry) -> Entry {
        entry.about(&self.planned.kind, self.planned.target_namespace.as_deref(), &self.planned.source.name)
    }
}

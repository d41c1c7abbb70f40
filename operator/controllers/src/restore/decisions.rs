//! What a restore has decided before its first item, and what follows from that for a single one.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use lateen_actions::ITEM_ACTION_LABEL;
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::RunIdentity;
use lateen_core::journal::Journal;
use lateen_core::kind::{GroupResource, ServedKind};
use lateen_core::restore::existing::{Decision, Existing, decide};
use lateen_core::restore::plan::RestorePlan;
use lateen_core::restore::request::RestoreRequest;
use serde_json::Value;

use super::destination::Destination;
use super::item::Item;
use super::sessions::Sessions;
use super::spool::Spool;
use super::volumes::Volumes;
use crate::context::Context;

/// What a run has decided before its first item.
pub(super) struct Decisions {
    /// The server.
    pub(super) context: Context,
    /// Which Restore this is about.
    pub(super) identity: RunIdentity,
    /// What to restore.
    pub(super) request: RestoreRequest,
    /// In which order.
    pub(super) plan: RestorePlan,
    /// From where.
    pub(super) spool: Spool,
    /// The run's journal.
    pub(super) journal: Journal,
    /// The actions that the run began with.
    pub(super) sessions: Sessions,
    /// What becomes of volumes and claims.
    pub(super) volumes: Volumes,
    /// The labels that restored objects carry.
    pub(super) labels: [(&'static str, String); 2],
    /// When the Restore was created, by the API server's clock.
    pub(super) restore_created: Option<Timestamp>,
    /// A run before this one was interrupted: much of it is there already.
    pub(super) again: bool,
    /// What the cluster serves; newer after definitions were restored.
    pub(super) catalog: RwLock<Arc<Catalog>>,
}

impl Decisions {
    /// The kind that the cluster serves, if it does.
    pub(super) fn served(&self, kind: &GroupResource) -> Option<ServedKind> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).get(kind).cloned()
    }

    /// Why an object that exists is left alone: a restore neither replaces nor switches off what the server works with.
    pub(super) fn item_action_in_place(
        &self,
        item: &Item,
        to: &Destination,
        in_cluster: &Value,
    ) -> Option<String> {
        (to.may_be_item_action(&self.context.namespace) && is_item_action(in_cluster)).then(|| {
            format!(
                "{}: an item action of this server has this name and stays as it is; delete it first to restore the ConfigMap",
                item.id()
            )
        })
    }

    /// What is done about an object that exists.
    pub(super) fn decision(&self, item: &Item, object: &Value, in_cluster: &Value) -> Decision {
        decide(&Existing {
            kind: &item.planned.kind,
            desired: object,
            in_cluster,
            labels: &self.labels,
            policy: self.request.existing,
            restore_created: self.restore_created,
        })
    }
}

fn is_item_action(in_cluster: &Value) -> bool {
    in_cluster.pointer("/metadata/labels").is_some_and(|labels| labels.get(ITEM_ACTION_LABEL).is_some())
}

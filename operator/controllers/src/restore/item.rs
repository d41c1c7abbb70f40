//! One item's way into the cluster: from its bytes in the spool over resets, rules and actions to an object that is created, or to a
//! decision about the one that is there already.
//!
//! Items that another one needs are restored before it, by the same way. Every item is restored once, whoever comes first; a worker that
//! meets an item in the hands of another one does not wait for it, so that two items that need each other cannot stop the run.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use lateen_actions::ActionSession;
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::{ObjectName, ServedKind};
use lateen_core::restore::completed::is_completed;
use lateen_core::restore::outcome::{Action, ItemKey};
use lateen_core::restore::plan::PlannedItem;
use lateen_core::restore::reset::TakenOff;
use lateen_core::results::Place;
use serde_json::Value;

use super::destination::Destination;
use super::executor::Executor;
use super::run_error::RunError;

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
}

/// What becomes of an item before the cluster is asked.
pub(super) enum Ready {
    /// This object is to be created.
    Object(Box<Value>, Box<Destination>, TakenOff),
    /// It is not wanted: it ends as skipped.
    Skipped,
    /// It ends as failed, and was told.
    Failed,
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

impl Executor {
    /// Restores an item of the plan. An error ends the run; what fails for the item alone is in the journal.
    pub(super) async fn restore_planned(
        &self,
        session: &mut ActionSession,
        item: PlannedItem,
    ) -> Result<(), RunError> {
        self.restore(session, item, 0).await
    }

    pub(super) fn restore<'a>(
        &'a self,
        session: &'a mut ActionSession,
        planned: PlannedItem,
        depth: usize,
    ) -> BoxFuture<'a, Result<(), RunError>> {
        async move {
            let Some(item) = self.read(planned).await else { return Ok(()) };
            if is_completed(&item.planned.kind, &item.pristine) {
                self.journal.write(item.about(Entry::info("Not restored, because it is completed")));
                return Ok(());
            }
            if !self.items().begin(&item.key) {
                return Ok(());
            }
            if !self.namespace_is_usable(&item).await {
                self.journal.write(item.about(Entry::info("Not restored, because its namespace cannot be used")));
                self.items().end(&item.key, Action::Skipped, None);
                return Ok(());
            }
            let (action, created_name) = match self.prepare(session, &item, depth).await? {
                Ready::Object(object, to, taken) => self.place_in_cluster(&item, &to, &object, taken).await,
                Ready::Skipped => (Action::Skipped, None),
                Ready::Failed => (Action::Failed, None),
            };
            self.items().end(&item.key, action, created_name.as_deref());
            let progress = self.progress();
            let line = format!(
                "Restored {} items out of an estimated total of {} (estimate will change throughout the restore)",
                progress.done, progress.total
            );
            self.journal.write(item.about(Entry::info(line)).with("action", action));
            Ok(())
        }
        .boxed()
    }

    /// The item from the spool. None: it cannot be restored, and that was told.
    async fn read(&self, planned: PlannedItem) -> Option<Item> {
        let place = Place::of(planned.target_namespace.as_deref());
        let PlannedItem { kind, source, .. } = &planned;
        let fail = |reason: String| {
            self.journal.result(
                Level::Error,
                &place,
                format!("error decoding {kind} {source} for restore: {reason}"),
            );
        };
        let bytes = match self.spool.item(planned.location).await {
            Ok(bytes) => bytes,
            Err(error) => {
                fail(error.to_string());
                return None;
            }
        };
        let pristine: Value = match serde_json::from_slice(&bytes) {
            Ok(pristine) => pristine,
            Err(error) => {
                fail(error.to_string());
                return None;
            }
        };
        let text = |key: &str| pristine.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind_name) = (text("apiVersion"), text("kind"));
        let Some(served) = self.served(kind) else {
            let id = format!("{kind} {source}");
            self.journal.result(
                Level::Error,
                &place,
                format!("error restoring {id}: the cluster does not serve this kind"),
            );
            return None;
        };
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
        if group != kind.group || version.is_empty() || kind_name.is_empty() {
            fail(format!("it is a {kind_name:?} of {api_version:?}"));
            return None;
        }
        let key = ItemKey {
            resource_key: format!("{api_version}/{kind_name}"),
            object: ObjectName::new(planned.target_namespace.as_deref(), &source.name),
        };
        let kind = ServedKind { version: version.to_owned(), kind: kind_name, ..served };
        Some(Item { planned, kind, pristine: Arc::new(pristine), key })
    }

    async fn namespace_is_usable(&self, item: &Item) -> bool {
        match &item.planned.source.namespace {
            Some(source) => {
                let step = self.plan.namespace_step(self.spool.index(), source);
                self.ensure_namespace(&step).await
            }
            None => true,
        }
    }

    /// Tells an error of the item.
    pub(super) fn error(&self, item: &Item, message: String) -> Ready {
        self.journal.result(Level::Error, &item.place(), message);
        Ready::Failed
    }
}

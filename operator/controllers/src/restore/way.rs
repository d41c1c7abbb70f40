//! One item's way into the cluster: from its bytes in the spool over resets, rules and actions to an object that is created, or to a
//! decision about the one that is there already.
//!
//! Items that another one needs are restored before it, by the same way. Every item is restored once, whoever comes first; whoever needs an
//! item that is in other hands waits for it ([`super::in_hand`]).

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::{ObjectName, ServedKind};
use lateen_core::restore::completed::is_completed;
use lateen_core::restore::outcome::{Action, ItemKey};
use lateen_core::restore::plan::PlannedItem;
use lateen_core::restore::scope::is_volume_data;
use lateen_core::results::Place;
use serde_json::Value;

use super::executor::{Executor, Purpose};
use super::in_hand::Chain;
use super::item::{Done, Item, Ready};
use super::run_error::RunError;

impl Executor {
    /// Restores an item, for this chain. An error ends the run; what fails for the item alone is in the journal.
    pub(super) fn restore(
        &self,
        chain: Chain,
        planned: PlannedItem,
        depth: usize,
    ) -> BoxFuture<'_, Result<(), RunError>> {
        async move {
            let Some(item) = self.read(planned, chain, depth).await else { return Ok(()) };
            if is_completed(&item.planned.kind, &item.pristine) {
                self.journal.write(item.about(Entry::info("Not restored, because it is completed")));
                return Ok(());
            }
            if !self.begin(&item) {
                self.in_hand.wait(&item.key, chain, &self.stop.token).await;
                return Ok(());
            }
            let done = self.carry(&item).await;
            if let Ok(Done { action, created_name }) = &done {
                self.items().end(&item.key, *action, created_name.as_deref());
            }
            self.in_hand.put_down(&item.key);
            let action = done?.action;
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

    /// Whether the item is this chain's to restore.
    fn begin(&self, item: &Item) -> bool {
        let mut items = self.items();
        let first = items.begin(&item.key);
        if first {
            // Under the same lock: nobody finds it begun and in nobody's hands.
            self.in_hand.take(&item.key, item.chain);
        }
        first
    }

    /// Brings the item into the cluster.
    async fn carry(&self, item: &Item) -> Result<Done, RunError> {
        // A record about data stands in the old server's namespace, which is made only if the record is really created.
        let early = !is_volume_data(&item.planned.kind);
        if early && !self.namespace_is_usable(item).await {
            return Ok(self.without_namespace(item));
        }
        let ready = self.prepare(item).await?;
        if !early && matches!(ready, Ready::Object(..)) && !self.namespace_is_usable(item).await {
            return Ok(self.without_namespace(item));
        }
        Ok(match ready {
            Ready::Object(object, to, taken) => match &self.purpose {
                Purpose::Restore(_) => self.place_in_cluster(item, &to, &object, taken).await,
                Purpose::Foresee(foresight) => foresight.place(self, item, &to, &object).await,
            },
            Ready::Skipped(reason) => {
                if let Purpose::Foresee(foresight) = &self.purpose {
                    foresight.skipped(item, &reason);
                }
                self.journal.write(item.about(Entry::info(format!("Not restored: {reason}"))));
                Done::without_name(Action::Skipped)
            }
            Ready::Failed => Done::without_name(Action::Failed),
        })
    }

    /// The item from the spool. None: it cannot be restored, and that was told.
    async fn read(&self, planned: PlannedItem, chain: Chain, depth: usize) -> Option<Item> {
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
        Some(Item { planned, kind, pristine: Arc::new(pristine), key, chain, depth })
    }

    fn without_namespace(&self, item: &Item) -> Done {
        self.journal.write(item.about(Entry::info("Not restored, because its namespace cannot be used")));
        Done::without_name(Action::Skipped)
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

//! Waiting for the items that an action brought along: the action says when they are ready.

use std::time::Duration;

use lateen_actions::{ObjectRef, Step};
use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::restore::plan::Related;
use tokio::time::{Instant, sleep};

use super::executor::Executor;
use super::item::Item;

/// How often the action is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

impl Executor {
    /// Asks until the action is content, its time is over or the server shuts down. Not ready in time is an error of the item, which is created all the same.
    pub(super) async fn wait_for_related(&self, item: &Item, step: &Step, seconds: u32) {
        if self.restoring().is_none() {
            return;
        }
        let limit = match seconds {
            0 => self.context.options.resource_timeout,
            seconds => Duration::from_secs(seconds.into()),
        };
        let related: Vec<ObjectRef> =
            step.related.iter().filter_map(|related| self.in_the_cluster(related)).collect();
        let end = Instant::now() + limit;
        loop {
            let (ready, notes) = self.sessions.lend().await.ready(&step.action, &related).await;
            self.tell_notes(item, &notes);
            match ready {
                Ok(true) => return,
                Ok(false) => {}
                Err(reason) => {
                    let line = format!(
                        "{}: action {} cannot say whether related items are ready: {reason}",
                        item.id(),
                        step.action
                    );
                    self.error(item, line);
                    return;
                }
            }
            if Instant::now() >= end {
                let line = format!(
                    "{}: the related items of action {} were not ready after {limit:?}",
                    item.id(),
                    step.action
                );
                self.error(item, line);
                return;
            }
            tokio::select! {
                () = sleep(ASK_EVERY) => {}
                () = self.context.shutdown.cancelled() => return,
            }
        }
    }

    /// A related item that was restored or was there before, with the namespace that it has in the cluster.
    fn in_the_cluster(&self, related: &ObjectRef) -> Option<ObjectRef> {
        let kind = GroupResource::new(&related.group, &related.resource);
        let object = ObjectName::new(related.namespace.as_deref(), &related.name);
        match self.plan.related(self.spool.index(), &kind, &object) {
            Related::Item(planned) => {
                Some(ObjectRef { namespace: planned.target_namespace, ..related.clone() })
            }
            Related::Missing | Related::LeftOut(_) => None,
        }
    }
}

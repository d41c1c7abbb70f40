//! A namespace step carried out: the namespace of the backup, under its new name, or the one that is there. One that cannot be used is told
//! once.

use lateen_cluster::namespace::{self, NamespaceOutcome};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::ObjectName;
use lateen_core::restore::outcome::{Action, ItemKey};
use lateen_core::restore::plan::NamespaceStep;
use lateen_core::restore::reset;
use lateen_core::results::Place;

use super::executor::{Executor, Purpose};
use crate::error_chain::error_chain;

impl Executor {
    /// Whether objects can be put into the namespace; makes it if it is not there. Waits for one that is going away.
    pub(super) async fn ensure_namespace(&self, step: &NamespaceStep) -> bool {
        self.namespaces.once(&step.target, self.make_namespace(step)).await
    }

    async fn make_namespace(&self, step: &NamespaceStep) -> bool {
        let from_backup = match step.object {
            Some(location) => {
                self.spool.item(location).await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
            }
            None => None,
        };
        let body = reset::namespace(from_backup.as_ref(), &step.target).to_string();
        if let Purpose::Foresee(foresight) = &self.purpose {
            return foresight.namespace(self, step, body).await;
        }
        let timeout = self.context.options.terminating_timeout;
        match namespace::ensure(&self.context.client, &step.target, &body, timeout).await {
            Ok(NamespaceOutcome::Existed) => true,
            Ok(NamespaceOutcome::Created) => {
                let key = ItemKey {
                    resource_key: "v1/Namespace".into(),
                    object: ObjectName::new(None, &step.target),
                };
                self.items().end(&key, Action::Created, None);
                self.journal.write(Entry::info("Created namespace").about("namespaces", None, &step.target));
                true
            }
            Err(error) => {
                self.journal.result(Level::Error, &Place::Run, error_chain(&error));
                false
            }
        }
    }
}

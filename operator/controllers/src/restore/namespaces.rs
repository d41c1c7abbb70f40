//! The namespaces of a restore: each is made or found once, whoever needs it first, and one that cannot be used is told once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lateen_cluster::namespace::{self, NamespaceOutcome};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::ObjectName;
use lateen_core::restore::outcome::{Action, ItemKey};
use lateen_core::restore::plan::NamespaceStep;
use lateen_core::restore::reset;
use lateen_core::results::Place;
use tokio::sync::OnceCell;

use super::executor::Executor;
use crate::error_chain::error_chain;

/// Target namespaces, and whether they can be used.
#[derive(Default)]
pub(super) struct Namespaces(Mutex<HashMap<String, Arc<OnceCell<bool>>>>);

impl Namespaces {
    /// Whether objects can be put into the namespace; makes it if it is not there. Waits for one that is going away.
    pub(super) async fn ensure(&self, executor: &Executor, step: &NamespaceStep) -> bool {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(step.target.clone()).or_default())
        };
        *cell.get_or_init(|| make(executor, step)).await
    }
}

async fn make(executor: &Executor, step: &NamespaceStep) -> bool {
    let from_backup = match step.object {
        Some(location) => {
            executor.spool.item(location).await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
        }
        None => None,
    };
    let body = reset::namespace(from_backup.as_ref(), &step.target).to_string();
    let timeout = executor.context.options.terminating_timeout;
    match namespace::ensure(&executor.context.client, &step.target, &body, timeout).await {
        Ok(NamespaceOutcome::Existed) => true,
        Ok(NamespaceOutcome::Created) => {
            let key =
                ItemKey { resource_key: "v1/Namespace".into(), object: ObjectName::new(None, &step.target) };
            executor.items().end(&key, Action::Created, None);
            executor.journal.write(Entry::info("Created namespace").about("namespaces", None, &step.target));
            true
        }
        Err(error) => {
            executor.journal.result(Level::Error, &Place::Run, error_chain(&error));
            false
        }
    }
}

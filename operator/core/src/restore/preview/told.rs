//! What the engine says about single items while it goes through a plan: the reason of what is not placed in the cluster.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::{Entry, Level, Sink};
use crate::kind::{GroupResource, ObjectName};

/// Lines kept of one item. An item has one or two; an action may be talkative.
const LINES_PER_ITEM: usize = 8;

/// Lines about items: by kind, namespace in the cluster and name in the backup.
pub type ItemLines = HashMap<(GroupResource, ObjectName), Vec<String>>;

/// A sink that keeps the ordinary lines about items. Warnings and errors are in the journal's results.
#[derive(Debug, Clone, Default)]
pub struct SharedLines(Arc<Mutex<ItemLines>>);

impl SharedLines {
    /// Takes out what was kept.
    pub fn take(&self) -> ItemLines {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for SharedLines {
    fn line(&mut self, entry: &Entry) {
        let (Some(kind), Some(name)) = (entry.field("resource"), entry.field("name")) else { return };
        // The line with the action says how an item ended, and not why.
        if entry.level != Level::Info || entry.field("action").is_some() {
            return;
        }
        let namespace = entry.field("namespace").filter(|namespace| !namespace.is_empty());
        let key = (GroupResource::parse(kind), ObjectName::new(namespace, name));
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.entry(key).or_default();
        if lines.len() < LINES_PER_ITEM {
            lines.push(entry.message.clone());
        }
    }
}

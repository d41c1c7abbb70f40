//! The record of a restore: what became of each item, the counts for the status, the file that lists them, and the phase at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lateen_api::v1::RestorePhase;

use crate::kind::ObjectName;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Created,
    /// It existed and was patched.
    Updated,
    /// It was there as it should be, or an action or a rule did not want it.
    Skipped,
    /// It is not what the backup has: refused, or different and left alone.
    Failed,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        })
    }
}

/// Which item: the kind as `apps/v1/Deployment`, by the archive, and where it stands in the cluster under its name in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    /// `apiVersion/Kind`.
    pub resource_key: String,
    /// Namespace in the cluster and name.
    pub object: ObjectName,
}

/// What is known of an item.
#[derive(Debug, Default)]
struct Entry {
    action: Option<Action>,
    /// The name that the API server gave, where it is another one.
    created_name: Option<Box<str>>,
}

impl Entry {
    fn exists(&self) -> bool {
        self.action.is_some_and(|action| action != Action::Failed)
    }
}

/// The items of one kind by namespace in the cluster and name in the archive.
type OfKind = BTreeMap<Option<Box<str>>, BTreeMap<Box<str>, Entry>>;

/// What became of the items so far. Some 80 bytes per item: kinds and namespaces are named once.
#[derive(Debug, Default)]
pub struct RestoredItems {
    kinds: BTreeMap<Box<str>, OfKind>,
    len: u64,
    changed: u64,
}

impl RestoredItems {
    /// Begins an item: true for whoever comes first, false if it was begun before and must not be restored again.
    pub fn begin(&mut self, key: &ItemKey) -> bool {
        if self.find(key).is_some() {
            return false;
        }
        self.entry(key);
        true
    }

    /// Ends an item. `created_name`: the name that the API server gave.
    pub fn end(&mut self, key: &ItemKey, action: Action, created_name: Option<&str>) {
        self.changed += u64::from(matches!(action, Action::Created | Action::Updated));
        let name = created_name.filter(|name| *name != key.object.name).map(Box::from);
        let entry = self.entry(key);
        (entry.action, entry.created_name) = (Some(action), name);
    }

    fn find(&self, key: &ItemKey) -> Option<&Entry> {
        let namespaces = self.kinds.get(key.resource_key.as_str())?;
        // Namespaces are few beside items; a lookup by reference would need a key type of its own.
        namespaces.get(&key.object.namespace.as_deref().map(Box::from))?.get(key.object.name.as_str())
    }

    fn entry(&mut self, key: &ItemKey) -> &mut Entry {
        let namespaces = self.kinds.entry(key.resource_key.as_str().into()).or_default();
        let items = namespaces.entry(key.object.namespace.as_deref().map(Box::from)).or_default();
        items.entry(key.object.name.as_str().into()).or_insert_with(|| {
            self.len += 1;
            Entry::default()
        })
    }

    /// Whether an item that was begun is in the cluster now.
    pub fn exists(&self, key: &ItemKey) -> bool {
        self.find(key).is_some_and(Entry::exists)
    }

    /// What became of an item, once it has ended.
    pub fn action(&self, key: &ItemKey) -> Option<Action> {
        self.find(key)?.action
    }

    /// Whether the definition of a custom kind is in the cluster now, restored or found there.
    pub fn is_definition_there(&self, name: &str) -> bool {
        let definitions = self.kinds.iter().filter(|(kind, _)| kind.ends_with("/CustomResourceDefinition"));
        definitions.filter_map(|(_, places)| places.get(&None)?.get(name)).any(Entry::exists)
    }

    /// Items begun or done.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Items that were created or patched: whether the cluster may serve other kinds than before.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// The resource list: `apps/v1/Deployment` with its sorted `namespace/name(action)`. An item that was begun and never ended has failed.
    pub fn resource_list(&self) -> BTreeMap<&str, BTreeSet<String>> {
        self.kinds
            .iter()
            .map(|(kind, namespaces)| {
                let lines = namespaces.iter().flat_map(|(namespace, items)| {
                    items.iter().map(move |(name, entry)| {
                        let action = entry.action.unwrap_or(Action::Failed);
                        let name = entry.created_name.as_deref().unwrap_or(name);
                        let object = ObjectName::new(namespace.as_deref(), name);
                        format!("{object}({action})")
                    })
                });
                (&**kind, lines.collect())
            })
            .collect()
    }
}

/// For status.progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Items known so far.
    pub total: u64,
    /// Items done so far.
    pub done: u64,
}

impl RestoredItems {
    /// How far the run is when `planned` items were planned and `visited` of them are through.
    pub fn progress(&self, planned: u64, visited: u64) -> Progress {
        Progress { total: self.len() + planned.saturating_sub(visited), done: self.len() }
    }
}

/// The phase after the items.
pub fn after_items(errors: u64, operations_running: u64) -> RestorePhase {
    match (operations_running > 0, errors > 0) {
        (true, false) => RestorePhase::WaitingForPluginOperations,
        (true, true) => RestorePhase::WaitingForPluginOperationsPartiallyFailed,
        (false, false) => RestorePhase::Finalizing,
        (false, true) => RestorePhase::FinalizingPartiallyFailed,
    }
}

/// The phase after finalizing. None: the phase is not one that finalizing ends.
pub fn after_finalizing(phase: &RestorePhase, new_errors: u64) -> Option<RestorePhase> {
    match (phase, new_errors) {
        (RestorePhase::Finalizing, 0) => Some(RestorePhase::Completed),
        (RestorePhase::Finalizing | RestorePhase::FinalizingPartiallyFailed, _) => {
            Some(RestorePhase::PartiallyFailed)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: Option<&str>, name: &str) -> ItemKey {
        ItemKey { resource_key: "v1/ConfigMap".into(), object: ObjectName::new(namespace, name) }
    }

    #[test]
    fn every_item_is_listed_once_with_what_became_of_it() {
        let mut items = RestoredItems::default();
        assert!(items.begin(&key(Some("n"), "b")));
        assert!(!items.begin(&key(Some("n"), "b")), "an item is restored once");
        items.end(&key(Some("n"), "b"), Action::Created, Some("b-x7k2p"));
        assert!(items.begin(&key(Some("n"), "a")));
        items.end(&key(Some("n"), "a"), Action::Skipped, None);
        assert!(items.begin(&key(None, "c")));
        let list = items.resource_list();
        let list: Vec<&str> = list["v1/ConfigMap"].iter().map(String::as_str).collect();
        assert_eq!(list, ["c(failed)", "n/a(skipped)", "n/b-x7k2p(created)"]);
        assert!(items.exists(&key(Some("n"), "a")) && !items.exists(&key(None, "c")));
        assert_eq!((items.changed(), items.progress(5, 3)), (1, Progress { total: 5, done: 3 }));
    }

    #[test]
    fn completed_is_only_reached_without_errors() {
        let end = |errors, later| after_finalizing(&after_items(errors, 0), later);
        assert_eq!(end(0, 0), Some(RestorePhase::Completed));
        assert_eq!(end(0, 1), Some(RestorePhase::PartiallyFailed));
        assert_eq!(end(1, 0), Some(RestorePhase::PartiallyFailed));
        assert_eq!(after_finalizing(&after_items(0, 1), 0), None);
    }
}

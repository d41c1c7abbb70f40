//! What the engine has told, held against the items that it is about.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::key::Key;
use super::{Message, Remark};
use crate::kind::ObjectName;
use crate::results::{Messages, Results};

/// Messages, by the items that they name: as `kind/namespace/name` with the namespace in the cluster, or as `kind namespace/name` with the one
/// in the backup.
pub(super) struct Sorted {
    kinds: HashSet<String>,
    by_item: HashMap<String, Vec<usize>>,
    all: Vec<Remark>,
    told: HashSet<usize>,
}

impl Sorted {
    /// `kinds`: those that items can be of.
    pub(super) fn of(results: &Results, kinds: HashSet<String>) -> Self {
        let mut sorted = Self { kinds, by_item: HashMap::new(), all: Vec::new(), told: HashSet::new() };
        sorted.add(&results.errors, Message::error);
        sorted.add(&results.warnings, Message::warning);
        sorted
    }

    fn add(&mut self, messages: &Messages, message: fn(String) -> Message) {
        let Messages { velero, cluster, namespaces } = messages;
        let whole = velero.iter().chain(cluster).map(|message| (None, message));
        let named = namespaces
            .iter()
            .flat_map(|(namespace, messages)| messages.iter().map(move |message| (Some(namespace), message)));
        for (namespace, text) in whole.chain(named) {
            let index = self.all.len();
            let mut before = "";
            for word in text.split_whitespace() {
                let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
                let kind = word.split_once('/').map_or(word, |(kind, _)| kind);
                if kind != word && self.kinds.contains(kind) {
                    self.by_item.entry(word.to_owned()).or_default().push(index);
                } else if self.kinds.contains(before) {
                    self.by_item.entry(format!("{before} {word}")).or_default().push(index);
                }
                before = word;
            }
            self.all.push(Remark { namespace: namespace.cloned(), message: message(text.clone()) });
        }
    }

    /// The messages about one item, errors first.
    pub(super) fn about(&mut self, (kind, object): &Key, source: &ObjectName) -> Vec<&Remark> {
        let names = [format!("{kind}/{object}"), format!("{kind} {source}")];
        let found: BTreeSet<usize> =
            names.iter().filter_map(|name| self.by_item.get(name)).flatten().copied().collect();
        self.told.extend(&found);
        found.into_iter().map(|index| &self.all[index]).collect()
    }

    /// Those that belong to no item.
    pub(super) fn rest(self, known: &HashSet<Message>) -> Vec<Remark> {
        let Self { all, told, .. } = self;
        let rest = all.into_iter().enumerate().filter(|(index, _)| !told.contains(index));
        rest.map(|(_, remark)| remark).filter(|remark| !known.contains(&remark.message)).collect()
    }
}

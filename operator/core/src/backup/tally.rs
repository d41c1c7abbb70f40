//! What a backup has taken so far: the only thing in a run that grows with the number of objects.
//!
//! Per object the tally holds its name once, as a boxed `namespace/name` in a hash set: with typical names of 40 bytes some 70 bytes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::kind::{GroupResource, ObjectName, ServedKind};

/// Keys of what was taken, and counts.
#[derive(Debug, Default)]
pub struct Tally {
    claimed: BTreeMap<String, HashSet<Box<str>>>,
    kinds: BTreeSet<GroupResource>,
    namespaces: BTreeSet<String>,
    taken: u64,
    seen: u64,
}

impl Tally {
    /// Claims an object: true for whoever comes first, false for all others. What is claimed is written by the claimant or, if that
    /// fails, given back.
    pub fn claim(&mut self, kind: &ServedKind, object: &ObjectName) -> bool {
        let names = self.claimed.entry(kind.resource_key()).or_default();
        let first = names.insert(object.to_string().into_boxed_str());
        if first {
            self.taken += 1;
        }
        first
    }

    /// Takes a claim back: the object is not in the backup after all.
    pub fn give_back(&mut self, kind: &ServedKind, object: &ObjectName) {
        let names = self.claimed.get_mut(&kind.resource_key());
        if names.is_some_and(|names| names.remove(object.to_string().as_str())) {
            self.taken -= 1;
        }
    }

    /// An object of this kind is in the archive.
    pub fn written(&mut self, kind: &ServedKind, object: &ObjectName) {
        // Asked first, because nearly always they are known, and a copy for every object would be thrown away.
        if !self.kinds.contains(&kind.group_resource) {
            self.kinds.insert(kind.group_resource.clone());
        }
        if let Some(namespace) = &object.namespace
            && !self.namespaces.contains(namespace)
        {
            self.namespaces.insert(namespace.clone());
        }
    }

    /// Objects that lists have shown, whether taken or not; the estimate of the total while the run lasts.
    pub fn see(&mut self, objects: u64) {
        self.seen += objects;
    }

    /// How far the run is: what was taken, of what lists have shown so far.
    pub fn progress(&self) -> Progress {
        Progress { total: self.seen.max(self.taken), done: self.taken }
    }

    /// Objects taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Kinds of which at least one object is in the archive.
    pub fn kinds(&self) -> &BTreeSet<GroupResource> {
        &self.kinds
    }

    /// Whether an object of this namespace is in the archive.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// The resource list: `apps/v1/Deployment` -> sorted `namespace/name`.
    pub fn resource_list(&self) -> BTreeMap<&str, Vec<&str>> {
        let lists = self.claimed.iter().filter(|(_, names)| !names.is_empty());
        lists
            .map(|(key, names)| {
                let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
                names.sort_unstable();
                (key.as_str(), names)
            })
            .collect()
    }
}

/// For status.progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Objects known so far.
    pub total: u64,
    /// Objects taken so far.
    pub done: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::served;

    #[test]
    fn a_key_is_claimed_once_and_can_be_given_back() {
        let pods = served("pods", "v1", "Pod", true);
        let web = ObjectName::new(Some("app"), "web");
        let mut tally = Tally::default();
        assert!(tally.claim(&pods, &web));
        assert!(!tally.claim(&pods, &web));
        assert_eq!(tally.resource_list()["v1/Pod"], ["app/web"]);
        tally.give_back(&pods, &web);
        assert!(tally.resource_list().is_empty());
        assert_eq!(tally.taken(), 0);
        assert!(tally.claim(&pods, &web));
    }
}

//! The items of one kind after another, each either in a tier or counted among what is left out.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::{Group, LeftOut, Tier};
use crate::archive::index::{ArchiveIndex, Items};
use crate::catalog::Catalog;
use crate::kind::GroupResource;
use crate::restore::scope::{Reason, Scope, is_must_have};

/// Sorts items into tiers and reasons.
pub(super) struct Planner<'a> {
    pub(super) index: &'a ArchiveIndex,
    pub(super) catalog: &'a Catalog,
    pub(super) scope: &'a Scope,
    pub(super) left_out: Vec<LeftOut>,
    /// Where a name in a target namespace was planned from, for kinds of namespaces that share a target.
    pub(super) taken: HashMap<(GroupResource, String, Box<str>), String>,
}

impl Planner<'_> {
    /// The tier of one kind, if anything of it is restored. `coming`: kinds whose definitions are restored before.
    pub(super) fn tier(&mut self, kind: &GroupResource, coming: &BTreeSet<GroupResource>) -> Option<Tier> {
        let namespaces = self.index.kinds().get(kind)?;
        let served = self.catalog.get(kind);
        let mut groups = Vec::new();
        for (namespace, items) in namespaces {
            let namespace = namespace.as_deref();
            let allowed = self.scope.kind(kind).and_then(|()| self.scope.place(kind, namespace));
            let allowed = allowed.and_then(|()| match served {
                Some(served) if served.namespaced != namespace.is_some() => Err(Reason::OtherScope),
                None if !coming.contains(kind) => Err(Reason::NotServed(self.why_not_served(kind))),
                _ => Ok(()),
            });
            match allowed {
                Ok(()) => groups.extend(self.group(kind, namespace, items)),
                Err(reason) => self.leave_out(kind, namespace, items, reason),
            }
        }
        (!groups.is_empty()).then(|| Tier { kind: kind.clone(), pending: served.is_none(), groups })
    }

    fn group(&mut self, kind: &GroupResource, namespace: Option<&str>, items: &Items) -> Option<Group> {
        let target = namespace.map(|namespace| self.scope.target(namespace).to_owned());
        let mut kept = Vec::new();
        let mut unselected = 0;
        for (name, location) in items {
            if !location.readable {
                self.leave_one_out(kind, namespace, name, Reason::Unreadable);
            } else if !location.selected && !is_must_have(kind) {
                unselected += 1;
            } else if let Some(other) = self.claim(kind, namespace, target.as_deref(), name) {
                self.leave_one_out(kind, namespace, name, Reason::SameTarget(other));
            } else {
                kept.push((name.clone(), *location));
            }
        }
        if unselected > 0 {
            let (kind, namespace) = (kind.clone(), namespace.map(str::to_owned));
            self.left_out.push(LeftOut {
                kind,
                namespace,
                name: None,
                items: unselected,
                reason: Reason::Selector,
            });
        }
        (!kept.is_empty()).then(|| Group { source: namespace.map(str::to_owned), target, items: kept })
    }

    /// Claims a name in the target namespace; the namespace that has it already, if any. Only namespaces that are renamed, or that
    /// others are renamed to, can meet, so nothing is kept for restores without a mapping.
    fn claim(
        &mut self,
        kind: &GroupResource,
        source: Option<&str>,
        target: Option<&str>,
        name: &str,
    ) -> Option<String> {
        let (source, target) = (source?, target?);
        if !self.scope.is_shared(target) {
            return None;
        }
        let key = (kind.clone(), target.to_owned(), Box::from(name));
        match self.taken.entry(key) {
            Entry::Occupied(entry) => Some(entry.get().clone()),
            Entry::Vacant(entry) => {
                entry.insert(source.to_owned());
                None
            }
        }
    }

    fn why_not_served(&self, kind: &GroupResource) -> String {
        let unavailable = self.catalog.unavailable().iter();
        let mut asked = unavailable.filter(|(name, _)| name.split('/').next() == Some(kind.group.as_str()));
        match asked.next() {
            Some((name, cause)) => format!("the API server could not tell which kinds {name} has: {cause}"),
            None => "the cluster does not serve this kind, and no definition of it is restored".into(),
        }
    }

    /// The Namespace objects that are restored in their own right, by name in the backup, and those that are not. One of the latter is
    /// still used for a namespace that objects are restored into.
    pub(super) fn namespace_objects(&self) -> (Vec<String>, Vec<LeftOut>) {
        let kind = GroupResource::parse("namespaces");
        let (mut kept, mut unwanted) = (Vec::new(), Vec::new());
        let places = self.index.kinds().get(&kind);
        let allowed = self.scope.kind(&kind).and_then(|()| self.scope.place(&kind, None));
        for (name, location) in places.and_then(|places| places.get(&None)).into_iter().flatten() {
            let reason = match (&allowed, location) {
                (_, location) if !location.readable => Reason::Unreadable,
                (Err(reason), _) => reason.clone(),
                (Ok(()), location) if !location.selected => Reason::Selector,
                (Ok(()), _) if !self.scope.namespace(name) => Reason::Namespace,
                (Ok(()), _) => {
                    kept.push(name.to_string());
                    continue;
                }
            };
            unwanted.push(LeftOut {
                kind: kind.clone(),
                namespace: None,
                name: Some(name.clone()),
                items: 1,
                reason,
            });
        }
        (kept, unwanted)
    }

    fn leave_out(&mut self, kind: &GroupResource, namespace: Option<&str>, items: &Items, reason: Reason) {
        let (kind, namespace) = (kind.clone(), namespace.map(str::to_owned));
        self.left_out.push(LeftOut { kind, namespace, name: None, items: items.len() as u64, reason });
    }

    fn leave_one_out(&mut self, kind: &GroupResource, namespace: Option<&str>, name: &str, reason: Reason) {
        let (kind, namespace) = (kind.clone(), namespace.map(str::to_owned));
        self.left_out.push(LeftOut { kind, namespace, name: Some(name.into()), items: 1, reason });
    }
}

//! The items of one kind after another, each either in a tier or counted among what is left out.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Group, LeftOut, Tier, located};
use crate::archive::index::{ArchiveIndex, Items, Location};
use crate::catalog::Catalog;
use crate::kind::{GroupResource, ObjectName};
use crate::restore::scope::{Reason, Scope, is_volume_data};
use crate::restore::versions::VersionChoice;

/// Sorts items into tiers and reasons.
pub(super) struct Planner<'a> {
    pub(super) index: &'a ArchiveIndex,
    pub(super) catalog: &'a Catalog,
    pub(super) scope: &'a Scope,
    pub(super) versions: &'a VersionChoice,
    pub(super) left_out: Vec<LeftOut>,
    /// Where a name in a target namespace was planned from, for kinds of namespaces that share a target.
    pub(super) taken: HashMap<(GroupResource, String, Box<str>), String>,
}

impl Planner<'_> {
    /// The tier of one kind, if anything of it is restored. `coming`: kinds whose definitions are restored before.
    pub(super) fn tier(&mut self, kind: &GroupResource, coming: &BTreeSet<GroupResource>) -> Option<Tier> {
        let index = self.index;
        let namespaces = index.kinds().get(kind)?;
        let served = self.catalog.get(kind).map(|served| served.namespaced);
        let defined = || index.definitions().get(kind).map(|definition| definition.namespaced);
        let namespaced = served.or_else(defined);
        let mut groups = Vec::new();
        for (namespace, items) in namespaces {
            let namespace = namespace.as_deref();
            let allowed = self.scope.kind(kind).and_then(|()| self.scope.place(kind, namespace));
            let allowed = allowed.and_then(|()| match namespaced {
                _ if served.is_none() && !coming.contains(kind) => {
                    Err(Reason::NotServed(self.why_not_served(kind)))
                }
                Some(namespaced) if namespaced != namespace.is_some() => Err(Reason::OtherScope),
                _ => Ok(()),
            });
            match allowed {
                Ok(()) => groups.extend(self.group(kind, namespace, items)),
                Err(reason) => self.leave_out(kind, namespace, items.len() as u64, reason),
            }
        }
        (!groups.is_empty()).then(|| Tier { kind: kind.clone(), pending: served.is_none(), groups })
    }

    fn group(&mut self, kind: &GroupResource, namespace: Option<&str>, items: &Arc<Items>) -> Option<Group> {
        let target = namespace.map(|namespace| self.scope.target(namespace).to_owned());
        let mut kept = Vec::new();
        let (mut unselected, mut elsewhere) = (0, 0);
        let mut as_in_archive = true;
        for (name, plain) in items.iter() {
            match self.item(kind, namespace, target.as_deref(), name, plain) {
                Ok(location) => {
                    as_in_archive &= location == plain;
                    kept.push((name, location));
                }
                Err(Reason::Selector) => unselected += 1,
                Err(Reason::Namespace) => elsewhere += 1,
                Err(reason) => self.leave_one_out(kind, namespace, name, reason),
            }
        }
        for (items, reason) in [(unselected, Reason::Selector), (elsewhere, Reason::Namespace)] {
            if items > 0 {
                self.leave_out(kind, namespace, items, reason);
            }
        }
        if kept.is_empty() {
            return None;
        }
        // What is restored whole shares the index's memory.
        let whole = as_in_archive && kept.len() == items.len();
        let items = if whole { Arc::clone(items) } else { Arc::new(kept.into_iter().collect()) };
        Some(Group { source: namespace.map(str::to_owned), target, items })
    }

    /// Where the bytes of an item are, if it is restored. `plain`: where its plain copy is.
    fn item(
        &mut self,
        kind: &GroupResource,
        namespace: Option<&str>,
        target: Option<&str>,
        name: &str,
        plain: Location,
    ) -> Result<Location, Reason> {
        let location = located(self.index, self.versions, kind, &ObjectName::new(namespace, name), plain)?;
        if !location.readable {
            return Err(Reason::Unreadable(self.index.fault(&location).to_owned()));
        }
        if is_volume_data(kind) {
            let of = self.index.data_of(kind, &ObjectName::new(namespace, name));
            self.scope.data_of(of)?;
        } else if !location.selected {
            return Err(Reason::Selector);
        }
        match self.claim(kind, namespace, target, name) {
            Some(other) => Err(Reason::SameTarget(other)),
            None => Ok(location),
        }
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
            None if self.index.definitions().contains_key(kind) => {
                "the cluster does not serve this kind, and its definition, which the backup has, is not part of the restore"
                    .into()
            }
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
        let objects = places.and_then(|places| places.get(&None));
        for (name, location) in objects.into_iter().flat_map(|items| items.iter()) {
            let reason = match (&allowed, location) {
                (_, location) if !location.readable => {
                    Reason::Unreadable(self.index.fault(&location).to_owned())
                }
                _ if !self.scope.namespace(name) => Reason::Namespace,
                (Err(reason), _) => reason.clone(),
                (Ok(()), location) if !location.selected => Reason::Selector,
                (Ok(()), _) => {
                    kept.push(name.to_owned());
                    continue;
                }
            };
            unwanted.push(LeftOut {
                kind: kind.clone(),
                namespace: None,
                name: Some(name.into()),
                items: 1,
                reason,
            });
        }
        (kept, unwanted)
    }

    fn leave_out(&mut self, kind: &GroupResource, namespace: Option<&str>, items: u64, reason: Reason) {
        let (kind, namespace) = (kind.clone(), namespace.map(str::to_owned));
        self.left_out.push(LeftOut { kind, namespace, name: None, items, reason });
    }

    fn leave_one_out(&mut self, kind: &GroupResource, namespace: Option<&str>, name: &str, reason: Reason) {
        let (kind, namespace) = (kind.clone(), namespace.map(str::to_owned));
        self.left_out.push(LeftOut { kind, namespace, name: Some(name.into()), items: 1, reason });
    }
}

//! The plan of a restore: every step in order and everything that is left out with its reason, before anything is changed.
//!
//! The plan leaves no choices: definitions of custom kinds first, then namespaces, then one tier per kind. Inside a tier the order does
//! not matter. What only the cluster can answer (does it exist, does it differ, is it refused) is decided while the plan is carried out.
//! Every item of the archive is either in a step or counted among what is left out.

mod planner;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::order::Priorities;
use super::request::RestoreRequest;
use super::scope::{Reason, Scope, is_volume_data, resolve};
use super::versions::VersionChoice;
pub use crate::archive::index::DEFINITIONS;
use crate::archive::index::{ArchiveIndex, Items, Location};
use crate::catalog::Catalog;
use crate::kind::{GroupResource, ObjectName};
use crate::namespaces::PatternError;
use planner::Planner;

/// Told as a warning when the archive is no archive of a backup: nothing is restored.
pub const NO_RESOURCES: &str = "zero items to be restored: directory \"resources\": does not exist";

/// A namespace that has to be there before objects are restored into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceStep {
    /// Its name in the cluster.
    pub target: String,
    /// Its name in the backup; of several that are mapped to the same name the first that has a Namespace object.
    pub source: String,
    /// Its Namespace object in the archive. None: a bare one is made.
    pub object: Option<Location>,
}

/// The objects of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Group and plural.
    pub kind: GroupResource,
    /// The cluster does not know the kind yet; its definition is restored before.
    pub pending: bool,
    /// The objects, by namespace.
    pub groups: Vec<Group>,
}

/// The objects of one kind and namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Namespace in the backup, None for cluster-scoped objects.
    pub source: Option<String>,
    /// Namespace in the cluster.
    pub target: Option<String>,
    /// Names, in order, with the place of their bytes. A group that is restored whole shares this with the index.
    pub items: Arc<Items>,
}

/// One object of the plan, or one that comes with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedItem {
    /// Group and plural.
    pub kind: GroupResource,
    /// Namespace and name in the backup.
    pub source: ObjectName,
    /// Namespace in the cluster.
    pub target_namespace: Option<String>,
    /// Where its bytes are.
    pub location: Location,
}

impl Tier {
    /// The objects one by one.
    pub fn items(&self) -> impl Iterator<Item = PlannedItem> + '_ {
        self.groups.iter().flat_map(|group| {
            group.items.iter().map(|(name, location)| PlannedItem {
                kind: self.kind.clone(),
                source: ObjectName::new(group.source.as_deref(), name),
                target_namespace: group.target.clone(),
                location,
            })
        })
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.items.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Objects that are not restored by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Group and plural.
    pub kind: GroupResource,
    /// Namespace in the backup, None for cluster-scoped objects.
    pub namespace: Option<String>,
    /// The one object, where it is about one.
    pub name: Option<Box<str>>,
    /// How many objects.
    pub items: u64,
    /// Why.
    pub reason: Reason,
}

/// What becomes of an object that another one names as needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Related {
    /// It is restored, unless it was already.
    Item(PlannedItem),
    /// It is not in the archive.
    Missing,
    /// The restore does not want it.
    LeftOut(Reason),
}

/// The steps of a restore.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// Definitions of custom kinds. After these the cluster knows kinds that it did not know before.
    pub definitions: Option<Tier>,
    /// Namespaces, by name.
    pub namespaces: Vec<NamespaceStep>,
    /// All other kinds, in order.
    pub tiers: Vec<Tier>,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
    scope: Scope,
    versions: VersionChoice,
}

impl RestorePlan {
    /// The filters that the plan was made with.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// In which versions kinds are restored.
    pub fn versions(&self) -> &VersionChoice {
        &self.versions
    }

    /// Objects to restore, without namespaces.
    pub fn len(&self) -> usize {
        self.definitions.iter().chain(&self.tiers).map(Tier::len).sum()
    }

    /// Whether there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.namespaces.is_empty()
    }

    /// What becomes of an object that another one needs.
    pub fn related(&self, index: &ArchiveIndex, kind: &GroupResource, object: &ObjectName) -> Related {
        if kind.is("namespaces") {
            return Related::LeftOut(Reason::NamespaceObject);
        }
        if let Err(reason) = self.scope.related(kind, object) {
            return Related::LeftOut(reason);
        }
        let Some(plain) = index.find(kind, object) else { return Related::Missing };
        match located(index, &self.versions, kind, object, plain) {
            Err(reason) => Related::LeftOut(reason),
            Ok(location) if !location.readable => {
                Related::LeftOut(Reason::Unreadable(index.fault(&location).to_owned()))
            }
            Ok(location) => Related::Item(PlannedItem {
                kind: kind.clone(),
                source: object.clone(),
                target_namespace: object
                    .namespace
                    .as_deref()
                    .map(|namespace| self.scope.target(namespace).to_owned()),
                location,
            }),
        }
    }

    /// The step for a namespace of the backup that is needed for a related object and is not among the plan's own.
    pub fn namespace_step(&self, index: &ArchiveIndex, source: &str) -> NamespaceStep {
        NamespaceStep {
            target: self.scope.target(source).to_owned(),
            source: source.to_owned(),
            object: namespace_object(index, source),
        }
    }

    /// The plan as text, for people and for snapshots.
    pub fn render(&self) -> String {
        text::render(self)
    }
}

/// Makes the plan, with items in the versions that were chosen ([`VersionChoice::default`] for plain copies). The only error is a namespace
/// pattern that cannot be read.
pub fn plan(
    index: &ArchiveIndex,
    catalog: &Catalog,
    request: &RestoreRequest,
    versions: &VersionChoice,
) -> Result<RestorePlan, PatternError> {
    let scope = Scope::new(index, catalog, request)?;
    let (left_out, taken) = (Vec::new(), HashMap::new());
    let mut planner = Planner { index, catalog, scope: &scope, versions, left_out, taken };
    let (mut definitions, mut tiers) = (None, Vec::new());
    let mut coming = BTreeSet::new();
    let order = kinds_in_order(index, catalog, &request.priorities);
    if let Some(tier) = planner.tier(&GroupResource::parse(DEFINITIONS), &coming) {
        coming = tier.items().map(|item| GroupResource::parse(&item.source.name)).collect();
        definitions = Some(tier);
    }
    let (namespace_objects, unwanted) = planner.namespace_objects();
    for kind in order.iter().filter(|kind| !kind.is(DEFINITIONS) && !kind.is("namespaces")) {
        tiers.extend(planner.tier(kind, &coming));
    }
    let mut left_out = planner.left_out;
    let namespaces = namespace_steps(index, &scope, &namespace_objects, &tiers);
    left_out.extend(namespaces_left_out(&namespaces, &scope, &namespace_objects, unwanted));
    Ok(RestorePlan { definitions, namespaces, tiers, left_out, scope, versions: versions.clone() })
}

/// Where the bytes of an item are in the version in which its kind is restored. `plain`: where its plain copy is.
fn located(
    index: &ArchiveIndex,
    versions: &VersionChoice,
    kind: &GroupResource,
    object: &ObjectName,
    plain: Location,
) -> Result<Location, Reason> {
    let Some(version) = versions.of(kind) else { return Ok(plain) };
    index.find_version(kind, version, object).ok_or_else(|| Reason::NoSuchVersion(version.to_owned()))
}

/// The archive's kinds in the order in which they are restored: the first list, what is in neither list by name, the last list.
fn kinds_in_order(index: &ArchiveIndex, catalog: &Catalog, priorities: &Priorities) -> Vec<GroupResource> {
    let resolved = |names: &[String]| {
        names.iter().map(|name| GroupResource::parse(&resolve(name, catalog, index))).collect::<Vec<_>>()
    };
    let (first, last) = (resolved(&priorities.first), resolved(&priorities.last));
    let listed: BTreeSet<&GroupResource> = first.iter().chain(&last).collect();
    let mut between: Vec<&GroupResource> =
        index.kinds().keys().filter(|kind| !listed.contains(kind)).collect();
    between.sort_by_key(ToString::to_string);
    let mut seen = BTreeSet::new();
    let all = first.iter().chain(between).chain(&last);
    all.filter(|kind| index.kinds().contains_key(kind) && seen.insert(*kind)).cloned().collect()
}

/// Every namespace that objects are restored into, and those that are restored in their own right.
fn namespace_steps(
    index: &ArchiveIndex,
    scope: &Scope,
    objects: &[String],
    tiers: &[Tier],
) -> Vec<NamespaceStep> {
    // Records about data stand in the old server's namespace, which is made if one of them is really created, and not before.
    let of_users = tiers.iter().filter(|tier| !is_volume_data(&tier.kind));
    let of_items = of_users.flat_map(|tier| &tier.groups).filter_map(|group| group.source.as_deref());
    let sources: BTreeSet<&str> = of_items.chain(objects.iter().map(String::as_str)).collect();
    let mut steps: BTreeMap<&str, NamespaceStep> = BTreeMap::new();
    for source in sources {
        let target = scope.target(source);
        let object = namespace_object(index, source);
        let step = NamespaceStep { target: target.to_owned(), source: source.to_owned(), object };
        match steps.get(target) {
            Some(there) if there.object.is_some() || step.object.is_none() => {}
            _ => {
                steps.insert(target, step);
            }
        }
    }
    steps.into_values().collect()
}

/// The Namespace objects that serve no namespace: those that nobody wants, and those that share a name with another.
fn namespaces_left_out(
    steps: &[NamespaceStep],
    scope: &Scope,
    objects: &[String],
    unwanted: Vec<LeftOut>,
) -> Vec<LeftOut> {
    let used: BTreeSet<&str> = steps.iter().map(|step| step.source.as_str()).collect();
    let serves = |left_out: &LeftOut| left_out.name.as_deref().is_some_and(|name| used.contains(name));
    let unserving = unwanted.into_iter().filter(|left_out| left_out.reason.is_error() || !serves(left_out));
    let shared = objects.iter().filter(|name| !used.contains(name.as_str())).map(|name| {
        let target = scope.target(name);
        let first = steps.iter().find(|step| step.target == target);
        LeftOut {
            kind: GroupResource::new("", "namespaces"),
            namespace: None,
            name: Some(name.as_str().into()),
            items: 1,
            reason: Reason::SameTarget(first.map_or(target, |step| &step.source).to_owned()),
        }
    });
    unserving.chain(shared).collect()
}

fn namespace_object(index: &ArchiveIndex, name: &str) -> Option<Location> {
    index
        .find(&GroupResource::new("", "namespaces"), &ObjectName::new(None, name))
        .filter(|found| found.readable)
}

#[cfg(test)]
mod tests;

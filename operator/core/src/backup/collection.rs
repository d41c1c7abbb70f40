//! Which kinds are listed, and in which order: the order of the archive.

use std::collections::BTreeSet;

use super::filter::ResourceFilter;
use crate::kind::ServedKind;

/// Kinds that old clusters serve in two groups: the first one seen is taken, the other would hold the same objects again.
const COHABITING: [(&str, [&str; 2]); 5] = [
    ("deployments", ["extensions", "apps"]),
    ("daemonsets", ["extensions", "apps"]),
    ("replicasets", ["extensions", "apps"]),
    ("networkpolicies", ["extensions", "networking.k8s.io"]),
    ("events", ["", "events.k8s.io"]),
];

/// The feature flag by which every version of a kind is listed, and not only the one that the server prefers.
pub const ALL_VERSIONS_FEATURE: &str = "EnableAPIGroupVersions";

/// Why nothing of a kind is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotListed {
    /// The filters leave it out.
    Filter,
    /// Its objects are served, and were listed, in another group or version as well.
    Cohabiting,
}

impl NotListed {
    /// For the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Filter => "Resource is excluded",
            Self::Cohabiting => "Skipping resource because its objects are listed in another API group",
        }
    }
}

/// What is listed and what is not.
#[derive(Debug, Clone, Default)]
pub struct Listing<'a> {
    /// The kinds to list, in order.
    pub kinds: Vec<&'a ServedKind>,
    /// The others, in the order of discovery.
    pub left_out: Vec<(&'a ServedKind, NotListed)>,
}

/// Divides kinds into those to list and the others. First come pods, claims and volumes, then the other kinds of the core group, then the
/// other groups as the server names them. Namespaces and, unless the filters take them anyway, custom resource definitions are not among
/// them: which of those belong to the backup is only known at the end.
pub fn listing<'a>(kinds: impl Iterator<Item = &'a ServedKind>, filter: &ResourceFilter) -> Listing<'a> {
    let mut seen_cohabiting = BTreeSet::new();
    let mut listing = Listing::default();
    for kind in kinds.filter(|kind| !kind.group_resource.is("namespaces")) {
        let name = &kind.group_resource;
        let pair = COHABITING
            .iter()
            .find(|(plural, groups)| name.resource == *plural && groups.contains(&name.group.as_str()));
        if !filter.includes(kind) {
            listing.left_out.push((kind, NotListed::Filter));
        } else if pair.is_some_and(|(plural, _)| !seen_cohabiting.insert(*plural)) {
            listing.left_out.push((kind, NotListed::Cohabiting));
        } else {
            listing.kinds.push(kind);
        }
    }
    listing.kinds.sort_by_key(|kind| {
        let name = &kind.group_resource;
        let first = ["pods", "persistentvolumeclaims", "persistentvolumes"].iter().position(|p| name.is(p));
        (!name.group.is_empty(), first.unwrap_or(usize::MAX))
    });
    listing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::filter::ResourceLists;
    use crate::catalog::Catalog;
    use crate::catalog::tests::{served, small_cluster};

    fn filter(catalog: &Catalog, excluded: &[&str]) -> ResourceFilter {
        let excluded = excluded.iter().map(|name| (*name).to_owned()).collect();
        let lists = ResourceLists::Global { included: vec![], excluded, cluster_resources: None };
        ResourceFilter::new(&lists, catalog, true)
    }

    fn everything(catalog: &Catalog) -> Vec<String> {
        let kinds = listing(catalog.kinds().iter(), &filter(catalog, &[])).kinds;
        kinds.iter().map(|k| k.group_resource.to_string()).collect()
    }

    #[test]
    fn pods_claims_and_volumes_come_first_and_namespaces_not_at_all() {
        let order = everything(&small_cluster());
        assert_eq!(order[..4], ["pods", "persistentvolumeclaims", "persistentvolumes", "configmaps"]);
        assert!(!order.contains(&"namespaces".into()));
        assert_eq!(order.len(), small_cluster().kinds().len() - 1);
    }

    #[test]
    fn objects_served_in_two_groups_are_listed_once() {
        let catalog = Catalog::new(
            [
                served("deployments.extensions", "v1beta1", "Deployment", true),
                served("events", "v1", "Event", true),
                served("deployments.apps", "v1", "Deployment", true),
                served("events.events.k8s.io", "v1", "Event", true),
                served("events.calendar.example", "v1", "Event", true),
            ],
            std::collections::BTreeMap::new(),
        );
        assert_eq!(everything(&catalog), ["events", "deployments.apps", "events.calendar.example"]);
        let filter = filter(&catalog, &["events.calendar.example"]);
        let left_out = listing(catalog.kinds().iter(), &filter).left_out;
        let told: Vec<_> =
            left_out.iter().map(|(kind, why)| (kind.group_resource.to_string(), *why)).collect();
        assert_eq!(
            told,
            [
                ("events.events.k8s.io".to_owned(), NotListed::Cohabiting),
                ("events.calendar.example".to_owned(), NotListed::Filter),
                ("deployments.extensions".to_owned(), NotListed::Cohabiting),
            ]
        );
    }

    #[test]
    fn every_version_of_a_kind_is_listed_when_asked_for() {
        let preferred = [
            served("jobs.batch", "v1", "Job", true),
            served("pods", "v1", "Pod", true),
            served("deployments.apps", "v1", "Deployment", true),
        ];
        let mut versions = preferred.to_vec();
        versions.push(served("jobs.batch", "v1beta1", "Job", true));
        versions.push(served("deployments.apps", "v1beta1", "Deployment", true));
        let catalog = Catalog::new(preferred, std::collections::BTreeMap::new()).with_versions(versions);
        let kinds = listing(catalog.all_versions(), &filter(&catalog, &[])).kinds;
        let keys: Vec<String> = kinds.iter().map(|kind| kind.resource_key()).collect();
        assert_eq!(keys, ["v1/Pod", "batch/v1/Job", "apps/v1/Deployment", "batch/v1beta1/Job"]);
    }
}

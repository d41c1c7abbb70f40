//! Which kinds are listed, and in which order: the order of the archive.

use std::collections::BTreeSet;

use super::filter::ResourceFilter;
use crate::catalog::Catalog;
use crate::kind::ServedKind;

/// Kinds that old clusters serve in two groups: the first one seen is taken, the other would hold the same objects again.
const COHABITING: [(&str, [&str; 2]); 5] = [
    ("deployments", ["extensions", "apps"]),
    ("daemonsets", ["extensions", "apps"]),
    ("replicasets", ["extensions", "apps"]),
    ("networkpolicies", ["extensions", "networking.k8s.io"]),
    ("events", ["", "events.k8s.io"]),
];

/// The kinds to list, in order: pods, claims and volumes, the other kinds of the core group, then the other groups as the server names
/// them. Namespaces and custom resource definitions are not among them: which of those belong to the backup is only known at the end.
pub fn kinds_to_list<'a>(catalog: &'a Catalog, filter: &ResourceFilter) -> Vec<&'a ServedKind> {
    let mut seen_cohabiting = BTreeSet::new();
    let mut kinds: Vec<&ServedKind> = Vec::new();
    for kind in catalog.kinds().iter().filter(|kind| filter.includes(kind)) {
        let name = &kind.group_resource;
        let pair = COHABITING
            .iter()
            .find(|(plural, groups)| name.resource == *plural && groups.contains(&name.group.as_str()));
        let twin_seen = pair.is_some_and(|(plural, _)| !seen_cohabiting.insert(*plural));
        if !twin_seen && !name.is("namespaces") {
            kinds.push(kind);
        }
    }
    kinds.sort_by_key(|kind| {
        let name = &kind.group_resource;
        let first = ["pods", "persistentvolumeclaims", "persistentvolumes"].iter().position(|p| name.is(p));
        (!name.group.is_empty(), first.unwrap_or(usize::MAX))
    });
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::filter::ResourceLists;
    use crate::catalog::tests::{served, small_cluster};

    fn everything(catalog: &Catalog) -> Vec<String> {
        let lists = ResourceLists::Global { included: vec![], excluded: vec![], cluster_resources: None };
        let filter = ResourceFilter::new(&lists, catalog, true);
        kinds_to_list(catalog, &filter).iter().map(|k| k.group_resource.to_string()).collect()
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
    }
}

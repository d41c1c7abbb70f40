//! Which kinds a backup holds: the two generations of resource filters, resolved once against the catalog.
//!
//! The older filter is one pair of lists and a three-state switch for cluster-scoped kinds; the newer one has a pair of lists for each
//! scope. A backup that uses neither is a newer one with empty lists.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::include_exclude::IncludesExcludes;
use crate::kind::ServedKind;

/// The lists of a backup as its spec has them, after defaulting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceLists {
    /// `includedResources`, `excludedResources`, `includeClusterResources`.
    Global {
        /// Kinds to include, empty for all.
        included: Vec<String>,
        /// Kinds to leave out.
        excluded: Vec<String>,
        /// None: cluster-scoped kinds come with a backup of all namespaces.
        cluster_resources: Option<bool>,
    },
    /// The four lists by scope.
    Scoped {
        /// Cluster-scoped kinds to include.
        cluster_included: Vec<String>,
        /// Cluster-scoped kinds to leave out.
        cluster_excluded: Vec<String>,
        /// Namespaced kinds to include, empty for all.
        namespaced_included: Vec<String>,
        /// Namespaced kinds to leave out.
        namespaced_excluded: Vec<String>,
    },
}

/// Left out of every backup: the data-movement machinery makes and deletes these, and restores them by other means.
pub const SNAPSHOT_KIND: &str = "volumesnapshots.snapshot.storage.k8s.io";
/// Cluster-scoped twin of [`SNAPSHOT_KIND`].
pub const SNAPSHOT_CONTENT_KIND: &str = "volumesnapshotcontents.snapshot.storage.k8s.io";

/// The filter, resolved.
#[derive(Debug, Clone)]
pub struct ResourceFilter {
    rules: Rules,
    all_namespaces: bool,
}

#[derive(Debug, Clone)]
enum Rules {
    Global { kinds: IncludesExcludes, cluster_resources: Option<bool> },
    Scoped { cluster: IncludesExcludes, namespaced: IncludesExcludes },
}

impl ResourceFilter {
    /// Resolves the lists. Names that the cluster does not know stay as they are: a typo must not become "everything".
    /// `all_namespaces`: the namespace filter leaves nothing out.
    pub fn new(lists: &ResourceLists, catalog: &Catalog, all_namespaces: bool) -> Self {
        let rules = match lists {
            ResourceLists::Global { included, excluded, cluster_resources } => Rules::Global {
                kinds: IncludesExcludes::new(
                    resolve(included, catalog, None),
                    resolve(excluded, catalog, None).into_iter().filter(|e| e != "*").collect::<Vec<_>>(),
                ),
                cluster_resources: *cluster_resources,
            },
            ResourceLists::Scoped {
                cluster_included,
                cluster_excluded,
                namespaced_included,
                namespaced_excluded,
            } => Rules::Scoped {
                cluster: IncludesExcludes::new(
                    resolve(cluster_included, catalog, Some(false)),
                    resolve(cluster_excluded, catalog, Some(false)),
                ),
                namespaced: IncludesExcludes::new(
                    resolve(namespaced_included, catalog, Some(true)),
                    resolve(namespaced_excluded, catalog, Some(true)),
                ),
            },
        };
        Self { rules, all_namespaces }
    }

    /// Whether objects of this kind are collected.
    pub fn includes(&self, kind: &ServedKind) -> bool {
        let name = kind.group_resource.to_string();
        match &self.rules {
            Rules::Global { kinds, cluster_resources } => {
                let scope = kind.namespaced
                    || match cluster_resources {
                        Some(wanted) => *wanted,
                        None => name == "namespaces" || self.all_namespaces,
                    };
                scope && kinds.includes(&name)
            }
            Rules::Scoped { namespaced, .. } if kind.namespaced => namespaced.includes(&name),
            Rules::Scoped { cluster, .. } => {
                !cluster.is_excluded(&name)
                    && (cluster.is_listed(&name) || name == "namespaces" || self.is_whole_cluster())
            }
        }
    }

    /// Whether objects of this kind may not come in even as related objects of others.
    pub fn excludes(&self, kind: &ServedKind) -> bool {
        let name = kind.group_resource.to_string();
        match &self.rules {
            Rules::Global { kinds, .. } if kind.namespaced => kinds.is_excluded(&name),
            Rules::Global { kinds, cluster_resources } => match cluster_resources {
                Some(false) => true,
                Some(true) => kinds.is_excluded(&name),
                None => !kinds.includes(&name),
            },
            Rules::Scoped { cluster, namespaced } => {
                if kind.namespaced {
                    namespaced.is_excluded(&name)
                } else {
                    cluster.is_excluded(&name)
                }
            }
        }
    }

    /// Lines for the log, one per list.
    pub fn describe(&self) -> Vec<String> {
        match &self.rules {
            Rules::Global { kinds, cluster_resources } => vec![
                format!("Including resources: {}", kinds.includes_text()),
                format!("Excluding resources: {}", kinds.excludes_text()),
                format!(
                    "Including cluster-scoped resources: {}",
                    cluster_resources.map_or_else(|| "auto".to_owned(), |wanted| wanted.to_string())
                ),
            ],
            Rules::Scoped { cluster, namespaced } => vec![
                format!("Including namespace-scoped resources: {}", namespaced.includes_text()),
                format!("Excluding namespace-scoped resources: {}", namespaced.excludes_text()),
                format!(
                    "Including cluster-scoped resources: {}",
                    if cluster.included().is_empty() && !self.is_whole_cluster() {
                        "<none>".to_owned()
                    } else {
                        cluster.includes_text()
                    }
                ),
                format!("Excluding cluster-scoped resources: {}", cluster.excludes_text()),
            ],
        }
    }

    /// All namespaces and all kinds are asked for: then the cluster-scoped kinds belong to it. The snapshot kinds, which are left out of
    /// every backup, do not count.
    fn is_whole_cluster(&self) -> bool {
        let Rules::Scoped { cluster, namespaced } = &self.rules else { return false };
        let nothing_but = |excluded: &BTreeSet<String>, name: &str| excluded.iter().all(|e| e == name);
        let everything = |included: &BTreeSet<String>| included.is_empty() || included.contains("*");
        self.all_namespaces
            && cluster.included().is_empty()
            && nothing_but(cluster.excluded(), SNAPSHOT_CONTENT_KIND)
            && everything(namespaced.included())
            && nothing_but(namespaced.excluded(), SNAPSHOT_KIND)
    }
}

/// Each name as `plural.group` where the catalog knows it. With a scope asked for, kinds of the other scope are dropped.
fn resolve(names: &[String], catalog: &Catalog, namespaced: Option<bool>) -> Vec<String> {
    let resolved = names.iter().filter_map(|name| match catalog.resolve(name) {
        Some(kind) if namespaced.is_none_or(|n| n == kind.namespaced) => {
            Some(kind.group_resource.to_string())
        }
        Some(_) => None,
        None => Some(name.clone()),
    });
    resolved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::small_cluster;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn scoped(cluster: (&[&str], &[&str]), namespaced: (&[&str], &[&str])) -> ResourceLists {
        ResourceLists::Scoped {
            cluster_included: names(cluster.0),
            cluster_excluded: names(cluster.1),
            namespaced_included: names(namespaced.0),
            namespaced_excluded: names(namespaced.1),
        }
    }

    fn included(lists: &ResourceLists, all_namespaces: bool) -> Vec<String> {
        let catalog = small_cluster();
        let filter = ResourceFilter::new(lists, &catalog, all_namespaces);
        let kinds = catalog.kinds().iter().filter(|k| filter.includes(k));
        kinds.map(|k| k.group_resource.to_string()).collect()
    }

    #[test]
    fn a_backup_of_everything_holds_cluster_scoped_kinds_and_one_of_a_namespace_does_not() {
        let none = scoped((&[], &[SNAPSHOT_CONTENT_KIND]), (&[], &[SNAPSHOT_KIND]));
        assert_eq!(included(&none, true).len(), small_cluster().kinds().len());
        let of_one = included(&none, false);
        assert!(of_one.contains(&"namespaces".into()) && of_one.contains(&"pods".into()));
        assert!(!of_one.contains(&"clusterroles.rbac.authorization.k8s.io".into()));
    }

    #[test]
    fn an_old_filter_takes_cluster_kinds_by_its_switch() {
        let lists = |switch| ResourceLists::Global {
            included: names(&["deploy", "clusterroles", "persistentvolumes"]),
            excluded: names(&["pv", "persistentvolumes"]),
            cluster_resources: switch,
        };
        let roles = "clusterroles.rbac.authorization.k8s.io".to_owned();
        assert_eq!(
            included(&lists(Some(true)), false),
            [roles.clone(), "deployments.apps".into()]
                .map(String::from)
                .iter()
                .rev()
                .cloned()
                .collect::<Vec<_>>()
        );
        assert_eq!(included(&lists(Some(false)), true), ["deployments.apps"]);
        assert_eq!(included(&lists(None), false), ["deployments.apps"]);
        assert!(included(&lists(None), true).contains(&roles));
    }

    #[test]
    fn a_typo_includes_nothing() {
        assert!(
            included(
                &ResourceLists::Global {
                    included: names(&["deploymnts"]),
                    excluded: vec![],
                    cluster_resources: None
                },
                true
            )
            .is_empty()
        );
        let lists = scoped((&[], &[]), (&["deploymnts"], &[]));
        assert_eq!(included(&lists, true), ["namespaces"]);
    }

    #[test]
    fn lists_of_one_scope_do_not_touch_the_other() {
        let lists = scoped(
            (&["clusterroles", "pods"], &["namespaces"]),
            (&["configmaps", "clusterroles"], &["secrets"]),
        );
        assert_eq!(included(&lists, true), ["configmaps", "clusterroles.rbac.authorization.k8s.io"]);
    }
}

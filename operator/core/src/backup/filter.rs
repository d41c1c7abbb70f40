//! Which kinds a backup holds: the two generations of resource filters, resolved once against the catalog.
//!
//! The older filter is one pair of lists and a three-state switch for cluster-scoped kinds; the newer one has a pair of lists for each
//! scope, which resource policies may add to. A backup that uses neither is a newer one with empty lists.

use std::collections::{BTreeSet, HashMap};

use super::policies::IncludeExcludePolicy;
use crate::catalog::Catalog;
use crate::include_exclude::IncludesExcludes;
use crate::kind::{GroupResource, ServedKind};

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
        /// What resource policies say about kinds that these lists do not decide about.
        policy: Option<IncludeExcludePolicy>,
    },
}

/// Left out of every backup: the data-movement machinery makes and deletes these, and restores them by other means.
pub const SNAPSHOT_KIND: &str = "volumesnapshots.snapshot.storage.k8s.io";
/// Cluster-scoped twin of [`SNAPSHOT_KIND`].
pub const SNAPSHOT_CONTENT_KIND: &str = "volumesnapshotcontents.snapshot.storage.k8s.io";

/// The filter, resolved. What it says about the kinds of the catalog is worked out once: it is asked for every item.
#[derive(Debug, Clone)]
pub struct ResourceFilter {
    rules: Rules,
    decided: HashMap<GroupResource, Decision>,
}

#[derive(Debug, Clone)]
struct Rules {
    lists: Lists,
    all_namespaces: bool,
}

#[derive(Debug, Clone)]
enum Lists {
    Global { kinds: IncludesExcludes, cluster_resources: Option<bool> },
    Scoped { cluster: IncludesExcludes, namespaced: IncludesExcludes },
}

#[derive(Debug, Clone, Copy)]
struct Decision {
    includes: bool,
    excludes: bool,
}

impl ResourceFilter {
    /// Resolves the lists. Names that the cluster does not know stay as they are: a typo must not become "everything".
    /// `all_namespaces`: the namespace filter leaves nothing out.
    pub fn new(lists: &ResourceLists, catalog: &Catalog, all_namespaces: bool) -> Self {
        let rules = Rules { lists: Lists::resolve(lists, catalog), all_namespaces };
        let decided = catalog.kinds().iter().map(|kind| (kind.group_resource.clone(), rules.decide(kind)));
        Self { decided: decided.collect(), rules }
    }

    /// Whether objects of this kind are collected.
    pub fn includes(&self, kind: &ServedKind) -> bool {
        self.decision(kind).includes
    }

    /// Whether objects of this kind may not come in even as related objects of others.
    pub fn excludes(&self, kind: &ServedKind) -> bool {
        self.decision(kind).excludes
    }

    fn decision(&self, kind: &ServedKind) -> Decision {
        self.decided.get(&kind.group_resource).copied().unwrap_or_else(|| self.rules.decide(kind))
    }

    /// Lines for the log, one per list.
    pub fn describe(&self) -> Vec<String> {
        match &self.rules.lists {
            Lists::Global { kinds, cluster_resources } => vec![
                format!("Including resources: {}", kinds.includes_text()),
                format!("Excluding resources: {}", kinds.excludes_text()),
                format!(
                    "Including cluster-scoped resources: {}",
                    cluster_resources.map_or_else(|| "auto".to_owned(), |wanted| wanted.to_string())
                ),
            ],
            Lists::Scoped { cluster, namespaced } => vec![
                format!("Including namespace-scoped resources: {}", namespaced.includes_text()),
                format!("Excluding namespace-scoped resources: {}", namespaced.excludes_text()),
                format!(
                    "Including cluster-scoped resources: {}",
                    if cluster.included().is_empty() && !self.rules.is_whole_cluster() {
                        "<none>".to_owned()
                    } else {
                        cluster.includes_text()
                    }
                ),
                format!("Excluding cluster-scoped resources: {}", cluster.excludes_text()),
            ],
        }
    }
}

impl Rules {
    fn decide(&self, kind: &ServedKind) -> Decision {
        let name = kind.group_resource.to_string();
        Decision { includes: self.includes(kind, &name), excludes: self.excludes(kind, &name) }
    }

    fn includes(&self, kind: &ServedKind, name: &str) -> bool {
        match &self.lists {
            Lists::Global { kinds, cluster_resources } => {
                let scope = kind.namespaced
                    || match cluster_resources {
                        Some(wanted) => *wanted,
                        None => name == "namespaces" || self.all_namespaces,
                    };
                scope && kinds.includes(name)
            }
            Lists::Scoped { namespaced, .. } if kind.namespaced => namespaced.includes(name),
            Lists::Scoped { cluster, .. } => {
                !cluster.is_excluded(name)
                    && (cluster.is_listed(name) || name == "namespaces" || self.is_whole_cluster())
            }
        }
    }

    fn excludes(&self, kind: &ServedKind, name: &str) -> bool {
        match &self.lists {
            Lists::Global { kinds, .. } if kind.namespaced => kinds.is_excluded(name),
            Lists::Global { kinds, cluster_resources } => match cluster_resources {
                Some(false) => true,
                Some(true) => kinds.is_excluded(name),
                None => !kinds.includes(name),
            },
            Lists::Scoped { namespaced, .. } if kind.namespaced => namespaced.is_excluded(name),
            Lists::Scoped { cluster, .. } => cluster.is_excluded(name),
        }
    }

    /// All namespaces and all kinds are asked for: then the cluster-scoped kinds belong to it. The snapshot kinds, which are left out of
    /// every backup, do not count.
    fn is_whole_cluster(&self) -> bool {
        let Lists::Scoped { cluster, namespaced } = &self.lists else { return false };
        let nothing_but = |excluded: &BTreeSet<String>, name: &str| excluded.iter().all(|e| e == name);
        let everything = |included: &BTreeSet<String>| included.is_empty() || included.contains("*");
        self.all_namespaces
            && cluster.included().is_empty()
            && nothing_but(cluster.excluded(), SNAPSHOT_CONTENT_KIND)
            && everything(namespaced.included())
            && nothing_but(namespaced.excluded(), SNAPSHOT_KIND)
    }
}

impl Lists {
    fn resolve(lists: &ResourceLists, catalog: &Catalog) -> Self {
        match lists {
            ResourceLists::Global { included, excluded, cluster_resources } => Self::Global {
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
                policy,
            } => {
                let mut cluster = scope((cluster_included, cluster_excluded), catalog, false);
                let mut namespaced = scope((namespaced_included, namespaced_excluded), catalog, true);
                if let Some(policy) = policy {
                    let excluded = &policy.excluded_namespace_scoped_resources;
                    add_policy(
                        &mut namespaced,
                        &policy.included_namespace_scoped_resources,
                        excluded,
                        catalog,
                        true,
                    );
                    let excluded = &policy.excluded_cluster_scoped_resources;
                    add_policy(
                        &mut cluster,
                        &policy.included_cluster_scoped_resources,
                        excluded,
                        catalog,
                        false,
                    );
                }
                Self::Scoped { cluster, namespaced }
            }
        }
    }
}

/// The two lists of one scope.
fn scope(
    (included, excluded): (&[String], &[String]),
    catalog: &Catalog,
    namespaced: bool,
) -> IncludesExcludes {
    IncludesExcludes::new(
        resolve(included, catalog, Some(namespaced)),
        resolve(excluded, catalog, Some(namespaced)),
    )
}

/// Adds what a policy says about kinds that the lists say nothing about: the Backup comes first, then what the policy leaves out, then what
/// it takes.
fn add_policy(
    lists: &mut IncludesExcludes,
    included: &[String],
    excluded: &[String],
    catalog: &Catalog,
    namespaced: bool,
) {
    let undecided = |lists: &IncludesExcludes, name: &str| !lists.is_listed(name) && !lists.is_excluded(name);
    for name in resolve(excluded, catalog, Some(namespaced)) {
        if undecided(lists, &name) {
            lists.add_exclude(name);
        }
    }
    for name in resolve(included, catalog, Some(namespaced)) {
        if undecided(lists, &name) {
            lists.add_include(name);
        }
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
mod tests;

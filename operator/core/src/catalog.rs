//! The kinds that a cluster serves, taken once at the start of a run: names are resolved against it and nothing else.
//!
//! A catalog is only as good as the discovery that it was made from: groups that could not be asked are kept with the reason, so that a
//! run can tell "there is no such kind" from "nobody knows".

use std::collections::{BTreeMap, HashMap};

use crate::kind::{GroupResource, ServedKind};

/// The preferred version of every kind that can be backed up, in the server's order with `extensions` last.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    kinds: Vec<ServedKind>,
    by_group_resource: HashMap<GroupResource, usize>,
    unavailable: BTreeMap<String, String>,
    versions: Vec<ServedKind>,
}

impl Catalog {
    /// From the kinds in the order of discovery, one version each, and the groups that could not be asked with the reason.
    /// Subresources and kinds that cannot be listed, read, created and deleted are left out; of several entries for one kind the
    /// first stays.
    pub fn new(kinds: impl IntoIterator<Item = ServedKind>, unavailable: BTreeMap<String, String>) -> Self {
        let mut kept: Vec<ServedKind> = Vec::new();
        let mut by_group_resource = HashMap::new();
        for kind in kinds {
            if worth_a_backup(&kind) && !kept.iter().any(|k| k.group_resource == kind.group_resource) {
                kept.push(kind);
            }
        }
        kept.sort_by_key(|kind| kind.group_resource.group == "extensions");
        for (index, kind) in kept.iter().enumerate() {
            by_group_resource.insert(kind.group_resource.clone(), index);
        }
        Self { kinds: kept, by_group_resource, unavailable, versions: Vec::new() }
    }

    /// With all that the cluster serves, every kind in every version, worth a backup or not.
    #[must_use]
    pub fn with_versions(mut self, versions: Vec<ServedKind>) -> Self {
        self.versions =
            versions.into_iter().filter(|kind| !kind.group_resource.resource.contains('/')).collect();
        self
    }

    /// With kinds that will be served soon, after all others; of several versions of a kind the first is the preferred one.
    #[must_use]
    pub fn and(&self, coming: Vec<ServedKind>) -> Self {
        let versions = self.versions.iter().chain(&coming).cloned().collect();
        let kinds = self.kinds.iter().cloned().chain(coming);
        Self::new(kinds, self.unavailable.clone()).with_versions(versions)
    }

    /// What the cluster serves in a group: every kind in every version, the preferred version of a kind before its others.
    pub fn served(&self, group: &str) -> impl Iterator<Item = &ServedKind> {
        self.versions.iter().filter(move |kind| kind.group_resource.group == group)
    }

    /// All kinds, in order.
    pub fn kinds(&self) -> &[ServedKind] {
        &self.kinds
    }

    /// Every version of every kind that can be backed up: of each group the preferred version of its kinds in the order of
    /// [`Catalog::kinds`], then the other versions as the server names them; `extensions` last. What a run lists that wants all versions.
    pub fn all_versions(&self) -> impl Iterator<Item = &ServedKind> {
        let old = |kind: &&ServedKind| kind.group_resource.group == "extensions";
        let usable = || self.versions.iter().filter(|kind| worth_a_backup(kind));
        usable().filter(move |kind| !old(kind)).chain(usable().filter(old))
    }

    /// Whether this is the version in which [`Catalog::kinds`] has the kind.
    pub fn is_preferred(&self, kind: &ServedKind) -> bool {
        self.get(&kind.group_resource).is_some_and(|preferred| preferred.version == kind.version)
    }

    /// Groups (`group/version` or group) that could not be asked, with the reason.
    pub fn unavailable(&self) -> &BTreeMap<String, String> {
        &self.unavailable
    }

    /// The kind of that group and plural.
    pub fn get(&self, group_resource: &GroupResource) -> Option<&ServedKind> {
        self.by_group_resource.get(group_resource).map(|index| &self.kinds[*index])
    }

    /// The kind that a person means: plural, singular or short name, in any case, with or without its group (of which a beginning is
    /// enough). Full names win over short ones, earlier kinds over later ones.
    pub fn resolve(&self, text: &str) -> Option<&ServedKind> {
        let wanted = GroupResource::parse(&text.to_lowercase());
        let in_group = |kind: &&ServedKind| {
            wanted.group.is_empty()
                || kind.group_resource.group == wanted.group
                || kind.group_resource.group.starts_with(&format!("{}.", wanted.group))
        };
        let exact = |kind: &&ServedKind| kind.group_resource == wanted;
        let named = |kind: &&ServedKind| {
            kind.group_resource.resource == wanted.resource || kind.singular == wanted.resource
        };
        let short = |kind: &&ServedKind| kind.short_names.contains(&wanted.resource);
        self.kinds
            .iter()
            .find(exact)
            .or_else(|| self.kinds.iter().filter(in_group).find(named))
            .or_else(|| self.kinds.iter().filter(in_group).find(short))
    }

    /// The kind that serves objects of this `apiVersion` group and kind.
    pub fn kind_for(&self, group: &str, kind: &str) -> Option<&ServedKind> {
        self.kinds.iter().find(|k| k.group_resource.group == group && k.kind == kind)
    }
}

/// Subresources are part of their object.
fn worth_a_backup(kind: &ServedKind) -> bool {
    kind.can_be_backed_up() && !kind.group_resource.resource.contains('/')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn served(group_resource: &str, version: &str, kind: &str, namespaced: bool) -> ServedKind {
        ServedKind {
            group_resource: GroupResource::parse(group_resource),
            version: version.into(),
            kind: kind.into(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            namespaced,
            verbs: ["create", "delete", "get", "list"].map(String::from).to_vec(),
        }
    }

    /// A small cluster: enough kinds to tell scopes, groups and names apart.
    pub(crate) fn small_cluster() -> Catalog {
        let mut deployments = served("deployments.apps", "v1", "Deployment", true);
        deployments.short_names = vec!["deploy".into()];
        let mut bindings = served("bindings", "v1", "Binding", true);
        bindings.verbs = vec!["create".into()];
        Catalog::new(
            [
                bindings,
                served("configmaps", "v1", "ConfigMap", true),
                served("endpoints", "v1", "Endpoints", true),
                served("namespaces", "v1", "Namespace", false),
                served("persistentvolumeclaims", "v1", "PersistentVolumeClaim", true),
                served("persistentvolumes", "v1", "PersistentVolume", false),
                served("pods", "v1", "Pod", true),
                served("secrets", "v1", "Secret", true),
                served("serviceaccounts", "v1", "ServiceAccount", true),
                served("services", "v1", "Service", true),
                served(
                    "customresourcedefinitions.apiextensions.k8s.io",
                    "v1",
                    "CustomResourceDefinition",
                    false,
                ),
                deployments,
                served("replicasets.apps", "v1", "ReplicaSet", true),
                served("jobs.batch", "v1", "Job", true),
                served("clusterroles.rbac.authorization.k8s.io", "v1", "ClusterRole", false),
                served("roles.rbac.authorization.k8s.io", "v1", "Role", true),
                served("tools.shop.example", "v1alpha1", "Tool", true),
            ],
            BTreeMap::new(),
        )
    }

    #[test]
    fn names_resolve_as_people_write_them() {
        let catalog = small_cluster();
        let resolve = |text: &str| catalog.resolve(text).map(|k| k.group_resource.to_string());
        for text in
            ["deployments", "deployment", "deploy", "Deployments", "deployments.apps", "deployment.apps"]
        {
            assert_eq!(resolve(text).as_deref(), Some("deployments.apps"), "{text}");
        }
        assert_eq!(resolve("clusterroles.rbac").as_deref(), Some("clusterroles.rbac.authorization.k8s.io"));
        assert_eq!(resolve("deployments.extensions"), None);
        assert_eq!(resolve("nonsense"), None);
    }

    #[test]
    fn all_versions_of_a_group_are_known() {
        let mut reviews = served("tokenreviews.authentication.k8s.io", "v1", "TokenReview", false);
        reviews.verbs = vec!["create".into()];
        let versions = vec![
            served("jobs.batch", "v1", "Job", true),
            reviews,
            served("jobs.batch", "v1beta1", "Job", true),
            served("jobs/status.batch", "v1", "Job", true),
        ];
        let catalog = small_cluster().with_versions(versions);
        let told = |group| catalog.served(group).map(ServedKind::resource_key).collect::<Vec<_>>();
        assert_eq!(told("batch"), ["batch/v1/Job", "batch/v1beta1/Job"]);
        assert_eq!(told("authentication.k8s.io"), ["authentication.k8s.io/v1/TokenReview"]);
        assert!(told("apps").is_empty());
    }

    #[test]
    fn all_versions_come_with_the_preferred_one_marked() {
        let preferred = vec![
            served("ingresses.extensions", "v1beta1", "Ingress", true),
            served("jobs.batch", "v1", "Job", true),
        ];
        let mut reviews = served("reviews.batch", "v1", "Review", true);
        reviews.verbs = vec!["create".into()];
        let mut versions = preferred.clone();
        versions.extend([reviews, served("jobs.batch", "v1beta1", "Job", true)]);
        let catalog = Catalog::new(preferred, BTreeMap::new()).with_versions(versions);
        let told = |kind: &ServedKind| (kind.resource_key(), catalog.is_preferred(kind));
        let told: Vec<_> = catalog.all_versions().map(told).collect();
        let expected =
            [("batch/v1/Job", true), ("batch/v1beta1/Job", false), ("extensions/v1beta1/Ingress", true)];
        assert_eq!(told, expected.map(|(key, preferred)| (key.to_owned(), preferred)));
    }

    #[test]
    fn kinds_that_cannot_be_restored_are_not_in_the_catalog() {
        assert!(small_cluster().get(&GroupResource::parse("bindings")).is_none());
    }
}

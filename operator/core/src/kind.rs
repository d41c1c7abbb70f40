//! How kinds of objects are named: by group and plural in files and filters, by API version and kind in resource lists.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind by API group and plural, without a version: `deployments.apps`, `pods`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupResource {
    /// API group, empty for the core group.
    pub group: String,
    /// Plural, lower case.
    pub resource: String,
}

impl GroupResource {
    /// From group and plural.
    pub fn new(group: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { group: group.into(), resource: resource.into() }
    }

    /// Reads `resource[.group]`; the first dot separates. Never fails: what is not a kind resolves to nothing later.
    pub fn parse(text: &str) -> Self {
        match text.split_once('.') {
            Some((resource, group)) => Self::new(group, resource),
            None => Self::new("", text),
        }
    }

    /// Whether this is `other`, written as `resource[.group]`.
    pub fn is(&self, other: &str) -> bool {
        *self == Self::parse(other)
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.resource)
        } else {
            write!(f, "{}.{}", self.resource, self.group)
        }
    }
}

/// One kind in one version, as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedKind {
    /// Group and plural.
    pub group_resource: GroupResource,
    /// `v1`, `v1beta1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// Lower-case singular, may be empty.
    pub singular: String,
    /// `deploy`.
    pub short_names: Vec<String>,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// What the server lets clients do.
    pub verbs: Vec<String>,
}

impl ServedKind {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group_resource.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group_resource.group, self.version)
        }
    }

    /// `apps/v1/Deployment`, the key of resource lists.
    pub fn resource_key(&self) -> String {
        format!("{}/{}", self.api_version(), self.kind)
    }

    /// Whether objects can be listed, read, created and deleted: what a backup needs to be worth taking.
    pub fn can_be_backed_up(&self) -> bool {
        ["list", "create", "get", "delete"].iter().all(|verb| self.verbs.iter().any(|v| v == verb))
    }
}

/// Where an object stands in the cluster or in an archive: `namespace/name`, or `name` without a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectName {
    /// None for cluster-scoped objects.
    pub namespace: Option<String>,
    /// metadata.name.
    pub name: String,
}

impl ObjectName {
    /// From a namespace, if any, and a name.
    pub fn new(namespace: Option<&str>, name: &str) -> Self {
        Self { namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dot_separates_plural_and_group() {
        let volumes = GroupResource::parse("volumesnapshots.snapshot.storage.k8s.io");
        assert_eq!(volumes, GroupResource::new("snapshot.storage.k8s.io", "volumesnapshots"));
        assert_eq!(volumes.to_string(), "volumesnapshots.snapshot.storage.k8s.io");
        assert_eq!(GroupResource::parse("pods").to_string(), "pods");
    }
}

//! What an action is asked about: roles, items and references to objects.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an action can be asked. In a manifest: `on: [backup, restore, delete, related-items]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Before an item is written to the archive.
    Backup,
    /// Before an item is created in the cluster.
    Restore,
    /// While a backup is deleted, for every item in its archive.
    Delete,
    /// Which objects are backed up in one block with an item.
    RelatedItems,
}

impl Role {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Backup, Self::Restore, Self::Delete, Self::RelatedItems];

    /// The interface of the contract that a component exports for it.
    pub fn interface(self) -> &'static str {
        match self {
            Self::Backup => "backup-item",
            Self::Restore => "restore-item",
            Self::Delete => "delete-item",
            Self::RelatedItems => "related-items",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Delete => "delete",
            Self::RelatedItems => "related-items",
        })
    }
}

/// The item of a call, as the engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// API group, `""` for the core group.
    pub group: String,
    /// Plural, lower case: `deployments`.
    pub resource: String,
    /// API version without the group: `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// In the archive, or in the cluster on backup; `None` for a cluster-scoped object.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Restore: the namespace it will be created in; on backup the same as `namespace`.
    pub target_namespace: Option<String>,
    /// An action asked for it with another item; the run does not select it by itself.
    pub additional: bool,
}

impl fmt::Display for Subject {
    /// `deployments.apps/shop/web`, in the way in which Velero writes items.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_reference(f, &self.group, &self.resource, self.namespace.as_deref(), &self.name)
    }
}

/// Names one object, without a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// API group, `""` for the core group.
    pub group: String,
    /// Plural, lower case.
    pub resource: String,
    /// On restore the namespace in the archive; `None` for a cluster-scoped object.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_reference(f, &self.group, &self.resource, self.namespace.as_deref(), &self.name)
    }
}

fn write_reference(
    f: &mut fmt::Formatter<'_>,
    group: &str,
    resource: &str,
    namespace: Option<&str>,
    name: &str,
) -> fmt::Result {
    f.write_str(resource)?;
    if !group.is_empty() {
        write!(f, ".{group}")?;
    }
    if let Some(namespace) = namespace {
        write!(f, "/{namespace}")?;
    }
    write!(f, "/{name}")
}

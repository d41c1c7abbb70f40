//! What the actions ask the cluster for: a trait, so that a test answers as well as the host does.

#[cfg(test)]
pub(crate) mod recorded;

use lateen_action::cluster::{self, KindOf, Query};
use serde::de::DeserializeOwned;

/// Reading the cluster. An error is the text for the run.
pub(crate) trait Cluster {
    /// One object; none where there is no such object.
    fn get<T: DeserializeOwned>(
        &self,
        kind: KindOf,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<T>, String>;

    /// All objects that a listing names.
    fn list<T: DeserializeOwned>(&self, listing: Listing<'_>) -> Result<Vec<T>, String>;

    /// Whether the cluster serves a resource of a group, in this version or in any.
    fn serves(&self, group: &str, resource: &str, version: Option<&str>) -> Result<bool, String>;
}

/// Which objects to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing<'a> {
    /// "" for the core group.
    pub(crate) group: &'a str,
    /// Plural.
    pub(crate) resource: &'a str,
    /// None: cluster-scoped.
    pub(crate) namespace: Option<&'a str>,
    /// As for `kubectl -l`.
    pub(crate) labels: String,
    /// As for `kubectl --field-selector`.
    pub(crate) fields: &'a str,
    /// Objects per page, by how large they are.
    pub(crate) page: u32,
}

/// The cluster of the run.
pub(crate) struct Host;

impl Cluster for Host {
    fn get<T: DeserializeOwned>(
        &self,
        kind: KindOf,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<T>, String> {
        Ok(cluster::get(kind, namespace, name)?)
    }

    fn list<T: DeserializeOwned>(&self, listing: Listing<'_>) -> Result<Vec<T>, String> {
        let Listing { group, resource, namespace, labels, fields, page } = listing;
        let mut query = Query::new(KindOf::new(group, resource)).labels(labels).fields(fields).page(page);
        if let Some(namespace) = namespace {
            query = query.namespace(namespace);
        }
        Ok(query.list().collect::<Result<_, _>>()?)
    }

    fn serves(&self, group: &str, resource: &str, version: Option<&str>) -> Result<bool, String> {
        let served = cluster::serves(group)?;
        Ok(served
            .iter()
            .any(|kind| kind.resource == resource && version.is_none_or(|version| kind.version == version)))
    }
}

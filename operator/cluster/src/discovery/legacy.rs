//! Discovery of servers that cannot aggregate (before Kubernetes 1.27): one document per group and version.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroupList, APIResourceList, APIVersions};
use kube::Client;
use lateen_core::kind::{GroupResource, ServedKind};

use super::group::{Group, Version};
use super::{DiscoveryError, document, unexpected};

/// Documents asked for at a time: a cluster has some 30, and each is one small read.
const SIDE_BY_SIDE: usize = 8;

/// A group whose documents are still to be read.
struct Named {
    group: String,
    preferred: Option<String>,
    versions: Vec<String>,
}

/// The groups named by the document at that root, `api` or `apis`. Only what the root document lacks is an error; a version that cannot be
/// asked is part of the result.
pub(super) async fn groups(client: &Client, root: &str, text: &str) -> Result<Vec<Group>, DiscoveryError> {
    let named = if root == "api" { core(text) } else { others(text) };
    let named = named.map_err(|source| unexpected(&[root], source))?;
    futures::stream::iter(named.into_iter().map(Ok))
        .map_ok(|named| async move {
            let versions = futures::stream::iter(&named.versions)
                .then(|version| ask(client, root, &named.group, version))
                .collect()
                .await;
            Ok(Group { name: named.group, preferred: named.preferred, versions })
        })
        .try_buffered(SIDE_BY_SIDE)
        .try_collect()
        .await
}

fn core(text: &str) -> Result<Vec<Named>, serde_json::Error> {
    let APIVersions { versions, .. } = serde_json::from_str(text)?;
    Ok(vec![Named { group: String::new(), preferred: None, versions }])
}

fn others(text: &str) -> Result<Vec<Named>, serde_json::Error> {
    let APIGroupList { groups } = serde_json::from_str(text)?;
    let named = groups.into_iter().map(|group| Named {
        group: group.name,
        preferred: group.preferred_version.map(|preferred| preferred.version),
        versions: group.versions.into_iter().map(|version| version.version).collect(),
    });
    Ok(named.collect())
}

async fn ask(client: &Client, root: &str, group: &str, version: &str) -> Version {
    let segments: Vec<&str> = [root, group, version].into_iter().filter(|s| !s.is_empty()).collect();
    let kinds = match document(client, &segments).await {
        Ok(text) => kinds(group, version, &text).map_err(|error| error.to_string()),
        Err(DiscoveryError::Request { source, .. }) => Err(source.line()),
    };
    Version { name: version.to_owned(), kinds }
}

fn kinds(group: &str, version: &str, text: &str) -> Result<Vec<ServedKind>, serde_json::Error> {
    let list: APIResourceList = serde_json::from_str(text)?;
    let kinds = list.resources.into_iter().map(|resource| ServedKind {
        group_resource: GroupResource::new(group, resource.name),
        version: version.to_owned(),
        kind: resource.kind,
        singular: resource.singular_name,
        short_names: resource.short_names.unwrap_or_default(),
        namespaced: resource.namespaced,
        verbs: resource.verbs,
    });
    Ok(kinds.collect())
}

//! Reading of aggregated discovery documents (`apidiscovery.k8s.io`, v2 and v2beta1, which look the same).
//!
//! kube has types for these, but its lists do not take `null`, which is how servers write the verbs of a resource that exists only for its
//! subresources; one such resource would cost the whole document.

use lateen_core::kind::{GroupResource, ServedKind};
use serde::Deserialize;

use super::group::{Group, Version};

#[derive(Deserialize)]
struct Document {
    kind: String,
    #[serde(default)]
    items: Option<Vec<GroupItem>>,
}

#[derive(Deserialize)]
struct GroupItem {
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    versions: Option<Vec<VersionItem>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct VersionItem {
    version: String,
    #[serde(default)]
    resources: Option<Vec<KindItem>>,
    #[serde(default)]
    freshness: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KindItem {
    resource: String,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    singular_resource: Option<String>,
    #[serde(default)]
    verbs: Option<Vec<String>>,
    #[serde(default)]
    short_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: Option<String>,
}

/// The groups of a document, or None if the server answered with a document of another kind, as servers do that cannot aggregate.
pub(super) fn read(text: &str) -> Result<Option<Vec<Group>>, serde_json::Error> {
    let document: Document = serde_json::from_str(text)?;
    if document.kind != "APIGroupDiscoveryList" {
        return Ok(None);
    }
    Ok(Some(document.items.into_iter().flatten().map(group).collect()))
}

fn group(item: GroupItem) -> Group {
    let name = item.metadata.and_then(|m| m.name).unwrap_or_default();
    let versions = item.versions.into_iter().flatten().map(|v| version(&name, v)).collect();
    // The first version is the preferred one here.
    Group { name, preferred: None, versions }
}

fn version(group: &str, item: VersionItem) -> Version {
    let kinds = if item.freshness.as_deref() == Some("Stale") {
        Err("the API server could not get a fresh list of its kinds from the server behind it".to_owned())
    } else {
        Ok(item.resources.into_iter().flatten().filter_map(|r| kind(group, &item.version, r)).collect())
    };
    Version { name: item.version, kinds }
}

fn kind(group: &str, version: &str, item: KindItem) -> Option<ServedKind> {
    Some(ServedKind {
        group_resource: GroupResource::new(group, item.resource),
        version: version.to_owned(),
        kind: item.response_kind?.kind.filter(|kind| !kind.is_empty())?,
        singular: item.singular_resource.unwrap_or_default(),
        short_names: item.short_names.unwrap_or_default(),
        namespaced: item.scope.as_deref() == Some("Namespaced"),
        verbs: item.verbs.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::group::catalog;

    #[test]
    fn a_recorded_server_becomes_a_catalog() {
        let mut groups = read(include_str!("../../tests/fixtures/discovery-api.json")).unwrap().unwrap();
        groups.extend(read(include_str!("../../tests/fixtures/discovery-apis.json")).unwrap().unwrap());
        let catalog = catalog(groups);
        let mut told: Vec<String> = Vec::new();
        for kind in catalog.kinds() {
            let scope = if kind.namespaced { "namespaced" } else { "cluster" };
            let names = kind.short_names.join(",");
            told.push(format!(
                "{} {} {scope} {} [{names}]",
                kind.group_resource,
                kind.resource_key(),
                kind.singular
            ));
        }
        for (group, reason) in catalog.unavailable() {
            told.push(format!("unavailable {group}: {reason}"));
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../../../snapshots/cluster");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("catalog", told.join("\n")));
    }

    #[test]
    fn other_documents_are_told_apart_from_broken_ones() {
        assert!(read(r#"{"kind":"APIGroupList","groups":[]}"#).unwrap().is_none());
        for bad in ["", "{}", "[]", r#"{"kind":"APIGroupDiscoveryList","items":[{"versions":[{}]}]}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

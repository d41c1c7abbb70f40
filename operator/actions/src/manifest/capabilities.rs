//! What an action may do beyond changing the item it is given.

use serde::Deserialize;

use super::{
    ManifestError,
    cluster_rules::{self, ClusterRules, RawClusterRule},
};
use crate::{
    matching::{NamespaceGlobs, ResourcePatterns},
    subject::{ObjectRef, Subject},
};

/// The grants of a manifest; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// Secrets: as items, where `match` names them, and as related objects.
    pub secrets: bool,
    /// The item may become another one: other API version, kind or name.
    pub identity: bool,
    /// Related objects may come in past the backup's filters.
    pub must_include: bool,
    /// Related objects outside the item's own namespace.
    pub related: Option<RelatedGrant>,
    /// Requests to the cluster.
    pub cluster: ClusterRules,
}

/// Which related objects may lie outside the item's own namespace.
#[derive(Debug, Clone)]
pub struct RelatedGrant {
    resources: ResourcePatterns,
    namespaces: NamespaceGlobs,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawCapabilities {
    #[serde(default)]
    secrets: bool,
    #[serde(default)]
    identity: bool,
    #[serde(default)]
    must_include: bool,
    related: Option<RawRelated>,
    #[serde(default)]
    cluster: Vec<RawClusterRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawRelated {
    resources: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
}

impl RawCapabilities {
    pub(super) fn validate(self) -> Result<Capabilities, ManifestError> {
        let related = self.related.map(RawRelated::validate).transpose()?;
        let cluster = cluster_rules::validate(self.cluster, self.secrets)?;
        Ok(Capabilities {
            secrets: self.secrets,
            identity: self.identity,
            must_include: self.must_include,
            related,
            cluster,
        })
    }
}

impl RawRelated {
    fn validate(self) -> Result<RelatedGrant, ManifestError> {
        let resources = ResourcePatterns::parse(&self.resources)
            .map_err(|source| ManifestError::Pattern { field: "capabilities.related.resources", source })?;
        let namespaces = NamespaceGlobs::parse(&self.namespaces)
            .map_err(|source| ManifestError::Pattern { field: "capabilities.related.namespaces", source })?;
        Ok(RelatedGrant { resources, namespaces })
    }
}

impl Capabilities {
    /// Whether a related object may be asked for with this item. The error is the line that the manifest lacks.
    pub fn allow_related(&self, subject: &Subject, object: &ObjectRef) -> Result<(), &'static str> {
        if object.group.is_empty() && object.resource == "secrets" && !self.secrets {
            return Err("capabilities: {secrets: true}");
        }
        let near = object.namespace.is_none() || object.namespace == subject.namespace;
        let granted = || {
            self.related.as_ref().is_some_and(|grant| {
                (grant.resources.matches(&object.group, &object.resource)
                    || grant.resources.matches_secrets(&object.group, &object.resource))
                    && grant.namespaces.matches(object.namespace.as_deref())
            })
        };
        if near || granted() {
            Ok(())
        } else {
            Err("capabilities: {related: {resources: [...], namespaces: [...]}}")
        }
    }
}

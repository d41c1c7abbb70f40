//! What a restore is about: its filters, resolved once against the cluster's kinds and the archive's namespaces.

use std::collections::BTreeMap;

use super::request::{NON_RESTORABLE, RestoreRequest};
use crate::archive::index::ArchiveIndex;
use crate::catalog::Catalog;
use crate::include_exclude::IncludesExcludes;
use crate::kind::{GroupResource, ObjectName};
use crate::namespaces::{NamespaceFilter, PatternError};

/// Kinds that carry the data of volumes: they come with every restore, whatever its lists and selectors say.
const MUST_HAVE: [&str; 2] = ["datauploads.velero.io", "volumesnapshotcontents.snapshot.storage.k8s.io"];

/// Why an object is not restored by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Its kind is left out or not included.
    Kind,
    /// Its kind describes the cluster and is never restored.
    NonRestorable,
    /// Its namespace is left out or not included.
    Namespace,
    /// It is cluster-scoped, and the restore is one of some namespaces or says that it wants none.
    ClusterScoped,
    /// The label selector does not match.
    Selector,
    /// It is no object, or not the one that its file is named for.
    Unreadable,
    /// The cluster has no such kind, for this cause.
    NotServed(String),
    /// The kind is namespaced in one of the two and cluster-scoped in the other.
    OtherScope,
    /// An object of the same name comes from this other namespace, which is mapped to the same name.
    SameTarget(String),
    /// Namespaces are made together with their first object, never as an object of their own.
    NamespaceObject,
}

impl Reason {
    /// Whether somebody who asked for the object does not get it.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Unreadable | Self::NotServed(_) | Self::OtherScope)
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Self::Kind => "the kind is not part of the restore".into(),
            Self::NonRestorable => "the kind is never restored".into(),
            Self::Namespace => "the namespace is not part of the restore".into(),
            Self::ClusterScoped => "cluster-scoped objects are not part of the restore".into(),
            Self::Selector => "the label selector does not match".into(),
            Self::Unreadable => "the archive holds no readable object of this name".into(),
            Self::NotServed(cause) => cause.clone(),
            Self::OtherScope => {
                "the kind is namespaced in the backup or in the cluster, but not in both".into()
            }
            Self::SameTarget(other) => format!("an object of this name is restored from namespace {other}"),
            Self::NamespaceObject => "namespaces are made with their first object".into(),
        }
    }
}

/// The filters of a restore.
#[derive(Debug, Clone)]
pub struct Scope {
    kinds: IncludesExcludes,
    namespaces: NamespaceFilter,
    cluster_resources: Option<bool>,
    mapping: BTreeMap<String, String>,
}

impl Scope {
    /// Resolves the filters. Names of kinds that neither cluster nor archive know stay as they are: a typo includes nothing.
    pub fn new(
        index: &ArchiveIndex,
        catalog: &Catalog,
        request: &RestoreRequest,
    ) -> Result<Self, PatternError> {
        let resolve =
            |names: &[String]| names.iter().map(|name| resolve(name, catalog, index)).collect::<Vec<_>>();
        let namespaces = NamespaceFilter::new(
            &request.included_namespaces,
            &request.excluded_namespaces,
            &index.namespaces(),
        )?;
        Ok(Self {
            kinds: IncludesExcludes::new(
                resolve(&request.included_resources),
                resolve(&request.excluded_resources),
            ),
            namespaces,
            cluster_resources: request.cluster_resources,
            mapping: request.namespace_mapping.clone(),
        })
    }

    /// Whether objects of this kind belong to the restore.
    pub fn kind(&self, kind: &GroupResource) -> Result<(), Reason> {
        let name = kind.to_string();
        if NON_RESTORABLE.contains(&name.as_str()) {
            return Err(Reason::NonRestorable);
        }
        if is_must_have(kind) || self.kinds.includes(&name) { Ok(()) } else { Err(Reason::Kind) }
    }

    /// Whether objects of this kind that stand here in the archive belong to the restore; `None` is where cluster-scoped objects stand.
    pub fn place(&self, kind: &GroupResource, namespace: Option<&str>) -> Result<(), Reason> {
        match (namespace, self.cluster_resources) {
            (Some(namespace), _) if is_must_have(kind) || self.namespaces.includes(namespace) => Ok(()),
            (Some(_), _) => Err(Reason::Namespace),
            (None, Some(true)) => Ok(()),
            (None, None) if self.namespaces.is_everything() => Ok(()),
            (None, _) => Err(Reason::ClusterScoped),
        }
    }

    /// Whether an object that another one needs may be restored with it. Selectors do not count, and cluster-scoped objects come along
    /// unless the restore says that it wants none.
    pub fn related(&self, kind: &GroupResource, object: &ObjectName) -> Result<(), Reason> {
        self.kind(kind)?;
        match (&object.namespace, self.cluster_resources) {
            (Some(namespace), _) => self.place(kind, Some(namespace)),
            (None, Some(false)) => Err(Reason::ClusterScoped),
            (None, _) => Ok(()),
        }
    }

    /// Whether a namespace belongs to the restore.
    pub fn namespace(&self, namespace: &str) -> bool {
        self.namespaces.includes(namespace)
    }

    /// The namespace in the cluster for one of the archive.
    pub fn target<'a>(&'a self, namespace: &'a str) -> &'a str {
        self.mapping.get(namespace).map_or(namespace, String::as_str)
    }

    /// Whether several namespaces of the archive may end in this one.
    pub(super) fn is_shared(&self, target: &str) -> bool {
        self.mapping.values().any(|mapped| mapped == target)
    }

    /// Lines for the log, one per filter.
    pub fn describe(&self) -> Vec<String> {
        let cluster = self.cluster_resources.map_or_else(|| "auto".to_owned(), |wanted| wanted.to_string());
        vec![
            format!("Including namespaces: {}", self.namespaces.includes_text()),
            format!("Excluding namespaces: {}", self.namespaces.excludes_text()),
            format!("Including resources: {}", self.kinds.includes_text()),
            format!("Excluding resources: {}", self.kinds.excludes_text()),
            format!("Including cluster-scoped resources: {cluster}"),
        ]
    }
}

/// Whether objects of this kind come with every restore.
pub fn is_must_have(kind: &GroupResource) -> bool {
    MUST_HAVE.iter().any(|name| kind.is(name))
}

/// The full name of the kind that `name` means: one that the cluster knows, or else one that the archive holds.
pub(super) fn resolve(name: &str, catalog: &Catalog, index: &ArchiveIndex) -> String {
    if let Some(served) = catalog.resolve(name) {
        return served.group_resource.to_string();
    }
    let wanted = GroupResource::parse(&name.to_lowercase());
    let held = index.kinds().keys().find(|kind| {
        kind.resource == wanted.resource && (wanted.group.is_empty() || kind.group == wanted.group)
    });
    held.map_or_else(|| name.to_owned(), ToString::to_string)
}

//! What a restore is about: its filters, resolved once against the cluster's kinds and the archive's namespaces.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::request::{NON_RESTORABLE, RestoreRequest};
use crate::archive::index::{ArchiveIndex, VOLUME_DATA};
use crate::catalog::Catalog;
use crate::include_exclude::IncludesExcludes;
use crate::kind::{GroupResource, ObjectName};
use crate::namespaces::{NamespaceFilter, PatternError};

/// Kinds that are restored with the help of those that carry the data of volumes.
const WITH_DATA: [&str; 2] = ["persistentvolumeclaims", "volumesnapshots.snapshot.storage.k8s.io"];

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
    /// It is no object, or not the one that its file is named for; why.
    Unreadable(String),
    /// The kind is restored in this version, and the archive does not have the object in it.
    NoSuchVersion(String),
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
        matches!(self, Self::Unreadable(_) | Self::NoSuchVersion(_) | Self::NotServed(_) | Self::OtherScope)
    }

    /// Whether it is left out for something that is worth a look: the restore's own settings are in conflict.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::SameTarget(_))
    }

    /// One word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::NonRestorable => "never-restored",
            Self::Namespace => "namespace",
            Self::ClusterScoped => "cluster-scoped",
            Self::Selector => "label-selector",
            Self::Unreadable(_) => "unreadable",
            Self::NoSuchVersion(_) => "no-such-version",
            Self::NotServed(_) => "not-served",
            Self::OtherScope => "other-scope",
            Self::SameTarget(_) => "same-target",
            Self::NamespaceObject => "namespace-object",
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Self::Kind => "the kind is not part of the restore".into(),
            Self::NonRestorable => "the kind is never restored".into(),
            Self::Namespace => "the namespace is not part of the restore".into(),
            Self::ClusterScoped => "cluster-scoped objects are not part of the restore".into(),
            Self::Selector => "the label selector does not match".into(),
            Self::Unreadable(fault) => format!("the archive holds no readable object of this name: {fault}"),
            Self::NoSuchVersion(version) => {
                format!("the archive does not hold it in version {version}, in which the kind is restored")
            }
            Self::NotServed(cause) => cause.clone(),
            Self::OtherScope => {
                "the kind is namespaced in the backup or in the cluster, but not in both".into()
            }
            Self::SameTarget(other) => {
                format!("namespace {other} goes to the same namespace and has an object of this name")
            }
            Self::NamespaceObject => "namespaces are made with their first object".into(),
        }
    }
}

impl Serialize for Reason {
    /// As its [`Reason::code`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
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
        let included = |name: &str| self.kinds.includes(name);
        let needed = || is_volume_data(kind) && WITH_DATA.into_iter().any(included);
        if included(&name) || needed() { Ok(()) } else { Err(Reason::Kind) }
    }

    /// Whether objects of this kind that stand here in the archive belong to the restore; `None` is where cluster-scoped objects stand.
    /// The data of volumes stands elsewhere than the claims it belongs to, and [`Scope::data_of`] says of each object whether it comes.
    pub fn place(&self, kind: &GroupResource, namespace: Option<&str>) -> Result<(), Reason> {
        match (namespace, self.cluster_resources) {
            (Some(namespace), _) if is_volume_data(kind) || self.namespaces.includes(namespace) => Ok(()),
            (Some(_), _) => Err(Reason::Namespace),
            (None, Some(true)) => Ok(()),
            (None, None) if self.namespaces.is_everything() => Ok(()),
            (None, _) => Err(Reason::ClusterScoped),
        }
    }

    /// Whether the data of a volume whose claim is in this namespace belongs to the restore. Where an object does not say whose data it
    /// holds, it comes along.
    pub fn data_of(&self, claim_namespace: Option<&str>) -> Result<(), Reason> {
        if claim_namespace.is_none_or(|namespace| self.namespaces.includes(namespace)) {
            Ok(())
        } else {
            Err(Reason::Namespace)
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

/// Whether objects of this kind carry the data of volumes. They come with the claims that they belong to, whatever labels they have and
/// wherever they stand.
pub fn is_volume_data(kind: &GroupResource) -> bool {
    VOLUME_DATA.iter().any(|name| kind.is(name))
}

/// The full name of the kind that `name` means: one that the cluster knows, or else one that the archive defines or holds.
pub(super) fn resolve(name: &str, catalog: &Catalog, index: &ArchiveIndex) -> String {
    if let Some(served) = catalog.resolve(name) {
        return served.group_resource.to_string();
    }
    let wanted = GroupResource::parse(&name.to_lowercase());
    let in_group = |kind: &&GroupResource| {
        wanted.group.is_empty()
            || kind.group == wanted.group
            || kind.group.strip_prefix(&wanted.group).is_some_and(|rest| rest.starts_with('.'))
    };
    let exact = index.kinds().keys().find(|kind| **kind == wanted);
    let defined = || {
        let called = index.definitions().values().filter(|definition| definition.is_called(&wanted.resource));
        called.map(|definition| &definition.kind).find(in_group)
    };
    let held = || index.kinds().keys().filter(in_group).find(|kind| kind.resource == wanted.resource);
    exact.or_else(defined).or_else(held).map_or_else(|| name.to_owned(), ToString::to_string)
}

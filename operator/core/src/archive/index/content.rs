//! What is read off some items as they pass by, because the plan needs it and does not read items: the names that a definition gives to
//! its kind, and the namespace that a volume's data belongs to.

use serde::Deserialize;

use crate::kind::GroupResource;

/// Kinds that carry the data of volumes.
pub const VOLUME_DATA: [&str; 2] =
    ["datauploads.velero.io", "volumesnapshotcontents.snapshot.storage.k8s.io"];

/// Most short names of one kind that are read; real ones have one or two.
const SHORT_NAMES: usize = 16;

/// Longest name that is read: no name of a kind, group or namespace is longer (a DNS subdomain).
const NAME: usize = 253;

/// What the definition of a custom kind in the archive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Group and plural.
    pub kind: GroupResource,
    /// Lower-case singular; empty where the definition does not say.
    pub singular: String,
    /// Short names.
    pub short_names: Vec<String>,
    /// Its objects live in namespaces.
    pub namespaced: bool,
}

impl Definition {
    /// Whether people mean this kind by `name`, which is plural, singular or short and in lower case.
    pub fn is_called(&self, name: &str) -> bool {
        self.kind.resource == name
            || self.singular == name
            || self.short_names.iter().any(|short| short == name)
    }

    /// Off the text of a CustomResourceDefinition, in any of its versions. None: it says too little.
    pub(super) fn read(json: &str) -> Option<Self> {
        let DefinitionObject { spec } = serde_json::from_str(json).ok()?;
        let Called { plural, singular, mut short_names } = spec.names;
        short_names.truncate(SHORT_NAMES);
        let all = [&plural, &singular, &spec.group].into_iter().chain(&short_names);
        if plural.is_empty() || spec.group.is_empty() || all.into_iter().any(|name| name.len() > NAME) {
            return None;
        }
        Some(Self {
            kind: GroupResource::new(spec.group, plural),
            singular,
            short_names,
            namespaced: spec.scope != "Cluster",
        })
    }
}

#[derive(Deserialize)]
struct DefinitionObject {
    spec: DefinitionSpec,
}

#[derive(Deserialize)]
struct DefinitionSpec {
    group: String,
    #[serde(default)]
    scope: String,
    names: Called,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Called {
    plural: String,
    #[serde(default)]
    singular: String,
    #[serde(default)]
    short_names: Vec<String>,
}

/// The namespace of the claim that an object of [`VOLUME_DATA`] holds the data of. None: it does not say.
pub(super) fn data_namespace(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        spec: Spec,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        source_namespace: Option<String>,
        volume_snapshot_ref: Option<Reference>,
    }
    #[derive(Deserialize)]
    struct Reference {
        namespace: Option<String>,
    }
    let Object { spec } = serde_json::from_str(json).ok()?;
    let of_snapshot = || spec.volume_snapshot_ref.and_then(|reference| reference.namespace);
    let namespace = spec.source_namespace.or_else(of_snapshot);
    namespace.filter(|namespace| !namespace.is_empty() && namespace.len() <= NAME)
}

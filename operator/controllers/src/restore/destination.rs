//! Where in the cluster an item goes: the kind and the name that its object has after the actions, which may have been granted to change them.

use lateen_core::catalog::Catalog;
use lateen_core::kind::{ObjectName, ServedKind};
use serde_json::Value;

/// Where an object is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// The kind, in the version that the object has.
    pub(super) kind: ServedKind,
    /// Its namespace in the cluster and its name.
    pub(super) object: ObjectName,
}

/// The cluster has no place for an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cluster does not serve {kind} of {api_version}, which an action made of it")]
pub(super) struct NoPlace {
    api_version: String,
    kind: String,
}

impl Destination {
    /// Of an object that was of `kind` before the actions.
    pub(super) fn of(
        object: &Value,
        kind: &ServedKind,
        namespace: Option<&str>,
        catalog: &Catalog,
    ) -> Result<Self, NoPlace> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, name_of_kind) = (text("/apiVersion"), text("/kind"));
        let object = ObjectName::new(namespace, text("/metadata/name"));
        if name_of_kind == kind.kind && api_version == kind.api_version() {
            return Ok(Self { kind: kind.clone(), object });
        }
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let served =
            catalog.kind_for(group, name_of_kind).filter(|served| served.namespaced == kind.namespaced);
        let served = served
            .ok_or_else(|| NoPlace { api_version: api_version.to_owned(), kind: name_of_kind.to_owned() })?;
        Ok(Self { kind: ServedKind { version: version.to_owned(), ..served.clone() }, object })
    }

    /// Whether a server in `namespace` would look at it for an item action: what the object is now counts, and not what it was in the backup.
    pub(super) fn may_be_item_action(&self, namespace: &str) -> bool {
        self.kind.group_resource.is("configmaps") && self.object.namespace.as_deref() == Some(namespace)
    }
}

#[cfg(test)]
mod tests {
    use lateen_core::kind::GroupResource;
    use serde_json::json;

    use super::*;

    fn served(kind: &str, plural: &str, version: &str) -> ServedKind {
        ServedKind {
            group_resource: GroupResource::parse(plural),
            version: version.into(),
            kind: kind.into(),
            singular: String::new(),
            short_names: Vec::new(),
            namespaced: true,
            verbs: ["create", "delete", "get", "list"].map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn follows_what_an_action_made_of_the_item() {
        let ingress = served("Ingress", "ingresses.networking.k8s.io", "v1");
        let catalog = Catalog::new([ingress.clone()], std::collections::BTreeMap::default());
        let old = served("Ingress", "ingresses.extensions", "v1beta1");
        let of = |api_version: &str, kind: &str| {
            let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web-2"}});
            Destination::of(&object, &old, Some("app"), &catalog)
        };
        let object = ObjectName::new(Some("app"), "web-2");
        assert_eq!(
            of("extensions/v1beta1", "Ingress"),
            Ok(Destination { kind: old.clone(), object: object.clone() })
        );
        assert_eq!(of("networking.k8s.io/v1", "Ingress"), Ok(Destination { kind: ingress, object }));
        let refused = of("networking.k8s.io/v1", "Route").unwrap_err().to_string();
        assert_eq!(
            refused,
            "the cluster does not serve Route of networking.k8s.io/v1, which an action made of it"
        );
    }
}

//! By what Kubernetes tells the elements of its lists apart, from a table of all kinds that are built into it.
//!
//! The table is made of what an API server publishes (`x-kubernetes-patch-merge-key` and `x-kubernetes-patch-strategy` in `/openapi/v2`), and a test holds it
//! against that. It has the types from which such a list can be reached; what it does not name is merged key by key where it is an object, and
//! replaced where it is a list.

use std::{collections::HashMap, sync::OnceLock};

use serde::Deserialize;
use serde_json::Value;

/// One line for each kind and each type.
const TABLE: &str = include_str!("schema/merge-keys.json");

/// Groups of custom kinds that Velero has Go types for, so that its users have strategic patches for them. Those types name no keys: only the metadata's count.
const KNOWN_GROUPS: [&str; 3] = ["velero.io", "snapshot.storage.k8s.io", "groupsnapshot.storage.k8s.io"];

/// The type of the metadata of every object.
const METADATA: &str = "apimachinery.pkg.apis.meta.v1.ObjectMeta";

#[derive(Deserialize)]
struct Table<'t> {
    /// `apps/v1 Deployment` to a type.
    #[serde(borrow)]
    kinds: HashMap<&'t str, &'t str>,
    #[serde(borrow)]
    types: HashMap<&'t str, HashMap<&'t str, FieldOf<'t>>>,
}

/// A field that is not merged like any other.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldOf<'t> {
    /// A list is merged: its elements are told apart by this key, or, where the key is empty, by what they are.
    #[serde(borrow)]
    pub(crate) merge: Option<&'t str>,
    /// An object is replaced.
    #[serde(default)]
    pub(crate) replace: bool,
    /// The type of the object, or of the list's elements, if the table has it.
    #[serde(borrow)]
    of: Option<&'t str>,
}

/// A field of the table that is part of the program.
pub(crate) type Field = FieldOf<'static>;

/// What is known of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schema {
    /// A type of the table.
    Type(&'static str),
    /// A custom kind: its metadata is like everybody's.
    Custom,
    /// Nothing.
    Unknown,
}

/// What is known of an object by its apiVersion and kind.
///
/// # Errors
/// It is not a kind of Kubernetes' own.
pub(crate) fn of(object: &Value) -> Result<Schema, String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match table().kinds.get(&*format!("{api_version} {kind}")) {
        Some(name) => Ok(Schema::Type(name)),
        None if KNOWN_GROUPS.contains(&group) => Ok(Schema::Custom),
        None => Err(format!(
            "strategic merge patches are for the kinds that are built into Kubernetes, and {kind} of {api_version} is none of those known here; \
             use mergePatches"
        )),
    }
}

impl Schema {
    /// A field of it. What the table does not name has no key and is of no known type.
    pub(crate) fn field(self, name: &str) -> Field {
        let none = Field { merge: None, replace: false, of: None };
        match self {
            Self::Type(type_name) => table()
                .types
                .get(type_name)
                .and_then(|fields| fields.get(name).or_else(|| fields.get("*")))
                .copied()
                .unwrap_or(none),
            Self::Custom if name == "metadata" => Field { of: Some(METADATA), ..none },
            Self::Custom | Self::Unknown => none,
        }
    }
}

impl Field {
    /// What is known of its object, or of its elements.
    pub(crate) fn schema(self) -> Schema {
        self.of.map_or(Schema::Unknown, Schema::Type)
    }
}

/// Read when the first strategic patch is applied.
fn table() -> &'static Table<'static> {
    static TABLE_READ: OnceLock<Table<'static>> = OnceLock::new();
    TABLE_READ.get_or_init(|| serde_json::from_str(TABLE).expect("a test reads the same table"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str) -> Value {
        json!({"apiVersion": api_version, "kind": kind})
    }

    /// The field at the end of a path of fields, from a kind.
    fn field(api_version: &str, kind: &str, path: &str) -> Field {
        let mut schema = of(&object(api_version, kind)).unwrap();
        let (way, last) = path.rsplit_once('/').unwrap_or(("", path));
        for step in way.split('/').filter(|step| !step.is_empty()) {
            schema = schema.field(step).schema();
        }
        schema.field(last)
    }

    #[test]
    fn the_table_knows_the_lists_of_all_workloads() {
        let pod = "spec/template/spec/";
        for (api_version, kind, path) in [
            ("v1", "Pod", "spec/"),
            ("apps/v1", "Deployment", pod),
            ("apps/v1", "DaemonSet", pod),
            ("apps/v1", "StatefulSet", pod),
            ("apps/v1", "ReplicaSet", pod),
            ("batch/v1", "Job", pod),
            ("batch/v1", "CronJob", "spec/jobTemplate/spec/template/spec/"),
            ("v1", "ReplicationController", pod),
            ("v1", "PodTemplate", "template/spec/"),
        ] {
            for (list, key) in [
                ("containers", "name"),
                ("initContainers", "name"),
                ("volumes", "name"),
                ("imagePullSecrets", "name"),
                ("hostAliases", "ip"),
                ("topologySpreadConstraints", "topologyKey"),
                ("containers/env", "name"),
                ("containers/ports", "containerPort"),
                ("containers/volumeMounts", "mountPath"),
            ] {
                assert_eq!(
                    field(api_version, kind, &format!("{path}{list}")).merge,
                    Some(key),
                    "{kind} {list}"
                );
            }
            for list in ["tolerations", "containers/args", "containers/envFrom"] {
                assert_eq!(field(api_version, kind, &format!("{path}{list}")).merge, None, "{kind} {list}");
            }
            assert_eq!(field(api_version, kind, "metadata/finalizers").merge, Some(""), "{kind}");
            assert_eq!(field(api_version, kind, "metadata/ownerReferences").merge, Some("uid"), "{kind}");
        }
        assert_eq!(field("v1", "Service", "spec/ports").merge, Some("port"));
        assert_eq!(field("v1", "ServiceAccount", "secrets").merge, Some("name"));
        assert_eq!(field("networking.k8s.io/v1", "Ingress", "spec/rules").merge, None);
        assert!(field("policy/v1", "PodDisruptionBudget", "spec/selector").replace);
    }

    #[test]
    fn other_kinds_are_refused_and_told_what_to_do() {
        let error = of(&object("example.com/v1", "Widget")).unwrap_err();
        assert!(error.contains("Widget of example.com/v1") && error.ends_with("use mergePatches"), "{error}");
        assert!(of(&json!({})).is_err());
        let snapshot = of(&object("snapshot.storage.k8s.io/v1", "VolumeSnapshot")).unwrap();
        assert_eq!(snapshot.field("metadata").schema().field("finalizers").merge, Some(""));
        assert_eq!(snapshot.field("spec").merge, None);
    }
}

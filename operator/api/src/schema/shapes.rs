//! Stand-ins for types of Kubernetes in the schemas.
//!
//! The objects hold the types of k8s-openapi, which everybody knows. Their schemas, though, lack what the CRDs say about merging
//! (`x-kubernetes-*`) and bring a library's texts along, so a field of such a type names the stand-in with `#[schemars(with = "...")]`.
//! A stand-in is never built: it only has a schema.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A selection of objects by their labels; all conditions have to hold.
#[derive(Default, JsonSchema, serde::Serialize)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub(crate) struct LabelSelectorShape {
    /// Labels with exactly these values.
    match_labels: BTreeMap<String, String>,
    /// Conditions on labels.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    match_expressions: Vec<LabelSelectorRequirementShape>,
}

/// One condition on a label.
#[derive(Default, JsonSchema, serde::Serialize)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["key", "operator"]))]
struct LabelSelectorRequirementShape {
    /// Key of the label.
    key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    operator: String,
    /// The values for `In` and `NotIn`; empty for the others.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    values: Vec<String>,
}

/// A key of a Secret in the same namespace.
#[derive(Default, JsonSchema, serde::Serialize)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["key"], "x-kubernetes-map-type" = "atomic"))]
pub(crate) struct SecretKeySelectorShape {
    /// Name of the Secret.
    #[schemars(extend("x-lateen-default" = ""))]
    name: String,
    /// Key in its data.
    key: String,
    /// Whether it may be missing.
    optional: Option<bool>,
}

/// An object in the same namespace.
#[derive(Default, JsonSchema, serde::Serialize)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"], "x-kubernetes-map-type" = "atomic"))]
pub(crate) struct TypedLocalObjectReferenceShape {
    /// API group of the object. Not set: the core group.
    api_group: Option<String>,
    /// Kind of the object.
    kind: String,
    /// Name of the object.
    name: String,
}

/// An object, or part of one.
#[derive(Default, JsonSchema, serde::Serialize)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub(crate) struct ObjectReferenceShape {
    /// API version of the object.
    api_version: Option<String>,
    /// Path of a part of the object, as in JSON.
    field_path: Option<String>,
    /// Kind of the object.
    kind: Option<String>,
    /// Name of the object.
    name: Option<String>,
    /// Namespace of the object.
    namespace: Option<String>,
    /// Version of the object that is meant.
    resource_version: Option<String>,
    /// Unique id of the object.
    uid: Option<String>,
}

/// An object that is taken as it comes.
pub(crate) struct RawObjectShape;

impl JsonSchema for RawObjectShape {
    fn schema_name() -> Cow<'static, str> {
        "RawObject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
    }
}

/// Bytes, in Base64.
pub(crate) struct BytesShape;

impl JsonSchema for BytesShape {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "byte" })
    }
}

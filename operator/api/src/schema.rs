//! From Rust types to the schemas of the CRDs.
//!
//! The types are the source of truth: names, nesting, enums and descriptions come from them. What JSON Schema and a CRD see differently
//! is settled here, in one place, by one rule for each difference:
//!
//! - An `Option` may be absent; that is all. That a field may also be an explicit `null` has to be asked for, with
//!   `#[schemars(extend("nullable" = true))]`: the recorded CRDs allow it for some fields and refuse it for others.
//! - Fields have defaults in Rust so that an incomplete object can be read. The CRDs must not write these into objects, nor call a
//!   field optional because of them: `default` is dropped unless it is asked for with `x-lateen-default`, and required fields are
//!   listed with `#[schemars(extend("required" = [...]))]`.
//! - Go's plain `int` has no format in a CRD, its `int64` has: number formats are dropped unless asked for with `x-lateen-format`.
//! - An enum whose variants have docs becomes a plain list of values.
//! - The types of Kubernetes itself that occur in our objects have stand-ins, the [`shapes`].
//!
//! It promises a structural schema that an API server accepts. It does not describe `metadata`, which no CRD may.

pub(crate) mod shapes;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::{Map, Value, json};

/// The schema of a whole object: what `T` describes, and the three properties that every object has.
pub(crate) fn object_schema<T: JsonSchema>() -> JSONSchemaProps {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.transforms.clear();
    });
    let mut schema = settings
        .with_transform(|schema: &mut Schema| structural(schema))
        .into_generator()
        .into_root_schema_for::<T>();

    let object = schema.ensure_object();
    object.remove("required");
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.extend(common_properties());
    }
    serde_json::from_value(schema.to_value())
        .expect("a schema of our own types has the fields of an OpenAPI schema")
}

fn common_properties() -> Map<String, Value> {
    let properties = json!({
        "apiVersion": { "type": "string", "description": "Group and version of the object's schema." },
        "kind": { "type": "string", "description": "Which kind of object it is." },
        "metadata": { "type": "object" },
    });
    let Value::Object(properties) = properties else { unreachable!("written as an object above") };
    properties
}

/// Applies the rules above to a schema and all that is inside it.
fn structural(schema: &mut Schema) {
    transform_subschemas(&mut |inner: &mut Schema| structural(inner), schema);
    let object = schema.ensure_object();
    drop_null_alternative(object);
    fold_documented_enum(object);
    for (derived, asked_for) in [("default", "x-lateen-default"), ("format", "x-lateen-format")] {
        if derived == "default" || object.get("type").is_some_and(|kind| kind == "integer") {
            object.remove(derived);
        }
        if let Some(value) = object.remove(asked_for) {
            object.insert(derived.to_owned(), value);
        }
    }
    object.remove("title");
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}

/// `Option<T>` is `T` or null in JSON Schema, said in one of three ways.
fn drop_null_alternative(object: &mut Map<String, Value>) {
    let null = json!({ "type": "null" });
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(alternatives)) = object.get_mut("anyOf") {
        alternatives.retain(|alternative| *alternative != null);
        if let [Value::Object(only)] = alternatives.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            // The field's own words are about this use of the type and stay.
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// An enum whose variants have docs is a choice of constants in JSON Schema (`anyOf` where one variant takes any text); a CRD wants the
/// list of values.
fn fold_documented_enum(object: &mut Map<String, Value>) {
    for choice_of in ["oneOf", "anyOf"] {
        let Some(Value::Array(choices)) = object.get(choice_of) else { continue };
        let mut values = Vec::new();
        for choice in choices {
            match (choice.get("const"), choice.get("enum")) {
                (Some(value), _) => values.push(value.clone()),
                (None, Some(Value::Array(listed))) => values.extend(listed.iter().cloned()),
                _ => return,
            }
        }
        object.remove(choice_of);
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), Value::Array(values));
    }
}

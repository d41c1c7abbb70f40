//! Strategic merge patches against the API server that they imitate: the table of merge keys is what it publishes, and the cases are what it does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::{env, fs};

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Config};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::cluster;

/// Types that are not custom: definitions of a CustomResourceDefinition can have names that look like them.
const BUILT_IN: [&str; 4] = ["api.", "apimachinery.", "apiextensions-apiserver.", "kube-aggregator."];

async fn client() -> Client {
    let kubeconfig = Kubeconfig::read_from(cluster().kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One definition of the API server's OpenAPI document.
#[derive(Deserialize, Default)]
struct Definition {
    #[serde(default)]
    properties: BTreeMap<String, Property>,
    #[serde(default, rename = "x-kubernetes-group-version-kind")]
    kinds: Vec<GroupKind>,
}

#[derive(Deserialize)]
struct GroupKind {
    group: String,
    version: String,
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Property {
    r#type: String,
    #[serde(rename = "$ref")]
    reference: String,
    items: Option<Box<Self>>,
    additional_properties: Option<Box<Self>>,
    #[serde(rename = "x-kubernetes-patch-strategy")]
    strategy: String,
    #[serde(rename = "x-kubernetes-patch-merge-key")]
    key: String,
}

/// A field of the table, as the component reads it.
type Field = BTreeMap<&'static str, Value>;

type Types = BTreeMap<String, BTreeMap<String, Field>>;

/// The name of a built-in type, as the table has it.
fn built_in(definition: &str) -> Option<&str> {
    let name = definition.strip_prefix("io.k8s.")?;
    BUILT_IN.iter().any(|prefix| name.starts_with(prefix)).then_some(name)
}

impl Property {
    /// The type that it refers to.
    fn target(&self) -> Option<Value> {
        built_in(self.reference.strip_prefix("#/definitions/")?).map(Value::from)
    }

    fn field(&self) -> Field {
        let strategies: Vec<&str> = self.strategy.split(',').collect();
        let mut field = Field::new();
        let merged = self.r#type == "array" && strategies.contains(&"merge");
        if merged {
            field.insert("merge", self.key.as_str().into());
            field.extend(self.items.as_ref().and_then(|items| items.target()).map(|of| ("of", of)));
        } else if self.r#type != "array" && strategies.contains(&"replace") {
            field.insert("replace", true.into());
        } else {
            field.extend(self.target().map(|of| ("of", of)));
        }
        field
    }
}

/// The table: kinds, and the types from which a list with a merge strategy can be reached.
fn table(definitions: &BTreeMap<String, Definition>) -> String {
    let mut types = Types::new();
    let mut kinds = BTreeMap::new();
    for (definition, Definition { properties, kinds: own }) in definitions {
        let Some(name) = built_in(definition) else { continue };
        let mut fields = BTreeMap::new();
        for (key, property) in properties {
            let mut field = property.field();
            // A map of objects is a type of its own, with one field for all keys.
            if let Some(of) = property.additional_properties.as_ref().and_then(|values| values.target()) {
                let map = format!("{name}.{key}");
                field.insert("of", map.as_str().into());
                types.insert(map, [("*".to_owned(), Field::from([("of", of)]))].into());
            }
            fields.insert(key.clone(), field);
        }
        types.insert(name.to_owned(), fields);
        if properties.contains_key("metadata") && !properties.contains_key("items") {
            for GroupKind { group, version, kind } in own {
                let slash = if group.is_empty() { "" } else { "/" };
                kinds.insert(format!("{group}{slash}{version} {kind}"), name);
            }
        }
    }
    keep_what_leads_to_a_list(&mut types);
    kinds.retain(|_, name| types.contains_key(*name));
    let reached = reached(kinds.values().copied(), &types);
    types.retain(|name, _| reached.contains(name));
    let lines = |lines: Vec<String>| lines.join(",\n");
    let kinds = kinds.iter().map(|(kind, name)| format!("{}:{}", json!(kind), json!(name))).collect();
    let types = types
        .iter()
        .map(|(name, fields)| format!("{}:{}", json!(name), serde_json::to_string(fields).unwrap()))
        .collect();
    format!("{{\"kinds\":{{\n{}\n}},\"types\":{{\n{}\n}}}}\n", lines(kinds), lines(types))
}

fn target(field: &Field) -> Option<&str> {
    field.get("of").and_then(Value::as_str)
}

fn keep_what_leads_to_a_list(types: &mut Types) {
    let says = |field: &Field| field.contains_key("merge") || field.contains_key("replace");
    let mut kept: BTreeSet<String> =
        types.iter().filter(|(_, fields)| fields.values().any(says)).map(|(name, _)| name.clone()).collect();
    loop {
        let leads = |field: &Field| target(field).is_some_and(|of| kept.contains(of));
        let more: Vec<String> = types
            .iter()
            .filter(|(name, fields)| !kept.contains(*name) && fields.values().any(leads))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        kept.extend(more);
    }
    types.retain(|name, _| kept.contains(name));
    for fields in types.values_mut() {
        for field in fields.values_mut() {
            if target(field).is_some_and(|of| !kept.contains(of)) {
                field.remove("of");
            }
        }
        fields.retain(|_, field| !field.is_empty());
    }
}

fn reached<'a>(from: impl Iterator<Item = &'a str>, types: &Types) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<String> = from.map(ToOwned::to_owned).collect();
    while let Some(name) = next.pop() {
        if let Some(fields) = types.get(&name)
            && reached.insert(name)
        {
            next.extend(fields.values().filter_map(target).map(ToOwned::to_owned));
        }
    }
    reached
}

#[tokio::test]
async fn the_table_of_merge_keys_is_what_the_api_server_publishes() {
    #[derive(Deserialize)]
    struct Document {
        definitions: BTreeMap<String, Definition>,
    }
    let request = http::Request::get("/openapi/v2").body(Vec::new()).unwrap();
    let text = client().await.request_text(request).await.unwrap();
    let Document { definitions } = serde_json::from_str(&text).unwrap();
    let published = table(&definitions);
    assert!(published.lines().count() > 150, "{published}");
    let path = root().join("actions-wasm/modifiers/src/schema/merge-keys.json");
    if env::var_os("LATEEN_UPDATE_MERGE_KEYS").is_some() {
        fs::write(&path, published).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap();
    let difference = committed.lines().zip(published.lines()).find(|(one, other)| one != other);
    assert!(
        committed == published,
        "{} is not what the API server publishes, first at {difference:?}; LATEEN_UPDATE_MERGE_KEYS=1 and this test write it anew",
        path.display()
    );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    object: Value,
    patch: Value,
    expected: Value,
    #[serde(default)]
    absent: Vec<String>,
}

/// Whether all of `expected` is in `found`; lists have the same length.
fn covers(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|there| covers(value, there)))
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(one, other)| covers(one, other))
        }
        _ => expected == found,
    }
}

/// What the component's own test expects of itself. Here the API server is asked.
#[tokio::test]
async fn the_cases_of_strategic_patches_are_what_the_api_server_does() {
    const NAMESPACE: &str = "strategic-patches";
    let client = client().await;
    let namespace = json!({"metadata": {"name": NAMESPACE}});
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
    for entry in fs::read_dir(root().join("tests/fixtures/strategic-patches")).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = serde_yaml_ng::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let object: DynamicObject = serde_json::from_value(case.object).unwrap();
        let types = object.types.clone().unwrap();
        let kind = GroupVersionKind::try_from(&types).unwrap();
        let resource = kube::core::ApiResource::from_gvk(&kind);
        let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
        objects.create(&PostParams::default(), &object).await.unwrap();
        let name = object.metadata.name.as_deref().unwrap();
        let patched =
            objects.patch(name, &PatchParams::default(), &Patch::Strategic(case.patch)).await.unwrap();
        let patched = serde_json::to_value(patched).unwrap();
        assert!(covers(&case.expected, &patched), "{name} ({}): {patched:#}", case.about);
        for pointer in case.absent {
            assert_eq!(patched.pointer(&pointer), None, "{name}: {pointer}");
        }
    }
}

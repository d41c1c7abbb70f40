//! The generated CRDs against those that the real Velero installs, and against their own snapshots.
//!
//! The fixtures hold the structure of the recorded CRDs without any of their texts. What may differ is exactly that: descriptions and
//! annotations. An empty `subresources` says the same as none and is read as such.

#![allow(clippy::unwrap_used)] // in a test, also outside the functions that are marked as one

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value};

fn generated() -> BTreeMap<String, Value> {
    let crds = lateen_api::crds();
    let values = crds.iter().map(|crd| serde_json::to_value(crd).unwrap());
    values.map(|crd| (crd["spec"]["names"]["plural"].as_str().unwrap().to_owned(), crd)).collect()
}

fn recorded() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/velero-crds");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| serde_yaml_ng::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
}

/// Drops what may differ.
fn structure(value: &mut Value) {
    match value {
        Value::Object(object) => {
            // A property that is called so has a schema, not a text.
            object.retain(|key, value| !(key == "description" && value.is_string()));
            object.retain(|key, value| !(key == "subresources" && *value == Value::Object(Map::new())));
            object.values_mut().for_each(structure);
        }
        Value::Array(values) => values.iter_mut().for_each(structure),
        _ => {}
    }
}

fn differences(path: &str, recorded: &Value, ours: &Value, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, value) in recorded {
                match ours.get(key) {
                    Some(ours) => differences(&format!("{path}.{key}"), value, ours, found),
                    None => found.push(format!("{path}.{key}: missing, recorded is {value}")),
                }
            }
            for key in ours.keys().filter(|key| !recorded.contains_key(*key)) {
                found.push(format!("{path}.{key}: not recorded, ours is {}", ours[key]));
            }
        }
        (Value::Array(recorded), Value::Array(ours)) if recorded.len() == ours.len() => {
            for (index, (recorded, ours)) in recorded.iter().zip(ours).enumerate() {
                differences(&format!("{path}[{index}]"), recorded, ours, found);
            }
        }
        _ if recorded == ours => {}
        _ => found.push(format!("{path}: recorded is {recorded}, ours is {ours}")),
    }
}

#[test]
fn the_crds_have_the_recorded_structure() {
    let (ours, recorded) = (generated(), recorded());
    assert_eq!(recorded.len(), 13);
    assert_eq!(ours.keys().collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>());
    let mut found = Vec::new();
    for (name, mut recorded) in recorded {
        let mut ours = ours[&name].clone();
        structure(&mut recorded);
        structure(&mut ours);
        differences(&name, &recorded, &ours, &mut found);
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

/// All properties anywhere below a schema, with the path to each.
fn properties<'a>(path: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        properties(&path, property, found);
        found.push((path, property));
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get(inner) {
            properties(&format!("{path}[]"), schema, found);
        }
    }
}

#[test]
fn every_property_is_described() {
    let mut found = Vec::new();
    let crds = generated();
    for (name, crd) in &crds {
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert!(schema["description"].is_string(), "{name} itself");
        properties(name, schema, &mut found);
    }
    assert!(found.len() > 300, "only {} properties were looked at", found.len());
    let silent = found.iter().filter(|(_, property)| !property["description"].is_string());
    // An API server describes the metadata of every object itself.
    let silent = silent
        .map(|(path, _)| path)
        .filter(|path| path.matches('.').count() != 1 || !path.ends_with(".metadata"));
    assert_eq!(silent.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn one_text_holds_all_of_them() {
    let text = lateen_api::crds_yaml();
    let documents: Vec<&str> = text.split("---\n").collect();
    assert_eq!(documents[0], "");
    assert_eq!(documents.len(), 14);

    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/api");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for document in &documents[1..] {
            let crd: Value = serde_yaml_ng::from_str(document).unwrap();
            insta::assert_snapshot!(crd["metadata"]["name"].as_str().unwrap(), document);
        }
    });
}

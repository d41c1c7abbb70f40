//! What there is to compare after a restore, in the form of the recordings: the object, what is in the bucket, and what is in the cluster.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use lateen_test_harness::Installation;
use serde_json::{Map, Value, json};

use super::capture::{log, text, without_owned};
use crate::redaction::racy;
use crate::world::{ENDED, LIMIT};

/// Kinds that controllers fill at their own pace.
const MADE_BY_CONTROLLERS: [&str; 5] =
    ["events", "endpoints", "endpointslices", "leases", "controllerrevisions"];

/// Waits for the end of a restore: the object, and what is in the bucket.
pub(super) async fn end(velero: &Installation<'_>, name: &str) -> Result<Value> {
    let object = velero.await_phase("Restore", name, &ENDED, LIMIT).await?;
    let bucket = velero.bucket();
    let folder = format!("restores/{name}/");
    let keys: Vec<String> = bucket.keys()?.into_iter().filter(|key| key.starts_with(&folder)).collect();
    let mut found =
        json!({ "phase": object["status"]["phase"], "restore": without_owned(object), "keys": keys });
    let mut files = Map::new();
    for key in &keys {
        let text = text(&bucket, key)?;
        if key.ends_with("-logs.gz") {
            found["log"] = log(&text);
            continue;
        }
        let content: Value = serde_json::from_str(&text).with_context(|| format!("read {key}"))?;
        let file = key.rsplit('/').next().unwrap_or_default().replace(name, "NAME");
        let content = if key.ends_with("-resource-list.json.gz") { racy(content) } else { content };
        files.insert(file, without_owned(content));
    }
    found["files"] = Value::Object(files);
    Ok(found)
}

/// The objects of namespaces, and those outside of namespaces that are named, by `plural.group/namespace/name`.
pub(crate) async fn live(
    velero: &Installation<'_>,
    namespaces: &[String],
    cluster: &[String],
) -> Result<Value> {
    let mut live: BTreeMap<String, Value> = BTreeMap::new();
    for (kind, object) in velero.objects().everything().await? {
        let metadata = &object["metadata"];
        let (namespace, name) = (word(&metadata["namespace"]), word(&metadata["name"]));
        let plural = kind.split('.').next().unwrap_or_default();
        let place = if kind == "namespaces" { name } else { namespace };
        let is_in = namespaces.iter().any(|namespace| namespace == place);
        let is_named = namespace.is_empty() && cluster.contains(&format!("{kind}/{name}"));
        if !(is_in || is_named) || MADE_BY_CONTROLLERS.contains(&plural) || name == "kube-root-ca.crt" {
            continue;
        }
        let key = if namespace.is_empty() {
            format!("{kind}/{name}")
        } else {
            format!("{kind}/{namespace}/{name}")
        };
        // Names that the API server has made up are all alike in a recording, and numbered there.
        let made_up = metadata["generateName"].as_str().map_or(key.clone(), |beginning| {
            let alike = format!("{kind}/{namespace}/{beginning}");
            let number = 1 + live.keys().filter(|key| key.starts_with(&alike)).count();
            if number == 1 { key.clone() } else { format!("{key} #{number}") }
        });
        live.insert(made_up, reduced(&kind, object));
    }
    Ok(json!(live))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An object without what the API server writes into it, and without what is a race.
fn reduced(kind: &str, object: Value) -> Value {
    let mut object = without_owned(object);
    let is_default = kind == "serviceaccounts" && object["metadata"]["name"] == "default";
    if let Some(fields) = object.as_object_mut() {
        for field in ["apiVersion", "kind", "status"] {
            fields.remove(field);
        }
    }
    if is_default {
        let labels = object["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        let others = labels.into_iter().filter(|(name, _)| !name.starts_with("velero.io/"));
        object["metadata"]["labels"] = Value::Object(others.collect());
    }
    object
}

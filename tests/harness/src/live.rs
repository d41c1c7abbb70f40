//! What is in a namespace, in a form in which two of them can be compared, and how they differ.
//!
//! Compared is what users set. Left out is what the API server and controllers give to every object or make by themselves: a
//! difference in those says nothing about a restore.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use kube::discovery::{ApiCapabilities, ApiGroup, ApiResource, Discovery, Scope, verbs};
use serde_json::{Map, Value};

use crate::objects::Objects;

/// Objects by `kind.group/name`.
pub type Live = BTreeMap<String, Value>;

/// Kinds that controllers fill: those of workloads, of Services and of the machinery.
const MADE_BY_CONTROLLERS: [&str; 8] = [
    "controllerrevisions.apps",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "pods",
    "replicasets.apps",
];

/// What every namespace gets.
const IN_EVERY_NAMESPACE: [&str; 2] = ["configmaps/kube-root-ca.crt", "serviceaccounts/default"];

/// Metadata that the API server owns, and the namespace itself.
const OWNED_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "uid"];

/// Labels by which a restore marks what it made.
const RESTORE_LABELS: [&str; 2] = ["velero.io/backup-name", "velero.io/restore-name"];

/// What the API server allocates in a Service.
const ALLOCATED: [&str; 2] = ["clusterIP", "clusterIPs"];

impl Objects {
    /// What users have set in a namespace.
    pub async fn live(&self, namespace: &str) -> Result<Live> {
        let mut live = Live::new();
        for (kind, resource) in self.kinds(Some(Scope::Namespaced)).await? {
            if MADE_BY_CONTROLLERS.contains(&kind.as_str()) {
                continue;
            }
            let api = Api::namespaced_with(self.client(), namespace, &resource);
            for object in listed(&api, &kind).await? {
                let key = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
                if !IN_EVERY_NAMESPACE.contains(&key.as_str()) {
                    live.insert(key, normal(&kind, object));
                }
            }
        }
        Ok(live)
    }

    /// Every object there is, as it is, with its `kind.group`, in the preferred version of its kind.
    pub async fn everything(&self) -> Result<Vec<(String, Value)>> {
        let mut everything = Vec::new();
        for (kind, resource) in self.kinds(None).await? {
            let api = Api::all_with(self.client(), &resource);
            let objects = listed(&api, &kind).await?;
            everything.extend(objects.into_iter().map(|object| (kind.clone(), object)));
        }
        Ok(everything)
    }

    /// The kinds that can be listed, of that scope or of both.
    async fn kinds(&self, scope: Option<Scope>) -> Result<Vec<(String, ApiResource)>> {
        let discovery =
            Discovery::new(self.client()).run_aggregated().await.context("ask for the kinds there are")?;
        let kinds = discovery.groups().flat_map(ApiGroup::recommended_resources);
        let is_wanted = |capabilities: &ApiCapabilities| {
            let is_of_scope = scope.as_ref().is_none_or(|scope| *scope == capabilities.scope);
            is_of_scope && capabilities.supports_operation(verbs::LIST)
        };
        let kinds = kinds.filter(|(_, capabilities)| is_wanted(capabilities));
        Ok(kinds.map(|(resource, _)| (name_of(&resource), resource)).collect())
    }
}

/// How a kind is named: `plural.group`.
fn name_of(resource: &ApiResource) -> String {
    match resource.group.as_str() {
        "" => resource.plural.clone(),
        group => format!("{}.{group}", resource.plural),
    }
}

async fn listed(api: &Api<DynamicObject>, kind: &str) -> Result<Vec<Value>> {
    let found = api.list(&ListParams::default()).await.with_context(|| format!("list {kind}"))?;
    let objects = found.items.iter().map(serde_json::to_value);
    objects.collect::<Result<_, _>>().context("turn an object into JSON")
}

/// An object of a kind without what users do not set.
fn normal(kind: &str, mut object: Value) -> Value {
    let Some(fields) = object.as_object_mut() else { return object };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in OWNED_METADATA {
            metadata.remove(name);
        }
        drop_from(metadata, "labels", &RESTORE_LABELS);
    }
    if let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut)
        && kind == "services"
    {
        for name in ALLOCATED {
            spec.remove(name);
        }
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                port.remove("nodePort");
            }
        }
    }
    object
}

/// Removes keys from the map under `field`, and the map if nothing is left.
fn drop_from(parent: &mut Map<String, Value>, field: &str, keys: &[&str]) {
    let Some(map) = parent.get_mut(field).and_then(Value::as_object_mut) else { return };
    for key in keys {
        map.remove(*key);
    }
    if map.is_empty() {
        parent.remove(field);
    }
}

/// What would have to change in `before` to get `after`, one line each, sorted: `+ kind/name`, `- kind/name` and
/// `kind/name path: old -> new`.
pub fn differences(before: &Live, after: &Live) -> Vec<String> {
    let mut lines = Vec::new();
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        match (before.get(key), after.get(key)) {
            (Some(old), Some(new)) => compare(key, "", Some(old), Some(new), &mut lines),
            (Some(_), None) => lines.push(format!("- {key}")),
            (None, _) => lines.push(format!("+ {key}")),
        }
    }
    lines
}

fn compare(key: &str, path: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<String>) {
    match (old, new) {
        _ if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                compare(key, &join(path, name), old.get(name), new.get(name), lines);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(key, &format!("{path}[{index}]"), Some(old), Some(new), lines);
            }
        }
        _ => {
            let show = |value: Option<&Value>| value.map_or("(none)".to_owned(), Value::to_string);
            lines.push(format!("{key} {path}: {} -> {}", show(old), show(new)));
        }
    }
}

/// A path as people write it; names with dots stand in brackets.
fn join(path: &str, name: &str) -> String {
    match (path, name.contains('.')) {
        (_, true) => format!("{path}[{name:?}]"),
        ("", false) => name.to_owned(),
        (_, false) => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_by_path() {
        let live = |objects: Value| -> Live { serde_json::from_value(objects).unwrap() };
        let before = live(json!({
            "a/gone": {}, "a/same": { "x": [1, 2] },
            "a/other": { "spec": { "n": 3, "list": [{ "k": 1 }, 2] }, "metadata": { "annotations": { "old": "1" } } },
        }));
        let after = live(json!({
            "a/new": {}, "a/same": { "x": [1, 2] },
            "a/other": { "spec": { "n": 1, "list": [{ "k": 2 }, 2] }, "metadata": { "annotations": { "b.c/d": "2" } } },
        }));
        let expected = [
            "- a/gone",
            "+ a/new",
            r#"a/other metadata.annotations["b.c/d"]: (none) -> "2""#,
            r#"a/other metadata.annotations.old: "1" -> (none)"#,
            "a/other spec.list[0].k: 1 -> 2",
            "a/other spec.n: 3 -> 1",
        ];
        assert_eq!(differences(&before, &after), expected);
    }

    #[test]
    fn what_servers_own_is_left_out() {
        let service = json!({
            "metadata": {
                "name": "web", "namespace": "a", "uid": "1", "resourceVersion": "2", "generation": 3,
                "labels": { "velero.io/restore-name": "r" }, "annotations": { "mine": "x" },
            },
            "spec": { "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{ "port": 80, "nodePort": 30000 }] },
            "status": {},
        });
        let expected = json!({
            "metadata": { "name": "web", "annotations": { "mine": "x" } }, "spec": { "ports": [{ "port": 80 }] },
        });
        assert_eq!(normal("services", service), expected);
    }
}

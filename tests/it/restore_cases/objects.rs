//! Objects after a restore, without what the API server and controllers make of any object.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Case;
use crate::fixtures::is_own;
use crate::redaction::redacted;

/// What a case may want to see as well.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Also {
    /// The status.
    Status,
    /// Who owns which field.
    Owners,
    /// Kinds in the order in which the last of their objects was written.
    Order,
}

/// Kinds that controllers fill at their own pace.
const MADE_BY_CONTROLLERS: [&str; 5] = [
    "controllerrevisions.apps",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
];

/// Kinds of which controllers make objects as well. What a restore has made has its label.
const ALSO_MADE_BY_CONTROLLERS: [&str; 3] =
    ["apiservices.apiregistration.k8s.io", "pods", "replicasets.apps"];

/// What every namespace gets.
const IN_EVERY_NAMESPACE: [&str; 2] = ["configmaps kube-root-ca.crt", "serviceaccounts default"];

/// Metadata that the API server owns.
const OWNED_METADATA: [&str; 5] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"];

/// Annotations that controllers write, by how they begin.
const OF_CONTROLLERS: [&str; 3] =
    ["deployment.kubernetes.io/", "kubernetes.io/service-account.uid", "pv.kubernetes.io/"];

/// What a controller writes into the Secret of a service account's token.
const TOKEN_DATA: [&str; 3] = ["ca.crt", "namespace", "token"];

/// What the volume by which the API server gives a pod its token is called, and where it is mounted.
const TOKEN: &str = "kube-api-access-";

/// What the API server sets where nobody says anything, as JSON.
const DEFAULTS: [(&str, &str); 26] = [
    ("backoffLimit", "6"),
    ("completionMode", r#""NonIndexed""#),
    ("completions", "1"),
    ("dnsPolicy", r#""ClusterFirst""#),
    ("enableServiceLinks", "true"),
    ("finalizers", r#"["kubernetes"]"#),
    ("internalTrafficPolicy", r#""Cluster""#),
    ("ipFamilies", r#"["IPv4"]"#),
    ("ipFamilyPolicy", r#""SingleStack""#),
    ("manualSelector", "false"),
    ("parallelism", "1"),
    ("podReplacementPolicy", r#""TerminatingOrFailed""#),
    ("preemptionPolicy", r#""PreemptLowerPriority""#),
    ("priority", "0"),
    ("progressDeadlineSeconds", "600"),
    ("protocol", r#""TCP""#),
    ("restartPolicy", r#""Always""#),
    ("resources", "{}"),
    ("revisionHistoryLimit", "10"),
    ("schedulerName", r#""default-scheduler""#),
    ("securityContext", "{}"),
    ("serviceAccountName", r#""default""#),
    ("sessionAffinity", r#""None""#),
    ("terminationGracePeriodSeconds", "30"),
    ("terminationMessagePath", r#""/dev/termination-log""#),
    ("terminationMessagePolicy", r#""File""#),
];

/// The first node port that the API server gives to somebody who asks for any: those before it are left to who asks for one.
const FIRST_GIVEN_PORT: u64 = 30_086;

/// The objects of a case, each under its kind and name.
pub(super) fn after(case: &Case, everything: &[(String, Value)]) -> BTreeMap<String, Value> {
    let shown = everything.iter().filter(|(kind, object)| is_shown(case, kind, object));
    shown.map(|(kind, object)| (key(kind, object), reduced(case, object))).collect()
}

/// The kinds of what the restore has made, in the order in which it was written.
pub(super) fn order(case: &Case, everything: &[(String, Value)]) -> Vec<String> {
    let is_made = |object: &Value| object["metadata"]["labels"]["velero.io/restore-name"].is_string();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, object) in everything {
        if is_shown(case, kind, object) && is_made(object) {
            let version = text(&object["metadata"]["resourceVersion"]).parse().unwrap_or(0);
            let entry = last.entry(kind).or_default();
            *entry = version.max(*entry);
        }
    }
    let mut kinds: Vec<(&str, u64)> = last.into_iter().collect();
    kinds.sort_by_key(|(_, version)| *version);
    kinds.into_iter().map(|(kind, _)| kind.to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn key(kind: &str, object: &Value) -> String {
    let metadata = &object["metadata"];
    match text(&metadata["namespace"]) {
        "" => format!("{kind} {}", text(&metadata["name"])),
        namespace => format!("{kind} {namespace}/{}", text(&metadata["name"])),
    }
}

fn is_shown(case: &Case, kind: &str, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let is_restored = metadata["labels"]["velero.io/restore-name"].is_string();
    let name = text(&metadata["name"]);
    // The Backup and the Restore have the name of the case as well.
    !kind.ends_with(".velero.io")
        && is_own(&case.prefix, text(&metadata["namespace"]), name)
        && !MADE_BY_CONTROLLERS.contains(&kind)
        && (is_restored || !ALSO_MADE_BY_CONTROLLERS.contains(&kind))
        && !IN_EVERY_NAMESPACE.contains(&format!("{kind} {name}").as_str())
}

fn reduced(case: &Case, object: &Value) -> Value {
    let mut reduced = object.clone();
    let Some(fields) = reduced.as_object_mut() else { return reduced };
    for name in ["apiVersion", "kind"] {
        fields.remove(name);
    }
    if !case.document.show.contains(&Also::Status) {
        fields.remove("status");
    }
    if fields.get("type").is_some_and(|it| it == "kubernetes.io/service-account-token")
        && let Some(data) = fields.get_mut("data").and_then(Value::as_object_mut)
    {
        data.retain(|name, _| !TOKEN_DATA.contains(&name.as_str()));
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in OWNED_METADATA.into_iter().chain(["name", "namespace"]) {
            metadata.remove(name);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !OF_CONTROLLERS.iter().any(|owner| name.starts_with(owner)));
        }
    }
    let mut reduced = redacted(without_defaults(reduced));
    for field in ["metadata", "spec"] {
        if let Some(fields) = reduced.get_mut(field).and_then(Value::as_object_mut) {
            fields.retain(|_, value| value != &json!({}));
        }
    }
    if let Some(fields) = reduced.as_object_mut() {
        fields.retain(|_, value| value != &json!({}));
    }
    if case.document.show.contains(&Also::Owners) {
        reduced["owners"] = owners(object);
    }
    reduced
}

/// A value without what the API server sets in a pod or a Service that says nothing, and without what is another thing each time.
fn without_defaults(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, value)| !is_default(name, value));
            Value::Object(kept.map(|(name, value)| (name.clone(), shown(&name, value))).collect())
        }
        Value::Array(values) => {
            let is_token = |value: &Value| text(&value["name"]).starts_with(TOKEN);
            values.into_iter().filter(|value| !is_token(value)).map(without_defaults).collect()
        }
        other => other,
    }
}

fn shown(name: &str, value: Value) -> Value {
    match name {
        "controller-uid" | "batch.kubernetes.io/controller-uid" => json!("[uid]"),
        "nodePort" if value.as_u64() >= Some(FIRST_GIVEN_PORT) => json!("[given]"),
        _ => without_defaults(value),
    }
}

fn is_default(name: &str, value: &Value) -> bool {
    let is_each = |field: &str, beginning: &str| {
        let is_it = |value: &Value| text(&value[field]).starts_with(beginning);
        value.as_array().is_some_and(|list| list.iter().all(is_it))
    };
    match name {
        // Which object a volume is bound to, what is said twice, and what depends on the image's name.
        "uid" | "resourceVersion" | "serviceAccount" | "kubernetes.io/metadata.name" | "imagePullPolicy" => {
            true
        }
        "volumes" | "volumeMounts" => is_each("name", TOKEN),
        "tolerations" => is_each("key", "node.kubernetes.io/"),
        _ => DEFAULTS.contains(&(name, value.to_string().as_str())),
    }
}

/// Who owns which field: `manager, operation`, and the paths of the fields.
fn owners(object: &Value) -> Value {
    let mut owners = Map::new();
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let mut name = format!("{}, {}", text(&entry["manager"]), text(&entry["operation"]));
        if entry["subresource"].is_string() {
            name = format!("{name}, {}", text(&entry["subresource"]));
        }
        let mut fields = Vec::new();
        paths("", &entry["fieldsV1"], &mut fields);
        owners.insert(name, json!(fields));
    }
    Value::Object(owners)
}

fn paths(at: &str, fields: &Value, found: &mut Vec<String>) {
    let named = fields.as_object().into_iter().flatten().filter(|(name, _)| *name != ".");
    let mut is_leaf = true;
    for (name, below) in named {
        is_leaf = false;
        let name = name.strip_prefix("f:").unwrap_or(name);
        let path = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        paths(&path, below, found);
    }
    if is_leaf {
        found.push(at.to_owned());
    }
}

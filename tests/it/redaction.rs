//! What differs from run to run and says nothing, and the place of accepted snapshots.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A value without what differs from run to run.
pub(crate) fn redacted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name.clone(), redacted_field(&name, value))).collect()
        }
        Value::Array(values) => values.into_iter().map(redacted).collect(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => json!("[time]"),
        Value::String(text) if text.starts_with("kube-api-access-") => json!("kube-api-access-[random]"),
        other => other,
    }
}

fn redacted_field(name: &str, value: Value) -> Value {
    match name {
        // A Service without an address.
        "clusterIP" if value == "None" => value,
        "clusterIPs" if value == json!(["None"]) => value,
        "managedFields" => json!("[managedFields]"),
        "uid" | "resourceVersion" | "generation" | "clusterIP" => json!(format!("[{name}]")),
        "clusterIPs" => json!(["[clusterIP]"]),
        // Certificates of a cluster, and the random part of a mounted token's name.
        "ca.crt" => json!("[certificate]"),
        _ => redacted(value),
    }
}

/// Names that the API server made up, and what they are called in a snapshot.
pub(crate) fn random_names(objects: &[Value]) -> BTreeMap<String, String> {
    let name = |object: &Value| {
        let metadata = &object["metadata"];
        let beginning = metadata["generateName"].as_str()?;
        Some((metadata["name"].as_str()?.to_owned(), format!("{beginning}[random]")))
    };
    objects.iter().filter_map(name).collect()
}

/// A restore's list of resources, without what is a race: whether controllers make what every namespace gets before the restore does.
pub(crate) fn racy(mut resources: Value) -> Value {
    for list in resources.as_object_mut().into_iter().flat_map(|kinds| kinds.values_mut()) {
        for item in list.as_array_mut().into_iter().flatten() {
            *item = json!(racy_line(item.as_str().unwrap_or_default()));
        }
    }
    resources
}

/// A line of such a list.
pub(crate) fn racy_line(line: &str) -> String {
    for name in ["/kube-root-ca.crt(", "/default("] {
        if let Some((place, _)) = line.split_once(name) {
            return format!("{place}{name}*)");
        }
    }
    line.to_owned()
}

/// Runs a check with the snapshots of a folder of `snapshots/it`, empty for that one itself.
pub(crate) fn with_snapshots(folder: &str, check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/it").join(folder),
    );
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(check);
}

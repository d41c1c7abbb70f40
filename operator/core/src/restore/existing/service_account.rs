//! A service account that exists is added to: what the backup has and the cluster has not. Nothing is taken away or changed.

use serde_json::{Map, Value, json};

use super::text;

/// The patch that adds secrets, image pull secrets, labels and annotations. None: the account has them all.
pub(super) fn extend(
    desired: &Value,
    in_cluster: &Value,
    labels: &[(&'static str, String); 2],
) -> Option<Value> {
    let mut extended = in_cluster.clone();
    for list in ["secrets", "imagePullSecrets"] {
        add_entries(&mut extended, desired, list);
    }
    add_keys(&mut extended, desired, "annotations", &[]);
    let own: Vec<&str> = labels.iter().map(|(key, _)| *key).collect();
    add_keys(&mut extended, desired, "labels", &own);
    if extended == *in_cluster {
        return None;
    }
    add_keys(&mut extended, desired, "labels", &[]);
    lateen_api::patch_between(in_cluster, &extended)
}

fn add_entries(extended: &mut Value, desired: &Value, list: &str) {
    let there = extended.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let is_new = |entry: &&Value| !there.iter().any(|known| text(known, "/name") == text(entry, "/name"));
    let new: Vec<Value> =
        desired.get(list).and_then(Value::as_array).into_iter().flatten().filter(is_new).cloned().collect();
    if !new.is_empty()
        && let Some(account) = extended.as_object_mut()
    {
        account.insert(list.to_owned(), Value::Array(there.into_iter().chain(new).collect()));
    }
}

/// Adds keys that are not there, except those of `without`.
fn add_keys(extended: &mut Value, desired: &Value, map: &str, without: &[&str]) {
    let place = format!("/metadata/{map}");
    let there = extended.pointer(&place).and_then(Value::as_object).cloned().unwrap_or_default();
    let wanted = desired.pointer(&place).and_then(Value::as_object).into_iter().flatten();
    let new: Map<String, Value> = wanted
        .filter(|(key, _)| !there.contains_key(*key) && !without.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !new.is_empty() {
        let all: Map<String, Value> = there.into_iter().chain(new).collect();
        extended["metadata"][map] = json!(all);
    }
}

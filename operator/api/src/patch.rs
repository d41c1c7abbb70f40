//! Merge patches (RFC 7386) between two states of a typed object.
//!
//! Whoever changes an object of the cluster reads it, changes a copy and sends the difference. Fields that a type does not know are in
//! neither state, so they are in no patch and stay as they are; a whole object must never be sent back.
//!
//! A list is one value: it is sent whole when anything in it changed.

use kube::Resource;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What turns `original` into `changed`: only what differs, `null` for what was removed, `{}` when nothing differs.
pub fn merge_patch<K: Resource + Serialize>(original: &K, changed: &K) -> Value {
    patch_between(&to_value(original), &to_value(changed)).unwrap_or_else(|| json!({}))
}

/// The same for writers that must not overwrite each other: it carries the resource version of `original`, so that the API server
/// answers with a conflict (409) if the object was changed in the meantime. `None` when nothing differs.
pub fn fenced_merge_patch<K: Resource + Serialize>(original: &K, changed: &K) -> Option<Value> {
    let mut patch = patch_between(&to_value(original), &to_value(changed))?;
    if let Some(version) = &original.meta().resource_version {
        patch["metadata"]["resourceVersion"] = json!(version);
    }
    Some(patch)
}

fn to_value<K: Serialize>(object: &K) -> Value {
    serde_json::to_value(object).expect("the objects of the API have only strings for keys")
}

/// What turns one value into the other, or nothing if they are equal. Neither may hold a `null` that matters: a merge patch cannot write
/// one.
pub fn patch_between(original: &Value, changed: &Value) -> Option<Value> {
    match (original, changed) {
        (Value::Object(original), Value::Object(changed)) => {
            let removed = original.keys().filter(|key| !changed.contains_key(*key));
            let removed = removed.map(|key| (key.clone(), Value::Null));
            let differing = changed.iter().filter_map(|(key, value)| {
                let patch = match original.get(key) {
                    Some(before) => patch_between(before, value),
                    None => Some(value.clone()),
                };
                Some((key.clone(), patch?))
            });
            let patch: Map<String, Value> = removed.chain(differing).collect();
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (original, changed) if original == changed => None,
        (_, changed) => Some(changed.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;
    use crate::v1::{Backup, BackupPhase, BackupProgress};

    fn stored() -> Value {
        json!({
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": { "name": "b", "namespace": "velero", "resourceVersion": "7" },
            "spec": { "includedNamespaces": ["a"], "ofTheFuture": { "x": 1 } },
            "status": { "phase": "InProgress", "queuePosition": 3, "alsoNew": [1, 2],
                        "progress": { "totalItems": 5, "bytes": 10 } },
        })
    }

    #[test]
    fn only_what_changed_and_nothing_unknown() {
        let original: Backup = from_value(stored()).unwrap();
        let mut changed = original.clone();
        let status = changed.status.as_mut().unwrap();
        status.phase = Some(BackupPhase::Completed);
        status.queue_position = 0;
        status.progress = Some(BackupProgress { total_items: 5, items_backed_up: 5 });

        let patch = fenced_merge_patch(&original, &changed).unwrap();
        let expected = json!({
            "metadata": { "resourceVersion": "7" },
            "status": { "phase": "Completed", "queuePosition": null, "progress": { "itemsBackedUp": 5 } },
        });
        assert_eq!(patch, expected);

        let mut after = stored();
        json_patch::merge(&mut after, &patch);
        assert_eq!(after["spec"], stored()["spec"]);
        assert_eq!(after["status"]["alsoNew"], json!([1, 2]));
        assert_eq!(after["status"]["progress"], json!({ "totalItems": 5, "itemsBackedUp": 5, "bytes": 10 }));
        assert_eq!(after["status"].get("queuePosition"), None);
    }

    #[test]
    fn nothing_changed() {
        let original: Backup = from_value(stored()).unwrap();
        assert_eq!(merge_patch(&original, &original.clone()), json!({}));
        assert_eq!(fenced_merge_patch(&original, &original.clone()), None);
    }

    #[test]
    fn a_first_status_and_a_removed_one() {
        let with: Backup = from_value(stored()).unwrap();
        let without = Backup { status: None, ..with.clone() };
        assert_eq!(merge_patch(&with, &without), json!({ "status": null }));
        let patch = merge_patch(&without, &with);
        assert_eq!(patch["status"]["phase"], "InProgress");
        assert_eq!(patch.as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_patch_leads_from_one_value_to_the_other() {
        let values = [
            json!({}),
            json!({ "a": 1 }),
            json!({ "a": { "b": [1, { "c": 2 }], "d": "x" } }),
            json!({ "a": { "b": [1], "e": { "f": true } } }),
            json!({ "a": [], "g": "" }),
        ];
        for from in &values {
            for to in &values {
                let mut patched = from.clone();
                if let Some(patch) = patch_between(from, to) {
                    json_patch::merge(&mut patched, &patch);
                }
                assert_eq!(&patched, to, "from {from}");
            }
        }
    }
}

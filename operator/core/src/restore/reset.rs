//! What of an object belonged to the cluster that it was backed up in and must not come along, and what a restore writes on it.

use serde_json::{Map, Value};

use lateen_api::labels::annotations;
use lateen_api::{labels, names};

use crate::include_exclude::IncludesExcludes;
use crate::kind::GroupResource;

/// Metadata that the API server gives or that points at objects of the old cluster, removed from every item before actions see it and
/// again where an action brings it back. Finalizers, labels and annotations stay.
pub const SERVER_METADATA: [&str; 9] = [
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
];

/// The longest name of a field manager that an API server takes.
const MANAGER_LENGTH: usize = 128;

/// Annotations by which the volume controller marks a binding.
pub(super) const BINDING_ANNOTATIONS: [&str; 2] =
    ["pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"];

/// Why an object cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object has no metadata")]
pub struct NoMetadata;

/// What was taken off an object and may be put back after it was created.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TakenOff {
    /// `status`.
    pub status: Option<Value>,
    /// `metadata.managedFields`: who set which field. The API server writes its own at creation.
    pub managed_fields: Option<Value>,
}

impl TakenOff {
    /// The one manager that has set all fields of the object by creating or updating it. An object that is created in its name gets the same
    /// record, and needs none written afterwards.
    pub fn sole_manager(&self) -> Option<&str> {
        let [only] = self.managed_fields.as_ref()?.as_array()?.as_slice() else { return None };
        let text = |key: &str| only.get(key).and_then(Value::as_str).unwrap_or_default();
        let manager = text("manager");
        let printable = manager.chars().all(|c| !c.is_control());
        (text("operation") == "Update"
            && text("subresource").is_empty()
            && !manager.is_empty()
            && printable
            && manager.len() <= MANAGER_LENGTH)
            .then_some(manager)
    }
}

/// Takes off what the old cluster gave.
pub fn reset(object: &mut Value) -> Result<TakenOff, NoMetadata> {
    let status = object.as_object_mut().and_then(|object| object.remove("status"));
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut).ok_or(NoMetadata)?;
    for key in SERVER_METADATA {
        metadata.remove(key);
    }
    Ok(TakenOff { status, managed_fields: metadata.remove("managedFields") })
}

/// Takes the marks of a binding off a volume or a claim, so that it is bound anew. Which two belong together stays.
pub fn reset_binding(object: &mut Value) {
    if let Some(claim) = object.pointer_mut("/spec/claimRef").and_then(Value::as_object_mut) {
        claim.remove("uid");
        claim.remove("resourceVersion");
    }
    remove_annotations(object, &BINDING_ANNOTATIONS);
}

pub(super) fn remove_annotations(object: &mut Value, keys: &[&str]) {
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        for key in keys {
            annotations.remove(*key);
        }
    }
}

/// Labels that tell which backup and which restore an object came from.
pub fn restore_labels(backup: &str, restore: &str) -> [(&'static str, String); 2] {
    [(labels::BACKUP_NAME, names::valid_name(backup)), (labels::RESTORE_NAME, names::valid_name(restore))]
}

/// Writes the labels of the restore on an object.
pub fn label(object: &mut Value, labels: &[(&'static str, String); 2]) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let there = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    if !there.is_object() {
        *there = Value::Object(Map::new());
    }
    if let Some(there) = there.as_object_mut() {
        there.extend(labels.iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str()))));
    }
}

/// Puts an object into a namespace.
pub fn set_namespace(object: &mut Value, namespace: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".into(), namespace.into());
    }
}

/// Whether the status of an object is restored, and what is odd about the wish on the object itself, which wins over the lists.
pub fn status_wanted(
    object: &Value,
    kind: &GroupResource,
    kinds: Option<&IncludesExcludes>,
) -> (bool, Option<String>) {
    let by_lists = kinds.is_some_and(|kinds| kinds.includes(&kind.to_string()));
    let own = object
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(annotations::RESTORE_STATUS));
    let Some(own) = own.and_then(Value::as_str) else { return (by_lists, None) };
    match own.trim().to_ascii_lowercase().as_str() {
        "true" => (true, None),
        "false" => (false, None),
        _ => (
            by_lists,
            Some(format!("annotation {} has neither true nor false: {own:?}", annotations::RESTORE_STATUS)),
        ),
    }
}

/// The Namespace to create: labels, annotations and spec of the one in the backup, if there is one, under its new name.
pub fn namespace(from_backup: Option<&Value>, name: &str) -> Value {
    let mut metadata = Map::from_iter([("name".to_owned(), Value::from(name))]);
    let mut namespace =
        Map::from_iter([("apiVersion".to_owned(), "v1".into()), ("kind".to_owned(), "Namespace".into())]);
    if let Some(from_backup) = from_backup {
        for key in ["labels", "annotations"] {
            if let Some(value) = from_backup.pointer(&format!("/metadata/{key}")) {
                metadata.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(spec) = from_backup.get("spec") {
            namespace.insert("spec".to_owned(), spec.clone());
        }
    }
    namespace.insert("metadata".to_owned(), Value::Object(metadata));
    Value::Object(namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_that_one_manager_made_can_be_made_in_its_name() {
        let sole = |fields: Value| {
            let taken = TakenOff { managed_fields: Some(fields), status: None };
            taken.sole_manager().map(str::to_owned)
        };
        let entry = |operation: &str, subresource: &str| json!({"manager": "kubectl-create", "operation": operation, "subresource": subresource});
        assert_eq!(sole(json!([entry("Update", "")])), Some("kubectl-create".into()));
        assert_eq!(sole(json!([entry("Apply", "")])), None);
        assert_eq!(sole(json!([entry("Update", "status")])), None);
        assert_eq!(sole(json!([entry("Update", ""), entry("Update", "status")])), None);
        assert_eq!(sole(json!([{"manager": "a\nb", "operation": "Update"}])), None);
        assert_eq!(sole(json!("x")), None);
    }

    #[test]
    fn what_the_old_cluster_gave_is_taken_off_and_the_rest_stays() {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "p", "namespace": "n", "generateName": "p-", "selfLink": "/x", "uid": "u", "resourceVersion": "1",
                "generation": 2, "creationTimestamp": "t", "deletionTimestamp": "t", "deletionGracePeriodSeconds": 3,
                "ownerReferences": [{}], "finalizers": ["f"], "labels": {"a": "b"}, "annotations": {"c": "d"},
                "managedFields": [{"manager": "m"}]
            },
            "spec": {"x": 1}, "status": {"phase": "Running"}
        });
        let taken = reset(&mut object).unwrap();
        assert_eq!(taken.status, Some(json!({"phase": "Running"})));
        assert_eq!(taken.managed_fields, Some(json!([{"manager": "m"}])));
        assert_eq!(
            object,
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "p", "namespace": "n", "finalizers": ["f"], "labels": {"a": "b"}, "annotations": {"c": "d"}},
                "spec": {"x": 1}
            })
        );
        assert_eq!(reset(&mut json!({"metadata": []})), Err(NoMetadata));
    }

    #[test]
    fn labels_are_written_whatever_was_there() {
        for metadata in
            [json!({}), json!({"labels": null}), json!({"labels": {"velero.io/restore-name": "older"}})]
        {
            let mut object = json!({"metadata": metadata});
            label(&mut object, &restore_labels("b", "r"));
            assert_eq!(
                object,
                json!({"metadata": {"labels": {"velero.io/backup-name": "b", "velero.io/restore-name": "r"}}})
            );
        }
    }

    #[test]
    fn a_wish_on_the_object_wins_over_the_lists() {
        let pods = GroupResource::parse("pods");
        let all = IncludesExcludes::new::<String>([], []);
        let with = |value: &str| json!({"metadata": {"annotations": {"velero.io/restore-status": value}}});
        assert_eq!(status_wanted(&json!({"metadata": {}}), &pods, None), (false, None));
        assert_eq!(status_wanted(&json!({"metadata": {}}), &pods, Some(&all)), (true, None));
        assert_eq!(status_wanted(&with(" True "), &pods, None), (true, None));
        assert_eq!(status_wanted(&with("false"), &pods, Some(&all)), (false, None));
        let (wanted, odd) = status_wanted(&with("maybe"), &pods, Some(&all));
        assert!(wanted && odd.is_some());
    }

    #[test]
    fn a_namespace_keeps_what_people_wrote_on_it() {
        let from_backup = json!({
            "metadata": {"name": "a", "uid": "u", "labels": {"l": "1"}, "annotations": {"n": "x"}, "finalizers": ["f"]},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}
        });
        assert_eq!(
            namespace(Some(&from_backup), "b"),
            json!({
                "apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]},
                "metadata": {"name": "b", "labels": {"l": "1"}, "annotations": {"n": "x"}}
            })
        );
        assert_eq!(
            namespace(None, "b"),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}})
        );
    }
}

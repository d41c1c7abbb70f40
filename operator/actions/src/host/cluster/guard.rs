//! ConfigMaps that carry an item action are code: an action that could write them could give itself every grant.
//!
//! They are written only where the server's flags name them ([`ITEM_ACTIONS`]). What a ConfigMap is, its label says: of a new one in the object, of
//! an existing one in the cluster, which is asked before a change. A change that puts the label on is refused too.

use serde_json::Value;

use super::{
    super::state::State,
    gate::{Admitted, not_allowed},
};
use crate::{
    ITEM_ACTION_LABEL,
    cluster_access::{ClusterAddress, ClusterFailure, ClusterPatch, Reason},
    manifest::{ITEM_ACTIONS, Verb},
};

impl State {
    /// Whether writes to this kind and namespace have to be looked at.
    pub(super) fn is_guarded(&self, verb: Verb, admitted: &Admitted, namespace: Option<&str>) -> bool {
        admitted.is_configmaps()
            && !self.cluster.built_in
            && !self.cluster.ceiling.allows_actions(verb, namespace)
    }

    /// Refuses if the ConfigMap in the cluster carries an action. One that does not exist is for the request itself to stumble over.
    pub(super) async fn guard_existing(
        &mut self,
        verb: Verb,
        admitted: &Admitted,
        address: &ClusterAddress,
    ) -> Result<(), ClusterFailure> {
        let what = format!("get {address}, before it is written");
        let text = match self.wait_for(&what, admitted.access.get(&admitted.asker, address)).await {
            Err(failure) if failure.reason == Reason::NotFound => return Ok(()),
            other => other?,
        };
        if has_label(&super::object::parse(&text)?) {
            return Err(refusal(verb, address.namespace.as_deref()));
        }
        Ok(())
    }
}

/// The flag that is lacking.
pub(super) fn refusal(verb: Verb, namespace: Option<&str>) -> ClusterFailure {
    let (group, resource) = ITEM_ACTIONS;
    let mut failure = not_allowed(verb, &format!("{resource}.{group}"), namespace);
    failure.message = format!("the ConfigMap carries an item action; {}", failure.message);
    failure
}

/// Whether an object has the label, or one that begins like it.
pub(super) fn has_label(object: &Value) -> bool {
    object.get("metadata").is_some_and(metadata_has_label)
}

fn metadata_has_label(metadata: &Value) -> bool {
    metadata.get("labels").is_some_and(labels_have_it)
}

fn labels_have_it(labels: &Value) -> bool {
    labels.as_object().is_some_and(|labels| labels.keys().any(|key| is_label(key)))
}

fn is_label(key: &str) -> bool {
    key.starts_with(ITEM_ACTION_LABEL)
}

/// Whether a change can put the label on an object that does not have it. `value` is the parsed text of the patch.
pub(super) fn brings_label(patch: &ClusterPatch, value: &Value) -> bool {
    match patch {
        ClusterPatch::Merge(_) | ClusterPatch::Apply(_) => has_label(value),
        ClusterPatch::Json(_) => value.as_array().into_iter().flatten().any(operation_brings_label),
    }
}

fn operation_brings_label(operation: &Value) -> bool {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
    let value = operation.get("value").unwrap_or(&Value::Null);
    let path: Vec<String> =
        text("path").split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (text("op"), &path[..]) {
        ("test" | "remove", _) => false,
        (_, ["metadata", "labels", key, ..]) => is_label(key),
        ("add" | "replace", ["metadata", "labels"]) => labels_have_it(value),
        ("add" | "replace", ["metadata"]) => metadata_has_label(value),
        ("add" | "replace", []) => has_label(value),
        // What is copied there is not known here.
        (_, [] | ["metadata"] | ["metadata", "labels"]) => true,
        _ => false,
    }
}

/// Paths of a JSON patch as everybody reads them: some readers drop whatever stands before the first slash.
pub(super) fn check_paths(patch: &Value) -> Result<(), ClusterFailure> {
    let refuse = |message: &str| Err(ClusterFailure::new(Reason::Invalid, format!("the patch: {message}")));
    let Some(operations) = patch.as_array() else { return refuse("a JSON patch is an array") };
    for operation in operations {
        for key in ["path", "from"] {
            let is_path = match operation.get(key) {
                None => key == "from",
                Some(text) => text.as_str().is_some_and(|text| text.is_empty() || text.starts_with('/')),
            };
            if !is_path {
                return refuse(&format!("`{key}` must be \"\" or begin with a slash"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!([{ "op": "add", "path": "/data/x", "value": "lateen.dev/item-action" }]), false)]
    #[case(json!([{ "op": "add", "path": "/metadata/labels/a", "value": "b" }]), false)]
    #[case(json!([{ "op": "add", "path": "/metadata/labels/lateen.dev~1item-action", "value": "" }]), true)]
    #[case(json!([{ "op": "remove", "path": "/metadata/labels/lateen.dev~1item-action" }]), false)]
    #[case(json!([{ "op": "replace", "path": "/metadata/labels", "value": { "lateen.dev/item-action": "" } }]), true)]
    #[case(json!([{ "op": "replace", "path": "/metadata/labels", "value": { "a": "b" } }]), false)]
    #[case(json!([{ "op": "add", "path": "/metadata", "value": { "labels": { "lateen.dev/item-action": "" } } }]), true)]
    #[case(json!([{ "op": "replace", "path": "", "value": { "metadata": { "labels": { "lateen.dev/item-action": "" } } } }]), true)]
    #[case(json!([{ "op": "move", "from": "/metadata/annotations", "path": "/metadata/labels" }]), true)]
    #[case(json!([{ "op": "copy", "from": "/metadata/annotations/a", "path": "/metadata/labels/lateen.dev~1item-action" }]), true)]
    #[case(json!([{ "op": "copy", "from": "/metadata", "path": "/data/a" }]), false)]
    fn json_patches_that_make_a_configmap_an_action(#[case] patch: Value, #[case] brings: bool) {
        assert_eq!(brings_label(&ClusterPatch::Json(String::new()), &patch), brings);
    }

    #[test]
    fn paths_have_one_reading() {
        for path in ["x/metadata/labels", "metadata"] {
            check_paths(&json!([{ "op": "add", "path": path, "value": 1 }])).unwrap_err();
            check_paths(&json!([{ "op": "move", "path": "/data", "from": path }])).unwrap_err();
        }
        check_paths(&json!([{ "op": "add", "value": 1 }])).unwrap_err();
        check_paths(&json!({ "op": "add" })).unwrap_err();
        check_paths(&json!([{ "op": "add", "path": "/data/a", "value": 1 }, { "op": "test", "path": "" }]))
            .unwrap();
    }
}

//! Pods and jobs: what a scheduler, an admission plugin or a controller wrote into them in the old cluster.

use serde_json::Value;

use super::{KindContext, KindError, KindOutcome, Need, list, text};
use crate::kind::{GroupResource, ObjectName};

/// The node, the resolved priority, debug containers (which cannot be created) and volumes with tokens of the old cluster go; the
/// priority class and the claims are needed first.
pub(super) fn pod(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    let needs = needs(object);
    let account = text(object, "/spec/serviceAccountName").to_owned();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        for key in ["nodeName", "priority", "ephemeralContainers"] {
            spec.remove(key);
        }
    }
    if !account.is_empty() {
        remove_token_volumes(object, &format!("{account}-token-"));
    }
    Ok(KindOutcome { skip: None, needs })
}

fn needs(object: &mut Value) -> Vec<Need> {
    let mut needs = Vec::new();
    let class = text(object, "/spec/priorityClassName").to_owned();
    if !class.is_empty() {
        let kind = GroupResource::new("scheduling.k8s.io", "priorityclasses");
        needs.push(Need { kind, object: ObjectName::new(None, &class) });
    }
    let namespace = text(object, "/metadata/namespace").to_owned();
    for volume in list(object, "/spec/volumes") {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if !claim.is_empty() {
            let kind = GroupResource::new("", "persistentvolumeclaims");
            needs.push(Need { kind, object: ObjectName::new(Some(&namespace), claim) });
        }
    }
    needs
}

fn remove_token_volumes(object: &mut Value, prefix: &str) {
    let keep = |entry: &Value| !text(entry, "/name").starts_with(prefix);
    if let Some(volumes) = object.pointer_mut("/spec/volumes").and_then(Value::as_array_mut) {
        volumes.retain(keep);
    }
    for containers in ["/spec/containers", "/spec/initContainers"] {
        for container in list(object, containers) {
            if let Some(mounts) = container.get_mut("volumeMounts").and_then(Value::as_array_mut) {
                mounts.retain(keep);
            }
        }
    }
}

/// The labels by which the job controller ties pods to the uid of the job, which is another one now.
pub(super) fn job(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    for labels in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        if let Some(labels) = object.pointer_mut(labels).and_then(Value::as_object_mut) {
            labels.remove("controller-uid");
            labels.remove("batch.kubernetes.io/controller-uid");
        }
    }
    Ok(KindOutcome::default())
}

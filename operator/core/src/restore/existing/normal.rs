//! An object reduced to what people set in it.

use serde_json::Value;

use lateen_api::labels;

use super::text;
use crate::kind::GroupResource;
use crate::restore::reset::{remove_annotations, reset, reset_binding};

/// Annotations in which controllers note something for themselves.
const CONTROLLER_NOTES: [&str; 6] = [
    "deployment.kubernetes.io/revision",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "control-plane.alpha.kubernetes.io/leader",
];

/// ConfigMaps that a controller puts into every namespace, with what this cluster's certificates are.
const CLUSTER_CONFIG_MAPS: [&str; 2] = ["kube-root-ca.crt", "openshift-service-ca.crt"];

/// What the API server makes to be found itself: `default/kubernetes`.
const API_SERVER_KINDS: [&str; 3] = ["services", "endpoints", "endpointslices.discovery.k8s.io"];

/// Volumes with tokens, which the API server adds to pods under a name of its own making.
const TOKEN_VOLUMES: &str = "kube-api-access-";

/// Whether a controller makes the object and keeps it as it is.
pub(super) fn is_kept_by_the_cluster(kind: &GroupResource, in_cluster: &Value) -> bool {
    let owners =
        in_cluster.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let controlled =
        owners.filter_map(|owner| owner.get("controller")).any(|controller| controller == &Value::Bool(true));
    let of_the_api_server = text(in_cluster, "/metadata/namespace") == "default"
        && text(in_cluster, "/metadata/name") == "kubernetes";
    let has =
        |place: &str, key: &str| in_cluster.pointer(place).is_some_and(|entries| entries.get(key).is_some());
    controlled
        || kind.is("leases.coordination.k8s.io")
        || (of_the_api_server && API_SERVER_KINDS.iter().any(|own| kind.is(own)))
        || (kind.is("configmaps") && CLUSTER_CONFIG_MAPS.contains(&text(in_cluster, "/metadata/name")))
        || (kind.is("endpoints")
            && (has("/metadata/annotations", "endpoints.kubernetes.io/last-change-trigger-time")
                || has("/metadata/labels", "endpoints.kubernetes.io/managed-by")))
        || (kind.is("endpointslices.discovery.k8s.io")
            && has("/metadata/labels", "endpointslice.kubernetes.io/managed-by"))
}

/// Both objects, reduced: `(desired, in_cluster)`.
pub(super) fn both(kind: &GroupResource, desired: &Value, in_cluster: &Value) -> (Value, Value) {
    let (wanted, mut there) = (reduced(kind, desired), reduced(kind, in_cluster));
    forget_allocated(kind, &wanted, &mut there);
    (prune(wanted), prune(there))
}

fn reduced(kind: &GroupResource, object: &Value) -> Value {
    let mut object = object.clone();
    // An object without metadata is no object of an API server; it then differs from everything that is one.
    let _ = reset(&mut object);
    reset_binding(&mut object);
    remove_annotations(&mut object, &CONTROLLER_NOTES);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("finalizers");
        if let Some(own) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            own.remove(labels::BACKUP_NAME);
            own.remove(labels::RESTORE_NAME);
        }
        metadata.retain(|_, value| !value.as_object().is_some_and(serde_json::Map::is_empty));
    }
    if kind.is("pods") {
        forget_token_volumes(&mut object);
    }
    object
}

/// What the API server or a controller allocated in the cluster and the backup leaves to them.
fn forget_allocated(kind: &GroupResource, wanted: &Value, there: &mut Value) {
    let fields: &[&str] = match kind.to_string().as_str() {
        "services" => &["clusterIP", "clusterIPs", "healthCheckNodePort"],
        "pods" => &["nodeName", "priority", "ephemeralContainers"],
        "persistentvolumeclaims" => &["volumeName"],
        _ => &[],
    };
    if let Some(spec) = there.get_mut("spec").and_then(Value::as_object_mut) {
        for field in fields.iter().filter(|field| wanted.pointer(&format!("/spec/{field}")).is_none()) {
            spec.remove(*field);
        }
    }
    if kind.is("services")
        && let Some(ports) = there.pointer_mut("/spec/ports").and_then(Value::as_array_mut)
    {
        for (at, port) in ports.iter_mut().enumerate() {
            let wanted = wanted.pointer(&format!("/spec/ports/{at}/nodePort"));
            if wanted.is_none()
                && let Some(port) = port.as_object_mut()
            {
                port.remove("nodePort");
            }
        }
    }
    if kind.is("jobs.batch") {
        for place in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
            if let Some(own) = there.pointer_mut(place).and_then(Value::as_object_mut) {
                own.remove("controller-uid");
                own.remove("batch.kubernetes.io/controller-uid");
            }
        }
    }
}

fn forget_token_volumes(pod: &mut Value) {
    let keep = |entry: &Value| !text(entry, "/name").starts_with(TOKEN_VOLUMES);
    if let Some(volumes) = pod.pointer_mut("/spec/volumes").and_then(Value::as_array_mut) {
        volumes.retain(keep);
    }
    for containers in ["/spec/containers", "/spec/initContainers"] {
        for container in pod.pointer_mut(containers).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(mounts) = container.get_mut("volumeMounts").and_then(Value::as_array_mut) {
                mounts.retain(keep);
            }
        }
    }
}

/// Without `null`s: a field that is `null` is one that is not set.
fn prune(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(key, value)| (key, prune(value))).collect())
        }
        Value::Array(entries) => Value::Array(entries.into_iter().map(prune).collect()),
        other => other,
    }
}

//! `velero.io/pod`: a pod brings its priority class and its claims along. The pod itself stays as it is.

use lateen_action::{NoParams, ObjectRef, Outcome};
use serde::Deserialize;

/// What matters of a pod.
#[derive(Deserialize)]
pub(crate) struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    namespace: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    priority_class_name: Option<String>,
    volumes: Option<Vec<Volume>>,
}

/// One entry of `spec.volumes`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    persistent_volume_claim: Option<ClaimSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimSource {
    #[serde(default)]
    claim_name: String,
}

impl Volume {
    /// The claim that it mounts.
    pub(crate) fn claim(&self) -> Option<&str> {
        let name = self.persistent_volume_claim.as_ref()?.claim_name.as_str();
        (!name.is_empty()).then_some(name)
    }
}

/// Backed up with a pod.
pub(crate) fn backup(pod: &Pod, _: &NoParams) -> Result<Outcome, String> {
    Ok(Outcome::unchanged().with_related(needs(pod)))
}

/// In one block with a pod.
pub(crate) fn related(pod: &Pod, _: &NoParams) -> Result<Vec<ObjectRef>, String> {
    Ok(needs(pod))
}

/// The priority class, then the claims.
fn needs(pod: &Pod) -> Vec<ObjectRef> {
    let class = priority_class(pod.spec.priority_class_name.as_deref());
    class.into_iter().chain(claims(pod)).collect()
}

/// The priority class of this name, if it is one.
pub(crate) fn priority_class(name: Option<&str>) -> Option<ObjectRef> {
    let name = name.filter(|name| !name.is_empty())?;
    Some(ObjectRef::new("scheduling.k8s.io", "priorityclasses", None, name))
}

/// The claims that a pod mounts, in the order of its volumes, each once.
pub(crate) fn claims(pod: &Pod) -> Vec<ObjectRef> {
    let mut claims = Vec::new();
    for name in pod.spec.volumes.iter().flatten().filter_map(Volume::claim) {
        let claim = ObjectRef::new("", "persistentvolumeclaims", pod.metadata.namespace.as_deref(), name);
        if !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use lateen_action::{Value, json};

    use super::*;

    fn names(spec: Value) -> Vec<(String, Option<String>, String)> {
        let pod = json!({ "metadata": { "namespace": "app", "name": "web" }, "spec": spec });
        let pod = Pod::deserialize(pod).expect("a pod");
        needs(&pod).into_iter().map(|object| (object.resource, object.namespace, object.name)).collect()
    }

    #[test]
    fn a_pod_brings_its_class_and_its_claims() {
        let spec = json!({
            "priorityClassName": "high",
            "volumes": [
                { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
                { "name": "config", "configMap": { "name": "settings" } },
                { "name": "broken", "persistentVolumeClaim": {} },
                { "name": "logs", "persistentVolumeClaim": { "claimName": "logs", "readOnly": true } },
                { "name": "again", "persistentVolumeClaim": { "claimName": "data" } },
            ],
        });
        let claim = |name: &str| ("persistentvolumeclaims".into(), Some("app".into()), name.into());
        assert_eq!(
            names(spec),
            [("priorityclasses".into(), None, "high".into()), claim("data"), claim("logs")]
        );
    }

    #[test]
    fn a_pod_without_any_brings_nothing() {
        assert_eq!(names(json!({ "priorityClassName": "", "volumes": null })), []);
    }
}

//! What a hook needs to know of its pod, and in which of the pod's containers it runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::annotation::is_hook_key;

/// Why no command can be run in a pod.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A container was named that is neither a main container nor a sidecar.
    #[error("no such container: {0:?}")]
    NoSuchContainer(String),
    /// Nothing to choose from.
    #[error("the pod has no container to run the hook in")]
    NoContainer,
    /// A hook without a program.
    #[error("the hook has no command")]
    NoCommand,
}

/// A pod as hooks see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetPod {
    /// metadata.namespace.
    pub namespace: String,
    /// metadata.name.
    pub name: String,
    /// metadata.uid.
    pub uid: String,
    /// metadata.labels.
    pub labels: BTreeMap<String, String>,
    /// Those of metadata.annotations that are about hooks of a backup.
    pub annotations: BTreeMap<String, String>,
    /// Names of the main containers, in order.
    pub containers: Vec<String>,
    /// Names of the init containers that run as long as the pod does.
    pub sidecars: Vec<String>,
    /// The pod has run its course: there is nothing to run a command in.
    pub finished: bool,
}

impl TargetPod {
    /// Reads a pod; what is missing or of another shape than a pod's is empty.
    pub fn read(pod: &Value) -> Self {
        let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let stays = |container: &&Value| container["restartPolicy"] == "Always";
        let mut annotations = map(pod, "/metadata/annotations");
        annotations.retain(|key, _| is_hook_key(key));
        Self {
            namespace: text("/metadata/namespace").to_owned(),
            name: text("/metadata/name").to_owned(),
            uid: text("/metadata/uid").to_owned(),
            labels: map(pod, "/metadata/labels"),
            annotations,
            containers: list(pod, "/spec/containers").filter_map(name).collect(),
            sidecars: list(pod, "/spec/initContainers").filter(stays).filter_map(name).collect(),
            finished: matches!(text("/status/phase"), "Succeeded" | "Failed"),
        }
    }

    /// The container for a hook that names `wanted`, or the first where it names none.
    pub fn container<'a>(&'a self, wanted: &'a str) -> Result<&'a str, TargetError> {
        if wanted.is_empty() {
            return self.containers.first().map(String::as_str).ok_or(TargetError::NoContainer);
        }
        let mut known = self.containers.iter().chain(&self.sidecars);
        if known.any(|name| name == wanted) {
            Ok(wanted)
        } else {
            Err(TargetError::NoSuchContainer(wanted.to_owned()))
        }
    }
}

fn map(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let entries = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn list<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn name(container: &Value) -> Option<String> {
    container["name"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> TargetPod {
        TargetPod::read(&json!({
            "metadata": {"namespace": "app", "name": "db-0", "uid": "u", "labels": {"a": "b"},
                "annotations": {"pre.hook.backup.velero.io/command": "c", "other": "x", "post.hook.backup.velero.io/command": 1}},
            "spec": {
                "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
                "containers": [{"name": "db"}, {"name": "exporter"}],
            },
            "status": {"phase": "Running"},
        }))
    }

    #[test]
    fn a_container_is_named_or_the_first() {
        let pod = pod();
        for wanted in ["db", "exporter", "proxy"] {
            assert_eq!(pod.container(wanted), Ok(wanted));
        }
        assert_eq!(pod.container(""), Ok("db"));
        assert_eq!(pod.container("setup").unwrap_err().to_string(), r#"no such container: "setup""#);
        assert_eq!(TargetPod::default().container(""), Err(TargetError::NoContainer));
    }

    #[test]
    fn only_what_hooks_need_is_kept() {
        let pod = pod();
        assert_eq!(pod.annotations.keys().collect::<Vec<_>>(), ["pre.hook.backup.velero.io/command"]);
        assert!(!pod.finished);
        for (phase, finished) in [("Succeeded", true), ("Failed", true), ("Pending", false)] {
            assert_eq!(TargetPod::read(&json!({"status": {"phase": phase}})).finished, finished, "{phase}");
        }
    }

    #[test]
    fn what_is_no_pod_has_nothing() {
        for odd in [json!(null), json!([]), json!({"metadata": [], "spec": {"containers": {"name": "x"}}})] {
            assert_eq!(TargetPod::read(&odd), TargetPod::default());
        }
    }
}

//! Objects that are in the archive and have nothing to come back to: pods and jobs that ended, and pods that a node makes by itself.

use serde_json::Value;

use crate::kind::GroupResource;

/// A pod that ended or a job that finished: it would run again.
pub fn is_completed(kind: &GroupResource, object: &Value) -> bool {
    if kind.is("pods") {
        matches!(object.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"))
    } else if kind.is("jobs.batch") {
        object.pointer("/status/completionTime").and_then(Value::as_str).is_some_and(|time| !time.is_empty())
    } else {
        false
    }
}

/// The shadow of a pod that a node runs from a file of its own.
pub fn is_mirror_pod(kind: &GroupResource, object: &Value) -> bool {
    let mark = object
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get("kubernetes.io/config.mirror"));
    kind.is("pods") && mark.and_then(Value::as_str).is_some_and(|mark| !mark.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_ended_is_left() {
        let pods = GroupResource::parse("pods");
        let jobs = GroupResource::parse("jobs.batch");
        for (phase, expected) in
            [("Running", false), ("Pending", false), ("Succeeded", true), ("Failed", true)]
        {
            assert_eq!(is_completed(&pods, &json!({"status": {"phase": phase}})), expected, "{phase}");
        }
        assert!(is_completed(&jobs, &json!({"status": {"completionTime": "2026-05-21T10:00:00Z"}})));
        assert!(
            !is_completed(&jobs, &json!({"status": {"failed": 1}})),
            "a failed job has no completion time and is retried"
        );
        assert!(!is_completed(&GroupResource::parse("pods.other"), &json!({"status": {"phase": "Failed"}})));
        let mirror = json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "hash"}}});
        assert!(is_mirror_pod(&pods, &mirror) && !is_mirror_pod(&jobs, &mirror));
    }
}

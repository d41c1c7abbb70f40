//! Waiting until controllers are through with what was applied.
//!
//! A backup holds what controllers make of an object as well: the pods' address, a Service's endpoints, the claim's volume. Tests that
//! look at all of a backup have to wait for them, and can tell by the object's own status when that is.

use anyhow::Result;
use serde_json::Value;

use crate::objects::{LIMIT, Objects, text};
use crate::wait::wait_for;

impl Objects {
    /// Waits until nothing more will happen to these objects by itself. Kinds that no controller cares for are settled at once.
    pub async fn settle(&self, objects: &[Value]) -> Result<()> {
        for object in objects {
            let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
            wait_for(&format!("{kind} {name} to settle"), LIMIT, async || {
                Ok(self.is_settled(object).await?.then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    async fn is_settled(&self, applied: &Value) -> Result<bool> {
        let (namespace, name) = (text(applied, "/metadata/namespace"), text(applied, "/metadata/name"));
        let kind = format!("{}/{}", text(applied, "/apiVersion"), text(applied, "/kind"));
        if kind == "v1/Namespace" {
            return Ok(self.get("v1/ServiceAccount", name, "default").await?.is_some()
                && self.get("v1/ConfigMap", name, "kube-root-ca.crt").await?.is_some());
        }
        let Some(now) = self.get(&kind, namespace, name).await? else { return Ok(false) };
        match kind.as_str() {
            "v1/Pod" => {
                let is_held_back = now["spec"]["schedulingGates"].is_array();
                let is_scheduled = is_held_back || self.is_scheduled_and_said_so(namespace, name).await?;
                Ok(is_scheduled && (is_held_back || now["status"]["phase"] == "Running"))
            }
            "v1/PersistentVolumeClaim" => {
                Ok(now["spec"]["volumeName"].is_null() || now["status"]["phase"] == "Bound")
            }
            "v1/Service" if now["spec"]["selector"].is_object() => {
                let slices = self.list("discovery.k8s.io/v1/EndpointSlice", namespace).await?;
                let endpoints = self.get("v1/Endpoints", namespace, name).await?;
                Ok(endpoints.is_some() && slices.iter().any(|slice| is_owned_by(slice, &now)))
            }
            "apps/v1/Deployment" => {
                let sets = self.list("apps/v1/ReplicaSet", namespace).await?;
                let mut of_this = sets.iter().filter(|set| is_owned_by(set, &now)).peekable();
                let has_progressed =
                    has_condition(&now, "Progressing", |it| it["reason"] == "NewReplicaSetAvailable");
                Ok(has_progressed && of_this.peek().is_some() && of_this.all(is_observed))
            }
            "apps/v1/ReplicaSet" | "apps/v1/StatefulSet" => {
                Ok(is_observed(&now) && count(&now, "/status/readyReplicas") == count(&now, "/spec/replicas"))
            }
            "batch/v1/Job" if now["spec"]["suspend"] == true => {
                Ok(has_condition(&now, "Suspended", |_| true))
            }
            "batch/v1/Job" => Ok(now["status"]["completionTime"].is_string()),
            _ => Ok(true),
        }
    }

    /// The scheduler writes an event some time after it has placed a pod.
    async fn is_scheduled_and_said_so(&self, namespace: &str, pod: &str) -> Result<bool> {
        let events = self.list("v1/Event", namespace).await?;
        Ok(events.iter().any(|it| it["reason"] == "Scheduled" && it["involvedObject"]["name"] == pod))
    }
}

fn count(object: &Value, pointer: &str) -> u64 {
    object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// Whether the controller has seen the object as it is.
fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

fn is_owned_by(object: &Value, owner: &Value) -> bool {
    object["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
}

fn has_condition(object: &Value, kind: &str, also: impl Fn(&Value) -> bool) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == kind && it["status"] == "True" && also(it))
}

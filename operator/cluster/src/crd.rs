//! Waiting for a custom resource definition to be served.

use std::time::Duration;

use kube::Client;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use serde::Deserialize;
use tokio::time::Instant;

use crate::object::{self, ObjectError};
use crate::request::RequestError;

/// Time between two looks.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Why custom resources of a definition cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// Its conditions did not become true in time. The text is the one that Velero's users know.
    #[error("the CRD {name} is not available to use for custom resources")]
    NotAvailable {
        /// The definition.
        name: String,
    },
    /// It could not be read.
    #[error("could not get the CRD {name}")]
    Get {
        /// The definition.
        name: String,
        /// Why.
        #[source]
        source: ObjectError,
    },
}

// Schemas are large; only the conditions are read.
#[derive(Deserialize)]
struct Definition {
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

impl Definition {
    fn available(&self) -> bool {
        let conditions = self.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
        let holds = |name: &str| conditions.iter().any(|c| c.r#type == name && c.status == "True");
        holds("Established") && holds("NamesAccepted")
    }
}

/// Waits until the definition is established and its names are accepted: looks every [`POLL_INTERVAL`] until `timeout` is over. A definition
/// that is not there (yet) is waited for as well.
pub async fn wait_available(client: &Client, name: &str, timeout: Duration) -> Result<(), CrdError> {
    let deadline = Instant::now() + timeout;
    while !available(client, name).await.map_err(|source| CrdError::Get { name: name.into(), source })? {
        if Instant::now() >= deadline {
            return Err(CrdError::NotAvailable { name: name.into() });
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + POLL_INTERVAL)).await;
    }
    Ok(())
}

async fn available(client: &Client, name: &str) -> Result<bool, ObjectError> {
    let kind = ServedKind {
        group_resource: GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions"),
        version: "v1".into(),
        kind: "CustomResourceDefinition".into(),
        singular: "customresourcedefinition".into(),
        short_names: Vec::new(),
        namespaced: false,
        verbs: Vec::new(),
    };
    let Some(text) = object::get(client, &kind, &ObjectName::new(None, name)).await? else {
        return Ok(false);
    };
    let definition: Result<Definition, _> = serde_json::from_str(&text);
    let expected = "a custom resource definition";
    Ok(definition.map_err(|source| RequestError::Unexpected { expected, source })?.available())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Answer, serve};

    fn look(conditions: &[(&str, &str)]) -> (String, Answer) {
        let conditions: Vec<_> =
            conditions.iter().map(|(t, s)| serde_json::json!({"type": t, "status": s})).collect();
        let line = "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/tools.shop.example";
        (
            line.into(),
            Answer::json(200, &serde_json::json!({"spec": {}, "status": {"conditions": conditions}})),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn both_conditions_are_waited_for_and_not_for_ever() {
        let half = || look(&[("Established", "True"), ("NamesAccepted", "False")]);
        let (client, server) =
            serve(vec![look(&[]), half(), look(&[("NamesAccepted", "True"), ("Established", "True")])]);
        wait_available(&client, "tools.shop.example", Duration::from_secs(2)).await.unwrap();
        server.done().await;

        let (client, server) = serve(vec![half(), half(), half()]);
        let error = wait_available(&client, "tools.shop.example", Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(error, CrdError::NotAvailable { .. }), "{error}");
        server.done().await;
    }
}

//! Namespaces that are there and can take objects, made if need be.

use std::time::Duration;

use kube::Client;
use kube::core::Status;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use serde::Deserialize;
use tokio::time::Instant;

use crate::object::{self, ObjectError, WriteOptions};
use crate::request::RequestError;

/// Time between two looks at a namespace that is going away.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What came of ensuring a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceOutcome {
    /// We created it.
    Created,
    /// It was there, or somebody else created it at the same time. Its labels and annotations were left alone.
    Existed,
}

/// Why a namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// It is being deleted, and was not gone in time. The text is the one that Velero's users know.
    #[error("timed out waiting for terminating namespace {name} to disappear before restoring")]
    Terminating {
        /// The namespace.
        name: String,
    },
    /// It could not be read.
    #[error("could not get namespace {name}")]
    Get {
        /// The namespace.
        name: String,
        /// Why.
        #[source]
        source: ObjectError,
    },
    /// It could not be created.
    #[error("could not create namespace {name}")]
    Create {
        /// The namespace.
        name: String,
        /// Why.
        #[source]
        source: ObjectError,
    },
}

impl NamespaceError {
    /// What the API server said, if it said something.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Terminating { .. } => None,
            Self::Get { source, .. } | Self::Create { source, .. } => source.status(),
        }
    }
}

#[derive(Deserialize)]
struct Found {
    metadata: Metadata,
    #[serde(default)]
    status: Option<FoundStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct FoundStatus {
    #[serde(default)]
    phase: Option<String>,
}

impl Found {
    fn terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
            || self.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Terminating")
    }
}

/// Makes sure that a namespace of that name exists and is not going away; `body` is the Namespace to create if there is none.
///
/// Flow: look; create if there is none; if it is going away wait [`POLL_INTERVAL`] and look again, until `timeout` is over. A namespace that
/// somebody else creates between the look and our create counts as existing once another look has found it usable.
///
/// Guarantees: an existing namespace is never changed; after `Ok` the namespace was usable a moment ago. Any error of the API server ends the
/// waiting at once.
pub async fn ensure(
    client: &Client,
    name: &str,
    body: &str,
    timeout: Duration,
) -> Result<NamespaceOutcome, NamespaceError> {
    let deadline = Instant::now() + timeout;
    loop {
        match look(client, name).await.map_err(|source| NamespaceError::Get { name: name.into(), source })? {
            Some(found) if !found.terminating() => return Ok(NamespaceOutcome::Existed),
            Some(_) => {}
            None => {
                match object::create(client, &kind(), None, body.to_owned(), WriteOptions::default()).await {
                    Ok(_) => return Ok(NamespaceOutcome::Created),
                    // Look again: whoever was faster may have begun to delete it.
                    Err(ObjectError::AlreadyExists(_)) if Instant::now() < deadline => continue,
                    Err(source) => return Err(NamespaceError::Create { name: name.into(), source }),
                }
            }
        }
        if Instant::now() >= deadline {
            return Err(NamespaceError::Terminating { name: name.into() });
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + POLL_INTERVAL)).await;
    }
}

async fn look(client: &Client, name: &str) -> Result<Option<Found>, ObjectError> {
    let Some(text) = object::get(client, &kind(), &ObjectName::new(None, name)).await? else {
        return Ok(None);
    };
    let found = serde_json::from_str(&text);
    Ok(Some(found.map_err(|source| RequestError::Unexpected { expected: "a namespace", source })?))
}

fn kind() -> ServedKind {
    ServedKind {
        group_resource: GroupResource::new("", "namespaces"),
        version: "v1".into(),
        kind: "Namespace".into(),
        singular: "namespace".into(),
        short_names: Vec::new(),
        namespaced: false,
        verbs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Answer, serve};

    const GET: &str = "GET /api/v1/namespaces/app";
    const CREATE: &str = "POST /api/v1/namespaces";

    fn active() -> Answer {
        Answer::text(200, r#"{"metadata":{"name":"app"},"status":{"phase":"Active"}}"#)
    }

    fn terminating() -> Answer {
        Answer::text(
            200,
            r#"{"metadata":{"name":"app","deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{}}"#,
        )
    }

    fn missing() -> Answer {
        Answer::text(
            404,
            r#"{"kind":"Status","reason":"NotFound","code":404,"message":"namespaces \"app\" not found"}"#,
        )
    }

    fn exists() -> Answer {
        Answer::text(409, r#"{"kind":"Status","reason":"AlreadyExists","code":409,"message":"exists"}"#)
    }

    async fn run(script: Vec<(&str, Answer)>) -> (Result<NamespaceOutcome, NamespaceError>, u64) {
        let (client, server) =
            serve(script.into_iter().map(|(line, answer)| (line.to_owned(), answer)).collect());
        let begin = Instant::now();
        let outcome = ensure(&client, "app", "{}", Duration::from_secs(3)).await;
        server.done().await;
        (outcome, begin.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_there_is_left_alone() {
        let (outcome, _) = run(vec![(GET, active())]).await;
        assert_eq!(outcome.unwrap(), NamespaceOutcome::Existed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_goes_away_is_waited_for_and_made_anew() {
        let script = vec![
            (GET, terminating()),
            (GET, terminating()),
            (GET, missing()),
            (CREATE, Answer::text(201, "{}")),
        ];
        let (outcome, seconds) = run(script).await;
        assert_eq!((outcome.unwrap(), seconds), (NamespaceOutcome::Created, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_has_an_end() {
        let (outcome, seconds) = run(vec![(GET, terminating()); 4]).await;
        assert!(matches!(outcome, Err(NamespaceError::Terminating { .. })));
        assert_eq!(seconds, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn another_creator_wins_the_race_without_harm() {
        let (outcome, _) = run(vec![(GET, missing()), (CREATE, exists()), (GET, active())]).await;
        assert_eq!(outcome.unwrap(), NamespaceOutcome::Existed);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_end_the_waiting() {
        let (outcome, _) = run(vec![(GET, missing()), (CREATE, Answer::text(403, "no"))]).await;
        assert_eq!(outcome.unwrap_err().status().unwrap().message, "no");
    }
}

//! What an API server serves, asked afresh at the start of every run.
//!
//! Two requests (`/api` and `/apis`, aggregated discovery) and one for the version. Servers from before aggregated discovery are asked group
//! by group. A group that cannot be asked, because the server behind it is down, does not fail discovery: it is in
//! [`Catalog::unavailable`] with the reason, and what the API server remembers of it is not used.

mod aggregated;
mod group;
mod legacy;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, HeaderValue};
use kube::Client;
use kube::core::discovery::v2::ACCEPT_AGGREGATED_DISCOVERY_V2;
use lateen_core::catalog::Catalog;
use serde::Deserialize;

use self::group::Group;
use crate::request::{self, Path, RequestError};

/// The largest discovery document in bytes. A kind takes some 700; 10,000 kinds are more than any cluster has.
pub const DOCUMENT_LIMIT: usize = 16 << 20;

/// What an API server serves and is.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// The kinds that can be backed up.
    pub catalog: Catalog,
    /// The server's version.
    pub server: ServerVersion,
}

/// The version of an API server, as `/version` tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerVersion {
    /// `v1.36.1`.
    #[serde(default)]
    pub git_version: String,
    /// `1`.
    #[serde(default)]
    pub major: String,
    /// `36`, with a `+` in some distributions.
    #[serde(default)]
    pub minor: String,
}

/// Why nobody knows what the server serves.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The server does not answer.
    #[error("could not ask the API server for {path}")]
    Request {
        /// What it was asked for.
        path: String,
        /// Why it did not answer.
        #[source]
        source: RequestError,
    },
}

/// Asks the server for its kinds and its version. Of each kind the preferred version is taken, by client-go's rule: the group's preferred
/// version where it has the kind, else the first one that has it.
pub async fn discover(client: &Client) -> Result<Discovery, DiscoveryError> {
    let (core, groups, server) =
        futures::try_join!(groups(client, "api"), groups(client, "apis"), version(client))?;
    let all = core.into_iter().chain(groups).collect();
    Ok(Discovery { catalog: group::catalog(all), server })
}

async fn groups(client: &Client, root: &'static str) -> Result<Vec<Group>, DiscoveryError> {
    let text = document(client, &[root]).await?;
    let read = aggregated::read(&text).map_err(|source| unexpected(&[root], source))?;
    match read {
        Some(groups) => Ok(groups),
        None => legacy::groups(client, root, &text).await,
    }
}

async fn version(client: &Client) -> Result<ServerVersion, DiscoveryError> {
    let text = document(client, &["version"]).await?;
    serde_json::from_str(&text).map_err(|source| unexpected(&["version"], source))
}

/// The document at that path, aggregated if the server can.
async fn document(client: &Client, segments: &[&str]) -> Result<String, DiscoveryError> {
    let asked = async {
        let mut request: Request<Bytes> = request::get(&Path::new(segments.iter().copied())?)?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(ACCEPT_AGGREGATED_DISCOVERY_V2));
        request::text(client, &request, DOCUMENT_LIMIT).await
    };
    asked.await.map_err(|source| DiscoveryError::Request { path: shown(segments), source })
}

fn unexpected(segments: &[&str], source: serde_json::Error) -> DiscoveryError {
    let source = RequestError::Unexpected { expected: "a discovery document", source };
    DiscoveryError::Request { path: shown(segments), source }
}

fn shown(segments: &[&str]) -> String {
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mock::{Answer, serve};

    fn catalog_lines(catalog: &Catalog) -> Vec<String> {
        catalog.kinds().iter().map(|kind| format!("{} {}", kind.group_resource, kind.version)).collect()
    }

    #[tokio::test]
    async fn three_requests_are_enough() {
        let (client, server) = serve(vec![
            ("GET /api".into(), Answer::text(200, include_str!("../tests/fixtures/discovery-api.json"))),
            ("GET /apis".into(), Answer::text(200, include_str!("../tests/fixtures/discovery-apis.json"))),
            (
                "GET /version".into(),
                Answer::text(200, r#"{"major":"1","minor":"36","gitVersion":"v1.36.0"}"#),
            ),
        ]);
        let discovery = discover(&client).await.unwrap();
        assert_eq!(discovery.server.git_version, "v1.36.0");
        assert!(discovery.catalog.resolve("po").is_some());
        assert!(discovery.catalog.resolve("deploy").is_some());
        server.done().await;
    }

    #[tokio::test]
    async fn old_servers_are_asked_group_by_group() {
        let verbs = ["create", "delete", "get", "list"];
        let pods = json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            {"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": verbs, "shortNames": ["po"]},
            {"name": "pods/log", "singularName": "", "namespaced": true, "kind": "Pod", "verbs": ["get"]},
        ]});
        let groups = json!({"kind": "APIGroupList", "groups": [
            {"name": "down.example", "versions": [{"groupVersion": "down.example/v1", "version": "v1"}]},
        ]});
        let (client, server) = serve(vec![
            ("GET /api".into(), Answer::json(200, &json!({"kind": "APIVersions", "versions": ["v1"]}))),
            ("GET /apis".into(), Answer::json(200, &groups)),
            ("GET /version".into(), Answer::json(200, &json!({}))),
            ("GET /api/v1".into(), Answer::json(200, &pods)),
            ("GET /apis/down.example/v1".into(), Answer::text(404, "gone")),
        ]);
        let Discovery { catalog, server: version } = discover(&client).await.unwrap();
        assert_eq!(catalog_lines(&catalog), ["pods v1"]);
        assert_eq!(catalog.unavailable()["down.example/v1"], "gone");
        assert_eq!(version, ServerVersion::default());
        server.done().await;
    }

    #[tokio::test]
    async fn no_answer_is_an_error_and_no_empty_catalog() {
        for answer in [Answer::text(403, "no"), Answer::text(200, "<html>"), Answer::text(200, "{}")] {
            let (client, _server) = serve(vec![
                ("GET /api".into(), answer.clone()),
                ("GET /apis".into(), answer.clone()),
                ("GET /version".into(), answer),
            ]);
            let error = discover(&client).await.unwrap_err();
            assert_eq!(error.to_string(), "could not ask the API server for /api");
        }
    }
}

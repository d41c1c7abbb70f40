//! ConfigMaps that somebody wrote for us.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::request::RequestError;

/// ConfigMaps asked for at a time. Each holds up to 1 MiB; a page of 20 is 20 MiB at most.
pub const PAGE_SIZE: u32 = 20;

/// Why a ConfigMap or a value of it cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ConfigMapError {
    /// No such ConfigMap.
    #[error("there is no config map {namespace}/{name}")]
    NotFound {
        /// Where it was looked for.
        namespace: String,
        /// The ConfigMap.
        name: String,
    },
    /// The ConfigMap lacks the key.
    #[error("config map {namespace}/{name} has no key {key:?}")]
    NoKey {
        /// Where it is.
        namespace: String,
        /// The ConfigMap.
        name: String,
        /// What it lacks.
        key: String,
    },
    /// It could not be read.
    #[error("could not get config map {namespace}/{name}")]
    Get {
        /// Where it is.
        namespace: String,
        /// The ConfigMap.
        name: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// They could not be listed.
    #[error("could not list the config maps of namespace {namespace}")]
    List {
        /// Where.
        namespace: String,
        /// Why.
        #[source]
        source: RequestError,
    },
}

/// A ConfigMap.
pub async fn get(client: &Client, namespace: &str, name: &str) -> Result<ConfigMap, ConfigMapError> {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    match config_maps.get_opt(name).await {
        Ok(Some(config_map)) => Ok(config_map),
        Ok(None) => Err(ConfigMapError::NotFound { namespace: namespace.into(), name: name.into() }),
        Err(error) => {
            let source = error.into();
            Err(ConfigMapError::Get { namespace: namespace.into(), name: name.into(), source })
        }
    }
}

/// The value of a key, text or binary.
pub async fn value(
    client: &Client,
    namespace: &str,
    name: &str,
    key: &str,
) -> Result<Vec<u8>, ConfigMapError> {
    let ConfigMap { data, binary_data, .. } = get(client, namespace, name).await?;
    let text = data.and_then(|mut data| data.remove(key)).map(String::into_bytes);
    let binary = || binary_data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0);
    let no_key = || ConfigMapError::NoKey { namespace: namespace.into(), name: name.into(), key: key.into() };
    text.or_else(binary).ok_or_else(no_key)
}

/// The ConfigMaps of a namespace that a label selector (its text form) matches, page by page so that no answer is large.
pub async fn list(client: &Client, namespace: &str, labels: &str) -> Result<Vec<ConfigMap>, ConfigMapError> {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mut found = Vec::new();
    let mut params = ListParams::default().labels(labels).limit(PAGE_SIZE);
    loop {
        let page = config_maps
            .list(&params)
            .await
            .map_err(|error| ConfigMapError::List { namespace: namespace.into(), source: error.into() })?;
        found.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Answer, serve};

    #[tokio::test]
    async fn text_and_binary_values_are_found() {
        let config_map = r#"{"metadata":{"name":"a"},"data":{"t":"x"},"binaryData":{"b":"AP8="}}"#;
        for (key, wanted) in [
            ("t", Ok(b"x".to_vec())),
            ("b", Ok(vec![0, 255])),
            ("c", Err("config map velero/a has no key \"c\"".to_owned())),
        ] {
            let (client, server) = serve(vec![(
                "GET /api/v1/namespaces/velero/configmaps/a".into(),
                Answer::text(200, config_map),
            )]);
            assert_eq!(value(&client, "velero", "a", key).await.map_err(|e| e.to_string()), wanted);
            server.done().await;
        }
    }

    #[tokio::test]
    async fn lists_follow_their_pages() {
        let page = |name: &str, token: &str| {
            Answer::json(
                200,
                &serde_json::json!({"metadata": {"continue": token}, "items": [{"metadata": {"name": name}}]}),
            )
        };
        let first = "GET /api/v1/namespaces/velero/configmaps?&labelSelector=a%3Db&limit=20";
        let (client, server) =
            serve(vec![(first.into(), page("x", "t")), (format!("{first}&continue=t"), page("y", ""))]);
        let found = list(&client, "velero", "a=b").await.unwrap();
        assert_eq!(found.len(), 2);
        server.done().await;
    }
}

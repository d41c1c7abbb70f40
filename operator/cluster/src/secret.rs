//! Values of Secrets.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use crate::request::RequestError;

/// Why a value cannot be had. Never tells a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No such Secret.
    #[error("there is no secret {namespace}/{name}")]
    NotFound {
        /// Where it was looked for.
        namespace: String,
        /// The Secret.
        name: String,
    },
    /// The Secret lacks the key.
    #[error("secret {namespace}/{name} has no key {key:?}")]
    NoKey {
        /// Where it is.
        namespace: String,
        /// The Secret.
        name: String,
        /// What it lacks.
        key: String,
    },
    /// It could not be read.
    #[error("could not get secret {namespace}/{name}")]
    Get {
        /// Where it is.
        namespace: String,
        /// The Secret.
        name: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// It could not be made.
    #[error("could not create secret {namespace}/{name}")]
    Create {
        /// Where it should be.
        namespace: String,
        /// The Secret.
        name: String,
        /// Why.
        #[source]
        source: RequestError,
    },
}

/// The value of a key, decoded.
pub async fn value(client: &Client, namespace: &str, name: &str, key: &str) -> Result<Vec<u8>, SecretError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = match secrets.get_opt(name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Err(SecretError::NotFound { namespace: namespace.into(), name: name.into() }),
        Err(error) => {
            let source = error.into();
            return Err(SecretError::Get { namespace: namespace.into(), name: name.into(), source });
        }
    };
    let value = secret.data.unwrap_or_default().remove(key).map(|value| value.0);
    value.ok_or_else(|| SecretError::NoKey {
        namespace: namespace.into(),
        name: name.into(),
        key: key.into(),
    })
}

/// The value of a key; where there is no such Secret it is made first, immutable, with this value. Of several who do so at once one
/// makes it, and all get its value. A Secret that is there is not changed, also if it lacks the key.
pub async fn value_or_create(
    client: &Client,
    namespace: &str,
    name: &str,
    key: &str,
    fresh: &[u8],
) -> Result<Vec<u8>, SecretError> {
    match value(client, namespace, name, key).await {
        Err(SecretError::NotFound { .. }) => {}
        found => return found,
    }
    let secret = Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some([(key.to_owned(), ByteString(fresh.to_vec()))].into()),
        immutable: Some(true),
        ..Secret::default()
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    match secrets.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok(fresh.to_vec()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            value(client, namespace, name, key).await
        }
        Err(error) => {
            let source = error.into();
            Err(SecretError::Create { namespace: namespace.into(), name: name.into(), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Answer, serve};

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let secret =
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"cloud"},"data":{"cloud":"AP8="}}"#;
        let get = "GET /api/v1/namespaces/velero/secrets/cloud";
        for (answer, key, wanted) in [
            (Answer::text(200, secret), "cloud", Ok(vec![0, 255])),
            (Answer::text(200, secret), "aws", Err("secret velero/cloud has no key \"aws\"")),
            (
                Answer::text(404, r#"{"kind":"Status","code":404,"reason":"NotFound"}"#),
                "cloud",
                Err("there is no secret velero/cloud"),
            ),
            (Answer::text(403, "no"), "cloud", Err("could not get secret velero/cloud")),
        ] {
            let (client, server) = serve(vec![(get.into(), answer)]);
            let got = value(&client, "velero", "cloud", key).await;
            assert_eq!(got.map_err(|e| e.to_string()), wanted.map_err(str::to_owned));
            server.done().await;
        }
    }

    const KEY_SECRET: &str =
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"cache"},"data":{"key":"AP8="}}"#;
    const EXISTS: &str =
        r#"{"kind":"Status","status":"Failure","code":409,"reason":"AlreadyExists","message":"it exists"}"#;
    const MISSING: &str =
        r#"{"kind":"Status","status":"Failure","code":404,"reason":"NotFound","message":"none"}"#;

    #[tokio::test]
    async fn a_secret_is_made_once() {
        let get = || "GET /api/v1/namespaces/velero/secrets/cache".to_owned();
        let create = || "POST /api/v1/namespaces/velero/secrets?".to_owned();
        for (script, wanted) in [
            (vec![(get(), Answer::text(200, KEY_SECRET))], Ok(vec![0, 255])),
            (
                vec![(get(), Answer::text(404, MISSING)), (create(), Answer::text(201, KEY_SECRET))],
                Ok(vec![7]),
            ),
            (
                vec![
                    (get(), Answer::text(404, MISSING)),
                    (create(), Answer::text(409, EXISTS)),
                    (get(), Answer::text(200, KEY_SECRET)),
                ],
                Ok(vec![0, 255]),
            ),
            (
                vec![(get(), Answer::text(404, MISSING)), (create(), Answer::text(403, "no"))],
                Err("could not create secret velero/cache"),
            ),
        ] {
            let (client, server) = serve(script);
            let got = value_or_create(&client, "velero", "cache", "key", &[7]).await;
            assert_eq!(got.map_err(|e| e.to_string()), wanted.map_err(str::to_owned));
            server.done().await;
        }
    }
}

//! The connection to an API server: where it is, who we are, how long we wait, how much we ask at once and when a request is sent again.
//!
//! Every client made here carries the limit of [`concurrency`] and the retry rules of [`retry`], so neither typed nor raw requests need
//! their own, and all clones of a client share one limit. A request that waits to be sent again leaves its place to others. kube's default
//! retries are off: they would send a create again after a gateway timeout, when the object may exist already.
//!
//! Answers are not compressed unless asked for. The API server compresses what is larger than 128 KiB with the weakest level, which costs
//! both sides more time than a local network takes to carry the bytes; over a slow line it pays.

pub mod concurrency;
pub mod retry;

use std::path::Path;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use kube::client::ClientBuilder;
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;
use tower::timeout::TimeoutLayer;

use self::concurrency::ConcurrencyLayer;
use self::retry::RetryRules;

/// How long connecting may take. Three lost SYN packets are retransmitted within 7 s; more is not a network to wait for.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the API server may take until it begins to answer: its own limit of 60 s for a request and 10 s for the way.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(70);

/// How long a connection may be silent in the middle of an answer: longer than the 290 s after which the server ends a watch.
pub const SILENCE_TIMEOUT: Duration = Duration::from_mins(5);

/// Requests that may wait for the connection pool. Some hundred tasks send one request at a time each; the rest waits in its task.
const WAITING_REQUESTS: usize = 1024;

/// What a client may be told.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How we call ourselves; the part before the slash becomes the manager of the fields that we write.
    pub user_agent: String,
    /// Limit of connecting.
    pub connect_timeout: Duration,
    /// Limit of waiting for the beginning of an answer, per try.
    pub response_timeout: Duration,
    /// Ask for compressed answers.
    pub compression: bool,
    /// Context of the kubeconfig instead of its current one.
    pub context: Option<String>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("lateen/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
            compression: false,
            context: None,
        }
    }
}

/// Why there is no client. Nothing was sent yet: an API server that cannot be reached shows at the first request.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file is missing, is not a kubeconfig, or its current context is incomplete.
    #[error("could not use the kubeconfig {path}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        #[source]
        source: KubeconfigError,
    },
    /// Neither a kubeconfig in the usual places nor a service account of a pod.
    #[error("found no API server to talk to")]
    Infer(#[source] InferConfigError),
    /// Certificates, keys or credentials cannot be used.
    #[error("could not set up the connection to {url}")]
    Setup {
        /// The API server's address.
        url: String,
        /// What cannot be used.
        #[source]
        source: Box<kube::Error>,
    },
    /// The user agent has characters that a header cannot carry.
    #[error("{0:?} cannot be a user agent")]
    UserAgent(String),
}

/// A client for the API server of that kubeconfig's current context or, without a file, of `$KUBECONFIG`, `~/.kube/config` or the
/// service account of the pod that we are in, in this order.
pub async fn connect(kubeconfig: Option<&Path>, options: &ClientOptions) -> Result<Client, ConnectError> {
    let context = options.context.as_deref();
    let (mut config, proxy) = match (kubeconfig, context) {
        (Some(path), _) => {
            let told = |source| ConnectError::Kubeconfig { path: path.display().to_string(), source };
            of_context(Kubeconfig::read_from(path).map_err(told)?, context).await.map_err(told)?
        }
        (None, Some(_)) => {
            let told = |source| ConnectError::Kubeconfig { path: "in the usual place".into(), source };
            of_context(Kubeconfig::read().map_err(told)?, context).await.map_err(told)?
        }
        (None, None) => {
            let config = Config::infer().await.map_err(ConnectError::Infer)?;
            (config, Kubeconfig::read().ok().and_then(|kubeconfig| own_proxy(&kubeconfig)))
        }
    };
    // HTTPS_PROXY is for the way out, to the buckets. The library would send requests to the API server there too, whatever NO_PROXY says.
    config.proxy_url = proxy;
    let user_agent = HeaderValue::from_str(&options.user_agent)
        .map_err(|_| ConnectError::UserAgent(options.user_agent.clone()))?;
    config.headers.push((USER_AGENT, user_agent));
    config.connect_timeout = Some(options.connect_timeout);
    config.read_timeout = Some(SILENCE_TIMEOUT);
    // The time that a connection lay idle in the pool is not silence in the middle of an answer.
    config.reset_reader_on_write = true;
    config.disable_compression = !options.compression;
    config.default_retry = false;
    let url = config.cluster_url.to_string();
    let builder = ClientBuilder::try_from(config)
        .map_err(|source| ConnectError::Setup { url, source: source.into() })?;
    Ok(builder
        .with_layer(&BufferLayer::new(WAITING_REQUESTS))
        .with_layer(&TimeoutLayer::new(options.response_timeout))
        .with_layer(&ConcurrencyLayer::default())
        .with_layer(&RetryLayer::new(RetryRules::default()))
        .build())
}

async fn of_context(
    mut kubeconfig: Kubeconfig,
    context: Option<&str>,
) -> Result<(Config, Option<Uri>), KubeconfigError> {
    if let Some(context) = context {
        kubeconfig.current_context = Some(context.to_owned());
    }
    let proxy = own_proxy(&kubeconfig);
    Ok((Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?, proxy))
}

/// The proxy that a kubeconfig names for the cluster of its current context.
fn own_proxy(kubeconfig: &Kubeconfig) -> Option<Uri> {
    let current = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig.contexts.iter().find(|context| context.name == *current)?.context.as_ref()?;
    let cluster =
        kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster)?.cluster.as_ref()?;
    cluster.proxy_url.as_deref().filter(|url| !url.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_proxy_of_the_current_cluster_counts() {
        let kubeconfig = |current: &str| {
            let json = serde_json::json!({
                "current-context": current,
                "contexts": [{"name": "a", "context": {"cluster": "a"}}, {"name": "b", "context": {"cluster": "b"}}],
                "clusters": [
                    {"name": "a", "cluster": {"server": "https://a", "proxy-url": "http://proxy:3128"}},
                    {"name": "b", "cluster": {"server": "https://b"}}
                ]
            });
            serde_json::from_value::<Kubeconfig>(json).unwrap()
        };
        assert_eq!(own_proxy(&kubeconfig("a")).unwrap().to_string(), "http://proxy:3128/");
        assert_eq!(own_proxy(&kubeconfig("b")), None);
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let path = Path::new("/nonexistent/kubeconfig");
        let error = connect(Some(path), &ClientOptions::default()).await.err().unwrap();
        assert_eq!(error.to_string(), "could not use the kubeconfig /nonexistent/kubeconfig");
    }
}

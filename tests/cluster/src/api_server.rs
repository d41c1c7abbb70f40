//! The few questions that starting a cluster asks its API server, as blocking calls.
//!
//! kube is asynchronous; each call runs it on a thread and a runtime of its own, so that callers may be anywhere, also inside
//! an async runtime (which forbids to block on a second one). The calls are few; what that costs is lost in the noise.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Node, ServiceAccount};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

/// How long one call may take: the server is on this machine, but may be at its start.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long a token is valid: longer than anybody keeps a throwaway cluster up.
const TOKEN_SECONDS: i64 = 7 * 24 * 60 * 60;

/// The API server, as somebody with a kubeconfig sees it.
pub(crate) struct ApiServer {
    kubeconfig: String,
}

impl ApiServer {
    pub(crate) fn new(kubeconfig: String) -> Self {
        Self { kubeconfig }
    }

    /// Whether it serves, by its own judgement.
    pub(crate) fn is_ready(&self) -> bool {
        self.call(async |client| {
            let request = http::Request::get("/readyz").body(Vec::new()).context("build a request")?;
            Ok(client.request_text(request).await?)
        })
        .is_ok()
    }

    /// Whether the controllers gave `namespace` what each has: a service account, and the authority's certificate.
    pub(crate) fn has_furnished(&self, namespace: &str) -> bool {
        self.call(async |client| {
            Api::<ServiceAccount>::namespaced(client.clone(), namespace).get("default").await?;
            Ok(Api::<ConfigMap>::namespaced(client, namespace).get("kube-root-ca.crt").await?)
        })
        .is_ok()
    }

    /// Registers a node, as a kubelet would.
    pub(crate) fn create_node(&self, name: &str) -> Result<()> {
        let node: Node = serde_json::from_value(json!({ "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }}}))
        .context("describe the node")?;
        self.call(async |client| {
            Api::<Node>::all(client).create(&PostParams::default(), &node).await?;
            Ok(())
        })
        .with_context(|| format!("create the node {name}"))
    }

    /// Whether pods are scheduled on a node: nothing keeps them off, and it said that it is ready.
    pub(crate) fn node_takes_pods(&self, name: &str) -> bool {
        let Ok(node) = self.call(async |client| Ok(Api::<Node>::all(client).get(name).await?)) else {
            return false;
        };
        let is_tainted = node.spec.is_some_and(|spec| spec.taints.is_some_and(|taints| !taints.is_empty()));
        let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
        !is_tainted
            && conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }

    /// A token for a service account that exists.
    pub(crate) fn token(&self, namespace: &str, account: &str) -> Result<String> {
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = self
            .call(async |client| {
                let accounts = Api::<ServiceAccount>::namespaced(client, namespace);
                Ok(accounts.create_token_request(account, &PostParams::default(), &request).await?)
            })
            .with_context(|| format!("ask for a token for the service account {namespace}/{account}"))?;
        answer.status.and_then(|status| status.token).context("find the token in the answer")
    }

    fn call<T: Send>(&self, ask: impl AsyncFnOnce(Client) -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| scope.spawn(|| self.call_here(ask)).join())
            .unwrap_or_else(|_| Err(anyhow!("the call panicked")))
    }

    fn call_here<T>(&self, ask: impl AsyncFnOnce(Client) -> Result<T>) -> Result<T> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("start a runtime")?;
        runtime.block_on(async {
            let config = Kubeconfig::from_yaml(&self.kubeconfig).context("read the kubeconfig")?;
            let mut config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
                .await
                .context("use the kubeconfig")?;
            // Whatever proxy this machine has, it does not lead to 127.0.0.1.
            config.proxy_url = None;
            let client = Client::try_from(config).context("make a client")?;
            tokio::time::timeout(CALL_LIMIT, ask(client)).await.context("wait for the API server")?
        })
    }
}

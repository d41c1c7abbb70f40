//! One file of a backup, as the velero CLI fetches it: the server is asked for a link by a DownloadRequest, and the link is followed.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use lateen_api::v1::{DownloadRequest, DownloadRequestSpec, DownloadTarget, DownloadTargetKind};
use lateen_store::layout::MAX_NAME_BYTES;
use lateen_store::{BackupStore, Key};
use reqwest::{StatusCode, Url};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::PlanError;

/// Between two looks whether the server has answered. It answers within milliseconds; the velero CLI asks four times as often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long connecting to the store may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the store may be silent in the middle of a file.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(1);

/// Whom a download trusts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// Certificates in PEM beside the system's, and where they are from.
    pub(crate) certificates: Option<(String, Vec<u8>)>,
    /// Anybody.
    pub(crate) everybody: bool,
}

/// Where links come from.
pub(crate) struct Links {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) backup: String,
    pub(crate) timeout: Duration,
}

impl Links {
    /// Fetches a file into a store. False: there is no such file.
    pub(crate) async fn fetch(
        &self,
        kind: DownloadTargetKind,
        trust: &Trust,
        into: (&BackupStore, &Key),
    ) -> Result<bool, PlanError> {
        let link = self.link(&kind).await?;
        let file = kind.to_string();
        let host = link.host_str().unwrap_or_default().to_owned();
        let failed = |source: reqwest::Error| PlanError::Fetch {
            file: file.clone(),
            backup: self.backup.clone(),
            host: host.clone(),
            // The link is a key to the file.
            source: source.without_url(),
        };
        let answer = client(trust, &link)?.get(link.clone()).send().await.map_err(failed)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(false),
            status => {
                return Err(PlanError::Refused { file, backup: self.backup.clone(), host, status });
            }
        }
        let (store, key) = into;
        let mut upload = store.upload(key).await?;
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            upload.write(chunk.map_err(failed)?).await?;
        }
        upload.finish().await?;
        Ok(true)
    }

    async fn link(&self, kind: &DownloadTargetKind) -> Result<Url, PlanError> {
        let requests: Api<DownloadRequest> = Api::namespaced(self.client.clone(), &self.namespace);
        let name = format!("{}-{}", self.backup, Uuid::new_v4());
        // The end is what makes it unique.
        let name = name.get(name.len().saturating_sub(MAX_NAME_BYTES)..).unwrap_or(&name);
        let name = name.trim_start_matches(['-', '.']).to_owned();
        let target = DownloadTarget { kind: kind.clone(), name: self.backup.clone() };
        let request = DownloadRequest::new(&name, DownloadRequestSpec { target });
        requests
            .create(&PostParams::default(), &request)
            .await
            .map_err(|source| self.asking(kind, source))?;
        let answer = self.answer(&requests, &name, kind).await;
        // It expires by itself; whoever may not delete it leaves that to the server.
        let _ = requests.delete(&name, &DeleteParams::default()).await;
        answer
    }

    async fn answer(
        &self,
        requests: &Api<DownloadRequest>,
        name: &str,
        kind: &DownloadTargetKind,
    ) -> Result<Url, PlanError> {
        let end = Instant::now() + self.timeout;
        loop {
            let found = requests.get(name).await.map_err(|source| self.asking(kind, source))?;
            let link = found.status.map(|status| status.download_url).filter(|link| !link.is_empty());
            if let Some(link) = link.and_then(|link| link.parse().ok()) {
                return Ok(link);
            }
            if Instant::now() >= end {
                let (namespace, backup) = (self.namespace.clone(), self.backup.clone());
                return Err(PlanError::NoLink {
                    namespace,
                    backup,
                    file: kind.to_string(),
                    limit: self.timeout,
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn asking(&self, kind: &DownloadTargetKind, source: kube::Error) -> PlanError {
        let (namespace, backup) = (self.namespace.clone(), self.backup.clone());
        PlanError::Ask { namespace, backup, file: kind.to_string(), source: source.into() }
    }
}

fn client(trust: &Trust, link: &Url) -> Result<reqwest::Client, PlanError> {
    let mut builder =
        reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(SILENCE_TIMEOUT);
    // A proxy is for the way out, and its own machine is another than ours.
    if matches!(link.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    let from = trust.certificates.as_ref().map_or("the system", |(from, _)| from).to_owned();
    let unusable = |error: reqwest::Error| PlanError::Certificates(from.clone(), error);
    if let Some((_, pem)) = &trust.certificates {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.tls_danger_accept_invalid_certs(trust.everybody).build().map_err(unusable)
}

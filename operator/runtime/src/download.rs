//! The endpoint that serves files of directory locations to people with a signed URL.
//!
//! A bucket has a server that answers signed URLs; a directory has not, so this is it: `GET /download/<location>/<key>` with
//! `expires` and `signature`, over TLS with a certificate authority of its own, whose certificate the location publishes for
//! the velero CLI. 200 with the file, 404 when it is missing, 403 when the link is not ours or its time is over.
//!
//! Promises: a file is streamed with bounded memory, connections and downloads are counted and limited, and nothing about
//! locations or files is told to anybody whose link was not signed here. It reads only: there is no other method and no listing.
//!
//! Authority and signing key live as long as the process; after a restart locations have to be given the new certificate.

mod authority;
mod connections;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use lateen_store::{BackupStore, Downloads, FileSigner, Key, StoreError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::authority::Authority;

/// Downloads that run at a time. Each holds up to 24 MiB of its file: 8 * 24 = 192 MiB.
const DOWNLOADS: usize = 8;

/// How long a request waits for its turn before it is sent away with 503.
const TURN: Duration = Duration::from_secs(20);

/// Finds the open store of a location by name.
#[async_trait::async_trait]
pub(crate) trait Locations: Send + Sync + 'static {
    /// The store, or none when there is no such location. An error is answered with 502 and logged.
    async fn store(&self, location: &str) -> anyhow::Result<Option<BackupStore>>;
}

/// What the endpoint needs of the server.
#[derive(Clone)]
pub(crate) struct DownloadState {
    /// Checks the links; the stores make them with the same one.
    pub(crate) signer: Arc<FileSigner>,
    /// Where the files are.
    pub(crate) locations: Arc<dyn Locations>,
}

/// The running endpoint.
#[derive(Debug)]
pub(crate) struct DownloadServer {
    address: SocketAddr,
    downloads: Downloads,
    ca_pem: String,
    running: JoinHandle<()>,
}

impl DownloadServer {
    /// Listens and serves until `shutdown`. `public_url` is how people reach the endpoint (a Service, an Ingress); its host goes
    /// into the certificate. Without one it is the address that is listened on, or `localhost` when that is every address.
    pub(crate) async fn start(
        listen: SocketAddr,
        public_url: Option<Url>,
        state: DownloadState,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen} for downloads"))?;
        let address = listener.local_addr().context("cannot tell the address of the download endpoint")?;
        let base = match public_url {
            Some(url) if url.scheme() == "https" && url.has_host() => url,
            Some(url) => {
                anyhow::bail!("the public URL of downloads is {url}, but it should be an https:// URL")
            }
            None if address.ip().is_unspecified() => {
                format!("https://localhost:{}", address.port()).parse()?
            }
            None => format!("https://{address}").parse()?,
        };
        let authority = Authority::generate(&base, address.ip(), SystemTime::now())?;
        let downloads = Downloads { signer: state.signer.clone(), base };
        let served = Served { state, turns: Arc::new(Semaphore::new(DOWNLOADS)) };
        let router = Router::new().route("/download/{location}/{*key}", get(download)).with_state(served);
        let running = tokio::spawn(connections::serve(listener, authority.tls()?, router, shutdown));
        Ok(Self { address, downloads, ca_pem: authority.ca_pem, running })
    }

    /// The certificate that clients have to trust, for the location's `caCert`.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Where it listens, with the port that was chosen when the given one was 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stores need for making links.
    pub(crate) fn downloads(&self) -> Downloads {
        self.downloads.clone()
    }

    /// Waits until the endpoint has stopped after its shutdown.
    pub(crate) async fn stopped(self) -> anyhow::Result<()> {
        self.running.await.context("the download endpoint ended badly")
    }
}

#[derive(Clone)]
struct Served {
    state: DownloadState,
    turns: Arc<Semaphore>,
}

#[derive(serde::Deserialize)]
struct Link {
    expires: u64,
    signature: String,
}

/// Answers one request: first the signature, then the turn, then the file.
async fn download(
    State(served): State<Served>,
    Path((location, key)): Path<(String, String)>,
    link: Result<Query<Link>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let (Ok(Query(link)), Ok(key)) = (link, Key::parse(&key)) else {
        return (StatusCode::FORBIDDEN, "the link is not complete\n").into_response();
    };
    let signer = &served.state.signer;
    if let Err(refusal) = signer.verify(&location, &key, link.expires, &link.signature, SystemTime::now()) {
        return (StatusCode::FORBIDDEN, format!("{refusal}\n")).into_response();
    }
    let turn = tokio::time::timeout(TURN, served.turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many downloads at once\n").into_response();
    };
    let store = match served.state.locations.store(&location).await {
        Ok(Some(store)) => store,
        Ok(None) => return missing(),
        Err(error) => return unreadable(&location, &key, &format!("{error:#}")),
    };
    match store.get(&key).await {
        Ok((object, stream)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_LENGTH, object.size.to_string()),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            // The turn ends with the stream. An error in the middle breaks the connection, so that nobody takes what came for all.
            let body = stream.inspect(move |_| {
                let _held = &turn;
            });
            (headers, Body::from_stream(body)).into_response()
        }
        Err(StoreError::NotFound { .. }) => missing(),
        Err(error) => unreadable(&location, &key, &error.to_string()),
    }
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "there is no such file\n").into_response()
}

fn unreadable(location: &str, key: &Key, error: &str) -> Response {
    tracing::warn!(location, %key, error, "a download failed");
    (StatusCode::BAD_GATEWAY, "the file cannot be read\n").into_response()
}

#[cfg(test)]
mod tests;

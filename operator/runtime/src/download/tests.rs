//! Real TLS, a real directory, an ordinary HTTP client.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use lateen_store::{BackupStore, FileSigner, Key, LocationConfig, SIGNED_URL_TTL, StoreEnvironment};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{DownloadServer, DownloadState, Locations};

struct Only(BackupStore);

#[async_trait::async_trait]
impl Locations for Only {
    async fn store(&self, location: &str) -> anyhow::Result<Option<BackupStore>> {
        Ok((location == self.0.location()).then(|| self.0.clone()))
    }
}

struct Scene {
    server: DownloadServer,
    store: BackupStore,
    signer: Arc<FileSigner>,
    client: reqwest::Client,
    shutdown: CancellationToken,
    _root: TempDir,
}

async fn scene() -> Scene {
    let root = tempfile::tempdir().unwrap();
    let signer = Arc::new(FileSigner::generate().unwrap());
    let location = LocationConfig {
        name: "default".into(),
        provider: "file".into(),
        bucket: "b".into(),
        ..LocationConfig::default()
    };
    let mut environment =
        StoreEnvironment { file_root: Some(root.path().to_owned()), ..StoreEnvironment::default() };
    let behind = BackupStore::open(&location, &environment).await.unwrap();
    let state = DownloadState { signer: signer.clone(), locations: Arc::new(Only(behind)) };
    let shutdown = CancellationToken::new();
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = DownloadServer::start(listen, None, state, shutdown.clone()).await.unwrap();
    environment.downloads = Some(server.downloads());
    let store = BackupStore::open(&location, &environment).await.unwrap();
    let ca = reqwest::Certificate::from_pem(server.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    Scene { server, store, signer, client, shutdown, _root: root }
}

impl Scene {
    async fn status(&self, url: Url) -> u16 {
        self.client.get(url).send().await.unwrap().status().as_u16()
    }

    /// A link to a key of any location with any end, signed correctly.
    fn link(&self, location: &str, key: &Key, expires: u64) -> Url {
        let signature = self.signer.sign(location, key, expires);
        let base = self.server.downloads().base;
        let link = format!("/download/{location}/{key}?expires={expires}&signature={signature}");
        base.join(&link).unwrap()
    }
}

#[tokio::test]
async fn a_signed_file_is_served_and_nothing_else() {
    let scene = scene().await;
    let key = Key::parse("backups/b/b-logs.gz").unwrap();
    let url = scene.store.signed_url(&key, SIGNED_URL_TTL).await.unwrap();
    assert_eq!(scene.status(url.clone()).await, 404);

    // More than one segment, so that it is streamed.
    let content = Bytes::from(vec![7; 9 << 20]);
    scene.store.put(&key, content.clone()).await.unwrap();
    let answer = scene.client.get(url.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.content_length(), Some(9 << 20));
    assert_eq!(answer.headers().get("content-encoding"), None);
    assert!(answer.bytes().await.unwrap() == content);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let other = Key::parse("backups/b/b.tar.gz").unwrap();
    let replaced = |part: &str, by: &str| url.as_str().replace(part, by).parse::<Url>().unwrap();
    let mut bare = url.clone();
    bare.set_query(None);
    for (link, status) in [
        (bare, 403),
        (replaced("b-logs.gz", "b.tar.gz"), 403),
        (replaced("expires=", "expires=9"), 403),
        (replaced("signature=", "signature=A"), 403),
        (replaced("/default/", "/other/"), 403),
        (replaced("backups/b/b-logs.gz", "..%2f..%2fetc%2fpasswd"), 403),
        (scene.link("default", &key, now - 1), 403),
        (scene.link("default", &other, now + 60), 404),
        (scene.link("elsewhere", &key, now + 60), 404),
        (replaced("/download/", "/"), 404),
    ] {
        assert_eq!(scene.status(link.clone()).await, status, "{link}");
    }
    assert_eq!(scene.client.post(url.clone()).send().await.unwrap().status(), 405);

    let stranger = reqwest::Client::new().get(url).send().await;
    assert!(stranger.unwrap_err().is_connect(), "a client that does not trust the authority got through");
}

#[tokio::test]
async fn it_stops_when_told_and_refuses_a_public_url_without_tls() {
    let scene = scene().await;
    let key = Key::parse("backups/b/b-logs.gz").unwrap();
    let url = scene.store.signed_url(&key, SIGNED_URL_TTL).await.unwrap();
    assert_eq!(scene.status(url.clone()).await, 404);
    let (listen, state) = (
        "127.0.0.1:0".parse().unwrap(),
        DownloadState { signer: scene.signer.clone(), locations: Arc::new(Only(scene.store.clone())) },
    );
    let plain = Some("http://lateen.example".parse().unwrap());
    assert!(DownloadServer::start(listen, plain, state, CancellationToken::new()).await.is_err());

    scene.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(15), scene.server.stopped()).await.unwrap().unwrap();
    assert!(scene.client.get(url).send().await.unwrap_err().is_connect());
}

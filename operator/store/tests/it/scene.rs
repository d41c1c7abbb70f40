//! A location to test with: a directory, or a bucket on a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lateen_store::{BackupStore, Downloads, FileSigner, Key, LocationConfig, StoreEnvironment};
use tempfile::TempDir;

use crate::bucket::{ACCESS_KEY, Bucket, SECRET_KEY};

/// The kinds of locations that run the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Bucket,
}

/// Where the location is.
pub(crate) struct Scene {
    pub(crate) kind: Kind,
    pub(crate) location: LocationConfig,
    pub(crate) environment: StoreEnvironment,
    pub(crate) signer: Arc<FileSigner>,
    pub(crate) server: Option<Bucket>,
    root: TempDir,
}

impl Scene {
    /// An empty location.
    pub(crate) async fn new(kind: Kind) -> Self {
        let root = tempfile::tempdir().unwrap();
        let signer = Arc::new(FileSigner::generate().unwrap());
        let mut scene = Self {
            kind,
            location: LocationConfig {
                name: "default".into(),
                bucket: "backups-of-a".into(),
                ..LocationConfig::default()
            },
            environment: StoreEnvironment::default(),
            signer: signer.clone(),
            server: None,
            root,
        };
        match kind {
            Kind::Directory => {
                scene.location.provider = "file".into();
                scene.environment.file_root = Some(scene.root.path().to_owned());
                let base = "https://lateen.example:8443/base".parse().unwrap();
                scene.environment.downloads = Some(Downloads { signer, base });
            }
            Kind::Bucket => scene.use_bucket().await,
        }
        scene
    }

    /// A bucket on the server inside this process, whatever the environment says.
    pub(crate) async fn with_own_server() -> Self {
        let mut scene = Self::new(Kind::Directory).await;
        scene.kind = Kind::Bucket;
        scene.serve().await;
        scene
    }

    async fn use_bucket(&mut self) {
        match std::env::var("LATEEN_TEST_S3") {
            Ok(url) => {
                // Every test has a bucket of its own.
                let name = self.root.path().file_name().unwrap().to_string_lossy().to_lowercase();
                self.location.bucket = format!("t{}", name.trim_start_matches('.'));
                self.point_to(&url);
                self.create_bucket(&url).await;
            }
            Err(_) => self.serve().await,
        }
    }

    async fn serve(&mut self) {
        std::fs::create_dir_all(self.root.path().join(&self.location.bucket)).unwrap();
        let server = Bucket::serve(self.root.path()).await;
        self.point_to(&server.url);
        self.server = Some(server);
    }

    fn point_to(&mut self, url: &str) {
        let config = [("region", "us-east-1"), ("s3Url", url), ("s3ForcePathStyle", "true")];
        self.location.provider = "aws".into();
        self.location.config = config.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        self.location.credentials =
            Some(format!("[default]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={SECRET_KEY}\n"));
    }

    /// The store's interface has no such thing: a bucket is made by signing a PUT for its own address.
    async fn create_bucket(&self, url: &str) {
        use object_store::aws::AmazonS3Builder;
        use object_store::signer::Signer;
        let client = AmazonS3Builder::new()
            .with_endpoint(url)
            .with_bucket_name(&self.location.bucket)
            .with_allow_http(true)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .build()
            .unwrap();
        let ttl = Duration::from_mins(1);
        let signed =
            client.signed_url(http::Method::PUT, &object_store::path::Path::ROOT, ttl).await.unwrap();
        let answer = reqwest::Client::new().put(signed).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Opens the location as it is described.
    pub(crate) async fn open(&self) -> BackupStore {
        BackupStore::open(&self.location, &self.environment).await.unwrap()
    }

    /// Opens it with a change.
    pub(crate) async fn open_with(&self, change: impl FnOnce(&mut LocationConfig)) -> BackupStore {
        let mut location = self.location.clone();
        change(&mut location);
        BackupStore::open(&location, &self.environment).await.unwrap()
    }

    /// The directory of the location, where there is one that can be looked into.
    pub(crate) fn directory(&self) -> PathBuf {
        self.root.path().join(&self.location.bucket)
    }

    /// Every file that the location's server or directory holds, unfinished ones and the server's own included; nothing
    /// for a server that is not ours.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        collect(self.root.path(), &mut files);
        files
    }
}

fn collect(directory: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path);
        }
    }
}

pub(crate) fn key(key: &str) -> Key {
    Key::parse(key).unwrap()
}

/// Bytes that differ at every place, so that a mix-up of parts shows.
pub(crate) fn noise(length: usize) -> bytes::Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// Waits until `done` or fails after 10 s.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Config keys as a map.
pub(crate) fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

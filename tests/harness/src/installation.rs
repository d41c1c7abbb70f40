//! An installation: the kinds, a namespace with what `velero install` would put there, and a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lateen_test_cluster::Cluster;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::objects::{Objects, text};
use crate::server::{Launch, Server};
use crate::velero::{Said, Velero};
use crate::velero_server::{self, VeleroServer};
use crate::wait::wait_for;

/// The name of the location, which is the default one.
pub const LOCATION: &str = "default";

/// The Secret with the keys for a bucket, and its key, as `velero install` names them.
const CREDENTIALS: (&str, &str) = ("cloud-credentials", "cloud");

/// The account that the server acts as.
const ACCOUNT: &str = "velero";

/// The directory of a `file` location below its root.
const FILE_BUCKET: &str = "backups";

/// How long a location may take to be found available: the server looks at it as soon as it sees it.
const AVAILABLE_LIMIT: Duration = Duration::from_mins(1);

/// Where an installation keeps its backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A directory.
    File,
    /// The cluster's S3 server.
    S3,
}

/// What to install.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program `lateen`.
    pub binary: PathBuf,
    /// The server's namespace; one installation each.
    pub namespace: String,
    /// Where the backups go.
    pub store: Store,
    /// More flags for the server.
    pub flags: Vec<String>,
}

impl Setup {
    /// A server without special flags.
    pub fn new(binary: impl Into<PathBuf>, namespace: &str, store: Store) -> Self {
        Self { binary: binary.into(), namespace: namespace.into(), store, flags: Vec::new() }
    }

    /// With one more flag for the server, as `--name=value`.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.into());
        self
    }
}

/// A server on a cluster.
pub struct Installation<'a> {
    cluster: &'a Cluster,
    store: Store,
    launch: Launch,
    objects: Objects,
    velero: Velero,
    server: Option<Server>,
    starts: u32,
}

impl<'a> Installation<'a> {
    /// Installs and starts; ready when the server is, and its location is available.
    pub async fn start(cluster: &'a Cluster, setup: Setup) -> Result<Self> {
        let Setup { binary, namespace, store, flags } = setup;
        let binary = std::path::absolute(&binary).context("make the path of the server absolute")?;
        ensure!(
            binary.exists(),
            "there is no {}; build it with `cargo build --bin lateen`",
            binary.display()
        );
        let directory = cluster.directory().join(&namespace);
        fs::create_dir(&directory).with_context(|| format!("make the folder {}", directory.display()))?;
        let velero = Velero::new(&cluster.kubeconfig(), &namespace, &directory)?;
        let objects = Objects::connect(&cluster.kubeconfig()).await?;
        install_kinds(&objects).await?;
        for object in account(&namespace) {
            objects.apply_value(&object).await?;
        }
        let kubeconfig = cluster.kubeconfig_for_service_account(&namespace, ACCOUNT)?;
        let launch = Launch { binary, namespace, kubeconfig, directory, flags };
        let mut this = Self { cluster, store, launch, objects, velero, server: None, starts: 0 };
        for object in this.location()? {
            this.objects.apply_value(&object).await?;
        }
        this.restart().await?;
        Ok(this)
    }

    /// The server's namespace.
    pub fn namespace(&self) -> &str {
        &self.launch.namespace
    }

    /// Where its files are; the velero CLI works here.
    pub fn directory(&self) -> &Path {
        &self.launch.directory
    }

    /// What is on the API server, as its administrator sees it.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The CLI, for somebody who wants to know where it is.
    pub fn cli(&self) -> &Velero {
        &self.velero
    }

    /// Runs the velero CLI against this installation.
    pub async fn velero(&self, arguments: &[&str]) -> Result<Said> {
        self.velero.run(arguments).await
    }

    /// Where the backups are.
    pub fn bucket(&self) -> Bucket {
        Bucket::new(match self.store {
            Store::File => self.launch.file_root().join(FILE_BUCKET),
            Store::S3 => {
                let bucket = self.cluster.s3().map_or("", |s3| &s3.bucket);
                self.cluster.directory().join("buckets").join(bucket).join(self.namespace())
            }
        })
    }

    /// A Backup, Restore or another object of the server's own kinds, in its namespace.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Option<Value>> {
        self.objects.get(&format!("velero.io/v1/{kind}"), self.namespace(), name).await
    }

    /// Waits until a Backup, Restore, Schedule or location is in one of `phases`, and gives it back.
    ///
    /// Fails after `limit`, with the status of the object and the end of the server's log.
    pub async fn await_phase(
        &self,
        kind: &str,
        name: &str,
        phases: &[&str],
        limit: Duration,
    ) -> Result<Value> {
        let mut seen = Value::Null;
        let wanted = format!("{kind} {name} to be {}", phases.join(" or "));
        let found = wait_for(&wanted, limit, async || {
            let Some(object) = self.get(kind, name).await? else { return Ok(None) };
            let is_there = phases.contains(&text(&object, "/status/phase"));
            seen = object["status"].clone();
            Ok(is_there.then_some(object))
        });
        found.await.with_context(|| format!("its status: {seen}\nthe server said:\n{}", self.tail()))
    }

    /// All that the server which runs now has said.
    pub fn log(&self) -> String {
        self.server.as_ref().map(Server::text).unwrap_or_default()
    }

    fn tail(&self) -> String {
        self.server.as_ref().map(Server::tail).unwrap_or_default()
    }

    /// The server's process id; none while it is stopped.
    pub fn process_id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::process_id)
    }

    /// The text of the server's metrics.
    pub async fn metrics(&self) -> Result<String> {
        let server = self.server.as_ref().context("ask a server that runs")?;
        let client = reqwest::Client::builder().no_proxy().build().context("make a client")?;
        let answer = client.get(server.url("/metrics")).send().await.context("ask for metrics")?;
        answer.error_for_status().context("ask for metrics")?.text().await.context("read the metrics")
    }

    /// Asks the server to end (SIGTERM), and waits for that.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.server.take().context("stop a server that runs")?.stop().await
    }

    /// Kills the server (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        self.server.take().context("kill a server that runs")?.kill()
    }

    /// Starts the server (again, and kills one that still runs), and waits until it has found its location available.
    pub async fn restart(&mut self) -> Result<()> {
        self.server = None;
        self.forget_location().await?;
        self.starts += 1;
        self.server = Some(self.launch.start(self.cluster, self.starts).await?);
        self.await_phase("BackupStorageLocation", LOCATION, &["Available"], AVAILABLE_LIMIT).await?;
        Ok(())
    }

    /// Starts Velero's own server in the place of this one, which is killed if it still runs, and waits in the same way.
    pub async fn start_velero(&mut self) -> Result<VeleroServer> {
        self.server = None;
        self.forget_location().await?;
        self.objects.apply_value(&velero_server::deployment(self.namespace())).await?;
        self.starts += 1;
        let Launch { namespace, kubeconfig, directory, .. } = &self.launch;
        let server = VeleroServer::start(self.cluster, namespace, kubeconfig, directory, self.starts)?;
        let available = self.await_phase("BackupStorageLocation", LOCATION, &["Available"], AVAILABLE_LIMIT);
        available.await.with_context(|| format!("Velero's server said:\n{}", server.tail()))?;
        Ok(server)
    }

    /// What an earlier server found counts no more.
    async fn forget_location(&self) -> Result<()> {
        let location = "velero.io/v1/BackupStorageLocation";
        self.objects.merge(location, self.namespace(), LOCATION, &json!({ "status": null })).await?;
        Ok(())
    }

    /// The location, and the Secret that it needs.
    fn location(&self) -> Result<Vec<Value>> {
        let namespace = self.namespace();
        let location = |spec: Value| {
            json!({
                "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation",
                "metadata": { "namespace": namespace, "name": LOCATION }, "spec": spec,
            })
        };
        if self.store == Store::File {
            let spec =
                json!({ "provider": "file", "default": true, "objectStorage": { "bucket": FILE_BUCKET } });
            return Ok(vec![location(spec)]);
        }
        let s3 = self.cluster.s3().context("use the S3 server of a cluster that has none")?;
        let (secret, key) = CREDENTIALS;
        Ok(vec![
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": namespace, "name": secret },
                "stringData": { key: s3.credentials_file() },
            }),
            location(json!({
                "provider": "aws", "default": true,
                "objectStorage": { "bucket": s3.bucket, "prefix": namespace },
                "config": { "region": s3.region, "s3ForcePathStyle": "true", "s3Url": s3.endpoint },
                "credential": { "name": secret, "key": key },
            })),
        ])
    }
}

/// The kinds of velero.io, as `lateen crds` prints them. Those that are there stay as they are: they are everybody's.
async fn install_kinds(objects: &Objects) -> Result<()> {
    let kind = "apiextensions.k8s.io/v1/CustomResourceDefinition";
    let there = objects.list(kind, "").await?;
    for crd in lateen_api::crds() {
        let crd = serde_json::to_value(&crd).context("turn a definition into JSON")?;
        if there.iter().any(|other| other["metadata"]["name"] == crd["metadata"]["name"]) {
            // Somebody else may have defined it a moment ago.
            objects.await_definition(text(&crd, "/metadata/name")).await?;
        } else {
            objects.apply_value(&crd).await?;
        }
    }
    Ok(())
}

/// The server's namespace, its account, and the rights that `velero install` gives to it.
fn account(namespace: &str) -> [Value; 3] {
    [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "namespace": namespace, "name": ACCOUNT },
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": format!("velero-{namespace}") },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT }],
        }),
    ]
}

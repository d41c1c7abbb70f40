//! A control plane from start to end.
//!
//! Starting is a few waits in a row: etcd, the API server, then everything else at the same time. It is over when a pod
//! that somebody creates would run: service accounts exist, the node is ready, S3 answers.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use uuid::Uuid;

use crate::api_server::ApiServer;
use crate::component::{Site, s3_environment};
use crate::kubeconfig::{Credential, render};
use crate::pki::Pki;
use crate::ports;
use crate::s3::S3;
use crate::supervisor::Supervisor;
use crate::tools::{self, Tool, Tools};

/// The name of the node on which all pods run.
pub const NODE: &str = "node-0";

/// How long each step of the start may take: on two idle cores the longest takes 4 s, and a machine may well be ten times as busy.
const STEP_LIMIT: Duration = Duration::from_mins(1);

/// How often a start is tried when somebody else takes a port between our choosing and our using it: seldom once, never thrice in a row.
const START_ATTEMPTS: u32 = 3;

/// How pods and the node behave.
const KWOK_CONFIG: &str = include_str!("../kwok.yaml");

/// What a cluster can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The S3 server.
    S3,
    /// The node: kube-scheduler and kwok. Without it pods stay Pending.
    Node,
}

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    without: Vec<Part>,
}

impl Builder {
    /// Leaves a part out.
    #[must_use]
    pub fn without(mut self, part: Part) -> Self {
        self.without.push(part);
        self
    }

    /// Builds the programs that are missing, starts them and waits until they are ready.
    ///
    /// Fails, with the end of the log, when a part ends or does not get ready within a minute.
    pub fn start(&self) -> Result<Cluster> {
        let tools = tools::ensure(&self.tools()).context("build the programs of the cluster")?;
        let mut attempt = 1;
        loop {
            let start = Instant::now();
            let directory = env::temp_dir().join(format!("lateen-cluster-{}", Uuid::new_v4().simple()));
            let supervisor = Supervisor::start(directory)?;
            match self.run(&tools, &supervisor) {
                Ok(Running { site, pki, s3, api_server }) => {
                    let ready_after = start.elapsed();
                    let kubeconfigs = AtomicU32::new(0);
                    return Ok(Cluster { site, pki, s3, api_server, ready_after, kubeconfigs, supervisor });
                }
                Err(_) if attempt < START_ATTEMPTS && supervisor.lost_a_port() => attempt += 1,
                Err(error) => return Err(error.context("start a cluster")),
            }
        }
    }

    /// The programs that this cluster is made of.
    pub fn tools(&self) -> Vec<Tool> {
        let mut tools = vec![Tool::Etcd, Tool::KubeApiserver, Tool::KubeControllerManager];
        if self.has(Part::Node) {
            tools.extend([Tool::KubeScheduler, Tool::Kwok]);
        }
        if self.has(Part::S3) {
            tools.push(Tool::Versitygw);
        }
        tools
    }

    fn has(&self, part: Part) -> bool {
        !self.without.contains(&part)
    }

    /// Starts everything in the supervisor's directory and waits until it can be used.
    fn run(&self, tools: &Tools, supervisor: &Supervisor) -> Result<Running> {
        let [etcd_port, api_port, kwok_port, s3_port] = ports::free().context("find free ports")?;
        let site = Site { directory: supervisor.directory().to_path_buf(), etcd_port, api_port, kwok_port };
        let pki = Pki::create(site.directory.join("pki"))?;
        let admin = pki.user("admin", Some("system:masters"))?;
        let credential = Credential::Certificate { certificate: &admin.certificate, key: &admin.key };
        let kubeconfig = render(&site.server(), pki.ca(), "admin", "default", &credential);
        write_private(&site.kubeconfig(), &kubeconfig)?;
        let api_server = ApiServer::new(kubeconfig);
        let start = |tool: Tool, arguments| {
            supervisor
                .spawn(tool.name(), hermetic(Command::new(tools.path(tool)), &site.directory).args(arguments))
        };

        start(Tool::Etcd, site.etcd(&pki))?;
        let s3 = self.has(Part::S3).then(|| S3::new(s3_port));
        if let Some(s3) = &s3 {
            for folder in [site.s3_directory().join(&s3.bucket), site.s3_metadata_directory()] {
                fs::create_dir_all(&folder)
                    .with_context(|| format!("make the folder {}", folder.display()))?;
            }
            let mut command = hermetic(Command::new(tools.path(Tool::Versitygw)), &site.directory);
            supervisor
                .spawn(Tool::Versitygw.name(), command.args(site.versitygw(s3)).envs(s3_environment(s3)))?;
        }
        supervisor.wait_until("etcd", STEP_LIMIT, || ports::is_open(etcd_port))?;

        start(Tool::KubeApiserver, site.kube_apiserver(&pki))?;
        supervisor.wait_until("the API server", STEP_LIMIT, || api_server.is_ready())?;

        start(Tool::KubeControllerManager, site.kube_controller_manager(&pki))?;
        if self.has(Part::Node) {
            fs::create_dir(site.exec_directory()).context("make the folder for commands in pods")?;
            fs::write(site.kwok_config(), KWOK_CONFIG).context("write kwok's configuration")?;
            start(Tool::KubeScheduler, site.kube_scheduler())?;
            let mut kwok = hermetic(Command::new(tools.path(Tool::Kwok)), &site.directory);
            kwok.args(site.kwok(&pki)).current_dir(site.exec_directory());
            supervisor.spawn(Tool::Kwok.name(), &mut kwok)?;
            api_server.create_node(NODE)?;
        }
        let controllers = "kube-controller-manager to furnish the namespace default";
        supervisor.wait_until(controllers, STEP_LIMIT, || api_server.has_furnished("default"))?;
        if self.has(Part::Node) {
            supervisor.wait_until("the node", STEP_LIMIT, || api_server.node_takes_pods(NODE))?;
        }
        if let Some(s3) = &s3 {
            supervisor.wait_until("the S3 server", STEP_LIMIT, || s3.is_healthy())?;
        }
        Ok(Running { site, pki, s3, api_server })
    }
}

/// What a start leads to, besides the processes.
struct Running {
    site: Site,
    pki: Pki,
    s3: Option<S3>,
    api_server: ApiServer,
}

/// A control plane that runs until this is dropped or its owner ends.
pub struct Cluster {
    site: Site,
    pki: Pki,
    s3: Option<S3>,
    api_server: ApiServer,
    ready_after: Duration,
    kubeconfigs: AtomicU32,
    supervisor: Supervisor,
}

impl Cluster {
    /// A choice of parts, all of them at first.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A cluster with all parts.
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    /// The kubeconfig of an administrator (group `system:masters`: no check of rights applies).
    pub fn kubeconfig(&self) -> PathBuf {
        self.site.kubeconfig()
    }

    /// A kubeconfig with the rights that RBAC gives to a service account, by a token as a pod has one. Its default
    /// namespace is the account's, which must exist.
    pub fn kubeconfig_for_service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let token = self.api_server.token(namespace, name)?;
        let user = format!("system:serviceaccount:{namespace}:{name}");
        self.write_kubeconfig(&user, namespace, &Credential::Token(&token))
    }

    /// A kubeconfig with the rights that RBAC gives to a user, and to a group that the user is in.
    pub fn kubeconfig_for_user(&self, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let identity = self.pki.user(user, group)?;
        let credential = Credential::Certificate { certificate: &identity.certificate, key: &identity.key };
        self.write_kubeconfig(user, "default", &credential)
    }

    /// Where the API server is: `https://127.0.0.1:port`.
    pub fn server(&self) -> String {
        self.site.server()
    }

    /// The certificate, PEM, by which to know the API server.
    pub fn ca(&self) -> &str {
        self.pki.ca()
    }

    /// The S3 server; `None` in a cluster without one.
    pub fn s3(&self) -> Option<&S3> {
        self.s3.as_ref()
    }

    /// Where its files are. Callers may put files of their own there; all of it is removed with the cluster.
    pub fn directory(&self) -> &Path {
        self.supervisor.directory()
    }

    /// Where the parts write what they say, one `NAME.log` each.
    pub fn logs(&self) -> PathBuf {
        self.directory().join("logs")
    }

    /// How long it took from the first process to the last part being ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Starts a process that ends when the cluster does, if its caller has not ended it before; without input, what it says goes
    /// into `NAME.log` in [`Self::logs`], which is made anew. Collect it before the cluster is dropped, which waits 2 s otherwise.
    pub fn spawn(&self, name: &str, command: &mut Command) -> Result<Child> {
        self.supervisor.spawn_for_caller(name, command)
    }

    /// Fails, with the end of its log, if a part has ended.
    pub fn check(&self) -> Result<()> {
        self.supervisor.check()
    }

    fn write_kubeconfig(&self, user: &str, namespace: &str, credential: &Credential<'_>) -> Result<PathBuf> {
        let number = self.kubeconfigs.fetch_add(1, Ordering::Relaxed);
        let path = self.directory().join(format!("kubeconfig-{number}"));
        write_private(&path, &render(&self.server(), self.pki.ca(), user, namespace, credential))?;
        Ok(path)
    }
}

/// A command that nothing but its arguments configures: the user's environment is full of `KUBECONFIG`, `ETCD_...` and
/// proxies. `PATH` stays, for what is executed in pods.
fn hermetic(mut command: Command, directory: &Path) -> Command {
    command.env_clear().current_dir(directory).envs([("HOME", directory), ("TMPDIR", directory)]);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Writes a file that only its owner may read: kubectl and helm warn about others.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("write {}", path.display()))
}

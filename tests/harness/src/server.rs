//! The process of a server.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use lateen_test_cluster::{Cluster, ports};

use crate::wait::wait_for;

/// How long a start may take: a fraction of a second on an idle machine.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long an end may take that is asked for: what the server gives itself (25 s), and some.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// How often a start is tried when somebody else takes the port between our choosing and the server's using it.
const START_ATTEMPTS: u32 = 3;

/// How long the health check waits for an answer of a few bytes from this machine.
const HEALTH_LIMIT: Duration = Duration::from_secs(2);

/// How much of the end of the log an error quotes: about 30 lines.
const TAIL_BYTES: usize = 4000;

/// What a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) flags: Vec<String>,
}

/// A server that runs until it is stopped, killed or dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    metrics_port: u16,
}

impl Launch {
    /// Where `file` locations live.
    pub(crate) fn file_root(&self) -> PathBuf {
        self.directory.join("file-store")
    }

    /// Starts the server and waits until it is ready. `number` tells its log from those of earlier ones.
    pub(crate) async fn start(&self, cluster: &Cluster, number: u32) -> Result<Server> {
        let mut attempt = 1;
        loop {
            let mut server = self.spawn(cluster, number)?;
            match server.ready().await {
                Ok(()) => return Ok(server),
                Err(_) if attempt < START_ATTEMPTS && server.text().contains("cannot listen on") => {
                    attempt += 1;
                }
                Err(error) => return Err(error.context("start the server")),
            }
        }
    }

    fn spawn(&self, cluster: &Cluster, number: u32) -> Result<Server> {
        let [metrics_port] = ports::free().context("find a free port")?;
        let scratch = self.directory.join("scratch");
        for folder in [&scratch, &self.file_root()] {
            fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
        }
        let mut command = Command::new(&self.binary);
        command
            .args(["server", "--namespace", &self.namespace, "--log-level", "debug"])
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--file-store-root")
            .arg(self.file_root())
            .arg("--scratch-dir")
            .arg(&scratch)
            .arg("--action-cache-dir")
            .arg(self.directory.join("action-cache"))
            .arg(format!("--metrics-address=127.0.0.1:{metrics_port}"))
            .arg("--download-address=127.0.0.1:0")
            .args(&self.flags)
            .env_clear()
            .env("HOME", &self.directory)
            .env("TMPDIR", &scratch)
            .current_dir(&self.directory);
        let name = format!("lateen-{}-{number}", self.namespace);
        let child = cluster.spawn(&name, &mut command).with_context(|| {
            format!("run {}; build it with `cargo build --bin lateen`", self.binary.display())
        })?;
        Ok(Server { child, log: cluster.logs().join(format!("{name}.log")), metrics_port })
    }
}

impl Server {
    /// Asks `/readyz` until it says yes, or the process has ended.
    async fn ready(&mut self) -> Result<()> {
        let url = self.url("/readyz");
        let client =
            reqwest::Client::builder().no_proxy().timeout(HEALTH_LIMIT).build().context("make a client")?;
        let child = &mut self.child;
        let ended = wait_for("the server to be ready", START_LIMIT, async || {
            if let Some(status) = child.try_wait().context("look after the server")? {
                return Ok(Some(Some(status)));
            }
            let answer = client.get(&url).send().await.context("ask whether the server is ready")?;
            Ok(answer.status().is_success().then_some(None))
        });
        match ended.await.with_context(|| format!("its log ends with:\n{}", tail(&self.log)))? {
            None => Ok(()),
            Some(status) => bail!("the server ended ({status}); its last words:\n{}", tail(&self.log)),
        }
    }

    /// An URL of its port for health and metrics.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.metrics_port)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// All that it said so far.
    pub(crate) fn text(&self) -> String {
        read(&self.log)
    }

    pub(crate) fn tail(&self) -> String {
        tail(&self.log)
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus> {
        end(&mut self.child, &self.log).await
    }

    /// Ends it without a chance to do anything.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill the server")?;
        self.child.wait().context("collect the server")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // That it is dead already is what we want as well.
        let _: std::io::Result<()> = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a server to end, and waits for that.
pub(crate) async fn end(child: &mut Child, log: &Path) -> Result<ExitStatus> {
    let id = child.id().to_string();
    // The shell's own `kill`: there is no other way to send a signal without unsafe code or one more crate.
    let sent = Command::new("sh").args(["-c", r#"kill -s TERM "$1""#, "sh", &id]).status();
    if !sent.context("send SIGTERM")?.success() {
        bail!("SIGTERM did not reach the server; its last words:\n{}", tail(log));
    }
    let ended =
        wait_for("the server to end", STOP_LIMIT, async || child.try_wait().context("look after the server"));
    ended.await.with_context(|| format!("its log ends with:\n{}", tail(log)))
}

fn read(log: &Path) -> String {
    let mut text = Vec::new();
    // No log, no words.
    let _ = File::open(log).and_then(|mut file| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

pub(crate) fn tail(log: &Path) -> String {
    let text = read(log);
    let start = text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES));
    text[start..].to_owned()
}

//! The unmodified velero CLI.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use lateen_test_cluster::{Tool, tools};
use tokio::process::Command;

/// How long one command may take: those that wait for a run are the longest, a run of a test takes seconds.
const LIMIT: Duration = Duration::from_mins(3);

/// The CLI, pointed at one installation.
#[derive(Clone, Debug)]
pub struct Velero {
    program: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
    home: PathBuf,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// The command, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Said {
    /// The standard output of a command that succeeded.
    pub fn success(self) -> Result<String> {
        if self.status.success() {
            Ok(self.stdout)
        } else {
            bail!("{} failed, {}", self.command, self.text())
        }
    }

    /// The standard error of a command that failed.
    pub fn failure(self) -> Result<String> {
        if self.status.success() {
            bail!("{} should fail, {}", self.command, self.text())
        }
        Ok(self.stderr)
    }

    fn text(&self) -> String {
        format!("{}; it said:\n{}{}", self.status, self.stdout, self.stderr)
    }
}

impl Velero {
    /// Builds the CLI if need be. `home` is where it looks for its own configuration, and its working directory.
    pub(crate) fn new(kubeconfig: &Path, namespace: &str, home: &Path) -> Result<Self> {
        let tools = tools::ensure(&[Tool::Velero]).context("build the velero CLI")?;
        Ok(Self {
            program: tools.path(Tool::Velero),
            kubeconfig: kubeconfig.to_owned(),
            namespace: namespace.to_owned(),
            home: home.to_owned(),
        })
    }

    /// Where the program is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a command to its end. Fails only if it cannot be run, or does not end within three minutes.
    pub async fn run(&self, arguments: &[&str]) -> Result<Said> {
        let command = format!("velero {}", arguments.join(" "));
        let output = Command::new(&self.program)
            .args(["--kubeconfig".as_ref(), self.kubeconfig.as_os_str()])
            .args(["--namespace", &self.namespace, "--colorized=false"])
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .env("TMPDIR", &self.home)
            .env("TZ", "UTC")
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(LIMIT, output)
            .await
            .with_context(|| format!("{command} did not end within {} s", LIMIT.as_secs()))?
            .with_context(|| format!("run {command}"))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { command, status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) })
    }
}

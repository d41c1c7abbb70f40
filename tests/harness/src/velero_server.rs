//! Velero's own server: the same program as the CLI, in the place of an installation's server.
//!
//! It takes over what is there, as on a cluster where one is replaced by the other: the namespace, its account, the kinds, the location
//! and the bucket. It wants a Deployment of itself, which is there without a pod; and it insists on port 8080 of this machine for
//! metrics that nobody asks for.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use anyhow::{Context as _, Result, ensure};
use lateen_test_cluster::{Cluster, Tool, ports, tools};
use serde_json::{Value, json};

use crate::server;

/// The port that Velero's server takes whatever its flags say.
const PORT: u16 = 8080;

/// A running server of Velero.
#[derive(Debug)]
pub struct VeleroServer {
    child: Child,
    log: PathBuf,
}

impl VeleroServer {
    /// Starts it for a namespace, with the rights of `kubeconfig`. Builds its plugin for S3 if need be.
    pub(crate) fn start(
        cluster: &Cluster,
        namespace: &str,
        kubeconfig: &std::path::Path,
        directory: &std::path::Path,
        number: u32,
    ) -> Result<Self> {
        ensure!(
            !ports::is_open(PORT),
            "port {PORT} of this machine is taken, and Velero's server wants no other"
        );
        let tools =
            tools::ensure(&[Tool::Velero, Tool::VeleroPluginForAws]).context("build Velero's server")?;
        let plugins = directory.join("plugins");
        let plugin = plugins.join(Tool::VeleroPluginForAws.name());
        if !plugin.exists() {
            fs::create_dir_all(&plugins).context("make the folder for plugins")?;
            std::os::unix::fs::symlink(tools.path(Tool::VeleroPluginForAws), &plugin)
                .context("put the plugin into its folder")?;
        }
        let [metrics_port, profiler_port] = ports::free().context("find free ports")?;
        let mut command = Command::new(tools.path(Tool::Velero));
        command
            .args(["server", "--namespace", namespace, "--log-level", "debug", "--features="])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--plugin-dir")
            .arg(&plugins)
            .arg(format!("--metrics-address=127.0.0.1:{metrics_port}"))
            .arg(format!("--profiler-address=127.0.0.1:{profiler_port}"))
            .env_clear()
            .env("HOME", directory)
            .env("TMPDIR", directory)
            .env("VELERO_NAMESPACE", namespace)
            .current_dir(directory);
        let name = format!("velero-{namespace}-{number}");
        let child = cluster.spawn(&name, &mut command).context("run Velero's server")?;
        Ok(Self { child, log: cluster.logs().join(format!("{name}.log")) })
    }

    /// Asks it to end, and waits for that.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        server::end(&mut self.child, &self.log).await
    }

    /// The end of what it has said.
    pub fn tail(&self) -> String {
        server::tail(&self.log)
    }
}

impl Drop for VeleroServer {
    fn drop(&mut self) {
        // That it is dead already is what we want as well.
        let _: std::io::Result<()> = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Velero's server looks up when it restores: who it is.
pub(crate) fn deployment(namespace: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": namespace, "name": "velero" },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "deploy": "velero" } },
            "template": {
                "metadata": { "labels": { "deploy": "velero" } },
                "spec": { "containers": [{ "name": "velero", "image": "velero/velero" }] },
            },
        },
    })
}

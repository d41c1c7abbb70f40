//! The programs that a cluster and its users need, built from source with Go.
//!
//! [`ensure`] builds what is asked for and not there yet, and nothing else. What was built stays in a cache of the user
//! (`$LATEEN_TOOLS_DIR`, else `$XDG_CACHE_HOME/lateen/tools`, else `~/.cache/lateen/tools`), one folder for each state of
//! a Go module, its flags and the compiler: nothing in it is ever stale. Two runs at the same time build once; a run that
//! is killed leaves no half of a file and no compiler running.
//!
//! Each folder of `go/` is a Go module that requires the programs as tools, at versions that are known to build together.
//! `go mod tidy` would look for versions that exist nowhere (Kubernetes names its own parts `v0.0.0` and replaces them):
//! change a version by hand, with `go get`, and build.
//!
//! A cold build takes minutes. It says on stderr what it builds, how long that should take and how long it has been at it.

mod build;
mod go;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use go::Go;

/// A program that can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Tool {
    /// The store of the API server.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The controllers of Kubernetes itself.
    KubeControllerManager,
    /// Gives pods their node.
    KubeScheduler,
    /// Fakes the node.
    Kwok,
    /// An S3 server over a directory.
    Versitygw,
    /// Velero's command line, and its server.
    Velero,
    /// What Velero's server needs for S3: a program of its own that it starts. No test needs it but the one with that server.
    VeleroPluginForAws,
    /// Installs charts.
    Helm,
}

/// A Go module below `go/`: what is built together and has one `go.mod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Module {
    Kubernetes,
    Velero,
    VeleroPluginAws,
    S3,
    Helm,
}

impl Tool {
    /// What all tests need together.
    pub const OF_TESTS: [Self; 8] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kwok,
        Self::Versitygw,
        Self::Velero,
        Self::Helm,
    ];

    /// The name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Versitygw => "versitygw",
            Self::Velero => "velero",
            Self::VeleroPluginForAws => "velero-plugin-for-aws",
            Self::Helm => "helm",
        }
    }

    /// The Go package that it is built from.
    pub(crate) const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::Versitygw => "github.com/versity/versitygw/cmd/versitygw",
            Self::Velero => "github.com/vmware-tanzu/velero/cmd/velero",
            Self::VeleroPluginForAws => "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws",
            Self::Helm => "helm.sh/helm/v3/cmd/helm",
        }
    }

    /// The name that `go build` gives it.
    pub(crate) const fn built_name(self) -> &'static str {
        match self {
            // Its package is the root of a module, whose last word before the version it is called by.
            Self::Etcd => "server",
            _ => self.name(),
        }
    }

    pub(crate) const fn module(self) -> Module {
        match self {
            Self::Etcd
            | Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kwok => Module::Kubernetes,
            Self::Versitygw => Module::S3,
            Self::Velero => Module::Velero,
            Self::VeleroPluginForAws => Module::VeleroPluginAws,
            Self::Helm => Module::Helm,
        }
    }
}

impl Module {
    const ALL: [Self; 5] = [Self::Kubernetes, Self::Velero, Self::VeleroPluginAws, Self::S3, Self::Helm];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Velero => "velero",
            Self::VeleroPluginAws => "velero-plugin-aws",
            Self::S3 => "s3",
            Self::Helm => "helm",
        }
    }

    /// How long building all of it takes with nothing cached, in minutes, as measured on two cores.
    pub(crate) const fn expected_minutes(self) -> u64 {
        match self {
            Self::Kubernetes => 8,
            Self::Velero => 3,
            Self::VeleroPluginAws | Self::S3 | Self::Helm => 1,
        }
    }

    /// What the programs say when they are asked for their version: built as a dependency, they would not know it.
    const fn version_flags(self) -> &'static str {
        match self {
            Self::Kubernetes => concat!(
                " -X k8s.io/component-base/version.gitVersion=v1.36.3",
                " -X k8s.io/component-base/version.gitMajor=1",
                " -X k8s.io/component-base/version.gitMinor=36",
            ),
            Self::Velero => " -X github.com/vmware-tanzu/velero/pkg/buildinfo.Version=v1.18.3",
            Self::VeleroPluginAws | Self::S3 | Self::Helm => "",
        }
    }

    /// The flags of `go build`: no paths of this machine, no symbols (a third of the size), nothing written to go.mod.
    pub(crate) fn build_flags(self) -> Vec<String> {
        vec![
            "-mod=readonly".into(),
            "-trimpath".into(),
            "-ldflags".into(),
            format!("-s -w{}", self.version_flags()),
        ]
    }

    /// Where its go.mod is.
    pub(crate) fn source(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(self.name())
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Tools {
    cache: PathBuf,
    keys: Vec<(Module, String)>,
}

impl Tools {
    /// Where a program is, or would be if it had been asked for.
    pub fn path(&self, tool: Tool) -> PathBuf {
        self.folder(tool.module()).join(tool.name())
    }

    /// The folders of all programs, to be put into `PATH`.
    pub fn search_path(&self) -> Result<OsString> {
        let folders = Module::ALL.map(|module| self.folder(module));
        env::join_paths(folders).context("put the tools' folders into one PATH")
    }

    fn folder(&self, module: Module) -> PathBuf {
        let key = self.keys.iter().find(|(other, _)| *other == module).map_or("", |(_, key)| key);
        self.cache.join(format!("{}-{key}", module.name()))
    }
}

/// Builds what is missing of `tools`.
///
/// Fails, saying what to do, when Go is missing or too old, and with the compiler's last lines when a build fails.
pub fn ensure(tools: &[Tool]) -> Result<Tools> {
    let go = Go::find()?;
    let cache = cache_directory()?;
    let mut keys = Vec::new();
    for module in Module::ALL {
        keys.push((module, go.cache_key(module)?));
    }
    let found = Tools { cache, keys };
    for module in Module::ALL {
        let wanted: Vec<Tool> = tools.iter().copied().filter(|tool| tool.module() == module).collect();
        if !wanted.is_empty() {
            build::ensure(&found.folder(module), module, &wanted)?;
        }
    }
    Ok(found)
}

fn cache_directory() -> Result<PathBuf> {
    let non_empty = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = non_empty("LATEEN_TOOLS_DIR")
        .or_else(|| Some(non_empty("XDG_CACHE_HOME")?.join("lateen/tools")))
        .or_else(|| Some(non_empty("HOME")?.join(".cache/lateen/tools")))
        .context("find a place for the tools: none of LATEEN_TOOLS_DIR, XDG_CACHE_HOME and HOME is set")?;
    std::path::absolute(&directory).with_context(|| format!("make {} absolute", directory.display()))
}

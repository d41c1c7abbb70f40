//! A throwaway Kubernetes control plane of real parts, for tests, the demo and people who want to play.
//!
//! It starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok (a fake node on which pods become
//! Running) and versitygw (an S3 server over a directory) as processes of this machine. The programs are built from
//! the Go modules in `go/` on first use; nothing is installed, and no container engine is needed.
//!
//! ```no_run
//! use lateen_test_cluster::{Cluster, Tool, tools};
//!
//! let cluster = Cluster::start()?;
//! let velero = tools::ensure(&[Tool::Velero])?.path(Tool::Velero);
//! std::process::Command::new(velero).env("KUBECONFIG", cluster.kubeconfig()).args(["backup", "get"]).status()?;
//! # anyhow::Ok(())
//! ```
//!
//! Promises: the API is synchronous and can be called from any thread, also from within an async runtime; any number
//! of clusters run side by side; every file and process of a cluster is gone when its owner dropped it, ended,
//! panicked or was killed, even when the [`Cluster`] sits in a static and is never dropped.
//!
//! It never listens on anything but 127.0.0.1, and never writes outside its own temporary directory and the tools'
//! cache. It is no sandbox: `exec` into a pod runs the command on this machine as the user who started the cluster,
//! and kwok asks nobody on 127.0.0.1 for a password. Do not run it where you do not trust the other local users.

mod api_server;
mod cluster;
mod component;
mod kubeconfig;
mod pki;
pub mod ports;
mod s3;
mod supervisor;
pub mod tools;

pub use cluster::{Builder, Cluster, NODE, Part};
pub use s3::S3;
pub use tools::Tool;

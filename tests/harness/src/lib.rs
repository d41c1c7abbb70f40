//! A server of this workspace, installed on a throwaway control plane, and what a user has for talking to it: the stock velero CLI,
//! server-side apply, a look into the bucket.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use lateen_test_cluster::Cluster;
//! use lateen_test_harness::{Installation, Setup, Store};
//!
//! let cluster = Cluster::start()?;
//! let velero = Installation::start(&cluster, Setup::new("target/debug/lateen", "velero", Store::File)).await?;
//! velero.velero(&["backup", "create", "x", "--include-namespaces", "default", "--wait"]).await?.success()?;
//! println!("{:#?}", velero.bucket().keys()?);
//! # Ok(()) }
//! ```
//!
//! Promises: everything that is started and written ends with the cluster, in whichever way its owner ends; several installations
//! work side by side on one cluster, each in its own namespace with its own bucket or prefix; every wait has a limit, and says what
//! it waited for and what the server's log said last.
//!
//! It never touches the cluster that a user's kubeconfig names, and never answers a question of a program: none has an input.

mod archive;
mod bucket;
mod installation;
mod item_action;
mod live;
mod objects;
mod server;
mod settle;
mod velero;
mod velero_server;
mod wait;

pub use archive::{Entry, entries, pack};
pub use bucket::Bucket;
pub use installation::{Installation, LOCATION, Setup, Store};
pub use live::{Live, differences};
pub use objects::Objects;
pub use velero::{Said, Velero};
pub use velero_server::VeleroServer;
pub use wait::wait_for;

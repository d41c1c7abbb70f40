//! The host of item actions: WebAssembly components that look at every item of a backup or a restore and may change it, leave it out or ask for
//! more objects.
//!
//! # Parts
//!
//! * [`ActionHost`] owns the engine and its clock; there is one per process.
//! * [`compile`] makes machine code of components, in a child process and once, and keeps it on disk.
//! * [`Library`] is what the server brings along: its own actions, and the engines of scripts.
//! * [`ActionRegistry`] turns that and labelled ConfigMaps into actions, and says of each ConfigMap what became of it.
//! * [`ActionSet`] is a snapshot of the registry: what a run starts with and keeps to its end, however the ConfigMaps change meanwhile.
//! * [`ActionRun`] is one run of a set; its [`ActionSession`]s, one per worker, take items and give back what the actions made of them.
//!
//! # Promises
//!
//! * Guest code is hostile: its time, memory, stack, answers and log have limits ([`limits`]), and it reaches nothing but the imports of the contract in
//!   `wit/`. Whatever it does, the process, the other actions and the item it was given stay whole.
//! * Failure is closed: an action that is broken, or was disabled because it kept trapping, goes on matching, and what it matches fails by its
//!   failure policy. It is never silently left out.
//! * Of two actions with the same role and name the one from the older ConfigMap counts.
//!
//! # What it never does
//!
//! It does not talk to the cluster: the caller brings the ConfigMaps and the items, and acts on what comes back; what actions ask of the cluster
//! goes through the caller's [`ClusterAccess`], after it was checked here.

mod chain;
mod change;
pub mod cluster_access;
pub mod compile;
mod configuration;
mod host;
pub mod inspection;
mod library;
pub mod limits;
pub mod manifest;
mod masking;
pub mod matching;
mod modifier;
pub mod operation;
pub mod outcome;
mod permission;
mod plugin_config;
pub mod registry;
pub mod run;
pub mod run_info;
mod session;
mod set;
mod shared_lists;
mod source;
mod source_report;
pub mod stats;
pub mod subject;

pub use chain::ItemChain;
pub use cluster_access::ClusterAccess;
pub use host::{ActionHost, HostError, HostOptions};
pub use library::{Library, LibraryComponent};
pub use modifier::Modifier;
pub use operation::{OperationProgress, OperationState, StartedOperation};
pub use outcome::{ActionError, AskedAll, ItemEnd, ItemResult, Note, NoteLevel, Step};
pub use registry::ActionRegistry;
pub use run::ActionRun;
pub use run_info::{FixedEnvironment, Purpose, RunInfo, Stage};
pub use session::ActionSession;
pub use set::{ActionInfo, ActionSet, Unreadable};
pub use source_report::{Effect, LoadedSource, SourceProblem, SourceReport, SourceState};
pub use stats::ActionStats;
pub use subject::{ObjectRef, Role, Subject};

/// The label that makes a ConfigMap an item action, whatever its value.
pub const ITEM_ACTION_LABEL: &str = "lateen.dev/item-action";

/// The key of such a ConfigMap that holds the manifest.
pub const MANIFEST_KEY: &str = "action.yaml";

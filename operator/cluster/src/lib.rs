//! Kubernetes I/O: everything that lateen reads from an API server or writes to it, and no decision about backups.
//!
//! Objects that pass through a run are the API server's bytes ([`list`], [`object`]); objects that lateen works with are typed
//! ([`resource`], [`watch`]). Requests are retried below all of them, in [`client`], by rules that never create an object twice.
//! What a caller can act on is a variant of an error; the API server's own words are kept as they came. Nothing here writes to a run's
//! log: the caller has the journal.

pub mod client;
pub mod configmap;
pub mod crd;
pub mod discovery;
pub mod events;
pub mod exec;
pub mod item_action_access;
pub mod list;
pub mod namespace;
pub mod object;
pub mod request;
pub mod resource;
pub mod secret;
pub mod watch;

#[cfg(test)]
mod mock;

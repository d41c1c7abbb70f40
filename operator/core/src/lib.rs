//! The pure engine: what a run does, decided without an async runtime, a client, a clock or a network.
//!
//! Everything here is a function of its arguments: the same backup request, catalog and bytes give the same archive entries, and the
//! same archive index, catalog and request give the same restore plan. Time and randomness come in as arguments. What has to be told
//! to people goes to the [`journal`], never to `tracing`; the crates around this one give the journal a sink.

pub mod archive;
pub mod backup;
pub mod catalog;
pub mod hooks;
pub mod include_exclude;
pub mod item;
pub mod item_operation;
pub mod journal;
pub mod kind;
pub mod namespaces;
pub mod quantity;
pub mod restore;
pub mod results;
pub mod run_record;
pub mod secret;
pub mod selector;

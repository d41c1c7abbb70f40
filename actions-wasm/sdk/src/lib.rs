//! Write an item action for Lateen in Rust: one function, one macro.
//!
//! ```ignore
//! use lateen_action::{Outcome, Value, json, restore_action};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Params { replicas: i64 }
//!
//! fn restore(item: &Value, params: &Params) -> Result<Outcome, String> {
//!     if item["kind"] != "Deployment" {
//!         return Ok(Outcome::unchanged());
//!     }
//!     Ok(Outcome::merge(&json!({ "spec": { "replicas": params.replicas } })))
//! }
//!
//! restore_action!(Params, restore);
//! ```
//!
//! The crate is a `cdylib`, built for `wasm32-unknown-unknown` and then made a component; `docs/actions/rust.md` tells how, and how it is delivered.
//!
//! What the function returns is a *change*, not the object: fields that it does not name never pass through it. An `Err` fails the item, with the
//! manifest's failure policy; a panic does too, and costs the instance; its text goes to the log. Parameters come from the manifest's
//! `params`, through serde: with `deny_unknown_fields` a misspelt one is told to its author as soon as the ConfigMap appears.
//!
//! The item need not be a [`Value`]. A function that takes a struct with the fields it looks at, and returns a patch, never builds the whole object:
//!
//! ```ignore
//! #[derive(serde::Deserialize)]
//! struct Deployment { spec: Spec }
//! #[derive(serde::Deserialize)]
//! struct Spec { replicas: Option<i64> }
//!
//! fn restore(item: &Deployment, params: &Params) -> Result<Outcome, String> { /* ... */ }
//! ```
//!
//! [`context`], [`journal`], [`environment`], [`cluster`] and [`cluster_write`] are what the host offers; what a component does not use it does not import.
//! [`item_action!`] makes a component of functions for several roles, [`actions!`] one with several actions.

#[doc(hidden)]
pub mod bindings;
pub mod cluster;
#[doc(hidden)]
pub mod export;
mod macros;
pub mod operations;
pub mod outcome;
mod settings;

pub use serde_json::{Value, json};

pub use bindings::lateen::item_action::{
    cluster_write, context, environment, journal,
    types::{Change, Identity, ObjectRef},
};
pub use operations::Operations;
pub use outcome::Outcome;
pub use settings::{action_name, entry, plugin_config};

/// For an action without parameters: anything but `{}` is an error.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// Reads JSON, for instance [`context::run_object`], as far as `T` wants to know it.
pub fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Writes an ordinary line to the log of the run.
pub fn info(message: &str) {
    journal::log(journal::Level::Info, message);
}

/// Writes a line that counts as a warning of the run.
pub fn warn(message: &str) {
    journal::log(journal::Level::Warn, message);
}

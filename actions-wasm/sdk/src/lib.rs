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
//! The crate is a `cdylib`, built for `wasm32-unknown-unknown` and then made a component; `docs/actions.md` tells how, and how it is delivered.
//!
//! What the function returns is a *change*, not the object: fields that it does not name never pass through it. An `Err` fails the item, with the
//! manifest's failure policy; a panic does too, and costs the instance; its text goes to the log. Parameters come from the manifest's
//! `params`, through serde: with `deny_unknown_fields` a misspelt one is told to its author as soon as the ConfigMap appears.
//!
//! [`context`], [`journal`] and [`environment`] are what the host offers; what a component does not use it does not import.

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod export;
pub mod outcome;

pub use serde_json::{Value, json};

pub use bindings::lateen::item_action::{
    context, environment, journal,
    types::{Change, ObjectRef},
};
pub use outcome::Outcome;

/// Writes an ordinary line to the log of the run.
pub fn info(message: &str) {
    journal::log(journal::Level::Info, message);
}

/// Writes a line that counts as a warning of the run.
pub fn warn(message: &str) {
    journal::log(journal::Level::Warn, message);
}

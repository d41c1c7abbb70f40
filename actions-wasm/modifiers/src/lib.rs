//! Velero's resource modifiers as a component: the rules of one ConfigMap are its script, and every item of a restore that they may concern goes through it.
//!
//! [`rules`] reads and validates all of them when the ConfigMap appears, in Velero's words, so that nobody else has to. [`conditions`] says which
//! rules are for an item: it asks all of them before the first one changes anything. [`edit`] applies a JSON patch, a merge patch or a
//! strategic merge patch; the last knows from a table ([`schema`]) by which key Kubernetes tells the elements of a list apart.
//!
//! The engine's kit compares the item before and after, so the answer names only what has changed. Nothing is asked of the cluster.

mod conditions;
mod edit;
mod json_patch;
mod modifiers;
mod node;
mod rules;
mod schema;
mod strategic;
mod text;
mod value;

pub use modifiers::Modifiers;

lateen_engine_kit::export_engine!(Modifiers);

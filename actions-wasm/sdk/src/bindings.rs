//! What wit-bindgen makes of the contract.
//!
//! One world with both roles serves every author: an action that lacks a role says so in `configure`, which is asked with the roles of the manifest.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../wit/v0.1",
    world: "backup-restore-action",
    pub_export_macro: true,
    default_bindings_module: "lateen_action::bindings",
});

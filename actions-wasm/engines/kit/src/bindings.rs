//! What wit-bindgen makes of the contract: the world of script engines, which exports every role.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../../wit/v0.2",
    world: "engine",
    pub_export_macro: true,
    default_bindings_module: "lateen_engine_kit::bindings",
    additional_derives: [PartialEq, Eq],
});

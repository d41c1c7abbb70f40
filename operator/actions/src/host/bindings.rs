//! What wasmtime makes of `wit/v0.1`, for both roles.
//!
//! Exports are looked up one by one, since a component may have one role only; the struct of the whole world is not used.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../wit/v0.1",
    world: "backup-restore-action",
    imports: {
        "lateen:item-action/environment.pause": async,
        "lateen:item-action/environment.random": trappable,
        "lateen:item-action/context.this-item": trappable,
    },
    exports: { default: async },
});

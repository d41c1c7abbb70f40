//! What wasmtime makes of `wit/v0.2`.
//!
//! Exports are looked up one by one, since a component has some of them only; the struct of the whole world is not used. Every function of the host may
//! trap, because calls of the host are counted.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../wit/v0.2",
    world: "complete",
    imports: {
        default: trappable,
        "lateen:item-action/environment.pause": async | trappable,
        "lateen:item-action/cluster": async | trappable,
        "lateen:item-action/cluster-write": async | trappable,
    },
    exports: { default: async },
});

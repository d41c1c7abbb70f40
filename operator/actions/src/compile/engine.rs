//! How the engine is set up: in one place, because machine code only loads into an engine that is set up like the one that made it.

use wasmtime::Config;

use crate::limits;

/// The settings of an engine for code that nobody trusts.
pub(crate) fn engine_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits::WASM_STACK)
        .async_stack_size(limits::FIBRE_STACK)
        // With it, a call whose future is dropped, as after a time-out, would live on inside the Store.
        .concurrency_support(false)
        .wasm_backtrace_max_frames(None);
    config
}

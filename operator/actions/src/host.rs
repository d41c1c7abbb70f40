//! The engine that runs guests, and its clock. One per process.
//!
//! The engine is configured for code that nobody trusts: epochs interrupt it, its stack ends before the fibre's does, features that need more than the
//! contract (threads, shared memory, the async part of the component model) are off. Machine code is made here, in this process.

mod bindings;
mod budget;
mod component;
mod instance;
mod journal;
mod state;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use wasmtime::{Config, Engine, component::Linker};

use crate::{limits, manifest::Ceiling};

pub(crate) use component::{Compiled, ComponentError};
pub(crate) use instance::{Answer, Failure, Instance};
pub(crate) use journal::one_line;
pub(crate) use state::Call;

/// What the server decides about all actions.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Most that a manifest may ask for.
    pub ceiling: Ceiling,
}

impl Default for HostOptions {
    fn default() -> Self {
        let ceiling = Ceiling { memory: limits::MEMORY_CEILING, time: limits::CALL_TIME_CEILING };
        Self { ceiling }
    }
}

/// The host cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// This machine or this build lacks what the engine needs.
    #[error("set up the WebAssembly engine: {0}")]
    Engine(String),
    /// The thread that moves the clock could not be started.
    #[error("start the engine's clock")]
    Clock(#[source] std::io::Error),
}

/// Compiles and instantiates components.
pub struct ActionHost {
    engine: Engine,
    linker: Linker<state::State>,
    options: HostOptions,
    compilations: AtomicU64,
}

impl ActionHost {
    /// Sets up the engine and starts its clock, a thread that ends when the host is gone.
    pub fn new(options: HostOptions) -> Result<Arc<Self>, HostError> {
        let setup = |error: wasmtime::Error| HostError::Engine(component::chain(&error));
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .max_wasm_stack(limits::WASM_STACK)
            .async_stack_size(limits::FIBRE_STACK)
            // With it, a call whose future is dropped, as after a time-out, would live on inside the Store.
            .concurrency_support(false)
            .wasm_backtrace_max_frames(None);
        let engine = Engine::new(&config).map_err(setup)?;
        let linker = component::linker(&engine).map_err(setup)?;
        start_clock(&engine).map_err(HostError::Clock)?;
        Ok(Arc::new(Self { engine, linker, options, compilations: AtomicU64::new(0) }))
    }

    /// How many components have been compiled since the start: what has not changed is not compiled again.
    pub fn compilations(&self) -> u64 {
        self.compilations.load(Ordering::Relaxed)
    }

    pub(crate) fn options(&self) -> &HostOptions {
        &self.options
    }

    /// Examines and compiles a component; may take seconds.
    pub(crate) fn compile(&self, bytes: &[u8]) -> Result<Arc<Compiled>, ComponentError> {
        self.compilations.fetch_add(1, Ordering::Relaxed);
        Compiled::new(&self.engine, &self.linker, bytes)
    }
}

impl std::fmt::Debug for ActionHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionHost").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Moves the engine's epoch on. 100 wake-ups per second cost some 0.1 % of a core.
fn start_clock(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("action-clock".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(limits::TICK);
        }
    })?;
    Ok(())
}

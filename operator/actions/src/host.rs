//! The engine that runs guests, and its clock. One per process.
//!
//! The engine is configured for code that nobody trusts: epochs interrupt it, its stack ends before the fibre's does, features that need more than the
//! contract (threads, shared memory, the async part of the component model) are off. Where machine code is made is for [`crate::compile`].

mod bindings;
mod budget;
mod component;
mod instance;
mod journal;
mod state;

use std::{sync::Arc, thread};

use wasmtime::{Engine, component::Linker};

use crate::{
    compile::{CompileCounts, CompileError, CompileOptions, Workshop, engine_config},
    limits,
    manifest::Ceiling,
};

pub(crate) use component::{Compiled, ComponentError};
pub(crate) use instance::{Answer, Failure, Instance};
pub(crate) use journal::one_line;
pub(crate) use state::Call;

/// What the server decides about all actions.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Most that a manifest may ask for.
    pub ceiling: Ceiling,
    /// Who compiles, and what is kept.
    pub compile: CompileOptions,
}

impl Default for HostOptions {
    fn default() -> Self {
        let ceiling = Ceiling { memory: limits::MEMORY_CEILING, time: limits::CALL_TIME_CEILING };
        Self { ceiling, compile: CompileOptions::default() }
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
    workshop: Workshop,
}

impl ActionHost {
    /// Sets up the engine and starts its clock, a thread that ends when the host is gone.
    pub fn new(options: HostOptions) -> Result<Arc<Self>, HostError> {
        let setup = |error: wasmtime::Error| HostError::Engine(component::chain(&error));
        let engine = Engine::new(&engine_config()).map_err(setup)?;
        let linker = component::linker(&engine).map_err(setup)?;
        start_clock(&engine).map_err(HostError::Clock)?;
        let workshop = Workshop::new(engine.clone(), options.compile.clone());
        Ok(Arc::new(Self { engine, linker, options, workshop }))
    }

    /// How many components have been compiled since the start: what has not changed, or is in the cache, is not compiled again.
    pub fn compilations(&self) -> u64 {
        self.compile_counts().compiled
    }

    /// What compiling and its cache have done since the start.
    pub fn compile_counts(&self) -> CompileCounts {
        self.workshop.counts()
    }

    pub(crate) fn options(&self) -> &HostOptions {
        &self.options
    }

    /// Compiles a component, or finds it in the cache, so that nobody has to wait for it later. Says nothing about whether it can be an action.
    ///
    /// May take a minute, and blocks: not for an async task.
    pub fn prepare(&self, bytes: &[u8]) -> Result<(), CompileError> {
        self.workshop.component(bytes).map(drop)
    }

    /// Examines and compiles a component; may take a minute, and blocks.
    pub(crate) fn compile(&self, bytes: &[u8]) -> Result<Arc<Compiled>, ComponentError> {
        component::check_bytes(bytes)?;
        let component =
            self.workshop.component(bytes).map_err(|error| ComponentError::Compile(error.to_string()))?;
        Compiled::new(&self.engine, &self.linker, &component)
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

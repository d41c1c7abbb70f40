//! The engine that runs guests, and its clock. One per process.
//!
//! The engine is configured for code that nobody trusts: epochs interrupt it, its stack ends before the fibre's does, features that need more than the
//! contract (threads, shared memory, the async part of the component model) are off. Where machine code is made is for [`crate::compile`].

mod answer;
mod bare;
mod bindings;
mod budget;
mod catalog;
mod cluster;
mod cluster_side;
mod component;
mod explain;
mod instance;
mod journal;
mod memory;
mod state;

use std::{sync::Arc, thread};

use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use crate::{
    compile::{CompileCounts, CompileError, CompileOptions, Workshop, engine_config},
    library::LibraryComponent,
    limits,
    manifest::{Ceiling, ClusterCeiling},
};

pub(crate) use answer::{Answer, Operation};
pub(crate) use component::{Compiled, ComponentError};
pub(crate) use instance::{Blueprint, Failure, Instance};
pub(crate) use journal::one_line;
pub(crate) use state::Call;

use memory::SharedMemory;

/// What the server decides about all actions.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Most that a manifest may ask for.
    pub ceiling: Ceiling,
    /// Linear memory of all guests together, in bytes.
    pub memory: usize,
    /// Who compiles, and what is kept.
    pub compile: CompileOptions,
    /// Which requests to the cluster actions from ConfigMaps may make; none by default.
    pub cluster: Arc<ClusterCeiling>,
}

impl Default for HostOptions {
    fn default() -> Self {
        let ceiling = Ceiling { memory: limits::MEMORY_CEILING, time: limits::CALL_TIME_CEILING };
        Self {
            ceiling,
            memory: limits::PROCESS_MEMORY,
            compile: CompileOptions::default(),
            cluster: Arc::default(),
        }
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
    memory: Arc<SharedMemory>,
    workshop: Workshop,
}

impl ActionHost {
    /// Sets up the engine and starts its clock, a thread that ends when the host is gone.
    pub fn new(options: HostOptions) -> Result<Arc<Self>, HostError> {
        let setup = |error: wasmtime::Error| HostError::Engine(component::chain(&error));
        let engine = Engine::new(&engine_config()).map_err(setup)?;
        let linker = component::linker(&engine).map_err(setup)?;
        start_clock(&engine).map_err(HostError::Clock)?;
        let memory = Arc::new(SharedMemory::new(options.memory));
        let workshop = Workshop::new(engine.clone(), options.compile.clone());
        Ok(Arc::new(Self { engine, linker, options, memory, workshop }))
    }

    /// How many components have been compiled since the start: what has not changed, or is in the cache, is not compiled again.
    pub fn compilations(&self) -> u64 {
        self.compile_counts().compiled
    }

    /// What compiling and its cache have done since the start.
    pub fn compile_counts(&self) -> CompileCounts {
        self.workshop.counts()
    }

    /// Linear memory that all guests have now, in bytes.
    pub fn memory_in_use(&self) -> usize {
        self.memory.used()
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
        self.link(self.workshop.component(bytes))
    }

    /// The same for a component of the library, which is unpacked only where it was not compiled before.
    pub(crate) fn compile_library(
        &self,
        component: &LibraryComponent,
    ) -> Result<Arc<Compiled>, ComponentError> {
        self.link(self.workshop.component_of(component.sha256, || (component.unpack)().into()))
    }

    fn link(&self, component: Result<Component, CompileError>) -> Result<Arc<Compiled>, ComponentError> {
        let component = component.map_err(|error| ComponentError::Compile(error.to_string()))?;
        Compiled::new(&self.engine, &self.linker, &self.memory, &self.options.cluster, &component)
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

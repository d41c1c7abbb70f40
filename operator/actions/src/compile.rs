//! From the bytes of a component to code that can be instantiated: compiled once, kept on disk, never compiled twice at the same time.
//!
//! Compiling is the dangerous step: a component of a megabyte can be made so that the compiler takes minutes and gigabytes over it. So a server
//! compiles in a child process, which is its own executable started again ([`Compiler::Child`]), one at a time, with limits on memory, processor
//! time, waiting time and on the size of what comes out. Tests and tools, whose components are their own, may compile where they are.
//!
//! # Promises
//!
//! * Whatever the bytes are, the process that asks goes on, takes no more memory than the limit on machine code, and has an answer for the author.
//! * What is loaded was made by this process, by its own child, or carries the seal of this installation ([`CacheKey`]). Everything else that lies
//!   in the cache is thrown away and compiled again.
//! * A refusal that trying again cannot change is remembered, so that a component that takes a minute to refuse takes it once.
//!
//! # What it never does
//!
//! It does not look at what a component imports and exports, and it does not instantiate anything. It trusts nothing that only lies on a disk.

mod budget;
mod cache;
mod child;
mod confinement;
mod engine;
mod error;
mod machine_code;
mod process;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, component::Component};

pub use cache::{CacheKey, CacheOptions, InvalidKey};
pub use child::{COMPILE_COMMAND, ChildLimits, InvalidLimits, compile_component};
pub use error::CompileError;
pub use process::{ChildCompiler, CompileLimits};

pub(crate) use engine::engine_config;

use crate::source::Sha;
use cache::{Cache, Found};
use machine_code::MachineCode;

/// Refusals that are remembered, with texts of up to 4 KiB: a megabyte. More at a time is not an accident, and then they are compiled again.
const REFUSALS: usize = 256;

/// Who compiles, and what is kept.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// Who compiles.
    pub compiler: Compiler,
    /// Where machine code is kept from one start to the next; nowhere, if not said.
    pub cache: Option<CacheOptions>,
    /// Ends the child that is compiling, when the server shuts down.
    pub cancelled: CancellationToken,
}

/// Where the compiler runs.
#[derive(Debug, Clone, Default)]
pub enum Compiler {
    /// In this process, without any limit but the size of the component: for components that one has made oneself.
    #[default]
    InProcess,
    /// In a child process with limits.
    Child(ChildCompiler),
}

/// What has been done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompileCounts {
    /// Components given to the compiler, whether it took them or not.
    pub compiled: u64,
    /// Components that were found in the cache.
    pub cache_hits: u64,
    /// Entries of the cache that were not what they should be, and were thrown away.
    pub cache_rejected: u64,
}

/// Makes components of bytes. One per engine.
pub(crate) struct Workshop {
    engine: Engine,
    compiler: Compiler,
    cancelled: CancellationToken,
    cache: Option<Cache>,
    /// Held while something is compiled: the limits are for one at a time.
    turn: Mutex<()>,
    under_way: Mutex<HashMap<Sha, Shared>>,
    refusals: Mutex<HashMap<Sha, CompileError>>,
    compiled: AtomicU64,
    cache_hits: AtomicU64,
    cache_rejected: AtomicU64,
}

/// The result of one component, which everybody who asks meanwhile waits for.
type Shared = Arc<OnceLock<Result<Component, CompileError>>>;

impl Workshop {
    pub(crate) fn new(engine: Engine, options: CompileOptions) -> Self {
        let CompileOptions { compiler, cache, cancelled } = options;
        Self {
            cache: cache.map(|options| Cache::open(options, &engine)),
            engine,
            compiler,
            cancelled,
            turn: Mutex::default(),
            under_way: Mutex::default(),
            refusals: Mutex::default(),
            compiled: AtomicU64::new(0),
            cache_hits: AtomicU64::new(0),
            cache_rejected: AtomicU64::new(0),
        }
    }

    pub(crate) fn counts(&self) -> CompileCounts {
        CompileCounts {
            compiled: self.compiled.load(Ordering::Relaxed),
            cache_hits: self.cache_hits.load(Ordering::Relaxed),
            cache_rejected: self.cache_rejected.load(Ordering::Relaxed),
        }
    }

    /// The component of these bytes, from the cache or from the compiler. Blocks for as long as that takes: not for an async task.
    pub(crate) fn component(&self, bytes: &[u8]) -> Result<Component, CompileError> {
        self.component_of(Sha256::digest(bytes).into(), || Cow::Borrowed(bytes))
    }

    /// The same for bytes that are only made where nobody has compiled them before. The digest must be theirs.
    pub(crate) fn component_of<'b>(
        &self,
        digest: Sha,
        bytes: impl FnOnce() -> Cow<'b, [u8]>,
    ) -> Result<Component, CompileError> {
        if let Some(refusal) = lock(&self.refusals).get(&digest) {
            return Err(refusal.clone());
        }
        let shared = Arc::clone(lock(&self.under_way).entry(digest).or_default());
        let result = shared.get_or_init(|| self.find_or_compile(&digest, bytes)).clone();
        // Who comes from now on finds it in the cache or compiles again; the one that the others are waiting for may be a later one already.
        let mut under_way = lock(&self.under_way);
        if under_way.get(&digest).is_some_and(|other| Arc::ptr_eq(other, &shared)) {
            under_way.remove(&digest);
        }
        result
    }

    fn find_or_compile<'b>(
        &self,
        digest: &Sha,
        bytes: impl FnOnce() -> Cow<'b, [u8]>,
    ) -> Result<Component, CompileError> {
        if let Some(component) = self.find(digest) {
            return Ok(component);
        }
        let result = self.compile(digest, &bytes());
        if let Err(error) = &result
            && error.is_final()
        {
            let mut refusals = lock(&self.refusals);
            if refusals.len() >= REFUSALS {
                refusals.clear();
            }
            refusals.insert(*digest, error.clone());
        }
        result
    }

    /// What the cache has, if it is sound.
    fn find(&self, digest: &Sha) -> Option<Component> {
        let cache = self.cache.as_ref()?;
        let problem = match cache.get(digest) {
            Found::Nothing => return None,
            Found::Code(code) => match code.load(&self.engine) {
                Ok(component) => {
                    self.cache_hits.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(digest = hex::encode(digest), "component found in the cache");
                    return Some(component);
                }
                Err(error) => format!("it does not load: {error:#}"),
            },
            Found::Unsound(problem) => problem,
        };
        self.cache_rejected.fetch_add(1, Ordering::Relaxed);
        cache.discard(digest, &problem);
        None
    }

    fn compile(&self, digest: &Sha, bytes: &[u8]) -> Result<Component, CompileError> {
        let _turn = lock(&self.turn);
        let started = Instant::now();
        self.compiled.fetch_add(1, Ordering::Relaxed);
        let code = match &self.compiler {
            Compiler::InProcess => MachineCode::compile(&self.engine, bytes)?,
            Compiler::Child(child) => MachineCode::from_child(child.compile(bytes, &self.cancelled)?),
        };
        let size = code.bytes().len();
        tracing::debug!(digest = hex::encode(digest), size, took = ?started.elapsed(), "component compiled");
        let component =
            code.load(&self.engine).map_err(|error| CompileError::Broken(format!("{error:#}")))?;
        if let Some(cache) = &self.cache {
            cache.put(digest, &code);
        }
        Ok(component)
    }
}

/// What is behind these locks is whole at every moment, whoever panicked with one in hand.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

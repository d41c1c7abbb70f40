//! Blocks side by side: as many at a time as there are workers, each in a task of its own.
//!
//! Whoever starts a block waits for a free worker, so what is in flight is bounded by their number. A worker that fails stops the run, but
//! never another worker in the middle: blocks that have begun come to their end, and so do their hooks.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::archive::ArchiveItems;
use super::block::{self, Block};
use super::engine::{Engine, Fatal};

/// The workers of a run.
pub(super) struct Workers {
    engine: Arc<Engine>,
    archive: ArchiveItems,
    free: Arc<Semaphore>,
    tasks: JoinSet<Result<(), Fatal>>,
    failed: Option<Fatal>,
}

impl Workers {
    /// So many of them.
    pub(super) fn new(engine: Arc<Engine>, archive: ArchiveItems, count: usize) -> Self {
        let free = Arc::new(Semaphore::new(count.max(1)));
        Self { engine, archive, free, tasks: JoinSet::new(), failed: None }
    }

    /// Gives a block to a worker, when one is free. An error means that a worker has failed, and the block was not begun.
    pub(super) async fn start(&mut self, block: Block) -> Result<(), Fatal> {
        while let Some(done) = self.tasks.try_join_next() {
            self.note(done);
        }
        if let Some(fatal) = self.failed.take() {
            return Err(fatal);
        }
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else { return Ok(()) };
        let (engine, archive) = (Arc::clone(&self.engine), self.archive.clone());
        self.tasks.spawn(async move {
            let taken = block::take(engine, archive, block).await;
            drop(permit);
            taken
        });
        Ok(())
    }

    /// Waits until all blocks that were begun are done.
    pub(super) async fn rest(&mut self) -> Result<(), Fatal> {
        while let Some(done) = self.tasks.join_next().await {
            self.note(done);
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    /// The first failure counts; what comes after it follows from it.
    fn note(&mut self, done: Result<Result<(), Fatal>, tokio::task::JoinError>) {
        if let Err(fatal) = done.map_err(Fatal::Worker).and_then(|taken| taken) {
            self.engine.stop.cancel();
            self.failed.get_or_insert(fatal);
        }
    }
}

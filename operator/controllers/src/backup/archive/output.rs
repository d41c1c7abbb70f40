//! The thread that writes: tar, gzip and the sink, which may be slow.

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use lateen_core::archive::{FORMAT_VERSION, VERSION_PATH};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::gzip::GzipWriter;
use super::spool::{Run, Usage};
use super::{ArchiveError, ArchiveLimits, entry};

/// What the output is told.
pub(super) enum Job {
    /// The next items.
    Write(Run),
    /// That was all.
    End,
}

/// What those who hand over items can see of the threads.
pub(super) struct Gauges {
    in_line: Arc<Semaphore>,
    in_line_cap: usize,
    /// The file of what came early.
    pub(super) early: Arc<Usage>,
    /// The file of related objects.
    pub(super) related: Arc<Usage>,
    changed: Arc<Notify>,
    closed: AtomicBool,
    /// What is left needs not be written.
    pub(super) abandoned: AtomicBool,
    /// Related objects that were written before the end without standing anywhere.
    pub(super) written_early: AtomicU64,
}

impl Gauges {
    pub(super) fn new(limits: &ArchiveLimits) -> Self {
        let changed = Arc::new(Notify::new());
        Self {
            in_line: Arc::new(Semaphore::new(limits.in_line)),
            in_line_cap: limits.in_line,
            early: Arc::new(Usage::new(limits.early_file, Arc::clone(&changed))),
            related: Arc::new(Usage::new(limits.related_file, Arc::clone(&changed))),
            changed,
            closed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            written_early: AtomicU64::new(0),
        }
    }

    /// Waits until the files are below their caps.
    pub(super) async fn early_has_room(&self) -> Result<(), ArchiveError> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before the look, so that no change is missed.
            changed.as_mut().enable();
            if self.closed.load(Ordering::SeqCst) {
                return Err(ArchiveError::Ended);
            }
            if !self.early.is_over() && !self.related.is_over() {
                return Ok(());
            }
            changed.await;
        }
    }

    /// Waits until so many bytes fit into the line; more than fit into it at all take all of it.
    pub(super) async fn in_line(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ArchiveError> {
        let permits = u32::try_from(bytes.min(self.in_line_cap)).unwrap_or(u32::MAX);
        Arc::clone(&self.in_line).acquire_many_owned(permits).await.map_err(|_| ArchiveError::Ended)
    }

    /// When what this returns is dropped, nobody waits any more: a thread has ended, in whatever way.
    pub(super) fn close_at_end(self: &Arc<Self>) -> impl Drop + use<> {
        CloseAtEnd(Arc::clone(self))
    }
}

struct CloseAtEnd(Arc<Gauges>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.in_line.close();
        self.0.changed.notify_waiters();
    }
}

pub(super) struct Output<W> {
    sink: W,
    mtime: u64,
    compressors: NonZeroUsize,
    gauges: Arc<Gauges>,
}

impl<W: Write> Output<W> {
    pub(super) fn new(sink: W, mtime: u64, compressors: NonZeroUsize, gauges: Arc<Gauges>) -> Self {
        Self { sink, mtime, compressors, gauges }
    }

    /// Works until it is told that that was all, and gives the sink back; none, with no end of the stream, if it is never told so.
    pub(super) fn run(self, jobs: &Receiver<Job>) -> Result<Option<W>, ArchiveError> {
        let Self { sink, mtime, compressors, gauges } = self;
        let _end = gauges.close_at_end();
        let gzip = GzipWriter::new(sink, compressors).map_err(ArchiveError::Write)?;
        let mut tar = tar::Builder::new(gzip);
        // What is left open is an archive without its end, and must look like one.
        let version = format!("{FORMAT_VERSION}\n");
        entry::append(&mut tar, VERSION_PATH, version.as_bytes(), mtime).map_err(ArchiveError::Write)?;
        while let Ok(job) = jobs.recv() {
            let Job::Write(run) = job else {
                let sink = tar.into_inner().and_then(GzipWriter::finish).map_err(ArchiveError::Write)?;
                return Ok(Some(sink));
            };
            run.each(|item| {
                if gauges.abandoned.load(Ordering::SeqCst) {
                    return Err(ArchiveError::Ended);
                }
                let mut paths = item.paths.iter();
                paths
                    .try_for_each(|path| entry::append(&mut tar, path, &item.content, mtime))
                    .map_err(ArchiveError::Write)
            })
            .or_else(|error| if gauges.abandoned.load(Ordering::SeqCst) { Ok(()) } else { Err(error) })?;
        }
        Ok(None)
    }
}

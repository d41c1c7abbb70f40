//! The archive on its way out: items come in from many sides and in any order, one gzipped tar stream goes out in the order of the sweep.
//!
//! Whoever sweeps through the cluster reserves a place for what it gives to a worker, and puts in at once what needs no work. The order
//! of the archive is the order of the places, whatever finishes first: two archives of the same state hold the same bytes.
//!
//! Two threads stand behind it. The first puts things in order ([`order`]) and never waits for the store: what comes early is kept in
//! memory up to a small cap and then in a file. The second writes tar, compresses ([`gzip`]) and waits for the store. So filling a place
//! never waits, a worker with a frozen database least of all; only the sweep does, in [`ArchiveItems::reserve`] and
//! [`ArchiveItems::append`], and memory stays constant: [`ArchiveLimits`] has the arithmetic.
//!
//! Why nobody waits for himself: the sweep waits for two things. Bytes whose turn it is pass as soon as the store takes them, which
//! depends on nobody here. The file of what came early runs empty when the places that were reserved before are filled, and those who
//! fill them wait neither for the sweep nor for the archive. This holds if the sweep has given every place away, or filled it, before it
//! reserves the next. Related objects that stand nowhere have a file of their own, for which nobody waits.

mod entry;
pub mod gzip;
mod limits;
mod order;
mod output;
mod rewrite;
mod spool;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

pub use limits::ArchiveLimits;
use order::{Message, Order};
use output::{Gauges, Output};
pub use rewrite::rewrite;

/// An item for the archive: its content once, and every path that it is stored under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveItem {
    /// Paths, in the order in which they are written.
    pub paths: Vec<String>,
    /// The JSON.
    pub content: Bytes,
}

impl ArchiveItem {
    /// Bytes that it holds in memory.
    fn size(&self) -> usize {
        self.content.len() + self.paths.iter().map(String::len).sum::<usize>()
    }
}

/// What stands in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// An item.
    Item(ArchiveItem),
    /// The object with this key, which a worker has claimed as a related object of something else: [`ArchiveItems::related`] tells what
    /// became of it. If several slots name it, it stands in the first.
    Related(Arc<str>),
}

/// A position in the archive that is to be filled, once.
#[derive(Debug)]
#[must_use = "a place that is never filled is an error of the archive"]
pub struct Place(u64);

/// The archive cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// What takes the stream has failed, or a thread broke off.
    #[error("cannot write the archive")]
    Write(#[from] std::io::Error),
    /// What came early could not be kept.
    #[error("cannot keep items of the archive in the scratch directory")]
    Scratch(#[source] std::io::Error),
    /// An item's path would lead out of the archive: nobody could restore it.
    #[error("cannot put an item into the archive")]
    Path(#[from] lateen_core::archive::path::UnsafePath),
    /// The archive that is to be rewritten is none, or not a whole one.
    #[error("cannot read the archive that is to be rewritten")]
    Unreadable(#[source] std::io::Error),
    /// The archive that is to be rewritten is refused for what it holds.
    #[error("the archive that is to be rewritten is refused")]
    Refused(#[from] lateen_core::archive::limits::ArchiveError),
    /// The threads have ended already. [`ArchiveWriter::finish`] says why.
    #[error("the archive's stream has ended early")]
    Ended,
    /// Somebody reserved places and did not fill them: the archive would have holes.
    #[error("{places} places of the archive were reserved and never filled")]
    Unfilled {
        /// How many.
        places: u64,
    },
    /// A place was left for a related object, and nobody said what became of it.
    #[error("the archive waits for the related object {key}, which never came")]
    Missing {
        /// Its key.
        key: Arc<str>,
    },
    /// Somebody told twice what became of an object.
    #[error("the related object {key} was handed to the archive twice")]
    Twice {
        /// Its key.
        key: Arc<str>,
    },
}

/// How an archive is written.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// Stands in every entry: seconds since 1970.
    pub mtime: u64,
    /// The directory for what comes early; files there have no name and are gone when the archive is.
    pub scratch: PathBuf,
    /// What it may hold.
    pub limits: ArchiveLimits,
    /// Threads that compress.
    pub compressors: NonZeroUsize,
}

impl ArchiveOptions {
    /// The usual limits, and as many compressors as pay on this machine.
    pub fn new(mtime: u64, scratch: impl Into<PathBuf>) -> Self {
        let (limits, compressors) = (ArchiveLimits::default(), gzip::compressors());
        Self { mtime, scratch: scratch.into(), limits, compressors }
    }
}

/// Takes items until it is finished or fails. Dropped unfinished, it ends without giving the sink the end of the stream.
pub struct ArchiveWriter<W> {
    items: ArchiveItems,
    order: JoinHandle<Result<(), ArchiveError>>,
    output: JoinHandle<Result<Option<W>, ArchiveError>>,
}

impl<W: Write + Send + 'static> ArchiveWriter<W> {
    /// Starts the threads. `sink` gets the compressed stream.
    pub fn start(sink: W, options: ArchiveOptions) -> Self {
        let ArchiveOptions { mtime, scratch, limits, compressors } = options;
        let gauges = Arc::new(Gauges::new(&limits));
        let (messages, received) = mpsc::unbounded_channel();
        let (runs, to_write) = std::sync::mpsc::channel();
        let output = Output::new(sink, mtime, compressors, Arc::clone(&gauges));
        let order = Order::new(&limits, scratch, runs, Arc::clone(&gauges));
        let items = ArchiveItems { messages, next: Arc::default(), gauges };
        Self {
            items,
            order: tokio::task::spawn_blocking(move || order.run(received)),
            output: tokio::task::spawn_blocking(move || output.run(&to_write)),
        }
    }

    /// The end that takes items, for those who need not know where they go.
    pub fn items(&self) -> ArchiveItems {
        self.items.clone()
    }

    /// Waits until everything is compressed and handed to the sink, and gives the sink back. What is handed over after this is refused.
    pub async fn finish(self) -> Result<W, ArchiveError> {
        let places = self.items.next.load(Ordering::SeqCst);
        self.end(Message::Finish { places }).await?.ok_or(ArchiveError::Ended)
    }

    /// Ends an archive that nobody wants any more, without the end of its stream; the sink is dropped. An error is one that the archive
    /// had by itself.
    pub async fn abandon(self) -> Result<(), ArchiveError> {
        self.end(Message::Abandon).await.map(drop)
    }

    async fn end(self, last: Message) -> Result<Option<W>, ArchiveError> {
        // Threads that are gone have a reason, which is told below.
        let _ = self.items.messages.send(last);
        let broken = |panic| ArchiveError::Write(std::io::Error::other(panic));
        let ordered = self.order.await.unwrap_or_else(|panic| Err(broken(panic)));
        let written = self.output.await.unwrap_or_else(|panic| Err(broken(panic)));
        match (ordered, written) {
            // Whatever failed first made the other thread end: an early end alone is not the reason.
            (Ok(()), written) | (Err(ArchiveError::Ended), written @ Err(_)) => written,
            (Err(cause), _) => Err(cause),
        }
    }
}

/// Takes items for an archive.
#[derive(Clone)]
pub struct ArchiveItems {
    messages: mpsc::UnboundedSender<Message>,
    next: Arc<AtomicU64>,
    gauges: Arc<Gauges>,
}

impl ArchiveItems {
    /// Reserves the next place, for somebody who will fill it. Only for the one task that sweeps, which thereby says the order; it waits
    /// here while the store is behind or too much came early. The places reserved before must be in others' hands, or filled.
    pub async fn reserve(&self) -> Result<Place, ArchiveError> {
        self.gauges.early_has_room().await?;
        // Room for a byte: what will fill the place is counted when it comes.
        drop(self.gauges.in_line(1).await?);
        Ok(self.take_place())
    }

    /// Reserves the next places, all of them for the same one who will fill them.
    pub async fn reserve_all(&self, count: usize) -> Result<Vec<Place>, ArchiveError> {
        let first = self.reserve().await?;
        Ok(std::iter::once(first).chain((1..count).map(|_| self.take_place())).collect())
    }

    /// Fills a place, once, also with nothing. Never waits.
    pub fn fill(&self, place: Place, slots: Vec<Slot>) -> Result<(), ArchiveError> {
        self.send(place, slots, None)
    }

    /// Reserves the next place and fills it: the way of what needs no work. Only for the one task that sweeps. Cheapest with a page of
    /// items at once.
    pub async fn append(&self, slots: Vec<Slot>) -> Result<(), ArchiveError> {
        self.gauges.early_has_room().await?;
        let permit = self.gauges.in_line(slots.iter().map(Slot::size).sum()).await?;
        let place = self.take_place();
        self.send(place, slots, Some(permit))
    }

    /// Appends one item.
    pub async fn add(&self, item: ArchiveItem) -> Result<(), ArchiveError> {
        self.append(vec![Slot::Item(item)]).await
    }

    /// Tells what became of an object that was claimed as a related one: an item, which is written where a [`Slot::Related`] with its
    /// key stands, or else at the end, sorted by key; or nothing. Once for each key. Never waits.
    pub fn related(&self, key: Arc<str>, item: Option<ArchiveItem>) -> Result<(), ArchiveError> {
        self.messages.send(Message::Related { key, item }).map_err(|_| ArchiveError::Ended)
    }

    /// Related objects that stood nowhere and were written before the end, because they would have grown over their limit. Their
    /// position then depends on when they came.
    pub fn written_early(&self) -> u64 {
        self.gauges.written_early.load(Ordering::Relaxed)
    }

    fn take_place(&self) -> Place {
        Place(self.next.fetch_add(1, Ordering::SeqCst))
    }

    fn send(
        &self,
        Place(place): Place,
        slots: Vec<Slot>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), ArchiveError> {
        self.messages.send(Message::Fill { place, slots, permit }).map_err(|_| ArchiveError::Ended)
    }
}

impl Slot {
    fn size(&self) -> usize {
        match self {
            Self::Item(item) => item.size(),
            Self::Related(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests;

//! One gzip stream, made by one thread or by several: the same bytes either way.
//!
//! What comes in is cut every [`CHUNK_BYTES`]; each chunk is compressed by itself, with the end of the one before it as its dictionary,
//! and ends at a byte border. So chunks can be made side by side and put one behind the other: readers see one member as from any gzip.
//! The borders depend on nothing but the number of bytes before them. The dictionary is as long as deflate can look back, so an item's
//! second copy compresses to almost nothing on whichever side of a border it is.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Bytes that are compressed at once. Beginning a chunk anew costs 32 KiB to look through and some bytes: measured, 8 % of the time and 0.03 %
/// of the size. A chunk that is being made holds this and what comes out of it, about a quarter, and each compressor has two in its hands:
/// 1.25 MiB.
pub const CHUNK_BYTES: usize = 512 << 10;

/// How far deflate looks back.
const DICTIONARY_BYTES: usize = 32 << 10;

/// Chunks for each compressing thread: one that it works on, one that it finds when it is done.
const CHUNKS_PER_THREAD: usize = 2;

/// More threads than these outrun what one API server lists.
const MOST_COMPRESSORS: usize = 4;

/// Room that is given to deflate at once when it needs more.
const MORE_BYTES: usize = 16 << 10;

/// Identification, deflate, no flags (no name), no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Threads that pay here: all cores but one, which the engine and the store's TLS need; with two cores one.
pub fn compressors() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new((cores - 1).min(MOST_COMPRESSORS)).unwrap_or(NonZeroUsize::MIN)
}

/// Compresses what is written to it. Nothing but [`GzipWriter::finish`] ends the stream; flushing does nothing.
pub struct GzipWriter<W: Write> {
    sink: W,
    chunk: BytesMut,
    dictionary: Bytes,
    stage: Stage,
    checksum: Crc,
    bytes: u64,
    began: bool,
}

impl<W: Write> GzipWriter<W> {
    /// With one compressor the work is done by whoever writes; with more there are threads for it.
    pub fn new(sink: W, compressors: NonZeroUsize) -> io::Result<Self> {
        let stage = match compressors.get() {
            1 => Stage::Here(None),
            threads => Stage::Threads(Threads::start(threads)?),
        };
        let (chunk, dictionary) = (BytesMut::with_capacity(CHUNK_BYTES), Bytes::new());
        Ok(Self { sink, chunk, dictionary, stage, checksum: Crc::new(), bytes: 0, began: false })
    }

    /// Compresses what is left, ends the stream and gives the sink back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_chunk(true)?;
        while let Some(compressed) = self.stage.collect(0)? {
            self.pass_on(&compressed)?;
        }
        self.sink.write_all(&self.checksum.sum().to_le_bytes())?;
        // The format has room for the length modulo 2^32.
        self.sink.write_all(&(self.bytes as u32).to_le_bytes())?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn end_chunk(&mut self, last: bool) -> io::Result<()> {
        let content = self.chunk.split().freeze();
        if !last {
            self.chunk.reserve(CHUNK_BYTES);
        }
        let next = content.slice(content.len().saturating_sub(DICTIONARY_BYTES)..);
        let dictionary = std::mem::replace(&mut self.dictionary, next);
        self.bytes += content.len() as u64;
        self.stage.compress(Chunk { dictionary, content, last })?;
        while let Some(compressed) = self.stage.collect(self.stage.most())? {
            self.pass_on(&compressed)?;
        }
        Ok(())
    }

    fn pass_on(&mut self, compressed: &Compressed) -> io::Result<()> {
        if !std::mem::replace(&mut self.began, true) {
            self.sink.write_all(&HEADER)?;
        }
        self.checksum.combine(&compressed.checksum);
        self.sink.write_all(&compressed.bytes)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES {
            self.end_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Chunk {
    dictionary: Bytes,
    content: Bytes,
    last: bool,
}

struct Compressed {
    bytes: Vec<u8>,
    checksum: Crc,
}

enum Stage {
    Here(Option<Compressed>),
    Threads(Threads),
}

impl Stage {
    /// Chunks that may be on their way when one more has come.
    fn most(&self) -> usize {
        match self {
            Self::Here(_) => 0,
            Self::Threads(threads) => threads.hands.len() * CHUNKS_PER_THREAD - 1,
        }
    }

    fn compress(&mut self, chunk: Chunk) -> io::Result<()> {
        match self {
            Self::Here(done) => *done = Some(deflate(&chunk)?),
            Self::Threads(threads) => threads.give(chunk)?,
        }
        Ok(())
    }

    /// The next chunk in order, if more than `left` are on their way.
    fn collect(&mut self, left: usize) -> io::Result<Option<Compressed>> {
        match self {
            Self::Here(done) => Ok(done.take()),
            Self::Threads(threads) if threads.under_way() > left => threads.take().map(Some),
            Self::Threads(_) => Ok(None),
        }
    }
}

/// Threads that take turns: the order of what they give back is that of what they were given. They end with their owner.
struct Threads {
    hands: Vec<(Sender<Chunk>, Receiver<io::Result<Compressed>>)>,
    given: usize,
    taken: usize,
}

impl Threads {
    fn start(threads: usize) -> io::Result<Self> {
        let start = |_| {
            let (give, chunks) = channel::<Chunk>();
            let (done, take) = channel();
            let work = move || {
                for chunk in chunks {
                    if done.send(deflate(&chunk)).is_err() {
                        return;
                    }
                }
            };
            std::thread::Builder::new().name("archive-gzip".into()).spawn(work)?;
            Ok((give, take))
        };
        Ok(Self { hands: (0..threads).map(start).collect::<io::Result<_>>()?, given: 0, taken: 0 })
    }

    fn under_way(&self) -> usize {
        self.given - self.taken
    }

    fn give(&mut self, chunk: Chunk) -> io::Result<()> {
        self.hands[self.given % self.hands.len()].0.send(chunk).map_err(|_| broke_off())?;
        self.given += 1;
        Ok(())
    }

    fn take(&mut self) -> io::Result<Compressed> {
        let compressed = self.hands[self.taken % self.hands.len()].1.recv().map_err(|_| broke_off())?;
        self.taken += 1;
        compressed
    }
}

fn broke_off() -> io::Error {
    io::Error::other("a compressing thread broke off")
}

/// Deflates a chunk. Always with a new compressor: one that was reset finds other matches than a new one, and which chunks went through it
/// before depends on the number of threads. Making one takes 1/200 of the time.
fn deflate(chunk: &Chunk) -> io::Result<Compressed> {
    let Chunk { dictionary, content, last } = chunk;
    let mut deflate = Compress::new(Compression::default(), false);
    if !dictionary.is_empty() {
        deflate.set_dictionary(dictionary)?;
    }
    let flush = if *last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut bytes = Vec::with_capacity(content.len() / 4 + MORE_BYTES);
    loop {
        let read = deflate.total_in() as usize;
        let status = deflate.compress_vec(&content[read..], &mut bytes, flush)?;
        // Where there is room left, everything is out.
        let all = if *last { status == Status::StreamEnd } else { bytes.len() < bytes.capacity() };
        if all {
            break;
        }
        bytes.reserve(MORE_BYTES.max(bytes.len() / 2));
    }
    let mut checksum = Crc::new();
    checksum.update(content);
    Ok(Compressed { bytes, checksum })
}

#[cfg(test)]
mod tests;

//! The archive on its way out: entries go in, one gzipped tar stream comes out, on a thread of its own.
//!
//! The channel in front of the thread is bounded: a slow bucket slows the collection down and costs no memory. Both copies of an item
//! follow each other, so the second compresses to almost nothing.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use lateen_core::archive::{FORMAT_VERSION, VERSION_PATH};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Entries between the engine and the compressor. 64 entries of the typical 3 KB are 200 KB, of the largest objects (1.5 MB) 100 MB.
const ENTRIES_IN_FLIGHT: usize = 64;

/// Mode of every file in an archive.
const ENTRY_MODE: u32 = 0o755;

/// An item for the archive: its content once, and every path that it is stored under.
#[derive(Debug)]
pub struct ArchiveItem {
    /// Paths, in the order in which they are written.
    pub paths: Vec<String>,
    /// The JSON.
    pub content: Bytes,
}

/// The archive cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the archive")]
pub struct ArchiveError(#[source] pub std::io::Error);

/// Takes items until it is finished or fails.
pub struct ArchiveWriter<W> {
    items: mpsc::Sender<ArchiveItem>,
    thread: JoinHandle<std::io::Result<W>>,
}

impl<W: Write + Send + 'static> ArchiveWriter<W> {
    /// Starts the thread. `mtime` (seconds since 1970) stands in every entry. `sink` gets the compressed stream.
    pub fn start(sink: W, mtime: u64) -> Self {
        let (items, receiver) = mpsc::channel(ENTRIES_IN_FLIGHT);
        Self { items, thread: tokio::task::spawn_blocking(move || write_all(sink, mtime, receiver)) }
    }

    /// The end that takes items, for those who need not know where they go.
    pub fn items(&self) -> ArchiveItems {
        ArchiveItems(self.items.clone())
    }

    /// Waits until everything is compressed and handed to the sink, and gives the sink back. All [`ArchiveItems`] must be gone by then.
    pub async fn finish(self) -> Result<W, ArchiveError> {
        drop(self.items);
        self.thread.await.unwrap_or_else(|panic| Err(std::io::Error::other(panic))).map_err(ArchiveError)
    }
}

/// Takes items for an archive.
#[derive(Clone)]
pub struct ArchiveItems(mpsc::Sender<ArchiveItem>);

impl ArchiveItems {
    /// Hands an item over; waits while the stream is behind. An error means that the thread has ended: [`ArchiveWriter::finish`] says why.
    pub async fn add(&self, item: ArchiveItem) -> Result<(), ArchiveError> {
        let ended = || ArchiveError(std::io::Error::other("the archive's stream has ended early"));
        self.0.send(item).await.map_err(|_| ended())
    }
}

fn write_all<W: Write>(sink: W, mtime: u64, mut items: mpsc::Receiver<ArchiveItem>) -> std::io::Result<W> {
    let mut tar = tar::Builder::new(GzEncoder::new(sink, Compression::default()));
    append(&mut tar, VERSION_PATH, format!("{FORMAT_VERSION}\n").as_bytes(), mtime)?;
    while let Some(item) = items.blocking_recv() {
        for path in &item.paths {
            append(&mut tar, path, &item.content, mtime)?;
        }
    }
    let mut sink = tar.into_inner()?.finish()?;
    sink.flush()?;
    Ok(sink)
}

fn append(tar: &mut tar::Builder<impl Write>, path: &str, content: &[u8], mtime: u64) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(ENTRY_MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(buf);
            Ok(buf.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn items_stand_under_all_their_paths_even_long_ones() {
        let out = Shared::default();
        let writer = ArchiveWriter::start(out.clone(), 7);
        let long = format!("resources/tools.shop.example/namespaces/app/{}.json", "n".repeat(250));
        let paths = vec![long.clone(), "resources/tools.shop.example/v1/cluster/b.json".into()];
        writer.items().add(ArchiveItem { paths, content: Bytes::from_static(b"{}") }).await.unwrap();
        writer.finish().await.unwrap();
        let bytes = out.0.lock().unwrap().clone();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let entries: Vec<(String, u32, u64, String)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let (mode, mtime) = (entry.header().mode().unwrap(), entry.header().mtime().unwrap());
                let mut content = String::new();
                entry.read_to_string(&mut content).unwrap();
                (path, mode, mtime, content)
            })
            .collect();
        assert_eq!(entries[0], ("metadata/version".into(), 0o755, 7, "1.1.0\n".into()));
        assert_eq!(entries[1].0, long);
        assert_eq!(entries[2].3, "{}");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("bucket is gone"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_failing_sink_ends_the_archive_with_its_reason() {
        let writer = ArchiveWriter::start(Full, 0);
        let item = || ArchiveItem {
            paths: vec!["resources/pods/cluster/a.json".into()],
            content: vec![b'x'; 1 << 20].into(),
        };
        while writer.items().add(item()).await.is_ok() {}
        let error = writer.finish().await.err().unwrap();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "bucket is gone");
    }
}

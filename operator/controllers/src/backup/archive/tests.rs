//! Archives from the items to the bytes, and how they fail.

mod order;
mod readers;

use std::io::Read;
use std::sync::{Arc, Mutex};

use super::*;

/// A sink that can be looked into.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A sink that is gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("bucket is gone"))
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn options() -> ArchiveOptions {
    ArchiveOptions::new(7, std::env::temp_dir())
}

fn item(name: &str, content: &[u8]) -> ArchiveItem {
    let paths = vec![format!("resources/pods/cluster/{name}.json")];
    ArchiveItem { paths, content: Bytes::copy_from_slice(content) }
}

fn slot(name: &str) -> Slot {
    Slot::Item(item(name, name.as_bytes()))
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) mtime: u64,
    pub(super) content: Vec<u8>,
}

/// The entries of an archive but the first, which says the format.
pub(super) fn entries(archive: &[u8]) -> Vec<Entry> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let (mode, mtime) = (entry.header().mode().unwrap(), entry.header().mtime().unwrap());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        Entry { path, mode, mtime, content }
    };
    let mut entries: Vec<Entry> = archive.entries().unwrap().map(read).collect();
    let version =
        Entry { path: "metadata/version".into(), mode: 0o755, mtime: 7, content: b"1.1.0\n".to_vec() };
    assert_eq!(entries.remove(0), version);
    entries
}

/// The names of the items of an archive.
fn names(archive: &[u8]) -> Vec<String> {
    let name = |entry: Entry| {
        entry.path.rsplit('/').next().and_then(|file| file.strip_suffix(".json")).unwrap().to_owned()
    };
    entries(archive).into_iter().map(name).collect()
}

#[tokio::test]
async fn items_stand_under_all_their_paths_even_long_ones() {
    let writer = ArchiveWriter::start(Vec::new(), options());
    let long = format!("resources/tools.shop.example/namespaces/app/{}.json", "n".repeat(250));
    let paths = vec![long, "resources/tools.shop.example/v1/cluster/b.json".into()];
    let written = ArchiveItem { paths: paths.clone(), content: Bytes::from_static(b"{}") };
    writer.items().add(written).await.unwrap();
    let archive = writer.finish().await.unwrap();
    let expected: Vec<Entry> = paths
        .into_iter()
        .map(|path| Entry { path, mode: 0o755, mtime: 7, content: b"{}".to_vec() })
        .collect();
    assert_eq!(entries(&archive), expected);
}

#[tokio::test]
async fn places_say_the_order_whoever_fills_them_first() {
    let writer = ArchiveWriter::start(Vec::new(), options());
    let items = writer.items();
    let first = items.reserve().await.unwrap();
    items.append(vec![slot("c"), Slot::Related("d".into()), slot("e")]).await.unwrap();
    let nothing = items.reserve().await.unwrap();
    items.append(vec![slot("f")]).await.unwrap();
    items.related("z".into(), Some(item("z", b"z"))).unwrap();
    items.related("y".into(), Some(item("y", b"y"))).unwrap();
    items.related("x".into(), None).unwrap();
    items.fill(nothing, Vec::new()).unwrap();
    items.fill(first, vec![slot("a"), slot("b")]).unwrap();
    items.related("d".into(), Some(item("d", b"d"))).unwrap();
    let archive = writer.finish().await.unwrap();
    assert_eq!(names(&archive), ["a", "b", "c", "d", "e", "f", "y", "z"]);
    assert_eq!(items.written_early(), 0);
}

#[tokio::test]
async fn holes_are_errors() {
    let writer = ArchiveWriter::start(Vec::new(), options());
    let place = writer.items().reserve().await.unwrap();
    writer.items().append(vec![slot("a")]).await.unwrap();
    drop(place);
    assert!(matches!(writer.finish().await, Err(ArchiveError::Unfilled { places: 1 })));

    let writer = ArchiveWriter::start(Vec::new(), options());
    writer.items().append(vec![Slot::Related("a".into())]).await.unwrap();
    assert!(matches!(writer.finish().await, Err(ArchiveError::Missing { key }) if &*key == "a"));

    let writer = ArchiveWriter::start(Vec::new(), options());
    writer.items().related("a".into(), None).unwrap();
    writer.items().related("a".into(), Some(item("a", b"a"))).unwrap();
    assert!(matches!(writer.finish().await, Err(ArchiveError::Twice { key }) if &*key == "a"));
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_ends_the_archive() {
    for name in ["../../../x", "a\0b"] {
        let writer = ArchiveWriter::start(Vec::new(), options());
        writer.items().add(item(name, b"{}")).await.unwrap();
        assert!(matches!(writer.finish().await, Err(ArchiveError::Path(_))), "{name}");
    }
}

#[tokio::test]
async fn a_failing_sink_ends_the_archive_with_its_reason() {
    let writer = ArchiveWriter::start(Gone, options());
    let noise: Vec<u8> = (0..1u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    while writer.items().add(item("a", &noise)).await.is_ok() {}
    // Nobody waits for room that will never come.
    assert!(matches!(writer.items().reserve().await, Err(ArchiveError::Ended)));
    let error = writer.finish().await.err().unwrap();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "bucket is gone");
}

#[tokio::test]
async fn a_scratch_directory_that_is_gone_is_an_error() {
    let limits = ArchiveLimits { early_memory: 0, ..ArchiveLimits::default() };
    let options = ArchiveOptions { limits, ..ArchiveOptions::new(7, "/nonexistent/scratch") };
    let writer = ArchiveWriter::start(Vec::new(), options);
    let _first = writer.items().reserve().await.unwrap();
    writer.items().append(vec![slot("b")]).await.unwrap();
    assert!(matches!(writer.finish().await, Err(ArchiveError::Scratch(_))));
}

#[tokio::test]
async fn an_abandoned_archive_does_not_end() {
    let sink = Shared::default();
    let writer = ArchiveWriter::start(sink.clone(), options());
    writer.items().add(item("a", b"{}")).await.unwrap();
    let items = writer.items();
    writer.abandon().await.unwrap();
    assert!(sink.bytes().is_empty());
    assert!(matches!(items.add(item("b", b"{}")).await, Err(ArchiveError::Ended)));
}

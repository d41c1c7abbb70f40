//! Archives made anew, and what becomes of those that are not what they seem.

use flate2::Compression;
use flate2::write::GzEncoder;
use lateen_core::archive::limits::ArchiveError as Refusal;
use proptest::prelude::*;

use super::*;
use crate::backup::archive::tests::{Entry, entries};
use crate::backup::archive::{ArchiveItem, ArchiveOptions, ArchiveWriter, Slot};

/// The old archive, as a backup writes it.
fn old(items: &[(String, Vec<u8>)]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let writer = ArchiveWriter::start(Vec::new(), ArchiveOptions::new(7, std::env::temp_dir()));
        let slot = |(path, content): &(String, Vec<u8>)| {
            Slot::Item(ArchiveItem { paths: vec![path.clone()], content: content.clone().into() })
        };
        writer.items().append(items.iter().map(slot).collect()).await.unwrap();
        writer.finish().await.unwrap()
    })
}

fn item(name: &str, content: &str) -> (String, Vec<u8>) {
    (format!("resources/pods/cluster/{name}.json"), content.as_bytes().to_vec())
}

fn replacements(items: &[(String, Vec<u8>)]) -> BTreeMap<String, Bytes> {
    items.iter().map(|(path, content)| (path.clone(), content.clone().into())).collect()
}

/// An archive of entries that no backup would write.
fn foreign(write: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    write(&mut builder);
    builder.into_inner().unwrap().finish().unwrap()
}

fn raw(path: &str, entry_type: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(entry_type);
    header.set_size(size);
    header.set_cksum();
    header
}

fn error(old: &[u8], limits: Limits) -> ArchiveError {
    rewrite_within(limits, old, Vec::new(), &BTreeMap::new(), 8).expect_err("this archive is refused")
}

#[test]
fn entries_are_replaced_in_their_place_and_new_ones_follow() {
    let old = old(&[item("a", "1"), item(&"b".repeat(200), "2"), item("c", "3")]);
    let new = [item("z", "new"), item(&"b".repeat(200), "changed"), item("y", "new")];
    let rewritten = rewrite(old.as_slice(), Vec::new(), replacements(&new), 8).unwrap();
    let entry = |(path, content): (String, Vec<u8>), mtime| Entry { path, mode: 0o755, mtime, content };
    let expected = vec![
        entry(item("a", "1"), 7),
        entry(item(&"b".repeat(200), "changed"), 8),
        entry(item("c", "3"), 7),
        entry(item("y", "new"), 8),
        entry(item("z", "new"), 8),
    ];
    assert_eq!(entries(&rewritten), expected);
}

#[test]
fn half_an_archive_is_never_a_whole_one() {
    let numbers = (0..3_000).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string());
    let text = numbers.collect::<String>();
    let old = old(&[item("a", &text), item(&"b".repeat(200), &text[7..])]);
    for cut in (0..old.len()).step_by(97).chain(old.len() - 12..old.len()) {
        let ended = rewrite(&old[..cut], Vec::new(), BTreeMap::new(), 8);
        assert!(matches!(ended, Err(ArchiveError::Unreadable(_))), "{cut} of {}: {ended:?}", old.len());
    }
    let mut wrong = old.clone();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0x10;
    assert!(matches!(error(&wrong, Limits::default()), ArchiveError::Unreadable(_)));
    assert!(matches!(error(b"no archive at all", Limits::default()), ArchiveError::Unreadable(_)));
}

#[test]
fn what_no_backup_writes_is_refused() {
    let refused = |old: Vec<u8>| error(&old, Limits::default());
    let escaping =
        foreign(|tar| tar.append(&raw("resources/../../x", tar::EntryType::Regular, 0), &[][..]).unwrap());
    assert!(matches!(refused(escaping), ArchiveError::Refused(Refusal::UnsafePath(_))));
    for entry_type in [tar::EntryType::Symlink, tar::EntryType::Directory, tar::EntryType::GNUSparse] {
        let link = foreign(|tar| tar.append(&raw("resources/x", entry_type, 0), &[][..]).unwrap());
        assert!(matches!(refused(link), ArchiveError::Unreadable(_)), "{entry_type:?}");
    }
    let attributes = vec![b'a'; 1 << 20];
    let long = foreign(|tar| {
        tar.append(&raw("x", tar::EntryType::XHeader, attributes.len() as u64), attributes.as_slice())
            .unwrap();
    });
    assert!(matches!(refused(long), ArchiveError::Unreadable(_)));
}

#[test]
fn a_bomb_is_refused_by_what_its_headers_say() {
    let limits = Limits { entries: 4, archive_bytes: 1 << 20, ..Limits::default() };
    let content = vec![0; 1 << 20];
    let large = foreign(|tar| {
        let header = raw("resources/pods/cluster/a.json", tar::EntryType::Regular, content.len() as u64 + 1);
        tar.append(&header, content.as_slice().chain(&[0][..])).unwrap();
    });
    assert!(large.len() < 10_000, "{}", large.len());
    assert!(matches!(error(&large, limits), ArchiveError::Refused(Refusal::LargeArchive { .. })));
    let many = old(&["a", "b", "c", "d"].map(|name| item(name, "{}")));
    assert!(matches!(error(&many, limits), ArchiveError::Refused(Refusal::TooManyEntries { .. })));
}

#[test]
fn the_sink_is_blamed_for_what_is_its_fault() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("bucket is gone"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let old = old(&[item("a", "1")]);
    assert!(matches!(rewrite(old.as_slice(), Gone, BTreeMap::new(), 8), Err(ArchiveError::Write(_))));
    let escaping = replacements(&[("../x".to_owned(), Vec::new())]);
    assert!(matches!(rewrite(old.as_slice(), Vec::new(), escaping, 8), Err(ArchiveError::Path(_))));
}

fn named() -> impl Strategy<Value = (String, Vec<u8>)> {
    let name = prop_oneof![4 => "[a-f]", 1 => "[a-z]{150,250}", 1 => "[äöü]{1,9}"];
    (name, prop::collection::vec(any::<u8>(), 0..2_000))
        .prop_map(|(name, content)| (format!("resources/pods/cluster/{name}.json"), content))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// As in memory; and without replacements not a byte changes.
    #[test]
    fn rewriting_is_replacing_and_appending(
        items in prop::collection::vec(named(), 0..12),
        new in prop::collection::vec(named(), 0..6),
    ) {
        let old = old(&items);
        let new = replacements(&new);
        let mut expected: Vec<(String, Bytes)> = items
            .iter()
            .map(|(path, content)| {
                (path.clone(), new.get(path).cloned().unwrap_or_else(|| content.clone().into()))
            })
            .collect();
        let in_place = |path: &String| items.iter().any(|(old, _)| old == path);
        expected.extend(new.clone().into_iter().filter(|(path, _)| !in_place(path)));
        let rewritten = rewrite(old.as_slice(), Vec::new(), new, 8).unwrap();
        let read: Vec<(String, Bytes)> =
            entries(&rewritten).into_iter().map(|entry| (entry.path, entry.content.into())).collect();
        prop_assert_eq!(read, expected);
        prop_assert!(rewrite(old.as_slice(), Vec::new(), BTreeMap::new(), 8).unwrap() == old);
    }
}

//! Archives that chance has changed: whatever comes in, the reader ends with items that are what they say, or with an error.
//!
//! The seeds are the files of `tests/fixtures/archives-hostile`, and whatever else is put there. A change is made to the compressed bytes,
//! or to the archive before it is compressed, with or without the checksums of its headers put right. `LATEEN_FUZZ_ROUNDS` says how many
//! archives are tried; one that fails is made smaller and shown, and kept in the crate's `proptest-regressions`.

use flate2::read::MultiGzDecoder;
use lateen_core::archive::index::Versions;
use lateen_core::archive::path::is_nameable;
use lateen_core::item::Facts;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::*;
use crate::error_chain::error_chain;

/// Archives that are tried where nobody says how many: some seconds.
const ROUNDS: u32 = 2_000;

/// A header of tar, and what its parts are padded to.
const BLOCK: usize = 512;

/// Small enough that no change makes an archive that is slow to read.
const LIMITS: Limits = Limits {
    entries: 1_000,
    item_bytes: 1 << 16,
    spool_bytes: 1 << 18,
    archive_bytes: 1 << 20,
    path_bytes: 4096,
    index_bytes: 1 << 20,
    ratio: 200,
    ratio_from: 1 << 20,
};

#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, Vec<u8>),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
    Cut(Index),
    /// The block at one place over that at another.
    Block(Index, Index),
}

/// Where it is changed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layer {
    Packed,
    Unpacked,
    /// Headers get the checksum that they then should have.
    Mended,
}

/// What steers a reader of tar: types of entries, sizes, ends, paths.
const TELLING: [&str; 18] = [
    "0",
    "2",
    "5",
    "L",
    "K",
    "x",
    "g",
    "S",
    "\0",
    "../",
    "/",
    "./",
    "resources/",
    "00000000000\0",
    "77777777777\0",
    ".json\0",
    "v1-preferredversion/",
    "17 path=../x.json\n",
];

fn change() -> impl Strategy<Value = Change> {
    let text = prop_oneof![
        prop::sample::select(&TELLING[..]).prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..24),
    ];
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        (at(), text.clone()).prop_map(|(at, text)| Change::Set(at, text)),
        (at(), text).prop_map(|(at, text)| Change::Insert(at, text)),
        (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        (at(), at()).prop_map(|(from, to)| Change::Repeat(from, to)),
        at().prop_map(Change::Cut),
        (at(), at()).prop_map(|(from, to)| Change::Block(from, to)),
    ]
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let range = |from: &Index, to: &Index| {
            let (from, to) = (from.index(length), to.index(length));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Flip(at, bit) => bytes[at.index(length)] ^= bit,
            Self::Set(at, text) => {
                let at = at.index(length);
                let end = length.min(at + text.len());
                bytes[at..end].copy_from_slice(&text[..end - at]);
            }
            Self::Insert(at, text) => {
                let at = at.index(length);
                bytes.splice(at..at, text.iter().copied());
            }
            Self::Remove(from, to) => {
                bytes.drain(range(from, to));
            }
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, again);
            }
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Block(from, to) => {
                let block = |at: &Index| at.index(length) / BLOCK * BLOCK;
                let (from, to) = (block(from), block(to));
                let end = length.min(from + BLOCK).min(from + length - to);
                bytes.copy_within(from..end, to);
            }
        }
    }
}

/// Puts the checksum of everything right that may be a header.
fn mend(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(BLOCK).filter(|block| block.iter().any(|byte| *byte != 0)) {
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        if header.cksum().is_ok() {
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
    }
}

fn changed(archive: &[u8], layer: Layer, changes: &[Change]) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    if layer != Layer::Packed {
        let mut unpacked = Vec::new();
        // What can be had of a broken one is as good a beginning.
        let _ = MultiGzDecoder::new(archive).take(1 << 20).read_to_end(&mut unpacked);
        bytes = unpacked;
    }
    for change in changes {
        change.make(&mut bytes);
    }
    if layer == Layer::Packed {
        return bytes;
    }
    if layer == Layer::Mended {
        mend(&mut bytes);
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&bytes).unwrap();
    gzip.finish().unwrap()
}

/// What holds for every archive.
fn check(archive: &[u8]) {
    let builder = IndexBuilder::new(Selection::All, LIMITS).with_versions(Versions::All);
    let spool = match unpack(archive, tempfile::tempfile().unwrap(), builder) {
        Ok(spool) => spool,
        Err(error) => {
            assert!(error.is_about_the_archive(), "{error:?}");
            let told = error_chain(&error);
            assert!(told.len() < 2_000 && !told.contains(char::is_control), "{told:?}");
            return;
        }
    };
    let (index, length) = (spool.index(), spool.items.metadata().unwrap().len());
    assert_eq!(index.spool_bytes(), length);
    assert!(length <= LIMITS.spool_bytes);
    let mut items = 0;
    for (kind, namespaces) in index.kinds() {
        for (namespace, group) in namespaces {
            items += group.len() as u64;
            for (name, location) in group.iter() {
                let object = ObjectName::new(namespace.as_deref(), name);
                check_item(&spool, &kind.to_string(), &object, location);
                assert_eq!(index.find(kind, &object), Some(location));
            }
        }
    }
    assert_eq!(items, index.len());
}

fn check_item(spool: &Spool, kind: &str, object: &ObjectName, location: Location) {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    assert!(![kind, namespace, &object.name].iter().any(|name| name.contains(['/', '\\'])), "{object:?}");
    assert!(![kind, namespace].iter().any(|name| name.contains(char::is_control)), "{object:?}");
    assert!(location.offset + u64::from(location.len) <= spool.index().spool_bytes(), "{object:?}");
    if !location.readable {
        assert!(!location.selected && !spool.index().fault(&location).is_empty(), "{object:?}");
        return;
    }
    assert!(is_nameable(object), "{object:?}");
    let mut bytes = vec![0; location.len as usize];
    spool.items.read_exact_at(&mut bytes, location.offset).unwrap();
    let facts = Facts::read(std::str::from_utf8(&bytes).unwrap()).unwrap();
    assert_eq!(facts.object.name, object.name);
}

#[test]
fn no_change_gets_past_the_reader() {
    let rounds = std::env::var("LATEEN_FUZZ_ROUNDS").ok();
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("LATEEN_FUZZ_ROUNDS is a number"));
    let mut seeds: Vec<Vec<u8>> = super::hostile::files().into_iter().map(|(_, archive)| archive).collect();
    seeds.push(whole());
    for archive in &seeds {
        check(archive);
    }
    let layers = prop::sample::select(vec![Layer::Packed, Layer::Unpacked, Layer::Mended, Layer::Mended]);
    let changes = prop::collection::vec(change(), 1..6);
    let config = ProptestConfig { cases: rounds, ..ProptestConfig::with_source_file(file!()) };
    let tried = TestRunner::new(config).run(&(any::<Index>(), layers, changes), |(seed, layer, changes)| {
        check(&changed(&seeds[seed.index(seeds.len())], layer, &changes));
        Ok(())
    });
    if let Err(failed) = tried {
        panic!("{failed}");
    }
}

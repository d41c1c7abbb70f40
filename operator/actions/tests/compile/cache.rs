//! The cache: what was compiled once is not compiled again, and nothing but that is ever loaded.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use lateen_actions::{
    ActionHost,
    compile::{CacheKey, CacheOptions, CompileCounts, CompileOptions},
};

use crate::{
    bombs::with_functions,
    world::{CHILD, EMPTY, child, host, limits},
};

const KEY: [u8; 32] = [7; 32];

fn cached(folder: &Path, key: [u8; 32], capacity: u64) -> Arc<ActionHost> {
    let cache = CacheOptions { capacity, ..CacheOptions::new(folder, CacheKey::from(key)) };
    host(CompileOptions { cache: Some(cache), ..CompileOptions::default() })
}

fn start(folder: &Path) -> Arc<ActionHost> {
    cached(folder, KEY, 64 << 20)
}

/// The files of the cache, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(folder.join("item-actions")).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// A cache with one component in it, and the file that it is.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).prepare(EMPTY).unwrap();
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let entry = entry.clone();
    (folder, entry)
}

fn counts(compiled: u64, cache_hits: u64, cache_rejected: u64) -> CompileCounts {
    CompileCounts { compiled, cache_hits, cache_rejected }
}

#[test]
fn after_a_restart_nothing_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheOptions::new(folder.path().join("not/there/yet"), CacheKey::from(KEY));
    let options = || CompileOptions { cache: Some(cache.clone()), ..child(CHILD, limits()) };
    let first = host(options());
    first.prepare(EMPTY).unwrap();
    assert_eq!(first.compile_counts(), counts(1, 0, 0));
    let second = host(options());
    second.prepare(EMPTY).unwrap();
    assert_eq!(second.compile_counts(), counts(0, 1, 0));
    // What the child made fits an engine of this process, and the other way round.
    let third = host(CompileOptions { cache: Some(cache.clone()), ..CompileOptions::default() });
    third.prepare(EMPTY).unwrap();
    assert_eq!(third.compile_counts(), counts(0, 1, 0));
}

#[test]
fn only_the_owner_can_read_it() {
    let (folder, entry) = filled();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder.path().join("item-actions")), mode(&entry)), (0o700, 0o600));
}

type Damage = fn(&Path);

/// What may have become of a file.
const DAMAGES: [(&str, Damage); 11] = [
    ("cut off", |entry| resize(entry, 200)),
    ("cut off in the header", |entry| fs::write(entry, b"LATEENMC\x01").unwrap()),
    ("empty", |entry| fs::write(entry, b"").unwrap()),
    ("garbage", |entry| fs::write(entry, [0xa5; 5000]).unwrap()),
    ("longer", |entry| fs::write(entry, [&fs::read(entry).unwrap()[..], b"\0"].concat()).unwrap()),
    ("one bit of the code", |entry| flip(entry, 1000)),
    ("one bit of the seal", |entry| flip(entry, 12)),
    ("one bit of the format", |entry| flip(entry, 8)),
    ("too large", |entry| resize(entry, 65 << 20)),
    ("a folder", |entry| {
        fs::remove_file(entry).unwrap();
        fs::create_dir_all(entry.join("x")).unwrap();
    }),
    ("a link without an end", |entry| {
        fs::remove_file(entry).unwrap();
        symlink("/dev/zero", entry).unwrap();
    }),
];

#[test]
fn what_is_damaged_is_compiled_again_and_replaced() {
    let (folder, entry) = filled();
    let sound = fs::read(&entry).unwrap();
    for (name, damage) in DAMAGES {
        damage(&entry);
        let after = start(folder.path());
        after.prepare(EMPTY).unwrap();
        assert_eq!(after.compile_counts(), counts(1, 0, 1), "{name}");
        // Machine code of the same component is the same.
        assert!(
            fs::symlink_metadata(&entry).unwrap().is_file() && fs::read(&entry).unwrap() == sound,
            "{name}"
        );
    }
}

fn resize(entry: &Path, size: u64) {
    fs::File::options().write(true).open(entry).unwrap().set_len(size).unwrap();
}

fn flip(entry: &Path, position: usize) {
    let mut bytes = fs::read(entry).unwrap();
    bytes[position] ^= 1;
    fs::write(entry, bytes).unwrap();
}

#[test]
fn another_installations_code_is_not_loaded() {
    let (folder, _) = filled();
    let other = cached(folder.path(), [8; 32], 64 << 20);
    other.prepare(EMPTY).unwrap();
    assert_eq!(other.compile_counts(), counts(1, 0, 1));
    let back = start(folder.path());
    back.prepare(EMPTY).unwrap();
    assert_eq!(back.compile_counts(), counts(1, 0, 1));
}

#[test]
fn entries_cannot_be_swapped() {
    let (folder, first) = filled();
    start(folder.path()).prepare(&with_functions(1)).unwrap();
    let second = entries(folder.path()).into_iter().find(|entry| *entry != first).unwrap();
    fs::copy(&second, &first).unwrap();
    let host = start(folder.path());
    host.prepare(EMPTY).unwrap();
    assert_eq!(host.compile_counts(), counts(1, 0, 1));
}

#[test]
fn what_another_engine_made_is_removed_and_not_loaded() {
    let (folder, entry) = filled();
    let name = entry.file_name().unwrap().to_str().unwrap();
    let other = entry.with_file_name(format!("{}-0123456789abcdef.cwasm", name.split_once('-').unwrap().0));
    fs::rename(&entry, &other).unwrap();
    let host = start(folder.path());
    assert!(!other.exists());
    host.prepare(EMPTY).unwrap();
    assert_eq!(host.compile_counts(), counts(1, 0, 0));
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let (folder, first) = filled();
    let old = SystemTime::now() - Duration::from_hours(1);
    let age = |entry: &Path| fs::File::open(entry).unwrap().set_modified(old).unwrap();
    let host = start(folder.path());
    host.prepare(&with_functions(1)).unwrap();
    let second = entries(folder.path()).into_iter().find(|entry| *entry != first).unwrap();
    age(&first);
    age(&second);
    // Used again, and young again.
    host.prepare(EMPTY).unwrap();
    assert!(fs::metadata(&first).unwrap().modified().unwrap() > old);

    let size = |entry: &Path| fs::metadata(entry).unwrap().len();
    let room = size(&first) + 2 * size(&second) - 1;
    cached(folder.path(), KEY, room).prepare(&with_functions(2)).unwrap();
    let left = entries(folder.path());
    assert!(left.len() == 2 && left.contains(&first) && !left.contains(&second), "{left:?}");
}

#[test]
fn a_folder_that_cannot_be_written_costs_time_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("item-actions"), b"in the way").unwrap();
    let in_the_way = start(folder.path());
    in_the_way.prepare(EMPTY).unwrap();
    assert_eq!(in_the_way.compile_counts(), counts(1, 0, 1));
    assert_eq!(fs::read(folder.path().join("item-actions")).unwrap(), b"in the way");
}

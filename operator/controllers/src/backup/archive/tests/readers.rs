//! The archive against those who read it: what was written is found again under its name, whatever that is.

use lateen_core::archive::index::{ArchiveIndex, IndexBuilder, Verdict};
use lateen_core::archive::limits::Limits;
use lateen_core::archive::path::item_paths;
use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::selector::Selection;
use proptest::prelude::*;

use super::*;
use crate::archive_entries::each_entry;

#[derive(Debug)]
struct Written {
    kind: GroupResource,
    version: String,
    preferred: bool,
    object: ObjectName,
    content: Bytes,
}

fn written() -> impl Strategy<Value = Written> {
    let name = prop_oneof![
        4 => "[a-z0-9]([-a-z0-9.:]{0,60}[a-z0-9])?",
        2 => "[a-z0-9]{90,253}",
        1 => "[a-zäöü日本語🦀 ]{1,80}x",
    ];
    let kind = prop_oneof![
        Just("pods".to_owned()),
        "[a-z]{1,20}\\.[a-z]{1,10}(\\.[a-z]{1,10}){0,3}",
        "[a-z]{60}\\.[a-z]{63}\\.[a-z]{63}"
    ];
    let namespace = prop::option::of("[a-z0-9]{1,63}");
    (kind, "v[1-9](beta[1-9])?", any::<bool>(), namespace, name, 0usize..5_000).prop_map(
        |(kind, version, preferred, namespace, name, padding)| {
            let object = ObjectName::new(namespace.as_deref(), &name);
            let json = serde_json::json!({"metadata": {"name": name}, "data": "x".repeat(padding)});
            let content = json.to_string().into();
            Written { kind: GroupResource::parse(&kind), version, preferred, object, content }
        },
    )
}

async fn archive(items: &[Written]) -> Vec<u8> {
    let writer = ArchiveWriter::start(Vec::new(), options());
    let archive = writer.items();
    for Written { kind, version, preferred, object, content } in items {
        let paths = item_paths(kind, version, *preferred, object);
        archive.add(ArchiveItem { paths, content: content.clone() }).await.unwrap();
    }
    writer.finish().await.unwrap()
}

/// Reads as a restore does.
fn index(archive: &[u8]) -> Result<(ArchiveIndex, Vec<u8>), ArchiveError> {
    let mut builder = IndexBuilder::new(Selection::All, Limits::default());
    let mut spool = Vec::new();
    each_entry(archive, &Limits::default(), |entry| {
        if let Verdict::Keep(item) = builder.entry(&entry.path, entry.size, entry.entry_type)? {
            let bytes = entry.read()?;
            spool.extend_from_slice(&bytes);
            builder.keep(item, &bytes)?;
        }
        Ok::<(), ArchiveError>(())
    })?;
    Ok((builder.finish(), spool))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Items of the preferred version are found by name, with their bytes; those of other versions stand beside them.
    #[test]
    fn a_restore_finds_what_a_backup_wrote(items in prop::collection::vec(written(), 0..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let archive = runtime.block_on(archive(&items));
        let (index, spool) = index(&archive).unwrap();
        for item in &items {
            // Of two with one name the last counts.
            let of_that_name = |other: &&Written| (&other.kind, &other.object) == (&item.kind, &item.object);
            let last = items.iter().filter(of_that_name).rfind(|other| other.preferred);
            let found = index.find(&item.kind, &item.object);
            prop_assert_eq!(found.is_some(), last.is_some());
            if let (Some(found), Some(last)) = (found, last) {
                let from = found.offset as usize;
                prop_assert!(found.readable);
                prop_assert!(spool[from..from + found.len as usize] == last.content);
            }
        }
        let paths: Vec<String> = items
            .iter()
            .flat_map(|item| item_paths(&item.kind, &item.version, item.preferred, &item.object))
            .collect();
        let read: Vec<String> = entries(&archive).into_iter().map(|entry| entry.path).collect();
        prop_assert_eq!(read, paths);
    }
}

/// Go's rules: attributes only where the plain header has no room for the name, or where it is not plain.
#[tokio::test]
async fn names_are_plain_where_they_can_be() {
    let folder = |length: usize| format!("resources/{}", "f".repeat(length - 10));
    for (path, plain) in [
        ("resources/pods/cluster/a.json".to_owned(), true),
        (folder(100), true),
        ("f".repeat(101), false),
        (folder(101), true),
        (format!("{}/{}", folder(155), "n".repeat(100)), true),
        (format!("{}/{}", folder(156), "n".repeat(100)), false),
        (format!("{}/{}", folder(155), "n".repeat(101)), false),
        ("resources/pods/cluster/ü.json".to_owned(), false),
    ] {
        let writer = ArchiveWriter::start(Vec::new(), options());
        let item = ArchiveItem { paths: vec![path.clone()], content: Bytes::from_static(b"{}") };
        writer.items().add(item).await.unwrap();
        let archive = writer.finish().await.unwrap();
        let mut raw = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
        let types: Vec<tar::EntryType> =
            raw.entries().unwrap().raw(true).map(|entry| entry.unwrap().header().entry_type()).collect();
        let file = tar::EntryType::Regular;
        let expected = if plain { vec![file, file] } else { vec![file, tar::EntryType::XHeader, file] };
        assert_eq!(types, expected, "{path}");
        assert_eq!(entries(&archive)[0].path, path);
    }
}

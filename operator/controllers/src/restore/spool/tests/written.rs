//! Archives of arbitrary entries: what a reader hands on is what was written, whatever form the names take.

use std::collections::BTreeSet;

use lateen_core::archive::index::EntryType;
use lateen_core::archive::path::{Entry, parse};
use proptest::prelude::*;

use super::*;
use crate::archive_entries::EntriesError;

#[derive(Debug, Clone)]
struct Written {
    path: String,
    form: Form,
    entry_type: tar::EntryType,
    content: Vec<u8>,
}

/// Where a path stands.
#[derive(Debug, Clone, Copy)]
enum Form {
    Header,
    Gnu,
    Pax,
}

fn written() -> impl Strategy<Value = Written> {
    let path = prop_oneof![
        "(resources|metadata|[a-z]{1,9})(/[a-zA-Z0-9.:_ -]{1,12}){0,5}(\\.json|/)?",
        "resources/pods/(v1/|v1-preferredversion/|)(cluster|namespaces/[a-z]{1,3})/[a-z]{1,200}\\.json",
        "\\PC{1,80}",
    ];
    let form = prop::sample::select(vec![Form::Header, Form::Gnu, Form::Pax]);
    let file = tar::EntryType::Regular;
    let types = vec![file, file, file, tar::EntryType::Directory, tar::EntryType::Symlink];
    let content = prop::collection::vec(any::<u8>(), 0..1_200);
    let parts = (path, form, prop::sample::select(types), content);
    parts.prop_map(|(path, form, entry_type, content)| {
        let form = if path.len() > 100 && matches!(form, Form::Header) { Form::Pax } else { form };
        Written { path, form, entry_type, content }
    })
}

fn archive(entries: &[Written]) -> Vec<u8> {
    tarball(|builder| {
        for Written { path, form, entry_type, content } in entries {
            let mut header = tar::Header::new_gnu();
            let mut name = b"another".as_slice();
            match form {
                Form::Header => name = path.as_bytes(),
                Form::Gnu => {
                    append_raw(builder, "././@LongLink", tar::EntryType::GNULongName, &format!("{path}\0"));
                }
                Form::Pax => builder.append_pax_extensions([("path", path.as_bytes())]).unwrap(),
            }
            header.as_old_mut().name[..name.len()].copy_from_slice(name);
            header.set_entry_type(*entry_type);
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_slice()).unwrap();
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_source_file(file!()))]

    /// What is not read is skipped, and the next one is found behind it.
    #[test]
    fn entries_come_out_as_they_went_in(entries in prop::collection::vec(written(), 0..12), wanted in any::<u16>()) {
        let mut read = Vec::new();
        each_entry(archive(&entries).as_slice(), &Limits::default(), |entry| {
            let (path, is_file) = (entry.path.clone(), entry.entry_type == EntryType::File);
            let content = if wanted & (1 << read.len()) == 0 { None } else { Some(entry.read()?) };
            read.push((path, is_file, content));
            Ok::<(), EntriesError>(())
        })
        .unwrap();
        prop_assert_eq!(read.len(), entries.len());
        for ((path, is_file, content), written) in read.iter().zip(&entries) {
            prop_assert_eq!(path.as_slice(), written.path.as_bytes());
            prop_assert_eq!(*is_file, written.entry_type == tar::EntryType::Regular);
            prop_assert!(content.as_ref().is_none_or(|content| *content == written.content));
        }
    }

    /// What is kept is what the paths say, or the archive is refused for one of them.
    #[test]
    fn an_archive_is_indexed_or_refused_for_a_path(entries in prop::collection::vec(written(), 0..12)) {
        let builder = IndexBuilder::new(Selection::All, Limits::default());
        let hostile = entries.iter().any(|entry| parse(&entry.path).is_err());
        match unpack(archive(&entries).as_slice(), tempfile::tempfile().unwrap(), builder) {
            Err(SpoolError::Refused(ArchiveError::UnsafePath(_))) => prop_assert!(hostile),
            Ok(spool) => {
                prop_assert!(!hostile);
                let files = entries.iter().filter(|entry| entry.entry_type == tar::EntryType::Regular);
                let items = files.filter_map(|entry| match parse(&entry.path) {
                    Ok(Entry::Item { kind, version, object }) => {
                        version.is_none_or(|version| version.preferred).then(|| format!("{kind} {object}"))
                    }
                    _ => None,
                });
                prop_assert_eq!(spool.index().len(), items.collect::<BTreeSet<_>>().len() as u64);
            }
            Err(error) => prop_assert!(false, "{:?}", error),
        }
    }
}

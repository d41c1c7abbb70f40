//! A file for each thing that can be wrong with an archive, or odd about it, in `tests/fixtures/archives-hostile`: what is made of it.

use std::fmt::Write as _;

use lateen_core::archive::index::Besides;

use super::*;
use crate::error_chain::error_chain;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/archives-hostile");

/// The files with their names, sorted.
pub(super) fn files() -> Vec<(String, Vec<u8>)> {
    let paths = Path::new(FOLDER).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let archives = paths.filter(|path| path.extension().is_some_and(|extension| extension == "gz"));
    let named = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    let mut files: Vec<_> = archives.map(named).collect();
    files.sort();
    files
}

#[tokio::test]
async fn what_is_made_of_odd_archives() {
    let mut told = String::new();
    for (name, archive) in files() {
        let _ = writeln!(told, "{}", name.trim_end_matches(".tar.gz"));
        match read(&archive).await {
            Ok(spool) => tell(&mut told, &spool),
            Err(error) => {
                let _ = writeln!(told, "    {}", error_chain(&error));
            }
        }
    }
    let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/controllers");
    insta::with_settings!({snapshot_path => snapshots, prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("archives-hostile", told);
    });
}

fn tell(told: &mut String, spool: &Spool) {
    let index = spool.index();
    for (kind, namespaces) in index.kinds() {
        for (namespace, items) in namespaces {
            for (name, location) in items.iter() {
                let object = ObjectName::new(namespace.as_deref(), name).to_string();
                let what = if location.readable {
                    format!("{} bytes", location.len)
                } else {
                    format!("unreadable, {}", index.fault(&location))
                };
                let _ = writeln!(told, "    {kind} {object:?}: {what}");
            }
        }
    }
    let Besides { files, links, duplicates } = index.besides();
    for (number, what) in [(files, "other files"), (links, "links and devices"), (duplicates, "duplicates")] {
        if number > 0 {
            let _ = writeln!(told, "    {number} {what}");
        }
    }
    if !index.has_resources() {
        let _ = writeln!(told, "    no archive of a backup");
    }
}

//! The text of the contract itself.

use std::{fs, path::Path};

use wit_parser::{Docs, Resolve, TypeDefKind, WorldItem};

/// Every folder of `wit/` is a package whose version its name tells, and says of everything in it what it is.
#[test]
fn every_version_parses_and_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let folders: Vec<_> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty());
    for folder in folders {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(&folder).unwrap();
        let name = &resolve.packages[package].name;
        let version = name.version.as_ref().unwrap();
        assert_eq!((name.namespace.as_str(), name.name.as_str()), ("lateen", "item-action"));
        let line =
            if version.major == 0 { format!("v0.{}", version.minor) } else { format!("v{}", version.major) };
        assert_eq!(folder.file_name().unwrap().to_str(), Some(line.as_str()));
        assert_eq!(undocumented(&resolve), Vec::<String>::new());
    }
}

/// What has no words of its own.
fn undocumented(resolve: &Resolve) -> Vec<String> {
    let mut missing = Vec::new();
    let mut check = |docs: &Docs, name: String| {
        if docs.contents.is_none() {
            missing.push(name);
        }
    };
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.clone().unwrap_or_default();
        check(&interface.docs, name.clone());
        for (function, definition) in &interface.functions {
            check(&definition.docs, format!("{name}.{function}"));
        }
    }
    for (_, definition) in &resolve.types {
        let Some(name) = definition.name.clone() else { continue };
        let parts: Vec<(&str, &Docs)> = match &definition.kind {
            // A name brought in by `use`.
            TypeDefKind::Type(_) => continue,
            TypeDefKind::Record(record) => {
                record.fields.iter().map(|part| (part.name.as_str(), &part.docs)).collect()
            }
            TypeDefKind::Enum(list) => {
                list.cases.iter().map(|part| (part.name.as_str(), &part.docs)).collect()
            }
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().map(|part| (part.name.as_str(), &part.docs)).collect()
            }
            _ => Vec::new(),
        };
        check(&definition.docs, name.clone());
        for (part, docs) in parts {
            check(docs, format!("{name}.{part}"));
        }
    }
    for (_, world) in &resolve.worlds {
        check(&world.docs, world.name.clone());
        for item in world.imports.values().chain(world.exports.values()) {
            assert!(
                matches!(item, WorldItem::Interface { .. } | WorldItem::Type { .. }),
                "{}: bare functions carry no version",
                world.name
            );
        }
    }
    missing
}

//! Archives entry by entry: what is kept, what is skipped, what refuses the whole.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use proptest::prelude::*;

use super::*;
use crate::archive::limits::{ArchiveError, Limits};
use crate::selector::Selection;

fn add(builder: &mut IndexBuilder, path: &str, bytes: &str) -> Result<bool, ArchiveError> {
    match builder.entry(path.as_bytes(), bytes.len() as u64, EntryType::File)? {
        Verdict::Keep(item) => builder.keep(item, bytes.as_bytes()).map(|()| true),
        Verdict::Skip => Ok(false),
    }
}

fn builder() -> IndexBuilder {
    IndexBuilder::new(Selection::All, Limits::default())
}

fn object(name: &str, label: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","labels":{{"app":"{label}"}}}}}}"#)
}

#[test]
fn only_the_plain_copies_are_kept_and_labels_are_judged_as_they_pass() {
    let selector: LabelSelector =
        serde_json::from_value(serde_json::json!({"matchLabels": {"app": "web"}})).unwrap();
    let selection = Selection::parse(Some(&selector), None).unwrap();
    let mut builder = IndexBuilder::new(selection, Limits::default());
    assert!(!add(&mut builder, "metadata/version", "1.1.0\n").unwrap());
    assert!(add(&mut builder, "resources/pods/namespaces/a/p.json", &object("p", "web")).unwrap());
    assert!(!add(&mut builder, "resources/pods/v1-preferredversion/namespaces/a/p.json", "{}").unwrap());
    assert!(!add(&mut builder, "README", "hello").unwrap());
    assert!(add(&mut builder, "resources/pods/namespaces/a/q.json", &object("q", "db")).unwrap());
    let index = builder.finish();
    let pods = GroupResource::parse("pods");
    let find = |name| index.find(&pods, &ObjectName::new(Some("a"), name)).unwrap();
    let (p, q) = (find("p"), find("q"));
    assert!(p.selected && p.readable && p.offset == 0);
    assert!(!q.selected && q.readable && q.offset == u64::from(p.len));
    assert_eq!((index.len(), index.namespaces()), (2, vec!["a".to_owned()]));
}

#[test]
fn the_last_copy_of_an_item_counts() {
    let mut builder = builder();
    let path = "resources/namespaces/cluster/a.json";
    add(&mut builder, path, &object("a", "first")).unwrap();
    add(&mut builder, path, &object("a", "second")).unwrap();
    let index = builder.finish();
    let found = index.find(&GroupResource::parse("namespaces"), &ObjectName::new(None, "a")).unwrap();
    assert_eq!(found.offset, object("a", "first").len() as u64);
    assert_eq!(index.len(), 1);
    assert_eq!(index.namespaces(), ["a"]);
}

#[test]
fn what_is_no_object_of_its_name_is_kept_as_unreadable() {
    let mut builder = builder();
    let hostile = [
        ("a", "not json"),
        ("b", "{}"),
        ("c", &object("other", "x")),
        ("d", r#"{"metadata":{"name":"d","namespace":"elsewhere"}}"#),
        ("e", r#"{"metadata":{"name":"e"},"metadata":{"name":"e"}}"#),
        ("..", &object("..", "x")),
        ("a%2f", &object("a%2f", "x")),
    ];
    for (name, bytes) in hostile {
        add(&mut builder, &format!("resources/pods/namespaces/n/{name}.json"), bytes).unwrap();
    }
    let index = builder.finish();
    for (name, _) in hostile {
        let found = index.find(&GroupResource::parse("pods"), &ObjectName::new(Some("n"), name)).unwrap();
        assert!(!found.readable && !found.selected, "{name}");
    }
    let fault = |name| {
        let found = index.find(&GroupResource::parse("pods"), &ObjectName::new(Some("n"), name)).unwrap();
        index.fault(&found).to_owned()
    };
    assert_eq!(fault("a"), "not a Kubernetes object: expected ident at line 1 column 2");
    assert_eq!(fault("d"), r#"the file holds another object, "elsewhere/d""#);
    assert_eq!(fault(".."), "no object can have this name");
}

#[test]
fn links_and_names_that_are_no_text_hold_no_items() {
    let mut builder = builder();
    let link = builder.entry(b"resources/pods/namespaces/a/p.json", 3, EntryType::Other);
    assert_eq!(link, Ok(Verdict::Skip));
    let bytes = builder.entry(b"resources/pods/namespaces/a/\xff.json", 3, EntryType::File);
    assert_eq!(bytes, Ok(Verdict::Skip));
    assert!(builder.entry(b"resources/\xff/../../x", 3, EntryType::Other).is_err());
}

#[test]
fn every_limit_refuses_the_archive() {
    let limits = Limits {
        entries: 3,
        item_bytes: 100,
        spool_bytes: 150,
        archive_bytes: 300,
        path_bytes: 60,
        index_bytes: 400,
        ..Limits::default()
    };
    let refuse = |entries: &[(&str, usize)]| {
        let mut builder = IndexBuilder::new(Selection::All, limits);
        entries.iter().map(|(path, size)| add(&mut builder, path, &" ".repeat(*size))).find_map(Result::err)
    };
    let path = "resources/pods/namespaces/a/p.json";
    assert_eq!(refuse(&[("a", 0), ("a", 0), ("a", 0)]), None);
    assert!(matches!(refuse(&[("a", 0); 4]), Some(ArchiveError::TooManyEntries { limit: 3, .. })));
    assert!(matches!(refuse(&[(path, 101)]), Some(ArchiveError::LargeItem { bytes: 101, .. })));
    assert!(matches!(refuse(&[(path, 90), (path, 90)]), Some(ArchiveError::LargeArchive { limit: 150, .. })));
    assert!(matches!(refuse(&[("a", 301)]), Some(ArchiveError::LargeArchive { limit: 300, .. })));
    assert!(matches!(refuse(&[(&"a".repeat(61), 0)]), Some(ArchiveError::LongPath { bytes: 61, .. })));
    let names = ["a", "b", "c"].map(|folder| format!("resources/pods/namespaces/{folder}/p.json"));
    let names = names.each_ref().map(|path| (path.as_str(), 1));
    assert!(matches!(refuse(&names), Some(ArchiveError::LargeIndex { limit: 400, .. })));
    let escape = refuse(&[("resources/../../etc/passwd", 0)]).unwrap();
    assert_eq!(
        escape.to_string(),
        "invalid archive path \"resources/../../etc/passwd\": escapes target directory"
    );
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let limits =
        Limits { archive_bytes: 10_000, entries: 10, ratio: 100, ratio_from: 1_000, ..Limits::default() };
    let all = 10_000 + 10 * 3 * 512;
    for (packed, unpacked, fine) in
        [(0, 1_000, true), (1, 1_001, false), (10, 1_001, true), (10, 1_100, false), (all, all, true)]
    {
        assert_eq!(limits.check_unpacked(packed, unpacked).is_ok(), fine, "{packed} {unpacked}");
    }
    assert!(matches!(limits.check_unpacked(1 << 40, all + 1), Err(ArchiveError::Endless { .. })));
    let told = limits.check_unpacked(2, 5_000).unwrap_err().to_string();
    assert_eq!(
        told,
        "2 bytes of the archive unpack to 5000, more than the 100 times that objects can come to"
    );
}

#[test]
fn copies_in_other_versions_are_kept_for_those_who_ask() {
    let (kind, hammer) = (GroupResource::parse("tools.shop.example"), ObjectName::new(Some("a"), "hammer"));
    let entries = [
        ("namespaces/a/hammer", "plain"),
        ("v1-preferredversion/namespaces/a/hammer", "copy"),
        ("v1beta1/namespaces/a/hammer", "old"),
    ];
    for versions in [Versions::Preferred, Versions::All] {
        let mut builder = builder().with_versions(versions);
        for (path, label) in entries {
            let path = format!("resources/tools.shop.example/{path}.json");
            add(&mut builder, &path, &object("hammer", label)).unwrap();
        }
        let index = builder.finish();
        let known = index.versions(&kind).unwrap();
        assert_eq!((known.preferred(), Vec::from_iter(known.all())), (Some("v1"), vec!["v1", "v1beta1"]));
        assert_eq!((index.len(), index.find_version(&kind, "v1", &hammer)), (1, index.find(&kind, &hammer)));
        let old = index.find_version(&kind, "v1beta1", &hammer);
        assert_eq!(old.is_some(), versions == Versions::All);
        assert_ne!(old, index.find(&kind, &hammer));
        assert_eq!(index.find_version(&kind, "v2", &hammer), None);
    }
}

#[test]
fn items_that_lie_in_the_preferred_version_only_are_found_there() {
    let mut builder = builder();
    let kept: Vec<bool> = [
        ("v1-preferredversion/namespaces/a/p", "p"),
        ("v1-preferredversion/namespaces/a/q", "q"),
        ("namespaces/a/q", "q"),
        ("v1-preferredversion/namespaces/a/q", "q"),
        ("v1beta1/namespaces/a/r", "r"),
        ("v2-preferredversion/namespaces/a/r", "r"),
    ]
    .into_iter()
    .map(|(path, name)| {
        add(&mut builder, &format!("resources/pods/{path}.json"), &object(name, "x")).unwrap()
    })
    .collect();
    assert_eq!(kept, [true, true, true, false, false, false]);
    let index = builder.finish();
    let find = |name| index.find(&GroupResource::parse("pods"), &ObjectName::new(Some("a"), name));
    let len = object("p", "x").len() as u64;
    assert_eq!(find("p").map(|found| found.offset), Some(0));
    assert_eq!(find("q").map(|found| found.offset), Some(2 * len), "the plain copy counts");
    assert_eq!(find("r"), None);
    assert_eq!((index.len(), index.besides().duplicates), (2, 0));
}

#[test]
fn what_an_archive_holds_besides_items_is_counted() {
    let mut builder = builder();
    for (path, entry_type) in [
        ("./", EntryType::Directory),
        ("resources/pods/", EntryType::Directory),
        ("metadata/version", EntryType::File),
        ("README", EntryType::File),
        ("resources/pods/cluster/deep/a.json", EntryType::File),
        ("resources/pods/cluster/a.json", EntryType::Other),
    ] {
        assert_eq!(builder.entry(path.as_bytes(), 0, entry_type), Ok(Verdict::Skip), "{path}");
    }
    let index = builder.finish();
    assert_eq!(index.besides(), Besides { files: 2, links: 1, duplicates: 0 });
    assert!(index.has_resources() && index.is_empty());
}

#[test]
fn definitions_and_the_data_of_volumes_are_looked_into() {
    let mut builder = builder();
    let definition = r#"{"metadata":{"name":"tools.shop.example"},"spec":{"group":"shop.example","scope":"Namespaced","names":{"plural":"tools","singular":"tool","shortNames":["tl"]}}}"#;
    add(
        &mut builder,
        "resources/customresourcedefinitions.apiextensions.k8s.io/cluster/tools.shop.example.json",
        definition,
    )
    .unwrap();
    let upload = r#"{"metadata":{"name":"du"},"spec":{"sourceNamespace":"shop"}}"#;
    add(&mut builder, "resources/datauploads.velero.io/namespaces/velero/du.json", upload).unwrap();
    let content = r#"{"metadata":{"name":"c"},"spec":{"volumeSnapshotRef":{"namespace":"bank"}}}"#;
    let contents = "volumesnapshotcontents.snapshot.storage.k8s.io";
    add(&mut builder, &format!("resources/{contents}/cluster/c.json"), content).unwrap();
    let index = builder.finish();
    let tools = &index.definitions()[&GroupResource::parse("tools.shop.example")];
    assert!(tools.namespaced && ["tools", "tool", "tl"].iter().all(|name| tools.is_called(name)));
    let uploads = GroupResource::parse("datauploads.velero.io");
    assert_eq!(index.data_of(&uploads, &ObjectName::new(Some("velero"), "du")), Some("shop"));
    assert_eq!(index.data_of(&GroupResource::parse(contents), &ObjectName::new(None, "c")), Some("bank"));
}

/// What an index is for is a large cluster: many items of one kind, as they lie in many namespaces.
#[test]
fn an_index_is_small() {
    let mut builder = builder();
    for item in 0..30_000_u32 {
        let name = format!("checkout-{:08x}-{:04}", item.wrapping_mul(2_654_435_761), item % 9_991);
        let path = format!("resources/configmaps/namespaces/team-{:03}/{name}.json", item % 150);
        add(&mut builder, &path, &object(&name, "web")).unwrap();
    }
    let index = builder.finish();
    let bytes = index.memory() as f64 / index.len() as f64;
    assert_eq!(index.len(), 30_000);
    assert!(bytes < 22.0 + 16.0 + 1.0, "{bytes} bytes an item, 22 of them its name");
}

proptest! {
    /// Whatever the bytes of a path: either the archive is refused, or nothing that is kept leads anywhere but to its place.
    #[test]
    fn no_path_that_escapes_is_kept(parts in prop::collection::vec("(\\.|\\.\\.|resources|pods|cluster|namespaces|[a-z./\\\\]{0,6}|a\\.json)", 0..8), lead in "(/|\\./|)") {
        let path = format!("{lead}{}", parts.join("/"));
        let mut builder = builder();
        let escapes = path.starts_with('/') || path.contains('\\') || path.split('/').any(|part| part == "..");
        match builder.entry(path.as_bytes(), 1, EntryType::File) {
            Ok(Verdict::Keep(item)) => {
                prop_assert!(!escapes);
                let names = [item.kind.to_string(), item.object.namespace.unwrap_or_default(), item.object.name];
                prop_assert!(names.iter().all(|name| !name.contains('/')));
            }
            Ok(Verdict::Skip) => prop_assert!(!escapes),
            Err(_) => {}
        }
    }

    /// An index holds what a folder of files would: each item once, with the bytes that were written last, sorted by name.
    #[test]
    fn an_index_is_what_a_folder_would_be(entries in prop::collection::vec((0..3_usize, 0..3_usize, "[a-d]{1,2}", 0..4_u8), 0..40)) {
        let mut builder = builder();
        let mut folder = std::collections::BTreeMap::new();
        let (mut offset, mut stand_ins) = (0, std::collections::BTreeMap::new());
        for (kind, namespace, name, copy) in entries {
            let kind = ["pods", "deployments.apps", "nodes"][kind];
            let namespace = [None, Some("a"), Some("b")][namespace];
            let place = namespace.map_or("cluster".to_owned(), |namespace| format!("namespaces/{namespace}"));
            let version = ["", "", "v1-preferredversion/", "v1beta1/"][copy as usize];
            let bytes = object(&name, if copy == 0 { "web" } else { "database" });
            let path = format!("resources/{kind}/{version}{place}/{name}.json");
            let kept = add(&mut builder, &path, &bytes).unwrap();
            let key = (kind, namespace, name);
            match copy {
                0 | 1 => {
                    prop_assert!(kept);
                    folder.insert(key, offset);
                }
                2 if kept => {
                    stand_ins.insert(key, offset);
                }
                2 => prop_assert!(folder.contains_key(&key) || stand_ins.contains_key(&key)),
                _ => prop_assert!(!kept),
            }
            offset += if kept { bytes.len() as u64 } else { 0 };
        }
        for (key, offset) in stand_ins {
            folder.entry(key).or_insert(offset);
        }
        let index = builder.finish();
        let mut found = std::collections::BTreeMap::new();
        for (kind, namespaces) in index.kinds() {
            for (namespace, items) in namespaces {
                let names: Vec<&str> = items.names().collect();
                prop_assert!(names.is_sorted() && !names.is_empty());
                for (name, location) in items.iter() {
                    let object = ObjectName::new(namespace.as_deref(), name);
                    prop_assert_eq!(index.find(kind, &object), Some(location));
                    found.insert((kind.to_string(), namespace.as_deref().map(str::to_owned), name.to_owned()), location.offset);
                }
            }
        }
        let folder = folder.into_iter().map(|((kind, namespace, name), offset)| ((kind.to_owned(), namespace.map(str::to_owned), name), offset));
        prop_assert_eq!(&found, &folder.collect());
        prop_assert_eq!(index.len(), found.len() as u64);
        prop_assert_eq!(index.spool_bytes(), offset);
    }
}

//! Archives entry by entry: what is kept, what is skipped, what refuses the whole.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use proptest::prelude::*;

use super::*;

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
    let limits = Limits { entries: 3, item_bytes: 100, spool_bytes: 150, archive_bytes: 300, path_bytes: 60 };
    let refuse = |entries: &[(&str, usize)]| {
        let mut builder = IndexBuilder::new(Selection::All, limits);
        entries.iter().map(|(path, size)| add(&mut builder, path, &" ".repeat(*size))).find_map(Result::err)
    };
    let path = "resources/pods/namespaces/a/p.json";
    assert_eq!(refuse(&[("a", 0), ("a", 0), ("a", 0)]), None);
    assert!(matches!(refuse(&[("a", 0); 4]), Some(ArchiveError::TooManyEntries { limit: 3 })));
    assert!(matches!(refuse(&[(path, 101)]), Some(ArchiveError::LargeItem { bytes: 101, .. })));
    assert!(matches!(refuse(&[(path, 90), (path, 90)]), Some(ArchiveError::LargeArchive { limit: 150 })));
    assert!(matches!(refuse(&[("a", 301)]), Some(ArchiveError::LargeArchive { limit: 300 })));
    assert!(matches!(refuse(&[(&"a".repeat(61), 0)]), Some(ArchiveError::LongPath { bytes: 61, .. })));
    let escape = refuse(&[("resources/../../etc/passwd", 0)]).unwrap();
    assert_eq!(
        escape.to_string(),
        "invalid archive path \"resources/../../etc/passwd\": escapes target directory"
    );
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
}

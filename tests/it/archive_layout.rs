//! What a backup leaves in its location: the files, the entries of the archive in their order, and one item of each kind.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use lateen_test_harness::{Store, wait_for};
use serde_json::{Value, json};

use crate::redaction::{random_names, redacted, with_snapshots};
use crate::world::{LIMIT, application, await_pods, back_up, install, phase};

#[tokio::test]
async fn the_archive_has_its_layout() {
    let velero = install("velero-layout", Store::File).await;
    let yaml = application("layout").replace("replicas: 3", "replicas: 1");
    velero.objects().apply(&yaml).await.unwrap();
    await_pods(&velero, "layout", 1).await;
    wait_for("what controllers make of a Service", LIMIT, async || {
        let slices = velero.objects().list("discovery.k8s.io/v1/EndpointSlice", "layout").await?;
        let endpoints = velero.objects().list("v1/Endpoints", "layout").await?;
        let slices = slices.iter().filter(|it| it["endpoints"][0]["conditions"]["ready"] == true).count();
        let addresses = endpoints.iter().filter(|it| it["subsets"][0]["addresses"].is_array()).count();
        Ok((slices == 1 && addresses == 1).then_some(()))
    })
    .await
    .unwrap();

    let backup = back_up(&velero, "layout", "layout").await;
    assert_eq!(phase(&backup), "Completed", "{backup:#}");

    let mut entries = velero.bucket().archive("layout").unwrap();
    assert!(
        entries.iter().all(|entry| entry.is_file && entry.mode == 0o755),
        "plain files, all with one mode"
    );
    // How many events there are by then is a matter of luck.
    entries.retain(|entry| !entry.path.starts_with("resources/events"));
    // The first entry is the version of the format, which is no JSON.
    let objects: Vec<Value> =
        entries.iter().filter_map(|entry| serde_json::from_slice(&entry.content).ok()).collect();
    assert_eq!((objects.len(), entries[0].content.as_slice()), (entries.len() - 1, &b"1.1.0\n"[..]));
    let random = random_names(&objects);
    let named = |text: &str| random.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let tree: Vec<String> = entries.iter().map(|entry| named(&entry.path)).collect();
    let mut first_of_kind = BTreeMap::new();
    for (entry, object) in entries[1..].iter().zip(&objects) {
        let object = serde_json::from_str(&named(&object.to_string())).unwrap();
        let kind = entry.path.split('/').nth(1).unwrap().to_owned();
        first_of_kind.entry(kind).or_insert(redacted(object));
    }
    let files: BTreeMap<String, Value> = velero
        .bucket()
        .keys_of("layout")
        .unwrap()
        .into_iter()
        // The log is text, and the others are looked at by themselves.
        .filter(|key| !["-logs.gz", ".tar.gz", "velero-backup.json"].iter().any(|end| key.ends_with(end)))
        .map(|key| {
            let content = named_content(&velero.bucket().read(&key).unwrap(), named);
            (key, content)
        })
        .collect();
    let document = velero.bucket().read("backups/layout/velero-backup.json").unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();

    with_snapshots("", || {
        insta::assert_json_snapshot!("archive-tree", tree);
        insta::assert_json_snapshot!("archive-items", first_of_kind);
        insta::assert_json_snapshot!("bucket-keys", velero.bucket().keys().unwrap());
        insta::assert_json_snapshot!("bucket-files", files);
        insta::assert_json_snapshot!("bucket-document", document_without_counts(redacted(document)));
    });
}

/// The JSON in a gzipped file, without events.
fn named_content(file: &[u8], named: impl Fn(&str) -> String) -> Value {
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut content: Value = serde_json::from_str(&named(&text)).unwrap();
    if let Some(kinds) = content.as_object_mut() {
        kinds.retain(|kind, _| !kind.ends_with("/Event"));
    }
    content
}

/// How many events a backup holds is a matter of luck, and so are its counts.
fn document_without_counts(mut document: Value) -> Value {
    for count in ["itemsBackedUp", "totalItems"] {
        document["status"]["progress"][count] = json!("[count]");
    }
    document
}

//! Archives that are not what a backup has written: they are refused with a clear error, and nothing of them gets into the cluster.

use lateen_test_harness::{Bucket, Installation, Store, pack};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{back_up, config_maps, create, install, phase, restore};

/// A backup of a namespace with two ConfigMaps, whose archive is about to be replaced.
async fn backed_up(app: &str) -> Installation<'static> {
    let velero = install(&format!("velero-{app}"), Store::File).await;
    config_maps(&velero, app, &["one", "two"]).await;
    assert_eq!(phase(&back_up(&velero, "shop", app).await), "Completed");
    velero
}

/// Restores, expects that nothing was created, and gives back the run with all that the CLI tells about it.
async fn refused(velero: &Installation<'_>, app: &str) -> (Value, String) {
    let target = format!("{app}-2");
    let run = restore(velero, "again", "shop", &format!("{app}:{target}")).await;
    let namespace = velero.objects().get("v1/Namespace", "", &target).await.unwrap();
    assert_eq!(namespace, None, "nothing of the archive may be used");
    let said = create(velero, &["restore", "describe", "again", "--details"]).await;
    (run, said)
}

#[rstest]
#[case::in_the_middle("truncated-half", "incomplete deflate stream", |archive: &[u8]| archive[..archive.len() / 2].to_vec())]
#[case::at_the_end("truncated-end", "incomplete deflate stream", |archive: &[u8]| archive[..archive.len() - 9].to_vec())]
#[case::to_nothing("truncated-all", "unexpected end of file", |_: &[u8]| Vec::new())]
#[case::replaced("truncated-other", "invalid gzip header", |_: &[u8]| b"this is no archive".to_vec())]
#[case::joined("truncated-joined", "something follows behind the end of the archive", |archive: &[u8]| archive.repeat(2))]
#[tokio::test]
async fn a_damaged_archive_is_refused(
    #[case] app: &str,
    #[case] why: &str,
    #[case] damage: fn(&[u8]) -> Vec<u8>,
) {
    let velero = backed_up(app).await;
    let key = Bucket::archive_key("shop");
    velero.bucket().write(&key, &damage(&velero.bucket().read(&key).unwrap())).unwrap();

    let (run, said) = refused(&velero, app).await;

    assert_eq!((phase(&run), &run["status"]["errors"]), ("PartiallyFailed", &json!(1)), "{run:#}");
    let error = said.lines().find(|line| line.contains("Velero:   the backup's archive cannot be read: "));
    assert!(error.is_some_and(|error| error.contains(why)), "{said}");
}

#[rstest]
#[case::upwards("escape-up", "../../../escaped.json")]
#[case::from_within("escape-in", "resources/configmaps/namespaces/../../../../escaped.json")]
#[case::absolute("escape-abs", "/tmp/lateen-escaped.json")]
#[tokio::test]
async fn an_archive_that_leads_outside_is_refused(#[case] app: &str, #[case] path: &str) {
    let velero = backed_up(app).await;
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "one", "namespace": app },
    });
    let object = object.to_string();
    let good = format!("resources/configmaps/namespaces/{app}/one.json");
    let archive =
        pack(&[("metadata/version", b"1.1.0\n"), (&good, object.as_bytes()), (path, object.as_bytes())])
            .unwrap();
    velero.bucket().write(&Bucket::archive_key("shop"), &archive).unwrap();

    let (run, said) = refused(&velero, app).await;

    assert_eq!((phase(&run), &run["status"]["errors"]), ("PartiallyFailed", &json!(1)), "{run:#}");
    let why =
        format!("the backup's archive is refused: invalid archive path {path:?}: escapes target directory");
    assert!(said.contains(&why), "{said}");
    assert!(!std::path::Path::new("/tmp/lateen-escaped.json").exists());
}

#[tokio::test]
async fn an_archive_that_is_gone_fails_the_restore() {
    let velero = backed_up("gone").await;
    velero.bucket().remove(&Bucket::archive_key("shop")).unwrap();

    let (run, said) = refused(&velero, "gone").await;

    assert_eq!(phase(&run), "Failed", "{run:#}");
    let reason = run["status"]["failureReason"].as_str().unwrap_or_default();
    let why = "error downloading backup: there is no backups/shop/shop.tar.gz in the location";
    assert_eq!(reason, format!("restore execution failed: {why}"));
    assert!(said.contains("Failed (run 'velero restore logs again' for more information)"), "{said}");
    let log = create(&velero, &["restore", "logs", "again"]).await;
    assert!(log.contains(why), "{log}");
    let failed =
        velero.velero(&["backup", "download", "shop", "--output", "x"]).await.unwrap().failure().unwrap();
    assert!(failed.contains("file not found"), "{failed}");
}

#[tokio::test]
async fn what_is_in_an_archive_besides_items_of_a_backup_harms_nobody() {
    let velero = backed_up("strange").await;
    let object = |name: &str| {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "strange" },
        });
        object.to_string()
    };
    let (good_bytes, half_bytes, other_bytes) = (object("good"), object("half"), object("b"));
    let folder = "resources/configmaps/namespaces/strange";
    let (good, half, other) =
        (format!("{folder}/good.json"), format!("{folder}/half.json"), format!("{folder}/a.json"));
    let files: [(&str, &[u8]); 6] = [
        ("metadata/version", b"1.1.0\n"),
        ("README", b"by another program"),
        ("resources/flying.example.com/namespaces/strange/saucer.json", b"{}"),
        (&good, good_bytes.as_bytes()),
        (&half, &half_bytes.as_bytes()[..20]),
        // The file says that it is another object than the one that it is.
        (&other, other_bytes.as_bytes()),
    ];
    velero.bucket().write(&Bucket::archive_key("shop"), &pack(&files).unwrap()).unwrap();

    let run = restore(&velero, "again", "shop", "strange:strange-2").await;

    assert_eq!(phase(&run), "PartiallyFailed", "{run:#}");
    let there = velero.objects().live("strange-2").await.unwrap();
    assert_eq!(there.keys().collect::<Vec<_>>(), ["configmaps/good"]);
    let said = create(&velero, &["restore", "describe", "again", "--details"]).await;
    assert!(said.contains("half in strange: the archive holds no readable object of this name"), "{said}");
    assert!(said.contains(r#"the file holds another object, "strange/b""#), "{said}");
}

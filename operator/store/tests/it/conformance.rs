//! What every kind of location does alike.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::TryStreamExt;
use lateen_store::{
    BackupDir, BackupFile, RestoreDir, RestoreFile, SIGNED_URL_TTL, StoreError, UploadWriter,
};
use rstest::rstest;
use tokio::runtime::Handle;

use crate::scene::{Kind, Scene, key, noise, until};

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn small_files_are_written_read_and_deleted(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let log = BackupDir::new("b").unwrap().key(BackupFile::Log);

    assert!(!store.exists(&log).await.unwrap());
    assert!(matches!(store.head(&log).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(store.get(&log).await.map(|_| ()), Err(StoreError::NotFound { .. })));
    assert_eq!(store.get_bounded(&log, 10).await.unwrap(), None);
    store.delete(&log).await.unwrap();

    let first = store.put(&log, Bytes::from_static(b"one")).await.unwrap();
    let (object, bytes) = store.get_bounded(&log, 3).await.unwrap().unwrap();
    assert_eq!((object.size, &bytes[..]), (3, &b"one"[..]));
    assert_eq!(object.version, first);
    assert!(matches!(store.get_bounded(&log, 2).await, Err(StoreError::TooLarge { limit: 2, .. })));

    let second = store.put(&log, Bytes::from_static(b"three")).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(store.head(&log).await.unwrap().size, 5);
    store.delete(&log).await.unwrap();
    assert!(!store.exists(&log).await.unwrap());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn only_the_first_writer_of_a_new_file_wins(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let backup = BackupDir::new("b").unwrap();
    let metadata = backup.key(BackupFile::Metadata);

    assert!(!store.backup_exists(&backup).await.unwrap());
    store.put_new(&metadata, Bytes::from_static(b"first")).await.unwrap();
    // Also when it has the same content: who wrote first has the run.
    for content in ["second", "first"] {
        let refused = store.put_new(&metadata, Bytes::from_static(content.as_bytes())).await;
        assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    }
    let (_, bytes) = store.get_bounded(&metadata, 100).await.unwrap().unwrap();
    assert_eq!(&bytes[..], b"first");
    assert!(store.backup_exists(&backup).await.unwrap());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn a_file_is_replaced_only_in_the_state_that_was_seen(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let metadata = key("backups/b/velero-backup.json");
    let changed = |r: Result<_, StoreError>| assert!(matches!(r, Err(StoreError::Changed { .. })), "{r:?}");

    let first = store.put(&metadata, Bytes::from_static(b"one")).await.unwrap();
    let second = store.put_if_unchanged(&metadata, Bytes::from_static(b"two!"), &first).await.unwrap();
    changed(store.put_if_unchanged(&metadata, Bytes::from_static(b"late"), &first).await);
    let (object, bytes) = store.get_bounded(&metadata, 100).await.unwrap().unwrap();
    assert_eq!((&bytes[..], &object.version), (&b"two!"[..], &second));
    store.delete(&metadata).await.unwrap();
    changed(store.put_if_unchanged(&metadata, Bytes::from_static(b"gone"), &second).await);
    assert!(!store.exists(&metadata).await.unwrap());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_up_in_parts_and_comes_down_in_segments(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let contents = key("backups/b/b.tar.gz");
    store.put(&contents, Bytes::from_static(b"the old one")).await.unwrap();

    // Three parts of 8 MiB and a rest, in chunks of all sizes.
    let all = noise((26 << 20) + 123);
    let mut upload = store.upload(&contents).await.unwrap();
    assert_eq!(upload.id().is_some(), kind == Kind::Bucket);
    let mut rest = all.clone();
    for size in [1_usize, 100, 70_000, 9 << 20, 3 << 20].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        upload.write(rest.split_to(size.min(rest.len()))).await.unwrap();
    }
    assert_eq!(store.head(&contents).await.unwrap().size, 11, "an unfinished upload is not to be seen");
    let uploaded = upload.finish().await.unwrap();
    assert_eq!(uploaded.bytes, all.len() as u64);

    let (object, stream) = store.get(&contents).await.unwrap();
    assert_eq!(object.size, all.len() as u64);
    let segments: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(segments.len(), 4);
    assert!(segments.concat() == all, "the file is not what was uploaded");
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn an_empty_upload_is_an_empty_file(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let empty = key("backups/b/b.tar.gz");
    let uploaded = store.upload(&empty).await.unwrap().finish().await.unwrap();
    assert_eq!(uploaded.bytes, 0);
    let (object, stream) = store.get(&empty).await.unwrap();
    assert_eq!((object.size, stream.try_collect::<Vec<_>>().await.unwrap().len()), (0, 0));
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_not_finished_leaves_nothing(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let before = scene.files();
    let contents = key("backups/b/b.tar.gz");
    let begin = || async {
        let mut upload = store.upload(&contents).await.unwrap();
        upload.write(noise(9 << 20)).await.unwrap();
        upload
    };

    begin().await.abort().await.unwrap();
    assert_eq!(scene.files(), before, "after abort");

    drop(begin().await);
    until("a dropped upload left something", || scene.files() == before).await;

    // A process that is killed runs no destructor.
    let upload = begin().await;
    let id = upload.id().map(str::to_owned);
    if scene.server.is_some() {
        // This server stores a part that is on its way when its upload is aborted, unlike S3.
        let is_part = |path: &PathBuf| path.to_string_lossy().contains(".part-");
        until("the part was not stored", || scene.files().iter().any(is_part)).await;
    }
    std::mem::forget(upload);
    store.abort_upload(&contents, id.as_deref()).await.unwrap();
    // Once more is no error. The server inside this process takes it for somebody else's upload, unlike S3.
    if scene.server.is_none() {
        store.abort_upload(&contents, id.as_deref()).await.unwrap();
    }
    until("an upload of a killed process left something", || scene.files() == before).await;
    assert!(!store.exists(&contents).await.unwrap());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_thread_writes_an_upload(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    let contents = key("backups/b/b.tar.gz");
    let all = noise(10 << 20);

    let writer = UploadWriter::new(store.upload(&contents).await.unwrap(), &Handle::current());
    let bytes = all.clone();
    let packing = tokio::task::spawn_blocking(move || {
        let mut writer = writer;
        for chunk in bytes.chunks(7_777) {
            writer.write_all(chunk)?;
        }
        writer.flush()?;
        writer.finish().map_err(std::io::Error::other)
    });
    assert_eq!(packing.await.unwrap().unwrap().bytes, all.len() as u64);
    let (_, bytes) = store.get_bounded(&contents, 11 << 20).await.unwrap().unwrap();
    assert!(bytes == all, "the file is not what was written");

    // A thread that ends early must not make a file of what it had.
    let half = key("backups/c/c.tar.gz");
    let before = scene.files();
    let mut writer = UploadWriter::new(store.upload(&half).await.unwrap(), &Handle::current());
    tokio::task::spawn_blocking(move || writer.write_all(b"half")).await.unwrap().unwrap();
    until("a dropped writer left something", || scene.files() == before).await;
    assert!(!store.exists(&half).await.unwrap());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn backups_are_listed_and_deleted_by_directory(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open_with(|location| location.prefix = "/a//b/".into()).await;
    assert_eq!(store.list_backups().await.unwrap(), Vec::<String>::new());
    store.validate().await.unwrap();

    for backup in ["b1", "b10", "a"] {
        let backup = BackupDir::new(backup).unwrap();
        for file in [BackupFile::Metadata, BackupFile::Contents] {
            store.put(&backup.key(file), Bytes::from_static(b"x")).await.unwrap();
        }
    }
    store.put(&key("backups/Not A Name/velero-backup.json"), Bytes::new()).await.unwrap();
    store.put(&RestoreDir::new("b1").unwrap().key(RestoreFile::Log), Bytes::new()).await.unwrap();
    assert_eq!(store.list_backups().await.unwrap(), ["a", "b1", "b10"]);
    store.validate().await.unwrap();

    let b1 = BackupDir::new("b1").unwrap();
    assert_eq!(store.delete_prefix(&b1.prefix()).await.unwrap(), 2);
    assert_eq!(store.delete_prefix(&b1.prefix()).await.unwrap(), 0);
    assert_eq!(store.list_backups().await.unwrap(), ["a", "b10"]);
    assert!(store.exists(&RestoreDir::new("b1").unwrap().key(RestoreFile::Log)).await.unwrap());

    // Nothing of it is at the top of the location, except the directory that the prefix made.
    let outer = scene.open().await;
    assert_eq!(outer.list_backups().await.unwrap(), Vec::<String>::new());
    let foreign = outer.validate().await.unwrap_err();
    assert!(matches!(&foreign, StoreError::ForeignDirectories { names } if names == "a"), "{foreign}");
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn foreign_directories_are_named_and_files_are_not_minded(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let store = scene.open().await;
    for path in ["README", "kopia/x/y", "plugins/z", "backups/b/velero-backup.json"] {
        store.put(&key(path), Bytes::new()).await.unwrap();
    }
    store.validate().await.unwrap();
    store.put(&key("photos/cat.jpg"), Bytes::new()).await.unwrap();
    let foreign = store.validate().await.unwrap_err();
    assert!(matches!(&foreign, StoreError::ForeignDirectories { names } if names == "photos"), "{foreign}");
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::bucket(Kind::Bucket)]
#[tokio::test]
async fn a_read_only_location_takes_no_backups_but_what_restores_leave(#[case] kind: Kind) {
    let scene = Scene::new(kind).await;
    let metadata = key("backups/b/velero-backup.json");
    let version = scene.open().await.put(&metadata, Bytes::from_static(b"x")).await.unwrap();
    let store = scene.open_with(|location| location.read_only = true).await;
    assert!(store.read_only());

    let refused = [
        store.put(&metadata, Bytes::new()).await.map(|_| ()),
        store.put_new(&metadata, Bytes::new()).await.map(|_| ()),
        store.put_if_unchanged(&metadata, Bytes::new(), &version).await.map(|_| ()),
        store.upload(&metadata).await.map(|_| ()),
        store.delete(&metadata).await,
        store.delete_prefix(&key("backups/b")).await.map(|_| ()),
        store.abort_upload(&metadata, None).await,
    ];
    for result in refused {
        assert!(matches!(result, Err(StoreError::ReadOnly { .. })), "{result:?}");
    }
    store.put(&key("restores/r/restore-r-logs.gz"), Bytes::new()).await.unwrap();
    assert!(store.exists(&metadata).await.unwrap());
    assert_eq!(store.list_backups().await.unwrap(), ["b"]);
}

#[tokio::test]
async fn anybody_can_fetch_one_file_of_a_bucket_with_its_signed_url() {
    let scene = Scene::new(Kind::Bucket).await;
    let store = scene.open().await;
    let log = key("backups/b/b-logs.gz");
    let missing = store.signed_url(&log, SIGNED_URL_TTL).await.unwrap();
    assert_eq!(reqwest::get(missing).await.unwrap().status(), 404);

    store.put(&log, Bytes::from_static(b"a log")).await.unwrap();
    let url = store.signed_url(&log, SIGNED_URL_TTL).await.unwrap();
    let answer = reqwest::get(url.clone()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("content-encoding"), None);
    assert_eq!(&answer.bytes().await.unwrap()[..], b"a log");

    let mut other = url.clone();
    other.set_path(&url.path().replace("b-logs", "b-results"));
    assert_eq!(reqwest::get(other).await.unwrap().status(), 403);

    let public = scene
        .open_with(|l| drop(l.config.insert("publicUrl".into(), "https://public.example/s3".into())))
        .await;
    let url = public.signed_url(&log, SIGNED_URL_TTL).await.unwrap();
    assert_eq!(url.host_str(), Some("public.example"));
    assert_eq!(url.path(), format!("/s3/{}/backups/b/b-logs.gz", scene.location.bucket));
}

#[tokio::test]
async fn the_signed_url_of_a_directory_is_checked_by_its_signer() {
    let scene = Scene::new(Kind::Directory).await;
    let store = scene.open().await;
    let log = key("backups/b/b-logs.gz");
    let url = store.signed_url(&log, SIGNED_URL_TTL).await.unwrap();
    assert_eq!(url.origin().ascii_serialization(), "https://lateen.example:8443");
    assert_eq!(url.path(), "/base/download/default/backups/b/b-logs.gz");

    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    let expires = query["expires"].parse().unwrap();
    let now = SystemTime::now();
    let verify = |at| scene.signer.verify("default", &log, expires, &query["signature"], at);
    verify(now).unwrap();
    verify(now + SIGNED_URL_TTL.saturating_sub(Duration::from_mins(1))).unwrap();
    verify(now + SIGNED_URL_TTL).unwrap_err();

    let silent = lateen_store::StoreEnvironment { downloads: None, ..scene.environment.clone() };
    let store = lateen_store::BackupStore::open(&scene.location, &silent).await.unwrap();
    let refused = store.signed_url(&log, SIGNED_URL_TTL).await;
    assert!(matches!(refused, Err(StoreError::Unsupported { .. })), "{refused:?}");
}

#[tokio::test]
async fn links_in_a_directory_do_not_lead_out_of_it() {
    let scene = Scene::new(Kind::Directory).await;
    let store = scene.open().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("precious"), "p").unwrap();
    std::fs::create_dir(scene.directory().join("backups")).unwrap();
    std::os::unix::fs::symlink(outside.path(), scene.directory().join("backups/b")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("new"), scene.directory().join("backups/dangling"))
        .unwrap();

    let precious = key("backups/b/precious");
    assert!(store.get_bounded(&precious, 10).await.is_err());
    assert!(store.put(&precious, Bytes::new()).await.is_err());
    assert!(store.put(&key("backups/dangling/x"), Bytes::new()).await.is_err());
    assert!(store.upload(&key("backups/b/new")).await.is_err());
    assert!(store.delete(&precious).await.is_err());
    assert!(store.delete_prefix(&key("backups/b")).await.is_err());
    assert!(store.delete_prefix(&key("backups")).await.is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_to_string(outside.path().join("precious")).unwrap(), "p");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_at_once_one_wins_in_a_directory() {
    let scene = Scene::new(Kind::Directory).await;
    let store = scene.open().await;
    let version = store.put(&key("backups/b/old"), Bytes::from_static(b"0")).await.unwrap();
    let tasks = (0..16_u8).map(|n| {
        let (store, version) = (store.clone(), version.clone());
        tokio::spawn(async move {
            let content = Bytes::from(vec![n; usize::from(n) + 2]);
            let new = store.put_new(&key("backups/b/new"), content.clone()).await.is_ok();
            let replaced = store.put_if_unchanged(&key("backups/b/old"), content, &version).await.is_ok();
            (usize::from(new), usize::from(replaced))
        })
    });
    let won = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap);
    assert_eq!(won.fold((0, 0), |sum, (n, r)| (sum.0 + n, sum.1 + r)), (1, 1));
}

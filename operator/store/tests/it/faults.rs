//! What happens when an S3 server misbehaves.

use std::io::Write;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use lateen_store::{BackupStore, StoreError, UploadWriter};
use tokio::runtime::Handle;

use crate::bucket::{Fault, Plan};
use crate::scene::{Scene, key, noise};

fn any(_: &Parts) -> bool {
    true
}

fn conditional(request: &Parts) -> bool {
    request.headers.contains_key("if-none-match")
        || (request.method == Method::PUT && request.headers.contains_key("if-match"))
}

fn part(request: &Parts) -> bool {
    request.uri.query().is_some_and(|query| query.contains("partNumber="))
}

fn delete_of_second(request: &Parts) -> bool {
    request.method == Method::DELETE && request.uri.path().ends_with("/2")
}

#[tokio::test]
async fn a_server_that_is_busy_for_a_moment_is_asked_again() {
    let scene = Scene::with_own_server().await;
    let store = scene.open().await;
    let server = scene.server.as_ref().unwrap();
    let file = key("backups/b/b-logs.gz");

    server.fail(Plan { fault: Fault::Busy, applies: any, times: 2 });
    store.put(&file, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(server.failures_left(), 0);

    server.fail(Plan { fault: Fault::Busy, applies: any, times: 1 });
    store.validate().await.unwrap();
    server.fail(Plan { fault: Fault::Busy, applies: part, times: 1 });
    let mut upload = store.upload(&file).await.unwrap();
    upload.write(noise(9 << 20)).await.unwrap();
    assert_eq!(upload.finish().await.unwrap().bytes, 9 << 20);
}

#[tokio::test]
async fn a_lost_answer_does_not_make_us_a_stranger_to_our_own_file() {
    let scene = Scene::with_own_server().await;
    let store = scene.open().await;
    let server = scene.server.as_ref().unwrap();
    let file = key("backups/b/velero-backup.json");
    let lose = || server.fail(Plan { fault: Fault::AnswerLost, applies: conditional, times: 1 });

    lose();
    let first = store.put_new(&file, Bytes::from_static(b"ours")).await.unwrap();
    lose();
    store.put_if_unchanged(&file, Bytes::from_static(b"ours too"), &first).await.unwrap();
    assert_eq!(server.failures_left(), 0);

    // Somebody else's file stays somebody else's.
    lose();
    let refused = store.put_new(&file, Bytes::from_static(b"mine")).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    let (_, bytes) = store.get_bounded(&file, 100).await.unwrap().unwrap();
    assert_eq!(&bytes[..], b"ours too");
}

#[tokio::test]
async fn a_server_without_preconditions_gets_a_look_first() {
    let scene = Scene::with_own_server().await;
    let store = scene.open().await;
    let file = key("backups/b/velero-backup.json");
    let server = scene.server.as_ref().unwrap();
    server.fail(Plan { fault: Fault::NotImplemented, applies: conditional, times: usize::MAX });

    let first = store.put_new(&file, Bytes::from_static(b"one")).await.unwrap();
    let refused = store.put_new(&file, Bytes::from_static(b"two")).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    store.put_if_unchanged(&file, Bytes::from_static(b"three"), &first).await.unwrap();
    let refused = store.put_if_unchanged(&file, Bytes::from_static(b"four"), &first).await;
    assert!(matches!(refused, Err(StoreError::Changed { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packing_thread_hears_why_the_upload_failed() {
    let scene = Scene::with_own_server().await;
    let store = scene.open().await;
    let before = scene.files();
    let contents = key("backups/b/b.tar.gz");
    let plan = Plan { fault: Fault::Forbidden, applies: part, times: usize::MAX };
    scene.server.as_ref().unwrap().fail(plan);

    let mut writer = UploadWriter::new(store.upload(&contents).await.unwrap(), &Handle::current());
    let packing = tokio::task::spawn_blocking(move || {
        let chunk = noise(1 << 20);
        // Far more than fits between the writer and the first failed part.
        let first = (0..200).find_map(|_| writer.write_all(&chunk).err()).expect("no write failed");
        (first, writer.write_all(&chunk).and_then(|()| writer.flush()), writer.finish())
    });
    let (first, second, finish) = packing.await.unwrap();
    let error = first.get_ref().unwrap().downcast_ref::<StoreError>().unwrap();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    assert_eq!(second.unwrap_err().to_string(), error.to_string());
    assert!(matches!(finish, Err(StoreError::Denied { .. })), "{finish:?}");
    crate::scene::until("a failed upload left something", || scene.files() == before).await;
}

#[tokio::test]
async fn deleting_a_directory_goes_on_after_a_failure() {
    let scene = Scene::with_own_server().await;
    let store = scene.open().await;
    for n in 1..=4 {
        store.put(&key(&format!("backups/b/{n}")), Bytes::new()).await.unwrap();
    }
    let server = scene.server.as_ref().unwrap();
    server.fail(Plan { fault: Fault::Forbidden, applies: delete_of_second, times: 1 });
    let error = store.delete_prefix(&key("backups/b")).await.unwrap_err();
    assert!(matches!(error, StoreError::Incomplete { failed: 1, all: 4, .. }), "{error}");
    assert!(error.to_string().contains("backups/b/2"), "{error}");
    assert_eq!(store.delete_prefix(&key("backups/b")).await.unwrap(), 1);
}

#[tokio::test]
async fn wrong_credentials_are_told_without_telling_them() {
    let scene = Scene::with_own_server().await;
    let file = "[default]\naws_access_key_id=lateen\naws_secret_access_key=a-wrong-secret\n";
    let store = scene.open_with(|location| location.credentials = Some(file.into())).await;
    let error = store.validate().await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    let told = format!("{error:?} {error}");
    for secret in ["a-wrong-secret", "AWS4-HMAC", "AWSAccessKeyId", "RequestId"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(told.contains("SignatureDoesNotMatch"), "{told}");
}

#[tokio::test]
async fn a_missing_bucket_is_not_an_empty_one() {
    let scene = Scene::with_own_server().await;
    let store = scene.open_with(|location| location.bucket = "elsewhere".into()).await;
    let error = store.validate().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Failed { source, .. } if source.to_string().contains("NoSuchBucket")),
        "{error:?}"
    );
    assert!(store.list_backups().await.is_err());
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_ends_the_stream() {
    use futures::StreamExt;
    let scene = Scene::with_own_server().await;
    let store: BackupStore = scene.open().await;
    let file = key("backups/b/b.tar.gz");
    let length = 40 << 20;
    store.put(&file, noise(length)).await.unwrap();
    let (_, mut stream) = store.get(&file).await.unwrap();
    stream.next().await.unwrap().unwrap();
    store.put(&file, Bytes::from(vec![0; length])).await.unwrap();
    let rest: Vec<_> = stream.collect().await;
    assert!(matches!(rest.last(), Some(Err(StoreError::Changed { .. }))), "{} segments", rest.len());
}

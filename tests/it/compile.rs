//! Compiling item actions: the program as its own compiler, and the cache that a server finds again.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lateen_test_harness::{Installation, Store};
use serde_json::Value;

use crate::world::install;

/// A component without anything in it.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

fn compile(component: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lateen"))
        .args(["compile-component", "268435456:10:1048576"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(component).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_program_compiles_what_it_reads_and_nothing_else() {
    let made = compile(EMPTY);
    assert!(made.status.success() && made.stdout.starts_with(b"\x7fELF"), "{made:?}");
    let refused = compile(b"garbage");
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(65), 0), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("bad magic number"), "{refused:?}");
}

#[tokio::test]
async fn a_restarted_server_does_not_compile_again() {
    let mut velero = install("velero-compile", Store::File).await;
    let manifest =
        "name: test.example/empty\non: [backup]\nmatch: {resources: [configmaps]}\ncomponent: action.wasm\n";
    let action = velero.apply_action("empty", manifest, EMPTY).await.unwrap();
    // It compiles, and then there is nothing in it.
    let (reason, message) = velero.await_verdict(&action).await.unwrap();
    assert_eq!(reason, "ActionRefused");
    assert!(message.contains("it exports nothing"), "{message}");
    let before = entries(velero.directory());
    assert_eq!(before.len(), 2, "this one, and that of the server's own actions: {before:?}");
    let key = key_secret(&velero).await;
    assert_eq!(key["data"]["key"].as_str().unwrap().len(), 44, "32 bytes in base64");

    velero.restart().await.unwrap();
    let log = velero.log();
    assert!(!log.contains("component compiled") && log.contains("component found in the cache"), "{log}");
    assert_eq!(entries(velero.directory()), before);
    assert_eq!(key_secret(&velero).await, key);
}

/// Names and sizes of what the cache keeps.
fn entries(directory: &Path) -> Vec<(OsString, u64)> {
    let folder = fs::read_dir(directory.join("action-cache/item-actions")).unwrap();
    folder.map(Result::unwrap).map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).collect()
}

async fn key_secret(velero: &Installation<'_>) -> Value {
    velero.objects().get("v1/Secret", velero.namespace(), "lateen-action-cache").await.unwrap().unwrap()
}

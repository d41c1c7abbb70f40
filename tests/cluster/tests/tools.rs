//! The tools' cache, with a `go` that is a shell script.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// For what takes milliseconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A command that builds helm into `directory/cache` with a `go` whose `build` runs `script`.
fn build_helm(directory: &Path, script: &str) -> Command {
    let go = directory.join("bin/go");
    fs::create_dir(directory.join("bin")).unwrap();
    let settings = r#"{"GOVERSION":"go1.99.0"}"#;
    fs::write(&go, format!("#!/bin/sh\nif [ $1 = env ]; then echo '{settings}'; else\n{script}\nfi\n"))
        .unwrap();
    fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lateen-test-cluster"));
    command
        .args(["bin", "helm"])
        .env("LATEEN_TOOLS_DIR", directory.join("cache"))
        .env("PATH", format!("{}:/usr/bin:/bin", directory.join("bin").display()));
    command
}

/// The cache's one folder for the module helm, and what is in it that does not start with a dot and what does.
fn entries(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for folder in fs::read_dir(directory.join("cache")).unwrap() {
        for entry in fs::read_dir(folder.unwrap().path()).unwrap() {
            names.push(entry.unwrap().file_name().into_string().unwrap());
        }
    }
    names.sort();
    names
}

#[test]
fn two_at_once_build_once_and_a_third_finds_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("builds");
    // `-o` is followed by the folder.
    let script =
        r#"echo x >>BUILDS; while [ "$1" != -o ]; do shift; done; mkdir -p "$2" && echo built >"$2/helm""#;
    let mut command = build_helm(directory.path(), &script.replace("BUILDS", &log.display().to_string()));
    let first = command.spawn().unwrap();
    let second = command.spawn().unwrap();
    for child in [first, second] {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let third = command.output().unwrap();
    let path = String::from_utf8(third.stdout).unwrap();
    assert_eq!(fs::read_to_string(path.trim()).unwrap(), "built\n");
    assert_eq!(fs::read_to_string(&log).unwrap(), "x\n", "one build for three");
    assert_eq!(entries(directory.path()), [".lock", "helm"]);
}

#[test]
fn a_failed_build_says_what_the_compiler_said() {
    let directory = tempfile::tempdir().unwrap();
    let output = build_helm(directory.path(), "echo 'x.go:1: no such thing' >&2; exit 2").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    for part in ["building helm failed", "exit status: 2", "x.go:1: no such thing"] {
        assert!(said.contains(part), "{part} in: {said}");
    }
    assert_eq!(entries(directory.path()), [".lock"], "nothing half done");
}

#[test]
fn a_missing_go_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let output = build_helm(directory.path(), "").env("PATH", directory.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("Go must be installed"), "{said}");
}

#[test]
fn a_killed_run_takes_the_compiler_along() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // The compiler's child holds the pipe open as long as it lives.
    let script = format!("sleep 120 >{} & wait", pipe.display());
    let mut owner = build_helm(directory.path(), &script).spawn().unwrap();
    let mut reader = File::open(&pipe).unwrap();
    assert_eq!(entries(directory.path()).len(), 2, "the lock and the folder of the build");

    let start = Instant::now();
    owner.kill().unwrap();
    owner.wait().unwrap();
    io::copy(&mut reader, &mut io::sink()).unwrap();
    while entries(directory.path()) != [".lock"] {
        assert!(start.elapsed() < LIMIT, "{:?} is still there", entries(directory.path()));
        thread::yield_now();
    }
    assert!(start.elapsed() < LIMIT, "it ended by itself");
}

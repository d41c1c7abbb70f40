//! `pack`, and that what it prints is what the server takes.

use std::fs;

use crate::desk::{HOSTILE, STAMP, fixture, tell};

#[test]
fn what_is_packed_can_be_loaded() {
    for how in ["none", "gzip", "zstd"] {
        let told =
            tell(&["pack", &fixture("stamp"), "--component", &STAMP, "--compress", how, "-n", "backup"]);
        assert_eq!(told.code, 0, "{told:?}");
        assert!(told.out.starts_with("# Item action demo.example/stamp."), "{}", told.out);
        assert!(told.err.starts_with("demo.example/stamp: 1 ConfigMap, component "), "{}", told.err);
        can_be_used(&told.out);
    }
}

#[test]
fn what_is_split_is_joined_by_the_server() {
    for how in ["none", "gzip", "zstd"] {
        let told = tell(&[
            "pack",
            &fixture("stamp"),
            "--component",
            &STAMP,
            "--compress",
            how,
            "--chunk-size",
            "16384",
        ]);
        assert_eq!(told.code, 0, "{told:?}");
        assert!(told.out.matches("kind: ConfigMap").count() > 2, "{}", told.err);
        can_be_used(&told.out);
        // Without one of its parts it is refused, and the part is named.
        let whole: Vec<&str> = told.out.split("---\n").collect();
        let parts = [&whole[..1], &whole[2..]].concat().join("---\n");
        let file = written(&parts);
        let checked = tell(&["check", &file.path().display().to_string()]);
        assert_eq!(checked.code, 1, "{checked:?}");
        assert!(checked.out.contains(".wasm.001"), "{}", checked.out);
    }
}

/// Whether a server takes these ConfigMaps, and the action does its work.
fn can_be_used(configmaps: &str) {
    let file = written(configmaps);
    let path = file.path().display().to_string();
    let checked = tell(&["check", &path]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let item = fixture("stamp/cases/backup-marks/item.yaml");
    let run = tell(&["run", &path, "--item", &item]);
    assert!(run.out.contains("+    demo.lateen.dev/backed-up-by: trial"), "{run:?}");
}

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    fs::write(file.path(), text).expect("write the file");
    file
}

#[test]
fn what_is_broken_is_not_packed() {
    let told = tell(&["pack", &fixture("stamp"), "--component", &HOSTILE]);
    assert_eq!((told.code, told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.starts_with("the action cannot be used: configure: "), "{}", told.err);
    let told = tell(&["pack", &fixture("stamp")]);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("build it, or give --component FILE"), "{}", told.err);
    let told = tell(&["pack", &fixture("stamp"), "--component", &STAMP, "--chunk-size", "1"]);
    assert_eq!(told.code, 2);
}

//! `test`.

use std::fs;

use crate::desk::{HOSTILE, STAMP, copy, fixture, tell};

#[test]
fn cases_that_hold_pass() {
    let told = tell(&["test", &fixture("stamp"), "--component", &STAMP]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.starts_with("running 3 cases, seed 1\n"), "{}", told.out);
    for case in ["stamp/restore-scales ... ok", "stamp/backup-marks ... ok", "stamp/other-namespace ... ok"] {
        assert!(told.out.contains(case), "{}", told.out);
    }
    assert!(told.out.contains("test result: ok. 3 passed; 0 failed; finished in "), "{}", told.out);
}

#[test]
fn errors_can_be_expected_as_often_as_one_likes() {
    for action in ["refuses", "traps"] {
        let told = tell(&["test", &fixture(action), "--component", &HOSTILE]);
        assert_eq!(told.code, 0, "{told:?}");
    }
}

#[test]
fn an_action_that_remembers_is_found_out() {
    let told = tell(&["test", &fixture("remembers"), "--component", &HOSTILE]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("case remembers/one ... FAILED"), "{}", told.out);
    assert!(told.out.contains("an action must not remember"), "{}", told.out);
    assert!(told.out.contains("-    hostile: '1'\n+    hostile: '"), "{}", told.out);
}

#[test]
fn what_is_not_expected_is_shown_and_can_be_accepted() {
    let folder = copy("stamp");
    let path = folder.path().display().to_string();
    let case = folder.path().join("cases/restore-scales");
    let expected =
        fs::read_to_string(case.join("expected.yaml")).unwrap().replace("replicas: 1", "replicas: 2");
    fs::write(case.join("expected.yaml"), expected).unwrap();
    fs::remove_file(folder.path().join("cases/other-namespace/unchanged")).unwrap();

    let told = tell(&["test", &path, "--component", &STAMP]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("-  replicas: 2\n+  replicas: 1\n"), "{}", told.out);
    assert!(told.out.contains("--update writes what comes out"), "{}", told.out);
    assert!(told.out.contains("FAILED. 1 passed; 2 failed"), "{}", told.out);

    let told = tell(&["test", &path, "--component", &STAMP, "--update"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("restore-scales ... updated, wrote expected.yaml"), "{}", told.out);
    assert!(case.parent().unwrap().join("other-namespace/unchanged").exists());
    let told = tell(&["test", &path, "--component", &STAMP]);
    assert!(told.out.contains("3 passed; 0 failed; finished"), "{}", told.out);
}

#[test]
fn nothing_to_test_is_an_error() {
    let told = tell(&["test", &fixture("misspelt")]);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("no cases below FIXTURES/misspelt; a case is a folder"), "{}", told.err);
    let told = tell(&["test", &fixture("stamp"), "--filter", "nobody"]);
    assert!(told.err.contains("has \"nobody\" in its name"), "{}", told.err);
}

#[test]
fn an_action_that_cannot_be_used_fails_its_cases() {
    let folder = copy("stamp");
    let manifest = folder.path().join("action.yaml");
    fs::write(&manifest, "name: [").unwrap();
    let told = tell(&["test", &folder.path().display().to_string(), "--component", &STAMP]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("0 passed; 3 failed"), "{}", told.out);
}

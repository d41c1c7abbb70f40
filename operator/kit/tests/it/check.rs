//! `check`.

use std::fs;

use crate::desk::{FOREIGN_IMPORT, STAMP, copy, fixture, tell};

#[test]
fn a_good_action_is_described() {
    let told = tell(&["check", &fixture("stamp"), "--component", &STAMP]);
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    assert!(told.out.starts_with("FIXTURES/stamp: ok\n"), "{}", told.out);
    for (label, value) in [
        ("name", "demo.example/stamp"),
        ("on", "backup, restore"),
        ("match", "deployments.apps; namespaces team-*"),
        ("imports", "context, journal"),
        ("cluster", "never asked"),
        ("limits", "memory 128 MiB (at most 512 MiB), time 1 s per call (at most 10 s)"),
        ("capabilities", "none"),
        ("failurePolicy", "fail-item, order 0"),
    ] {
        let found = told.out.lines().find_map(|line| line.trim_start().strip_prefix(label));
        assert_eq!(found.map(str::trim), Some(value), "{}", told.out);
    }
    let digest = told.out.lines().find(|line| line.trim_start().starts_with("digest"));
    assert!(digest.is_some_and(|line| line.contains("sha256:") && line.len() > 64), "{}", told.out);
    assert!(told.out.lines().all(|line| line.len() <= 100), "{}", told.out);
}

#[test]
fn a_bare_component_says_what_it_can_be() {
    let told = tell(&["check", &STAMP]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("can serve     backup, restore\n"), "{}", told.out);
    assert!(
        told.out.contains("exports       action, backup-item, restore-item  (contract 0.2.0)"),
        "{}",
        told.out
    );
}

#[test]
fn problems_have_a_place_and_a_remedy() {
    let told = tell(&["check", &fixture("misspelt"), "--component", &STAMP]);
    assert_eq!(told.code, 1);
    assert!(
        told.out.contains(
            "FIXTURES/misspelt/action.yaml:5:1: cannot read the manifest: unknown field `fialurePolicy`"
        ),
        "{}",
        told.out
    );

    let told = tell(&["check", &fixture("stamp"), &fixture("nowhere"), "--component", &FOREIGN_IMPORT]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("actions run without WASI"), "{}", told.out);
    assert!(told.out.contains("cannot read FIXTURES/nowhere"), "{}", told.out);

    let told = tell(&["check", &fixture("secret.yaml")]);
    assert!(told.out.contains("found Secret; expected ConfigMaps"), "{}", told.out);
    assert_eq!(tell(&["check"]).code, 2);
}

#[test]
fn a_parameter_that_the_action_refuses_is_found() {
    let folder = copy("stamp");
    let manifest = folder.path().join("action.yaml");
    let text = fs::read_to_string(&manifest).unwrap().replace("replicas: 1", "replicas: many");
    fs::write(&manifest, text).unwrap();
    let told = tell(&["check", &folder.path().display().to_string(), "--component", &STAMP]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("problem configure: "), "{}", told.out);
    assert!(told.out.contains("name          demo.example/stamp"), "what can be told is told: {}", told.out);
}

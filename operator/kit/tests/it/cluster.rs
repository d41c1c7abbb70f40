//! The cluster made of files, in `run` and `test`.

use crate::desk::{fixture, tell};

/// Cases: what is there is found, what is not there is not, another namespace is refused, and so is everything where there is no cluster.
#[test]
fn a_case_brings_its_cluster() {
    let told = tell(&["test", &fixture("reads-team")]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("4 passed; 0 failed"), "{}", told.out);
}

#[test]
fn the_manifest_decides_what_may_be_asked() {
    let (action, case) = (fixture("reads-team"), "reads-team/cases/found");
    let (item, cluster) = (fixture(&format!("{case}/item.yaml")), fixture(&format!("{case}/cluster")));
    let run = |more: &[&str]| tell(&[&["run", &action, "--item", &item][..], more].concat());

    let told = run(&["--cluster", &cluster]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("+    team: blue"), "{}", told.out);

    let told = run(&["--cluster", &cluster, "--param", "resource=secrets"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("not granted"), "{}", told.out);
    assert!(run(&[]).out.contains("there is no cluster to ask in this run"));
    assert_eq!(run(&["--cluster", &fixture("nowhere")]).code, 2);
}

#[test]
fn check_tells_the_flags_that_a_server_needs() {
    let told = tell(&["check", &fixture("reads-team")]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("--action-cluster-access 'get:configmaps:shop'"), "{}", told.out);
}

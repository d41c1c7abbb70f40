//! `run`.

use std::fs;

use crate::desk::{HOSTILE, STAMP, Told, fixture, snapshot, tell};

fn stamp(more: &[&str]) -> Told {
    let (action, item) = (fixture("stamp"), fixture("stamp/cases/restore-scales/item.yaml"));
    let mut args = vec!["run", &action, "--component", &STAMP, "--item", &item];
    args.extend(more);
    tell(&args)
}

fn hostile(misdeed: &str, rest: &str, item: &str, more: &[&str]) -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "name: test.example/hostile\non: [backup]\nmatch: {{resources: [configmaps, secrets]}}\ncapabilities: {{secrets: true}}\ncomponent: hostile.wasm\nparams: {{misdeed: {misdeed}}}\n{rest}\n"
    );
    fs::write(folder.path().join("action.yaml"), text).expect("write the manifest");
    let (action, item) = (folder.path().display().to_string(), fixture(item));
    let mut args = vec!["run", &action, "--component", &HOSTILE, "--item", &item];
    args.extend(more);
    tell(&args)
}

#[test]
fn a_change_is_shown_as_a_diff() {
    let told = stamp(&["--on", "restore", "--target-namespace", "team-b", "--run-name", "weekly"]);
    assert_eq!(told.code, 0, "{told:?}");
    snapshot("run-restore", &told.out);
    assert!(told.err.starts_with("demo.example/stamp: 1 item, 1 changed, start "), "{}", told.err);
    assert!(told.err.contains(" call ") && told.err.contains(", memory 1."), "{}", told.err);
}

#[test]
fn programs_get_the_result_alone() {
    let patch = stamp(&["--param", "annotations={team: web}", "-o", "patch"]);
    let patch: serde_json::Value = serde_json::from_str(&patch.out).expect("JSON alone");
    assert_eq!(
        patch[0]["value"],
        serde_json::json!({"demo.lateen.dev/backed-up-by": "trial", "team": "web"})
    );
    let yaml = stamp(&["-o", "yaml"]);
    let item: serde_json::Value = serde_yaml_ng::from_str(&yaml.out).expect("YAML alone");
    assert_eq!(item["spec"]["replicas"], 3);
}

#[test]
fn repeating_measures_and_compares() {
    let told = stamp(&["--repeat", "20"]);
    assert!(told.err.contains(" 20 calls of "), "{}", told.err);
    assert!(!told.out.contains("differs"), "{}", told.out);
    let told = hostile("count", "", "refuses/cases/says-no/item.yaml", &["--repeat", "3"]);
    assert!(told.out.contains("differs   call 2 came out differently from the first"), "{}", told.out);
}

#[test]
fn an_item_that_does_not_match_is_explained() {
    let item = fixture("stamp/cases/other-namespace/item.yaml");
    let told = tell(&["run", &fixture("stamp"), "--component", &STAMP, "--item", &item]);
    assert_eq!(told.code, 0);
    assert!(
        told.err.contains("not called for deployments.apps/shop/web: match.namespaces does not cover shop"),
        "{}",
        told.err
    );
}

#[test]
fn failures_end_with_one() {
    let item = "refuses/cases/says-no/item.yaml";
    let told = hostile("refuse", "", item, &[]);
    assert_eq!(told.code, 1);
    assert_eq!(told.out, "configmaps/app/settings  failed\n  failed    as ordered\n");
    let told = hostile("refuse", "failurePolicy: warn", item, &[]);
    assert_eq!(told.code, 1, "whatever the policy makes of it");
    assert!(
        told.out
            .contains("warning   failed on configmaps/app/settings, which goes on without it: as ordered"),
        "{}",
        told.out
    );
    let told = hostile("loop", "limits: {time: 50ms}", item, &["--repeat", "100"]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("failed    guest code ran longer than 50ms"), "{}", told.out);
}

#[test]
fn values_of_secrets_are_masked() {
    let told = hostile("tell", "", "secret.yaml", &[]);
    assert!(!told.out.contains("sesame") && !told.out.contains("b3Blbi"), "{}", told.out);
    let told = hostile("count", "", "secret.yaml", &["-o", "yaml"]);
    assert!(told.out.contains("password: '***'"), "{}", told.out);
    assert!(told.err.contains("values of Secrets are masked; --show-secrets shows them"), "{}", told.err);
    let told = hostile("count", "", "secret.yaml", &["-o", "yaml", "--show-secrets"]);
    assert!(told.out.contains("password: b3BlbiBzZXNhbWU="), "{}", told.out);
}

#[test]
fn what_cannot_be_is_refused() {
    let error = |more: &[&str]| {
        let told = stamp(more);
        assert_eq!(told.code, 2, "{told:?}");
        told.err
    };
    assert!(
        error(&["--on", "delete"])
            .contains("the manifest of demo.example/stamp says `on: [backup, restore]`")
    );
    assert!(error(&["--target-namespace", "x"]).contains("are for --on restore"));
    assert!(error(&["--param", "x"]).contains("write it as key=value"));
    assert!(error(&["--on", "sideways"]).contains("related-items"));
    let told = tell(&["run", &STAMP, "--item", &fixture("secret.yaml")]);
    assert!(told.err.contains("is a component; give the folder of its action.yaml"), "{}", told.err);
}

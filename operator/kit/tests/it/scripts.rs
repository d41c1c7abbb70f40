//! Actions that are scripts, by the examples that authors copy from.

use std::fs;

use crate::desk::{example, tell};

/// Keeps the published examples true: every case of every one of them.
#[test]
fn every_example_does_what_its_cases_say() {
    let told = tell(&["test", &example("")]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("; 0 failed; finished in "), "{}", told.out);
    let actions = fs::read_dir(example("")).unwrap().count();
    let passed = |name: &fs::DirEntry| told.out.contains(&format!("case {}/", name.file_name().display()));
    let tested = fs::read_dir(example("")).unwrap().filter(|entry| passed(entry.as_ref().unwrap())).count();
    assert_eq!(tested, actions, "an example has no cases: {}", told.out);
}

/// The same for those that a Restore names as its resource modifier.
#[test]
fn every_example_of_a_modifier_does_what_its_cases_say() {
    let told = tell(&["test", &example("../modifiers")]);
    assert_eq!(told.code, 0, "{told:?}");
    for name in ["cel-storage-classes", "javascript-claim-sizes", "jq-ingress-hosts", "jq-replicas"] {
        assert!(told.out.contains(&format!("case {name}/")), "{}", told.out);
    }
}

#[test]
fn a_script_is_checked_packed_and_loaded() {
    for (action, key) in [
        ("scale-down", "script.jq"),
        ("change-image-registry", "script.cel"),
        ("redact-secret-keys", "script.js"),
    ] {
        let told = tell(&["check", &example(action)]);
        assert_eq!(told.code, 0, "{told:?}");
        assert!(told.out.contains(&format!("script        {key}, ")), "{}", told.out);

        let packed = tell(&["pack", &example(action)]);
        assert_eq!(packed.code, 0, "{packed:?}");
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        fs::write(file.path(), &packed.out).unwrap();
        let told = tell(&["check", &file.path().display().to_string()]);
        assert_eq!(told.code, 0, "{told:?}");
    }
}

#[test]
fn a_mistake_in_a_script_has_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "name: a.example/b\non: [backup]\nmatch: {resources: [pods]}\nengine: jq\n";
    fs::write(folder.path().join("action.yaml"), manifest).unwrap();
    fs::write(folder.path().join("script.jq"), ".metadata\n| .labels +=\n").unwrap();
    let told = tell(&["check", &folder.path().display().to_string()]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("script.jq:"), "{}", told.out);
}

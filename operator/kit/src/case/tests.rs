use super::*;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";

fn case(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Case, String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let place = folder.path().display().to_string();
    let case = Case::read(folder.path()).map_err(|error| error.to_string().replace(&place, "CASE"));
    (folder, case)
}

#[test]
fn everything_in_a_case_is_read() {
    let (_folder, case) = case(&[
        (ITEM, POD),
        (SKIP, "not wanted\n"),
        (ORIGINAL, "a: 1"),
        (RUN, "{purpose: restore, targetNamespace: b, features: [x], startedMs: 5, probe: false}"),
        (RELATED, "[{resource: pods, namespace: x, name: y}]"),
        (LOG, "one\n\n  two\n"),
    ]);
    let case = case.unwrap();
    assert_eq!(case.expected, Some(Expected::Skip("not wanted".into())));
    assert_eq!(case.original.unwrap()["a"], 1);
    assert_eq!(
        (case.run.purpose, case.run.name.as_str(), case.run.started_ms),
        (Some(Role::Restore), "test", 5)
    );
    assert!(!case.run.probe);
    assert_eq!(case.related[0].to_string(), "pods/x/y");
    assert_eq!(case.log, ["one", "two"]);
}

#[test]
fn a_case_has_one_outcome() {
    let (_folder, both) = case(&[(ITEM, POD), (SKIP, "a"), (UNCHANGED, "")]);
    assert_eq!(both.unwrap_err(), "CASE has unchanged and skip.txt; a case has one of them");
    let (_folder, none) = case(&[(ITEM, POD)]);
    assert_eq!(none.unwrap().expected, None);
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let (_folder, misspelt) = case(&[(ITEM, POD), (RUN, "name: x\nporpoise: restore\n")]);
    let message = misspelt.unwrap_err();
    assert!(message.starts_with("CASE/run.yaml:2:1: ") && message.contains("porpoise"), "{message}");
    let (_folder, empty) = case(&[(ITEM, "")]);
    assert_eq!(empty.unwrap_err(), "CASE/item.yaml is empty");
    let (_folder, missing) = case(&[]);
    assert!(missing.unwrap_err().starts_with("cannot read CASE/item.yaml: "));
}

#[test]
fn an_update_leaves_one_outcome() {
    let (folder, case) = case(&[(ITEM, POD), (SKIP, "a"), (RELATED, "[]")]);
    let mut case = case.unwrap();
    let big = serde_json::json!({"n": 9_007_199_254_740_993_u64});
    assert_eq!(case.write(&Expected::Item(big.clone()), &[]).unwrap(), EXPECTED);
    case = Case::read(folder.path()).unwrap();
    assert_eq!(case.expected, Some(Expected::Item(big)));
    assert!(!folder.path().join(RELATED).exists());

    let related =
        ObjectRef { group: String::new(), resource: "pods".into(), namespace: None, name: "x".into() };
    case.write(&Expected::Unchanged, std::slice::from_ref(&related)).unwrap();
    case = Case::read(folder.path()).unwrap();
    assert_eq!((case.expected, case.related), (Some(Expected::Unchanged), vec![related]));
}

#[test]
fn actions_are_found_below_a_folder() {
    let root = tempfile::tempdir().unwrap();
    for action in ["b/x", "a", ".hidden"] {
        let folder = root.path().join(action);
        fs::create_dir_all(folder.join("cases/two")).unwrap();
        fs::create_dir_all(folder.join("cases/one")).unwrap();
        fs::write(folder.join(MANIFEST_KEY), "").unwrap();
    }
    let found = actions(root.path()).unwrap();
    let short: Vec<_> = found.iter().map(|path| path.strip_prefix(root.path()).unwrap()).collect();
    assert_eq!(short, [Path::new("a"), Path::new("b/x")]);
    let names = |filter| cases(&found[0], filter).unwrap().iter().map(|path| name(path)).collect::<Vec<_>>();
    assert_eq!(names(None), ["one", "two"]);
    assert_eq!(names(Some("wo")), ["two"]);
}

//! Pods with hooks by annotation and by spec.

use std::cell::RefCell;

use lateen_action::Change;

use super::*;

fn pod(annotations: Value, own: Value) -> Value {
    json!({ "metadata": { "annotations": annotations, "labels": { "app": "web" } }, "spec": { "initContainers": own } })
}

fn restored(item: &Value, restore_spec: Value, namespace: &str) -> Result<(Value, usize), String> {
    let wishes = lateen_action::parse(&restore_spec.to_string())?;
    let typed: Pod = lateen_action::parse(&item.to_string())?;
    let warnings = RefCell::new(0);
    let hooks = hooks(&typed, &wishes, || namespace.to_owned(), |_| *warnings.borrow_mut() += 1)?;
    let mut changed = item.clone();
    match put(&typed, hooks).change {
        Change::Unchanged => {}
        Change::JsonPatch(text) => {
            let patch: json_patch::Patch = lateen_action::parse(&text)?;
            json_patch::patch(&mut changed, &patch).map_err(|error| error.to_string())?;
        }
        change => panic!("{change:?}"),
    }
    Ok((changed["spec"]["initContainers"].take(), warnings.into_inner()))
}

fn annotated(image: Value, name: Value, command: Value) -> Value {
    let prefix = "init.hook.restore.velero.io/";
    let given = [("container-image", image), ("container-name", name), ("command", command)];
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (format!("{prefix}{key}"), value)).collect()
}

fn container(name: &str) -> Value {
    json!({ "name": name, "image": "busybox", "command": ["true"] })
}

fn spec(groups: Value) -> Value {
    json!({ "hooks": { "resources": groups } })
}

fn group(more: Value, containers: &[Value]) -> Value {
    let mut group = json!({ "name": "g", "postHooks": [{ "exec": { "command": ["x"] } }, { "init": { "initContainers": containers, "timeout": "1m" } }] });
    for (key, value) in more.as_object().into_iter().flatten() {
        group[key] = value.clone();
    }
    group
}

#[test]
fn an_annotation_makes_a_container_before_all_others_and_wins_over_the_spec() {
    let made = |command: Value| {
        let item = pod(annotated(json!("busybox"), json!("first"), command), json!([container("own")]));
        restored(&item, spec(json!([group(json!({}), &[container("never")])])), "app").expect("a pod").0
    };
    let expected = |command: Value| json!([{ "name": "first", "image": "busybox", "command": command }, container("own")]);
    assert_eq!(made(json!(r#"["sh","-c","true"]"#)), expected(json!(["sh", "-c", "true"])));
    assert_eq!(made(json!("/bin/prepare")), expected(json!(["/bin/prepare"])));
    assert_eq!(made(json!("[not json")), expected(json!(["[not json"])));
    // Without a command the image says what runs.
    assert_eq!(made(Value::Null), json!([{ "name": "first", "image": "busybox" }, container("own")]));
    assert_eq!(made(json!("")), json!([{ "name": "first", "image": "busybox" }, container("own")]));
}

#[test]
fn a_name_that_nobody_gave_is_the_same_at_every_restore() {
    let item = pod(annotated(json!("busybox"), Value::Null, json!("true")), Value::Null);
    let (first, _) = restored(&item, json!({}), "app").expect("a pod");
    assert_eq!(
        first,
        json!([{ "name": "velero-restore-init-e8e3bcc8", "image": "busybox", "command": ["true"] }])
    );

    // The pod as it is when it is backed up again: nothing is run twice.
    let mut again = item.clone();
    again["spec"]["initContainers"] = json!([first[0].clone(), container("own")]);
    again["spec"]["initContainers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    let (second, _) = restored(&again, json!({}), "elsewhere").expect("a pod");
    assert_eq!(second, json!([first[0].clone(), container("own")]));

    let name = |image: &str, command: &[&str]| {
        derived_name(image, &command.iter().map(|&part| part.to_owned()).collect::<Vec<_>>())
    };
    assert_ne!(name("busybox", &["ab"]), name("busybox", &["a", "b"]));
    assert_ne!(name("busybox", &[]), name("busybox:1", &[]));
}

#[test]
fn groups_of_the_spec_are_held_against_the_target_namespace_and_the_labels() {
    let wanted = |namespace: &str, more: Value| {
        let item = pod(Value::Null, json!([]));
        let (made, _) =
            restored(&item, spec(json!([group(more, &[container("a")])])), namespace).expect("a pod");
        made == json!([container("a")])
    };
    assert!(wanted("app2", json!({})));
    assert!(wanted(
        "app2",
        json!({ "includedNamespaces": [], "excludedNamespaces": null, "labelSelector": {} })
    ));
    assert!(
        wanted("app2", json!({ "includedNamespaces": ["app*"] }))
            && !wanted("b", json!({ "includedNamespaces": ["app*"] }))
    );
    assert!(wanted("app2", json!({ "includedNamespaces": ["*"] })));
    assert!(!wanted("app2", json!({ "includedNamespaces": ["*"], "excludedNamespaces": ["app2"] })));
    assert!(wanted("app2", json!({ "labelSelector": { "matchLabels": { "app": "web" } } })));
    assert!(!wanted("app2", json!({ "labelSelector": { "matchLabels": { "app": "db" } } })));
    // Kinds mean nothing here.
    assert!(wanted("app2", json!({ "includedResources": ["deployments.apps"] })));
}

#[test]
fn containers_come_in_the_order_of_the_spec_after_the_one_that_waits_for_files() {
    let groups =
        json!([group(json!({}), &[container("a"), container("b")]), group(json!({}), &[container("c")])]);
    let item = pod(json!({}), json!([container("restore-wait"), container("own"), container("b")]));
    let (made, warnings) = restored(&item, spec(groups), "app").expect("a pod");
    let names: Vec<&str> =
        made.as_array().expect("a list").iter().filter_map(|container| container["name"].as_str()).collect();
    assert_eq!((names, warnings), (vec!["restore-wait", "a", "b", "c", "own"], 0));
}

#[test]
fn a_container_that_says_too_little_is_an_error_and_so_is_half_an_annotation_told() {
    for lack in ["name", "image", "command"] {
        let mut half = container("a");
        half[lack].take();
        let error = restored(&pod(json!({}), json!([])), spec(json!([group(json!({}), &[half])])), "app");
        let error = error.expect_err("it lacks something");
        assert!(error.contains(&format!("hook \"g\" of the Restore has no {lack}")), "{error}");
    }
    let item = pod(annotated(Value::Null, Value::Null, json!("true")), json!([container("own")]));
    assert_eq!(restored(&item, json!({}), "app").expect("a pod"), (json!([container("own")]), 1));
}

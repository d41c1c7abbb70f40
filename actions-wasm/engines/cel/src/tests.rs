//! What expressions answer, what they say when they are wrong, and that nothing is lost in them.

use std::{path::Path, rc::Rc};

use lateen_engine_kit::{
    Change, Engine, Level, Purpose, Role, Scene, Script, Verdict, arbitrary,
    cases::{self, applied},
    host::Host,
    recorded::Recorded,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::CelEngine;

fn compile(text: &str, host: Rc<dyn Host>) -> Result<CelEngine, String> {
    let params = json!({ "env": "prod", "limit": 3 }).to_string();
    let script = Script { name: "script.cel".into(), text: text.into(), params, plugin_config: None };
    CelEngine::compile(&script, host)
}

fn run_on(text: &str, item: &Value, host: Rc<Recorded>) -> Result<Verdict, String> {
    compile(text, host)?.run(&item.to_string(), &Scene { role: Role::RestoreItem })
}

fn run(text: &str, item: &Value) -> Result<Verdict, String> {
    run_on(text, item, Rc::default())
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "team", "labels": { "app": "web", "a/b~c": "1" } },
        "spec": { "replicas": 3, "big": 9_007_199_254_740_993_u64, "huge": u64::MAX, "float": 1.0, "tenth": 0.1,
            "template": { "spec": { "containers": [{ "name": "main", "image": "docker.io/web:1" }] } } },
    })
}

/// The item after the script.
fn changed(text: &str) -> Value {
    let verdict = run(text, &deployment()).unwrap();
    match verdict.change {
        Change::Unchanged => json!("unchanged"),
        change => applied(&deployment(), change.into()).unwrap(),
    }
}

#[test]
fn a_map_is_a_merge_patch_and_a_list_is_operations() {
    for script in [
        r#"{"spec": {"replicas": 0}}"#,
        "Object{spec: Object.spec{replicas: 0}}",
        r#"[{"op": "replace", "path": "/spec/replicas", "value": 0}]"#,
        r#"[JSONPatch{op: "replace", path: "/spec/replicas", value: 0}]"#,
        r#"JSONPatch{op: "replace", path: "/spec/replicas", value: 0}"#,
        r#"has(object.spec.nothing) ? skip("no") : [null, [[JSONPatch{op: "replace", path: "/spec/replicas", value: 0}]]]"#,
    ] {
        assert_eq!(changed(script)["spec"]["replicas"], 0, "{script}");
    }
    for script in
        ["null", "{}", "[]", "[null]", "[optional.none()]", "object.?spec.?nothing", "// a comment\nnull"]
    {
        assert_eq!(changed(script), "unchanged", "{script}");
    }
}

#[test]
fn what_is_copied_comes_out_as_it_went_in() {
    let after = changed("Object{copy: object.spec}");
    assert_eq!(after["copy"].to_string(), deployment()["spec"].to_string());
    let after = changed(
        r#"[{"op": "add", "path": "/metadata/labels/" + jsonpatch.escapeKey("x/y~z"), "value": "1"}]"#,
    );
    assert_eq!(after["metadata"]["labels"]["x/y~z"], "1");
}

#[test]
fn answers_combine_in_a_list() {
    let host = Rc::new(Recorded::default());
    let script = r#"[warn("careful"), also("configmaps", item.namespace, "settings"), also("persistentvolumes", null, "pv"),
        mustInclude(), info(run.purpose + " " + params.env), JSONPatch{op: "remove", path: "/spec/replicas"}]"#;
    let verdict = run_on(script, &deployment(), host.clone()).unwrap();
    let related: Vec<_> =
        verdict.related.iter().map(|one| (&*one.resource, one.namespace.as_deref(), &*one.name)).collect();
    assert_eq!(related, [("configmaps", Some("team"), "settings"), ("persistentvolumes", None, "pv")]);
    assert!(verdict.must_include);
    assert!(matches!(verdict.change, Change::Json(_)));
    let lines = [(Level::Warn, "careful".to_owned()), (Level::Info, "backup prod".to_owned())];
    assert_eq!(host.lines.take(), lines);
    assert_eq!(run(r#"skip("why")"#, &deployment()).unwrap().skip.as_deref(), Some("why"));
}

#[test]
fn another_identity_stands_beside_the_change() {
    let script = r#"[identify("apps/v1", "StatefulSet", object.metadata.name), Object{spec: Object.spec{replicas: 0}}]"#;
    let verdict = run(script, &deployment()).unwrap();
    let identity = verdict.identity.expect("it was called");
    assert_eq!((&*identity.api_version, &*identity.kind, &*identity.name), ("apps/v1", "StatefulSet", "web"));
    assert!(matches!(verdict.change, Change::Merge(_)));
    let error =
        run(r#"[identify("v1", "Pod", "a"), identify("v1", "Pod", "b")]"#, &deployment()).unwrap_err();
    assert!(error.contains("two identities"), "{error}");
}

#[test]
fn old_object_is_the_item_in_the_archive() {
    let host = Recorded { original: Some(json!({ "status": { "phase": "Bound" } })), ..Recorded::default() };
    let verdict = run_on("skip(oldObject.status.phase)", &deployment(), Rc::new(host)).unwrap();
    assert_eq!(verdict.skip.as_deref(), Some("Bound"));
    assert!(run("oldObject == null ? skip('none') : null", &deployment()).unwrap().skip.is_some());
}

#[test]
fn maps_are_gone_through_in_order() {
    let labels: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect();
    let expected: Vec<String> = labels.keys().cloned().collect();
    let host = Rc::new(Recorded::default());
    let _ = run_on("object.map(k, info(k))", &Value::Object(labels), host.clone()).unwrap();
    let said: Vec<String> = host.lines.take().into_iter().map(|(_, line)| line).collect();
    assert_eq!(said, expected);
}

#[test]
fn the_cluster_is_asked_once_for_one_question() {
    let host = Rc::new(Recorded::default());
    let settings = json!({ "metadata": { "name": "settings", "namespace": "team", "labels": { "a": "b" } } });
    host.objects.borrow_mut().push(("configmaps".into(), settings));
    let script = r#"[1, 2].all(n, cluster.get("configmaps", "team", "settings").metadata.labels.a == "b")
        && cluster.get("configmaps", "team", "other") == null
        && size(cluster.list("configmaps", "team")) == 1 && cluster.list("configmaps", null, "a=c") == [] ? skip("yes") : null"#;
    let verdict = run_on(script, &deployment(), host.clone()).unwrap();
    assert_eq!(verdict.skip.as_deref(), Some("yes"));
    assert_eq!(host.requests.take().len(), 4);

    host.refusal.set(Some(lateen_engine_kit::Reason::NotGranted));
    let error = run_on(
        "{} == {} &&\n  cluster.get('configmaps', null, 'x') == null ? null : null",
        &deployment(),
        host,
    )
    .unwrap_err();
    assert_eq!(error, "script.cel:2:14: cluster.get: refused: get configmaps /x");
}

#[test]
fn errors_say_where() {
    let cases = [
        ("{\"a\": }", "script.cel:1:7: "),
        ("object.spec.\nreplica + 1", "script.cel:1:12: no such key: replica"),
        (
            "'ü' == 'ü' &&\n object.spec.template.spec.containers.all(c,\n  c.image.startsWith(c.nothing)) ? null : null",
            "script.cel:3:23: no such key: nothing",
        ),
        ("objekt.spec", "script.cel:1:1: `objekt` is not known"),
        ("[object.spec].map(c, d)", "script.cel:1:22: `d` is not known"),
        ("Deployment{a: 1}", "`Deployment` is not known"),
        ("nothing(1)", "`nothing` is not known"),
        ("object.spec.replicas + 'a'", "script.cel:1:22: `add` does not take int and string"),
        ("object.spec.replicas / 0", "script.cel:1:22: division by zero"),
        ("true ? 'text' : null", "the result has a string where"),
        ("{'op': 'remove', 'path': '/a'}", "belongs in a list"),
        ("[{'op': 'remove', 'pth': '/a'}]", "unknown member `pth`"),
        ("[{'op': 'remove'}]", "no text as `path`"),
        ("[JSONPatch{op: 'remove', pth: '/a'}]", "script.cel:1:11: JSONPatch: no field `pth`"),
        ("[Object{}, JSONPatch{op: 'remove', path: '/a'}]", "order would not be clear"),
        ("{'a': b'x'}", "a value of type bytes has no form in JSON"),
        ("{'a': 0.0 / 0.0}", "NaN has no form in JSON"),
        ("'a'.matches('[')", "script.cel:1:12: matches: `[`"),
    ];
    for (script, expected) in cases {
        let error = run(script, &deployment()).unwrap_err();
        assert!(error.starts_with("script.cel:"), "{script}: {error}");
        assert!(error.contains(expected), "{script}: {error}");
    }
}

/// An item may be a Secret: what is in it is no part of a message.
#[test]
fn errors_hold_no_values() {
    let secret = json!({ "data": { "password": "hunter2" } });
    for script in [
        "object + 1",
        "object.data < 1",
        "object.data.password - 1",
        "object.data['x']",
        "object.data[{}]",
        "-object.data",
    ] {
        let error = run(script, &secret).unwrap_err();
        assert!(!error.contains("hunter2"), "{script}: {error}");
    }
}

/// The parser's own limit has to come first. Without optimization its frames are larger than any thread of a test has room for.
#[test]
fn nested_expressions_have_a_limit() {
    let nested = || {
        for (open, close) in [("(", ")"), ("[", "]"), ("[1].map(x, ", ")"), ("1 + (", ")")] {
            let script = format!("{}1{}", open.repeat(500), close.repeat(500));
            let error = compile(&script, Rc::<Recorded>::default()).err().expect("too deep");
            assert!(error.contains("nested too deep"), "{open}: {error}");
        }
        let long = vec!["1"; 1000].join(" + ");
        let error = compile(&long, Rc::<Recorded>::default()).err().expect("too deep");
        assert!(error.contains("nested deeper"), "{error}");
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(nested).unwrap();
    thread.join().unwrap();
}

#[test]
fn the_examples_do_what_their_cases_say() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (folder, least) in [("scripts", 2), ("modifiers", 1)] {
        let count = cases::check_all::<CelEngine>(&examples.join(folder), "script.cel").unwrap();
        assert!(count >= least, "{folder}");
    }
}

proptest! {
    #[test]
    fn a_script_changes_only_what_it_names(spec in arbitrary::json("[a-z~/\"ü]{0,4}")) {
        let item = json!({ "metadata": { "name": "x", "labels": { "a": "b" } }, "spec": spec });
        let same = run("object.metadata.name == 'x' ? null : {'broken': true}", &item).unwrap();
        prop_assert_eq!(same.change, Change::Unchanged);

        let label = run("{'metadata': {'labels': {'env': params.env}}}", &item).unwrap();
        let mut expected = item.clone();
        expected["metadata"]["labels"]["env"] = json!("prod");
        prop_assert_eq!(applied(&item, label.change.into()).unwrap(), expected);

        let copied = run("[{'op': 'add', 'path': '/copy', 'value': object.spec}]", &item).unwrap();
        prop_assert_eq!(&applied(&item, copied.change.into()).unwrap()["copy"], &item["spec"]);
    }
}

#[test]
fn the_purpose_of_the_run_is_told() {
    let mut host = Recorded::default();
    host.run.purpose = Purpose::Restore;
    host.run.features = vec!["EnableCSI".into()];
    let verdict =
        run_on("skip(run.purpose + run.features[0] + run.stage)", &deployment(), Rc::new(host)).unwrap();
    assert_eq!(verdict.skip.as_deref(), Some("restoreEnableCSIitems"));
}

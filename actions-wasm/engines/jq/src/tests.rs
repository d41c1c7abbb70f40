//! The engine outside WebAssembly: the example scripts' golden cases, and what a script can do, see and get wrong.

use std::{path::Path, rc::Rc};

use lateen_engine_kit::{
    Change, Engine, Level, Reason, Role, Scene, Script, Verdict, cases, recorded::Recorded,
};
use serde_json::{Value, json};

use super::Program;

fn compile(text: &str, host: &Rc<Recorded>) -> Result<Program, String> {
    let script = Script {
        name: "script.jq".into(),
        text: text.into(),
        params: r#"{"n": 9007199254740993}"#.into(),
        plugin_config: None,
    };
    Program::compile(&script, host.clone())
}

fn run_as(role: Role, text: &str, item: &str, host: &Rc<Recorded>) -> Result<Verdict, String> {
    compile(text, host)?.run(item, &Scene { role })
}

fn run(text: &str, item: &str) -> Result<Verdict, String> {
    run_as(Role::BackupItem, text, item, &Rc::default())
}

fn patch(text: &str, item: &str) -> Value {
    match run(text, item).unwrap().change {
        Change::Json(patch) => serde_json::from_str(&patch).unwrap(),
        Change::Unchanged => Value::Null,
        Change::Merge(patch) => panic!("a merge patch: {patch}"),
    }
}

#[test]
fn golden_cases_of_the_examples() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (folder, expected) in [("scripts", 3), ("modifiers", 2)] {
        let count = cases::check_all::<Program>(&examples.join(folder), "script.jq").unwrap();
        assert_eq!(count, expected, "{folder}");
    }
}

#[test]
fn what_does_not_compile_is_told_with_its_place() {
    let cases = [
        (".spec |\n  foo(1)", "script.jq:2:3: there is no function foo/1"),
        (".spec.replicas =", "script.jq:1:17: expected term, found the end of the script"),
        ("if . then 1", "script.jq:1:12: expected else or end, found the end of the script"),
        (".a\n| (.b | .c", "script.jq:2:3: ( is never closed"),
        ("\"ä\" | $parms", "script.jq:1:7: there is no variable $parms"),
        ("", "script.jq:1:1: expected term, found the end of the script"),
        ("input", "script.jq:1:1: there is no function input/0"),
        (
            "env.HOME, $ENV",
            "script.jq:1:1: there is no function env/0\nscript.jq:1:11: there is no variable $ENV",
        ),
        ("halt", "script.jq:1:1: there is no function halt/0"),
        ("import \"a\" as a; .", "script.jq:1:9: there are no modules here"),
    ];
    for (text, expected) in cases {
        let error = compile(text, &Rc::default()).err().unwrap_or_default();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn what_fails_while_it_runs_names_the_script() {
    let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(5000));
    let cases = [
        (".a.b", r#"{"a": "x"}"#, r#"script.jq: cannot index "x" with "b""#),
        ("empty", "{}", "script.jq: no output: to leave the item as it is give `.`"),
        ("., .", "{}", "script.jq: more than one output"),
        ("1", "{}", "script.jq: the result is no object"),
        ("error(\"not today\")", "{}", "script.jq: not today"),
        (".labels.a = 1", r#"{"labels": null}"#, "where a key may be absent, add an object"),
        (".a = nan", "{}", "script.jq: the result at /a cannot be used: NaN is no number in JSON"),
        (".b = ([1] | tobytes)", "{}", "bytes have no form in JSON"),
        (".a.b", &long, "xxx..."),
        ("skip(1)", "{}", "the reason must be a string, but is 1"),
    ];
    for (text, item, expected) in cases {
        let error = run(text, item).unwrap_err();
        assert!(error.starts_with("script.jq: ") && error.contains(expected), "{text}: {error}");
        assert!(error.len() < 1200, "{}", error.len());
    }
}

#[test]
fn numbers_are_exact_and_written_as_jq_would() {
    let item = r#"{"big": 18446744073709551615, "small": -9223372036854775808, "dec": 0.10, "n": 4}"#;
    assert_eq!(patch(".x = 1", item), json!([{"op": "add", "path": "/x", "value": 1}]));
    assert_eq!(patch(".n /= 2", item), json!([{"op": "replace", "path": "/n", "value": 2}]));
    assert_eq!(patch(".n = 4.0 / 1", item), Value::Null);
    let moved = json!([{"op": "add", "path": "/b", "value": u64::MAX}]);
    assert_eq!(patch(".b = .big", item), moved);
    let counted = json!([{"op": "replace", "path": "/small", "value": i64::MIN + 1}]);
    assert_eq!(patch(".small += 1", item), counted);
    let param = json!([{"op": "replace", "path": "/n", "value": 9_007_199_254_740_993_u64}]);
    assert_eq!(patch(".n = $params.n", item), param);
    // The float next to it is another number, though jaq finds them equal.
    let rounded = json!([{"op": "replace", "path": "/big", "value": 9_007_199_254_740_992_u64}]);
    assert_eq!(patch(".big = 9007199254740993 * 1.0", r#"{"big": 9007199254740993}"#), rounded);
}

#[test]
fn one_call_changes_names_related_objects_and_logs() {
    let host = Rc::new(Recorded::default());
    let script = r#"
        warn("careful") | info({a: 1}) | debug | debug("low")
        | also("configmaps"; "settings") | also("deployments.v1.apps"; "other"; "web") | also("namespaces"; null; "team")
        | must_include | .spec.replicas = 0"#;
    let verdict = run_as(Role::BackupItem, script, r#"{"spec": {"replicas": 3}}"#, &host).unwrap();
    assert_eq!(
        verdict.change,
        Change::Json(r#"[{"op":"replace","path":"/spec/replicas","value":0}]"#.into())
    );
    let related: Vec<_> = verdict
        .related
        .iter()
        .map(|object| (&*object.group, &*object.resource, object.namespace.as_deref(), &*object.name))
        .collect();
    let expected = [
        ("", "configmaps", Some("team"), "settings"),
        ("apps", "deployments", Some("other"), "web"),
        ("", "namespaces", None, "team"),
    ];
    assert_eq!(related, expected);
    assert!(verdict.must_include && verdict.skip.is_none());
    let lines = host.lines.borrow();
    let lines: Vec<_> = lines.iter().map(|(level, line)| (*level, &**line)).collect();
    let item = r#"{"spec":{"replicas":3}}"#;
    assert_eq!(
        lines,
        [(Level::Warn, "careful"), (Level::Info, r#"{"a":1}"#), (Level::Debug, item), (Level::Debug, "low")]
    );
}

#[test]
fn a_script_can_leave_the_item_out() {
    let verdict = run(r#".x = 1 | skip("first") | skip("second") | also("pods"; "p")"#, "{}").unwrap();
    assert_eq!(verdict.skip.as_deref(), Some("first"));
    assert_eq!(verdict.change, Change::Unchanged);
    let verdict = run(r#"skip("gone") | empty"#, "{}").unwrap();
    assert_eq!(verdict.skip.as_deref(), Some("gone"));
}

#[test]
fn without_an_item_to_give_a_script_may_give_none() {
    let script = r#"also("secrets"; .spec.secret) | empty"#;
    let verdict = run_as(Role::RelatedItems, script, r#"{"spec": {"secret": "s"}}"#, &Rc::default()).unwrap();
    assert_eq!((verdict.change, verdict.related.len()), (Change::Unchanged, 1));
}

#[test]
fn a_script_knows_its_run_and_its_item() {
    let host = Rc::new(Recorded { original: Some(json!({"uid": "u"})), ..Recorded::default() });
    let script = r"
        .run = $run | .item = $item | .original = $original | .config = $config | .now = now
        | .day = ($run.started | fromdate | todate)";
    let Change::Json(patch) = run_as(Role::RestoreItem, script, "{}", &host).unwrap().change else {
        panic!("no patch")
    };
    let patch: json_patch::Patch = serde_json::from_str(&patch).unwrap();
    let mut seen = json!({});
    json_patch::patch(&mut seen, &patch).unwrap();
    assert_eq!(seen["run"]["name"], "nightly");
    assert_eq!(seen["run"]["role"], "restore-item");
    assert_eq!(seen["run"]["dryRun"], false);
    assert_eq!(seen["day"], "2023-11-14T22:13:20Z");
    assert_eq!(seen["item"]["resource"], "deployments");
    assert_eq!(seen["item"]["targetNamespace"], "team");
    assert_eq!(seen["original"], json!({"uid": "u"}));
    assert_eq!(seen["config"], Value::Null);
    assert_eq!(seen["now"], 1_700_000_100);
}

#[test]
fn a_script_reads_and_changes_the_cluster() {
    let host = Recorded::default();
    let pod = |name: &str| json!({"kind": "Pod", "metadata": {"name": name, "namespace": "team", "labels": {"app": name}}});
    host.objects.borrow_mut().extend([("pods".into(), pod("a")), ("pods".into(), pod("b"))]);
    let host = Rc::new(host);
    let script = r#"
        .one = cluster_get("pods"; "team"; "a").metadata.name
        | .none = cluster_get("pods"; "team"; "z")
        | .all = [cluster_list("pods"; null)[].metadata.name]
        | .chosen = (cluster_list("pods"; "team"; "app=b") | length)
        | cluster_create({kind: "ConfigMap"})
        | cluster_patch("pods"; "team"; "a"; {metadata: {labels: {x: "y"}}})
        | cluster_delete("pods"; "team"; "b")"#;
    let Change::Json(patch) = run_as(Role::BackupItem, script, "{}", &host).unwrap().change else {
        panic!("no patch")
    };
    let expected = json!([
        {"op": "add", "path": "/one", "value": "a"},
        {"op": "add", "path": "/none", "value": null},
        {"op": "add", "path": "/all", "value": ["a", "b"]},
        {"op": "add", "path": "/chosen", "value": 1},
    ]);
    assert_eq!(serde_json::from_str::<Value>(&patch).unwrap(), expected);
    let requests = host.requests.borrow();
    assert_eq!(
        requests[4..],
        [
            r#"create {"kind":"ConfigMap"}"#,
            r#"patch pods team/a {"metadata":{"labels":{"x":"y"}}}"#,
            "delete pods team/b",
        ]
    );
}

#[test]
fn a_refusal_can_be_caught_by_its_reason() {
    let host = Rc::new(Recorded::default());
    host.refusal.set(Some(Reason::NotGranted));
    let script = r#"cluster_get("pods"; "team"; "a")"#;
    let error = run_as(Role::BackupItem, script, "{}", &host).unwrap_err();
    assert_eq!(error, "script.jq: refused: get pods team/a");
    let script = r#".reason = (try cluster_get("pods"; "team"; "a") catch .reason)"#;
    let verdict = run_as(Role::BackupItem, script, "{}", &host).unwrap();
    assert_eq!(
        verdict.change,
        Change::Json(r#"[{"op":"add","path":"/reason","value":"not-granted"}]"#.into())
    );
}

#[test]
fn deep_items_come_through() {
    let item = format!("{}{{}}{}", r#"{"a":"#.repeat(99), "}".repeat(99));
    assert_eq!(patch(".b = 1", &item), json!([{"op": "add", "path": "/b", "value": 1}]));
    assert!(run(".b = .", &item).unwrap_err().contains("100 levels"));
}

//! What scripts answer, what they say when they are wrong, and that JavaScript damages nothing.

use std::{path::Path, rc::Rc};

use lateen_engine_kit::{
    Change, Engine, Host, Level, Reason, Role, Scene, Script, Verdict, arbitrary,
    cases::{self, applied},
    recorded::Recorded,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::JavaScriptEngine;

fn compile(text: &str, host: Rc<dyn Host>) -> Result<JavaScriptEngine, String> {
    let params = json!({ "env": "prod", "limit": 3 }).to_string();
    let script = Script { name: "script.js".into(), text: text.into(), params, plugin_config: None };
    JavaScriptEngine::compile(&script, host)
}

fn run_as(role: Role, text: &str, item: &Value, host: Rc<Recorded>) -> Result<Verdict, String> {
    compile(text, host)?.run(&item.to_string(), &Scene { role })
}

fn run(text: &str, item: &Value) -> Result<Verdict, String> {
    run_as(Role::RestoreItem, text, item, Rc::default())
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "team", "labels": { "app": "web" } },
        "spec": { "replicas": 3, "big": 9_007_199_254_740_993_u64, "huge": u64::MAX, "least": i64::MIN, "float": 1.0,
            "2": "keys that are numbers", "1": "come first in JavaScript" },
    })
}

/// The patch of a script.
fn patch(text: &str, item: &Value) -> String {
    match run(text, item).unwrap().change {
        Change::Unchanged => "unchanged".into(),
        Change::Json(patch) => patch,
        Change::Merge(patch) => panic!("{patch}"),
    }
}

#[test]
fn a_script_is_a_function_in_any_form() {
    for script in [
        "(item) => { item.spec.replicas = 0; return item; }",
        "const zero = 0;\n(item) => ({ ...item, spec: { ...item.spec, replicas: zero } });",
        "(function (item) { item.spec.replicas = 0; return item; })",
        "export default (item) => { item.spec.replicas = 0; return item; };",
        "const zero = 0;\nexport default function (item) { item.spec.replicas = zero; return item; }",
        "(item, run) => { item.spec.replicas = run.item.resource === 'deployments' && run.name === 'nightly' ? 0 : 1; return item; }",
    ] {
        let expected = r#"[{"op":"replace","path":"/spec/replicas","value":0}]"#;
        assert_eq!(patch(script, &deployment()), expected, "{script}");
    }
    assert_eq!(patch("(item) => item", &deployment()), "unchanged");
    assert_eq!(patch("(item) => JSON.parse(JSON.stringify(item))", &deployment()), "unchanged");
}

#[test]
fn large_integers_that_are_moved_come_out_as_they_went_in() {
    let moved =
        "(item) => { item.copy = [item.spec.big, item.spec.huge, item.spec.least, -5]; return item; }";
    let expected =
        format!(r#"[{{"op":"add","path":"/copy","value":[9007199254740993,{},{},-5]}}]"#, u64::MAX, i64::MIN);
    assert_eq!(patch(moved, &deployment()), expected);

    let alike = json!({ "a": 9_007_199_254_740_993_u64, "b": 9_007_199_254_740_992_u64 });
    assert_eq!(
        patch("(item) => { item.c = 1; return item; }", &alike),
        r#"[{"op":"add","path":"/c","value":1}]"#
    );
    let error = run("(item) => { item.c = item.a; return item; }", &alike).unwrap_err();
    assert!(error.contains("cannot tell apart above 2^53"), "{error}");

    let host =
        Recorded { original: Some(json!({ "big": 9_007_199_254_740_995_u64 })), ..Recorded::default() };
    let script = "(item) => { item.big = original.big; return item; }";
    let change = run_as(Role::RestoreItem, script, &json!({}), Rc::new(host)).unwrap().change;
    assert_eq!(change, Change::Json(r#"[{"op":"add","path":"/big","value":9007199254740995}]"#.into()));
}

#[test]
fn more_than_plain_data_is_written_as_json_stringify_does() {
    let item = json!({ "at": { "a": 1, "b": [1, 2], "c": { "d": 1 } } });
    let cases = [
        (
            "item.at.a = new Date(0)",
            r#"[{"op":"replace","path":"/at/a","value":"1970-01-01T00:00:00.000Z"}]"#,
        ),
        ("item.at.a = undefined", r#"[{"op":"remove","path":"/at/a"}]"#),
        ("item.at.a = () => 1", r#"[{"op":"remove","path":"/at/a"}]"#),
        (
            "item.at.b = [undefined, NaN]",
            r#"[{"op":"replace","path":"/at/b/0","value":null},{"op":"replace","path":"/at/b/1","value":null}]"#,
        ),
        ("item.at.b.length = 1", r#"[{"op":"remove","path":"/at/b/1"}]"#),
        ("item.at.b.push(-0)", r#"[{"op":"add","path":"/at/b/2","value":0}]"#),
        ("item.at.c.toJSON = () => ({ d: 1 })", "unchanged"),
        ("item.at.b.toJSON = () => 'list'", r#"[{"op":"replace","path":"/at/b","value":"list"}]"#),
        ("item.at.c = new (class { d = 2 })()", r#"[{"op":"replace","path":"/at/c/d","value":2}]"#),
        ("item.at.c = new Proxy({ d: 1 }, {})", "unchanged"),
        ("item.at.a = new Number(1)", "unchanged"),
        (
            "Object.defineProperty(item.at.c, 'd', { get: () => 5 })",
            r#"[{"op":"replace","path":"/at/c/d","value":5}]"#,
        ),
        (
            "Object.defineProperty(item.at.c, 'd', { enumerable: false })",
            r#"[{"op":"remove","path":"/at/c/d"}]"#,
        ),
        ("item.at.c.__proto__ = { e: 1 }", "unchanged"),
        (
            "item.at.a = 'x' + '\\u00fc' + 'y'.repeat(9)",
            r#"[{"op":"replace","path":"/at/a","value":"xüyyyyyyyyy"}]"#,
        ),
    ];
    for (statement, expected) in cases {
        let script = format!("(item) => {{ {statement}; return item; }}");
        assert_eq!(patch(&script, &item), expected, "{statement}");
    }
    let error = run("(item) => { item.at.c.d = '\\ud800'; return item; }", &item).unwrap_err();
    assert!(error.starts_with("script.js: "), "{error}");
}

#[test]
fn a_script_says_more_than_the_item() {
    let host = Rc::new(Recorded::default());
    let script = "(item) => {
        also('configmaps', 'team', 'settings'); also('persistentvolumes', null, 'pv'); mustInclude();
        log.warn('careful'); log.info(`${params.env} ${config} ${original}`); return item; }";
    let verdict = run_as(Role::BackupItem, script, &deployment(), host.clone()).unwrap();
    let related: Vec<_> =
        verdict.related.iter().map(|one| (&*one.resource, one.namespace.as_deref(), &*one.name)).collect();
    assert_eq!(related, [("configmaps", Some("team"), "settings"), ("persistentvolumes", None, "pv")]);
    assert!(verdict.must_include);
    let lines = [(Level::Warn, "careful".to_owned()), (Level::Info, "prod null null".to_owned())];
    assert_eq!(host.lines.take(), lines);
    for script in ["() => skip('why')", "(item) => { skip('why'); return item; }"] {
        assert_eq!(run(script, &deployment()).unwrap().skip.as_deref(), Some("why"), "{script}");
    }
    let related =
        run_as(Role::RelatedItems, "() => also('pods', 'team', 'web')", &deployment(), Rc::default());
    assert_eq!(related.unwrap().related.len(), 1);
}

#[test]
fn nothing_is_left_of_a_call() {
    let script = "(item) => { if (params.seen) throw new Error('seen'); params.seen = true; also('pods', 'a', 'b'); return item; }";
    let engine = compile(script, Rc::<Recorded>::default()).unwrap();
    for _ in 0..3 {
        let verdict = engine.run("{}", &Scene { role: Role::BackupItem }).unwrap();
        assert_eq!(verdict.related.len(), 1);
    }
}

#[test]
fn the_cluster_is_read_and_written() {
    let host = Rc::new(Recorded::default());
    let settings = json!({ "metadata": { "name": "settings", "namespace": "team", "labels": { "a": "b" } } });
    host.objects.borrow_mut().push(("configmaps".into(), settings));
    let script = "(item) => {
        const found = cluster.get('configmaps', 'team', 'settings');
        if (cluster.get('configmaps', 'team', 'other') !== null) throw new Error('other');
        if (cluster.list('configmaps', 'team', { labels: 'a=b' }).length !== 1) throw new Error('list');
        if (cluster.list('configmaps', null).length !== 1) throw new Error('list all');
        cluster.patch('configmaps', 'team', 'settings', { data: { x: 'y' } });
        cluster.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new' } });
        if (!cluster.delete('configmaps', 'team', 'settings')) throw new Error('delete');
        item.found = found.metadata.labels.a;
        return item; }";
    let change = run_as(Role::BackupItem, script, &json!({}), host.clone()).unwrap().change;
    assert_eq!(change, Change::Json(r#"[{"op":"add","path":"/found","value":"b"}]"#.into()));
    assert_eq!(host.requests.take().len(), 7);

    host.refusal.set(Some(Reason::NotGranted));
    let script = "(item) => { try { cluster.get('pods', 'a', 'b'); } catch (e) { return skip(e.reason + ': ' + e.message); } }";
    let verdict = run_as(Role::BackupItem, script, &json!({}), host.clone()).unwrap();
    assert_eq!(verdict.skip.as_deref(), Some("not-granted: refused: get pods a/b"));
    let error = run_as(Role::BackupItem, "(item) =>\n  cluster.delete('pods', 'a', 'b')", &json!({}), host)
        .unwrap_err();
    assert_eq!(error, "script.js:2:11: refused: delete pods a/b");
}

#[test]
fn errors_say_where() {
    let cases = [
        ("(item) => {\n  return itm;\n}", "script.js:2:10: ReferenceError: itm is not defined"),
        (
            "(item) => {\n  return item.a.b;\n}",
            "script.js:2:10: TypeError: cannot read property 'b' of undefined",
        ),
        ("(item) => {\n  return ;;)\n}", "script.js:2:12: SyntaxError: "),
        ("export default (item) => {\n  return ;;)\n}", "script.js:2:12: SyntaxError: "),
        ("(item) => {\n  throw new Error('no');\n}", "script.js:2:13: no"),
        ("(item) => { throw 'no'; }", "script.js: threw no"),
        ("undeclared = 1; (item) => item", "script.js:1:1: ReferenceError: undeclared is not defined"),
        ("function action(item) { return item; }", "script.js: the last expression is no function"),
        ("import x from 'y'; export default (item) => item", "script.js"),
        ("log.info('x'); (item) => item", "script.js:1:4: there is no item yet"),
        ("const r = Math.random(); (item) => item", "script.js:1:15: there is no item yet"),
        ("(item) => {}", "script.js: the script returned nothing"),
        ("(item) => [item]", "script.js: the script returned a value of type array"),
        ("(item) => 'text'", "script.js: the script returned a value of type string"),
        ("async (item) => item", "script.js: the script returned a promise"),
        ("(item) => { item.self = item; return item; }", "script.js"),
        ("(item) => { item.big = 1n; return item; }", "script.js: TypeError: "),
        (
            "(item) => { also(item, null, 'x'); return item; }",
            "script.js:1:18: TypeError: also(resource, namespace, name)",
        ),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(script, expected)| (script, expected, run(script, &deployment()).unwrap_err()))
        .filter(|(_, expected, error)| !error.starts_with(**expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn deep_recursion_is_an_exception() {
    let error = run("(item) => {\n  const f = () => f() + 1;\n  return f();\n}", &deployment()).unwrap_err();
    assert!(
        error.starts_with("script.js:2:") && error.contains("Maximum call stack size exceeded"),
        "{error}"
    );
    let script = "(item) => { try { const f = () => f() + 1; f(); } catch (e) { return skip(e.name); } }";
    assert_eq!(run(script, &deployment()).unwrap().skip.as_deref(), Some("RangeError"));
}

#[test]
fn chance_is_the_hosts() {
    let script = "(item) => { item.a = Math.random(); return item; }";
    let first = patch(script, &json!({}));
    assert_eq!(first, patch(script, &json!({})));
    assert!(first.contains("\"value\":0.0"), "{first}");
}

#[test]
fn the_examples_do_what_their_cases_say() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (folder, least) in [("scripts", 2), ("modifiers", 1)] {
        let count = cases::check_all::<JavaScriptEngine>(&examples.join(folder), "script.js").unwrap();
        assert!(count >= least, "{folder}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_script_changes_only_what_it_names(spec in arbitrary::json("[a-z0-9~/\"ü]{0,4}")) {
        let item = json!({ "metadata": { "name": "x", "labels": { "a": "b" } }, "spec": spec });
        for same in ["(item) => item", "(item) => JSON.parse(JSON.stringify(item))", "(item) => structured(item);\nfunction structured(x) { return Array.isArray(x) ? x.map(structured) : x && typeof x === 'object' ? Object.fromEntries(Object.entries(x).reverse().map(([k, v]) => [k, structured(v)])) : x; }"] {
            let same = run(same, &item).unwrap();
            prop_assert_eq!(same.change, Change::Unchanged);
        }

        let label = run("(item) => { item.metadata.labels.env = params.env; return item; }", &item).unwrap();
        let mut expected = item.clone();
        expected["metadata"]["labels"]["env"] = json!("prod");
        prop_assert_eq!(applied(&item, label.change.into()).unwrap(), expected);
    }
}

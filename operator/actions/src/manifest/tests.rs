use rstest::rstest;

use super::*;
use crate::subject::{ObjectRef, Subject};

const CEILING: Ceiling = Ceiling { memory: limits::MEMORY_CEILING, time: limits::CALL_TIME_CEILING };

fn parse(text: &str) -> Result<Manifest, String> {
    match Declaration::parse(text, CEILING).map_err(|error| error.to_string())? {
        Declaration::Action(manifest) => Ok(*manifest),
        Declaration::SwitchedOff(off) => panic!("{off:?}"),
    }
}

/// The least that a manifest must say.
fn least() -> String {
    "name: a.example/b\non: [restore]\nmatch: {resources: [pods]}\ncomponent: c.wasm\n".to_owned()
}

#[test]
fn the_least_has_defaults() {
    let manifest = parse(&least()).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.entry.as_str()), ("a.example/b", "b"));
    assert_eq!((manifest.memory, manifest.time), (limits::MEMORY, limits::CALL_TIME));
    assert_eq!((manifest.failure_policy, manifest.order), (FailurePolicy::FailItem, 0));
    assert!(manifest.params.is_empty() && !manifest.fresh_instance);
}

#[test]
fn everything_can_be_said() {
    let manifest = parse(
        "
        name: platform.example/scale-down
        on: [restore, backup, restore]
        match: {resources: [deployments.apps, '*.example.com', secrets], namespaces: ['team-*'], labelSelector: 'tier in (a, b)'}
        component: action.wasm.gz
        entry: down
        params: {replicas: 0, deep: {list: [1, two]}}
        order: -5
        failurePolicy: fail-run
        limits: {memory: 64Mi, time: 250ms}
        capabilities: {secrets: true, mustInclude: true, related: {resources: ['*'], namespaces: [shared]}}
        freshInstance: true
        ",
    )
    .unwrap();
    assert_eq!(manifest.roles, [Role::Backup, Role::Restore]);
    assert_eq!(manifest.entry, "down");
    assert_eq!(manifest.params["deep"]["list"][1], "two");
    assert_eq!((manifest.memory, manifest.time), (64 << 20, Duration::from_millis(250)));
    assert!(manifest.matcher.matches("example.com", "widgets", Some("team-a"), None));
    assert!(manifest.capabilities.must_include);
}

#[rstest]
#[case::no_yaml("name: [", "cannot read the manifest: ")]
#[case::empty("", "cannot read the manifest: ")]
#[case::unknown_key(
    "{least}image: x\n",
    "cannot read the manifest: unknown field `image`, expected one of `name`, `on`, `match`, `component`"
)]
#[case::twice("{least}on: [restores]", "cannot read the manifest: duplicate field `on`")]
#[case::bad_role(
    "name: a/b\non: [restores]",
    "unknown variant `restores`, expected one of `backup`, `restore`, `delete`, `related-items`"
)]
#[case::no_match("name: a.example/b\non: [restore]\ncomponent: c.wasm", "`match` is missing")]
#[case::no_code(
    "name: a.example/b\non: [restore]\nmatch: {resources: [pods]}",
    "the manifest does not say where the code is"
)]
#[case::two_codes("{least}engine: jq", "`component` and `engine` exclude each other")]
#[case::engine("{bare}engine: awk", "unknown variant `awk`, expected one of `jq`, `cel`, `javascript`")]
#[case::script("{least}script: x.jq", "`script` goes with `engine` only")]
#[case::script_chunks(
    "{bare}engine: jq\nchunks: {count: 2, sha256: '00'}",
    "`chunks` goes with `component` only"
)]
#[case::script_digest("{bare}engine: cel\ndigest: '00'", "`digest` goes with `component` only")]
#[case::digest(
    "{least}digest: md5:00",
    "digest: \"md5:00\" is not a digest such as sha256:<64 hexadecimal digits>"
)]
#[case::chunk_digest("{least}chunks: {count: 2, sha256: '12'}", "chunks.sha256: \"12\" is not a digest")]
#[case::chunk_no_digest("{least}chunks: {count: 2}", "chunks: missing field `sha256`")]
#[case::no_chunks(
    "{least}chunks: {count: 0, sha256: '{sha}'}",
    "chunks.count: 0 is not a number from 1 to 20"
)]
#[case::many_chunks(
    "{least}chunks: {count: 21, sha256: '{sha}'}",
    "chunks.count: 21 is not a number from 1 to 20"
)]
#[case::two_digests(
    "{least}digest: '{sha}'\nchunks: {count: 1, sha256: '{sha}'}",
    "`digest` and `chunks` exclude each other"
)]
#[case::disabled_nothing("disabled: true", "missing field `name`")]
#[case::disabled_nowhere("name: a.example/b\non: []\ndisabled: true", "`on` must name at least one")]
#[case::disabled_misspelt(
    "name: a.example/b\non: [restore]\ndisabled: yes please",
    "disabled: invalid type: string"
)]
#[case::unknown_policy(
    "{least}failurePolicy: ignore",
    "failurePolicy: unknown variant `ignore`, expected one of `fail-item`, `warn`, `fail-run`"
)]
#[case::unknown_capability("{least}capabilities: {root: true}", "capabilities: unknown field `root`")]
#[case::params_list("{least}params: [1]", "params: invalid type: sequence, expected a map")]
#[case::memory("{least}limits: {memory: 64MB}", "limits.memory: \"64MB\" is not a size such as 64Mi")]
#[case::memory_zero("{least}limits: {memory: 0Mi}", "limits.memory: \"0Mi\" is not a size")]
#[case::memory_absurd("{least}limits: {memory: 99999999999999999999Gi}", "is not a size")]
#[case::memory_unit_alone("{least}limits: {memory: i}", "limits.memory: \"i\" is not a size")]
#[case::memory_multibyte("{least}limits: {memory: 64µi}", "is not a size")]
#[case::memory_above(
    "{least}limits: {memory: 1Gi}",
    "limits.memory: 1Gi is more than this server allows (512 MiB)"
)]
#[case::time("{least}limits: {time: soon}", "limits.time: \"soon\" is not a time such as 500ms")]
#[case::time_negative("{least}limits: {time: -1s}", "limits.time: \"-1s\" is not a time")]
#[case::time_above("{least}limits: {time: 1m}", "limits.time: 1m is more than this server allows (10s)")]
fn refused(#[case] text: &str, #[case] message: &str) {
    let least = least();
    let text =
        text.replace("{sha}", &"ab".repeat(32)).replace("{bare}", &least.replace("component: c.wasm\n", ""));
    let error = parse(&text.replace("{least}", &least)).unwrap_err();
    assert!(error.contains(message), "{error}");
}

#[test]
fn code_comes_from_one_place() {
    let component =
        |key: &str, chunks, digest| Code::Component(ComponentKey { key: key.into(), chunks, digest });
    let sha = Some([0xab; 32]);
    let digest = "ab".repeat(32);
    let bare = least().replace("component: c.wasm\n", "");
    for (text, code) in [
        ("component: c.wasm".to_owned(), component("c.wasm", None, None)),
        (format!("component: c.wasm\ndigest: {digest}"), component("c.wasm", None, sha)),
        (
            format!("component: c\nchunks: {{count: 20, sha256: 'sha256:{digest}'}}"),
            component("c", Some(20), sha),
        ),
        ("component: builtin".to_owned(), Code::BuiltIn),
        ("engine: jq".to_owned(), Code::Script { engine: ScriptEngine::Jq, key: "script.jq".into() }),
        (
            "engine: javascript".to_owned(),
            Code::Script { engine: ScriptEngine::Javascript, key: "script.js".into() },
        ),
        (
            "engine: cel\nscript: a.cel".to_owned(),
            Code::Script { engine: ScriptEngine::Cel, key: "a.cel".into() },
        ),
    ] {
        assert_eq!(parse(&format!("{bare}{text}")).unwrap().code, code, "{text}");
    }
}

#[rstest]
#[case::alone("name: a.example/b\non: [restore, backup]\ndisabled: true")]
#[case::with_the_rest(
    "name: a.example/b\non: [backup, restore, backup]\nmatch: {resources: []}\ncomponent: c\ndisabled: true"
)]
fn one_line_switches_it_off(#[case] text: &str) {
    let Declaration::SwitchedOff(off) = Declaration::parse(text, CEILING).unwrap() else {
        panic!("it is on")
    };
    assert_eq!(off, SwitchedOff { name: "a.example/b".into(), roles: vec![Role::Backup, Role::Restore] });
    assert!(Declaration::parse(&text.replace("true", "false"), CEILING).is_err());
}

#[rstest]
#[case("b", "name \"b\" must be <dns>/<name>, for instance example.com/scale-down")]
#[case("a.example/b/c", "must be <dns>/<name>")]
#[case("A.example/b", "must be <dns>/<name>")]
#[case("a.example/-b", "must be <dns>/<name>")]
#[case("/b", "must be <dns>/<name>")]
fn names(#[case] name: &str, #[case] message: &str) {
    let error = parse(&least().replace("a.example/b", name)).unwrap_err();
    assert!(error.contains(message), "{error}");
}

#[rstest]
#[case("{resources: []}", "`match.resources` must name at least one resource")]
#[case(
    "{resources: [Deployment]}",
    "match.resources: \"Deployment\" must be a plural in lower case with its group"
)]
#[case("{resources: [pods/log]}", "match.resources: \"pods/log\" names a subresource")]
#[case(
    "{resources: [deploy*]}",
    "match.resources: \"deploy*\" may have `*` only in place of the whole resource"
)]
#[case("{resources: [pods, secrets]}", "names secrets; that needs `capabilities: {secrets: true}`")]
#[case(
    "{resources: [pods], namespaces: [Team]}",
    "match.namespaces: \"Team\" is neither a namespace nor a pattern"
)]
#[case("{resources: [pods], namespaces: ['a[']}", "match.namespaces: \"a[\" is not a pattern")]
#[case("{resources: [pods], labelSelector: 'a b'}", "match.labelSelector: \"a b\" has no operator")]
#[case("{resources: [pods], labels: a}", "match: unknown field `labels`")]
fn matches(#[case] text: &str, #[case] message: &str) {
    let error = parse(&least().replace("{resources: [pods]}", text)).unwrap_err();
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_manifest_has_an_end() {
    let text = format!("{}# {}", least(), "x".repeat(limits::MANIFEST));
    assert_eq!(parse(&text).unwrap_err(), "the manifest is larger than 64 KiB");
}

#[rstest]
#[case("{}", "", "configmaps", Some("app"), true)]
#[case("{}", "", "persistentvolumes", None, true)]
#[case("{}", "", "configmaps", Some("other"), false)]
#[case("{}", "", "secrets", Some("app"), false)]
#[case("{secrets: true}", "", "secrets", Some("app"), true)]
#[case("{secrets: true}", "", "secrets", Some("shared"), false)]
#[case("{related: {resources: [configmaps], namespaces: [shared]}}", "", "configmaps", Some("shared"), true)]
#[case("{related: {resources: [configmaps], namespaces: [shared]}}", "", "configmaps", Some("other"), false)]
#[case(
    "{related: {resources: [configmaps], namespaces: [shared]}}",
    "apps",
    "configmaps",
    Some("shared"),
    false
)]
#[case("{related: {resources: ['*']}}", "", "secrets", Some("shared"), false)]
#[case("{secrets: true, related: {resources: ['*']}}", "", "secrets", Some("shared"), true)]
fn related_objects(
    #[case] capabilities: &str,
    #[case] group: &str,
    #[case] resource: &str,
    #[case] namespace: Option<&str>,
    #[case] allowed: bool,
) {
    let manifest = parse(&format!("{}capabilities: {capabilities}", least())).unwrap();
    let subject = Subject {
        group: String::new(),
        resource: "pods".into(),
        version: "v1".into(),
        kind: "Pod".into(),
        namespace: Some("app".into()),
        name: "web".into(),
        target_namespace: None,
        additional: false,
    };
    let object = ObjectRef {
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.map(Into::into),
        name: "x".into(),
    };
    assert_eq!(manifest.capabilities.allow_related(&subject, &object).is_ok(), allowed);
}

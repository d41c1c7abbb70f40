//! What becomes of ConfigMaps, and what their authors read.

use std::sync::Arc;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use k8s_openapi::{
    ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp,
};
use lateen_actions::{
    ActionRun, ActionSet, Effect, ItemResult, Library, Role, SourceReport, SourceState,
    manifest::FailurePolicy,
};
use rstest::rstest;
use sha2::{Digest, Sha256};

use crate::world::{
    FOREIGN_IMPORT, HOSTILE, STAMP, annotations, configmap, deployment, embedded, info, load, manifest,
    registry, registry_with,
};
use crate::worlds::{component, of_version};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn problem(report: &SourceReport) -> &str {
    &report.outcome.as_ref().expect_err("it is not in order").reason
}

/// What a set makes of a Deployment on restore.
async fn restored(set: &Arc<ActionSet>) -> ItemResult {
    let (subject, item) = deployment();
    let mut session = ActionRun::new(Arc::clone(set), info(Role::Restore)).session();
    session.restore_item(&subject, item.clone(), Arc::new(item)).await
}

/// A component without anything in it.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

#[rstest]
#[case::foreign(&FOREIGN_IMPORT, "on: [restore]", "the component imports wasi:clocks/monotonic-clock@0.2.0, which the host does not have: actions run without WASI. Build for a target without an operating system")]
#[case::module(
    EMPTY_MODULE,
    "on: [restore]",
    "this is a core module, not a component; make one of it with `wasm-tools component new`"
)]
#[case::empty(
    EMPTY_COMPONENT,
    "on: [restore]",
    "the component exports no interface lateen:item-action/action of version 0.2; it exports nothing"
)]
#[case::text(b"#!/bin/sh", "on: [restore]", "this is not WebAssembly: it does not begin with \\0asm")]
#[case::cut_off(&STAMP[..20_000], "on: [restore]", "cannot compile the component: ")]
#[case::misspelt(&STAMP, "on: [restore]\nparams: {replica: 1}", "configure: params: unknown field `replica`, expected `replicas` or `annotations`")]
#[case::stalling(&HOSTILE, "on: [restore]\nparams: {misdeed: count, stall: true}", "configure: guest code ran longer than 5s")]
#[case::another_world(
    &component("package example:plugin@1.0.0; world plugin { export render: func(text: string) -> string; }", "plugin"),
    "on: [restore]",
    "the component exports no interface lateen:item-action/action of version 0.2; it exports render"
)]
#[case::another_role(&of_version("0.2.0", "backup-action"), "on: [restore]", "the manifest says `on: [restore]`, but the component does not export the interface lateen:item-action/restore-item")]
#[case::next_major(&of_version("1.0.0", "complete"), "on: [restore]", "lateen:item-action/context@1.0.0, ")]
#[case::next_minor(&of_version("0.3.0", "complete"), "on: [restore]", "and this server has version 0.2 of the contract: it is too old for the component, or too new")]
#[case::bomb(&gzip(&vec![0; 30 << 20]), "on: [restore]", "component: it is larger than 10 MiB once unpacked")]
#[tokio::test]
async fn a_broken_component_is_explained_and_fails_closed(
    #[case] bytes: &[u8],
    #[case] rest: &str,
    #[case] message: &str,
) {
    let text = manifest("broken", "").replace("on: [backup, restore]", rest);
    let honest = manifest("stamp", "").replace("on: [backup, restore]", "on: [backup]");
    let maps = [configmap("broken", &text, bytes), configmap("stamp", &honest, &STAMP)];
    let (set, reports) = load(&maps).await;
    assert_eq!(reports[0].source, "velero/broken");
    assert!(problem(&reports[0]).contains(message), "{}", problem(&reports[0]));
    assert_eq!(set.describe()[0].problem.as_deref(), Some(problem(&reports[0])));

    assert!(set.concerns(Role::Restore, &deployment().0, None));
    let result = restored(&set).await;
    let error = result.error.expect("what it matches fails");
    assert_eq!(error.policy, FailurePolicy::FailItem);
    assert!(error.reason.starts_with("the action cannot be used: "), "{}", error.reason);

    // The others go on.
    assert!(reports[1].outcome.is_ok(), "{reports:?}");
    let (subject, item) = deployment();
    let result = ActionRun::new(set, info(Role::Backup)).session().backup_item(&subject, item).await;
    assert_eq!(result.error, None);
    assert!(annotations(&result.item).contains_key("demo.lateen.dev/backed-up-by"), "{result:?}");
}

#[tokio::test]
async fn the_component_must_be_where_the_manifest_says() {
    let text = manifest("lost", "").replace("action.wasm", "other.wasm");
    let (set, reports) = load(&[configmap("lost", &text, &STAMP)]).await;
    assert_eq!(
        problem(&reports[0]),
        "the manifest says `component: other.wasm`, but there is no such key in binaryData; there is action.wasm"
    );
    assert!(set.concerns(Role::Backup, &deployment().0, None));
}

#[tokio::test]
async fn without_a_manifest_every_run_has_to_know() {
    let mut missing = configmap("missing", "", &STAMP);
    missing.data = None;
    let maps = [configmap("misspelt", &manifest("m", "failurepolicy: warn"), &STAMP), missing];
    let (set, reports) = load(&maps).await;
    assert!(
        problem(&reports[0])
            .starts_with("action.yaml: cannot read the manifest: unknown field `failurepolicy`"),
        "{reports:?}"
    );
    assert_eq!(problem(&reports[1]), "there is no key action.yaml in data");
    let unreadable: Vec<_> = set.unreadable().iter().map(|unreadable| unreadable.source.as_str()).collect();
    assert_eq!(unreadable, ["velero/missing", "velero/misspelt"]);
    assert!(set.describe().is_empty());
}

#[tokio::test]
async fn what_has_no_label_is_somebody_elses() {
    let mut other = configmap("other", "", &STAMP);
    other.metadata.labels = Some([("app".to_owned(), "web".to_owned())].into());
    assert_eq!(load(&[other]).await.1, []);
}

#[tokio::test]
async fn what_has_not_changed_is_not_compiled_again() {
    let (host, registry) = registry();
    let plain = configmap("one", &manifest("one", ""), &STAMP);
    let packed = configmap("two", &manifest("two", ""), &gzip(&STAMP));
    let reports = registry.load(&[plain.clone(), packed.clone()]).await;
    let digests: Vec<&str> =
        reports.iter().map(|report| report.outcome.as_ref().unwrap().digest.as_str()).collect();
    assert_eq!(digests[0].len(), 64);
    assert_eq!(digests[0], digests[1], "the digest is that of the unpacked component");
    assert_eq!(host.compilations(), 1, "one component, two actions");

    let old = registry.snapshot();
    let changed = configmap("one", &manifest("one", "order: 5"), &STAMP);
    registry.load(&[changed, packed]).await;
    assert_eq!(host.compilations(), 1);
    assert_eq!(registry.snapshot().describe()[1].name, "test.example/one");
    assert_eq!(old.describe()[0].name, "test.example/one", "a run that has begun keeps what it has");

    registry.load(&[]).await;
    assert!(registry.snapshot().describe().is_empty());
    registry.load(&[plain]).await;
    assert_eq!(host.compilations(), 2, "what nobody uses is forgotten");
}

#[tokio::test]
async fn of_two_with_the_same_name_the_older_counts() {
    let dated = |name: &str, day: i64| -> ConfigMap {
        let mut map = configmap(name, &manifest("twin", ""), &STAMP);
        let time = Timestamp::from_second(day * 86_400).unwrap();
        map.metadata.creation_timestamp = Some(Time(time));
        map
    };
    let (set, reports) = load(&[dated("a-younger", 2), dated("b-older", 1)]).await;
    assert_eq!(
        problem(&reports[0]),
        "there is an action test.example/twin for backup already, from the older ConfigMap velero/b-older"
    );
    assert!(reports[1].outcome.is_ok());
    let sources: Vec<String> = set.describe().into_iter().map(|info| info.source).collect();
    assert_eq!(sources, ["velero/b-older"]);
}

#[tokio::test]
async fn unlike_settings_make_two_of_an_action() {
    let mut config = ConfigMap::default();
    config.metadata.namespace = Some("velero".to_owned());
    config.metadata.name = Some("settings".to_owned());
    let labels = [("velero.io/plugin-config", ""), ("test.example/one", "RestoreItemAction")];
    config.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let mut other = config.clone();
    other.metadata.name = Some("other".to_owned());

    let (host, registry) = registry();
    let action = configmap("one", &manifest("one", ""), &STAMP);
    let reports = registry.load(&[action.clone(), config.clone()]).await;
    assert!(reports.len() == 1 && reports[0].outcome.is_ok(), "{reports:?}");
    let roles: Vec<_> = registry.snapshot().describe().into_iter().map(|action| action.roles).collect();
    assert_eq!(roles, [[Role::Backup], [Role::Restore]]);

    let reports = registry.load(&[action.clone(), config, other]).await;
    assert!(problem(&reports[0]).contains("velero/other, velero/settings"), "{reports:?}");
    let set = registry.snapshot();
    let problems: Vec<bool> = set.describe().iter().map(|action| action.problem.is_some()).collect();
    assert_eq!(problems, [false, true], "the other role goes on");
    assert!(restored(&set).await.error.is_some());

    registry.load(&[action]).await;
    assert_eq!(registry.snapshot().describe()[0].roles, [Role::Backup, Role::Restore]);
    assert_eq!(host.compilations(), 1);
}

/// The component in three chunks, and the ConfigMap that they belong to.
fn chunked(component: &[u8], rest: &str) -> (ConfigMap, Vec<ConfigMap>) {
    let packed = zstd::encode_all(component, 3).expect("memory takes all");
    let sha = hex::encode(Sha256::digest(component));
    let text = manifest("large", rest)
        .replace("action.wasm", &format!("action.wasm.zst\nchunks: {{count: 3, sha256: {sha}}}"));
    let mut main = configmap("large", &text, &[]);
    main.binary_data = None;
    let chunks = packed.chunks(packed.len().div_ceil(3)).zip(1..).map(|(bytes, number)| {
        let mut map = configmap(&format!("large-{number}"), "", &[]);
        map.data = None;
        map.metadata.labels.get_or_insert_default().extend([
            ("lateen.dev/item-action".to_owned(), "chunk".to_owned()),
            ("lateen.dev/item-action-chunk".to_owned(), "large".to_owned()),
        ]);
        map.binary_data = Some([(format!("action.wasm.zst.{number:03}"), ByteString(bytes.to_vec()))].into());
        map
    });
    (main, chunks.collect())
}

#[tokio::test]
async fn a_component_that_is_half_there_does_not_take_the_place_of_a_whole_one() {
    let (host, registry) = registry();
    let (main, chunks) = chunked(&STAMP, "");
    let all = |main: &ConfigMap, chunks: &[ConfigMap]| [std::slice::from_ref(main), chunks].concat();

    // The first time there is nothing to fall back on.
    let reports = registry.load(&all(&main, &chunks[..1])).await;
    assert_eq!(reports.len(), 1, "chunks are no actions: {reports:?}");
    assert!(
        problem(&reports[0]).contains("2 of 3 chunks are missing, the first is action.wasm.zst.002"),
        "{reports:?}"
    );
    assert_eq!(reports[0].state(), SourceState::Refused);
    assert!(restored(&registry.snapshot()).await.error.is_some());

    let reports = registry.load(&all(&main, &chunks)).await;
    let loaded = reports[0].outcome.as_ref().unwrap();
    assert_eq!(loaded.digest, hex::encode(Sha256::digest(&*STAMP)));

    // A new version begins to arrive: another component, of which the chunks are still the old ones, then a part of the new ones.
    let (next, next_chunks) = chunked(&HOSTILE, "params: {misdeed: count}");
    let mixed = [&next_chunks[..1], &chunks[1..]].concat();
    for half in [all(&next, &chunks), all(&next, &mixed), all(&next, &next_chunks[1..])] {
        let reports = registry.load(&half).await;
        assert_eq!(reports[0].state(), SourceState::Incomplete, "{reports:?}");
        let result = restored(&registry.snapshot()).await;
        assert!(annotations(&result.item).contains_key("demo.lateen.dev/restored-by"), "{result:?}");
    }
    let reports = registry.load(&all(&next, &next_chunks)).await;
    assert!(reports[0].outcome.is_ok(), "{reports:?}");
    assert_eq!(annotations(&restored(&registry.snapshot()).await.item)["hostile"], "1");
    assert_eq!(host.compilations(), 2);

    // What is whole and wrong is not kept back.
    let (wrong, wrong_chunks) = chunked(b"nonsense", "");
    let reports = registry.load(&all(&wrong, &wrong_chunks)).await;
    assert_eq!(reports[0].outcome.as_ref().unwrap_err().effect, Effect::Fails);
    assert!(restored(&registry.snapshot()).await.error.is_some());
}

/// A server with two actions of its own, in this order, and with one engine.
fn library() -> Library {
    let own = |name: &str, roles: &str, params: &str| {
        format!(
            "name: velero.io/{name}\non: [{roles}]\nmatch: {{resources: [deployments.apps]}}\ncomponent: builtin\norder: 9\nparams: {{annotations: {{{params}}}}}\n"
        )
    };
    Library {
        components: vec![embedded("builtin", &STAMP), embedded("jq", &HOSTILE)],
        manifests: vec![
            own("second", "backup, restore", "second: own"),
            own("first", "restore", "first: own"),
        ],
    }
}

fn names(set: &ActionSet) -> Vec<(String, Vec<Role>, String)> {
    set.describe().into_iter().map(|action| (action.name, action.roles, action.source)).collect()
}

#[tokio::test]
async fn the_servers_own_actions_come_first_and_can_be_replaced() {
    let (host, registry) = registry_with(library());
    let early = configmap("early", &manifest("early", "order: -100"), &STAMP);
    registry.load(std::slice::from_ref(&early)).await;
    let set = registry.snapshot();
    let both = vec![Role::Backup, Role::Restore];
    let own =
        |name: &str, roles: &[Role]| (format!("velero.io/{name}"), roles.to_vec(), "built-in".to_owned());
    let early_one = ("test.example/early".to_owned(), both.clone(), "velero/early".to_owned());
    assert_eq!(names(&set), [own("second", &both), own("first", &[Role::Restore]), early_one.clone()]);
    assert!(set.describe()[0].built_in && !set.describe()[2].built_in);
    assert_eq!(annotations(&restored(&set).await.item)["second"], "own");
    assert_eq!(host.compilations(), 1, "the same component, wherever it comes from");

    let text = manifest("x", "params: {annotations: {second: replaced}}")
        .replace("test.example/x", "velero.io/second")
        .replace("on: [backup, restore]", "on: [restore]");
    let replacement = configmap("replacement", &text, &STAMP);
    let reports = registry.load(&[early.clone(), replacement]).await;
    assert_eq!(reports[1].outcome.as_ref().unwrap().replaces, [Role::Restore], "{reports:?}");
    assert!(reports[1].to_string().ends_with("it takes the place of the built-in one for restore"));
    let set = registry.snapshot();
    assert_eq!(
        names(&set),
        [
            own("second", &[Role::Backup]),
            own("first", &[Role::Restore]),
            early_one.clone(),
            ("velero.io/second".to_owned(), vec![Role::Restore], "velero/replacement".to_owned()),
        ]
    );
    assert_eq!(annotations(&restored(&set).await.item)["second"], "replaced");

    let off = configmap("off", "name: velero.io/second\non: [backup, restore]\ndisabled: true\n", &[]);
    let reports = registry.load(&[early.clone(), off]).await;
    assert_eq!(reports[1].state(), SourceState::SwitchedOff);
    assert_eq!(reports[1].outcome.as_ref().unwrap().replaces, both);
    assert_eq!(names(&registry.snapshot()), [own("first", &[Role::Restore]), early_one]);

    registry.load(&[]).await;
    assert_eq!(names(&registry.snapshot()), [own("second", &both), own("first", &[Role::Restore])]);
    assert_eq!(host.compilations(), 1);
}

#[tokio::test]
async fn a_broken_replacement_fails_closed() {
    let (_, registry) = registry_with(library());
    let text = manifest("x", "").replace("test.example/x", "velero.io/first");
    let reports = registry.load(&[configmap("broken", &text, b"nonsense")]).await;
    assert_eq!(reports[0].outcome.as_ref().unwrap_err().effect, Effect::Fails);
    let error = restored(&registry.snapshot()).await.error.expect("the built-in one does not step in");
    assert_eq!(error.action, "velero.io/first");
}

#[tokio::test]
async fn a_script_runs_in_the_component_of_its_engine() {
    let (_, registry) = registry_with(library());
    let script = |engine: &str, params: &str| {
        let text = manifest("script", params).replace("component: action.wasm", &format!("engine: {engine}"));
        let mut map = configmap("script", &text, &[]);
        let data = map.data.as_mut().unwrap();
        data.extend(["script.jq", "script.cel"].map(|key| (key.to_owned(), ".".to_owned())));
        map.binary_data = None;
        map
    };
    let reports = registry.load(&[script("jq", "params: {misdeed: count}")]).await;
    let digest = hex::encode(Sha256::digest("."));
    assert_eq!(reports[0].outcome.as_ref().unwrap().digest, digest, "{reports:?}");
    assert_eq!(annotations(&restored(&registry.snapshot()).await.item)["hostile"], "1");

    // What the engine says about a script, and an engine that this server does not have.
    for (map, message) in [
        (script("jq", ""), "configure: params: missing field `misdeed`"),
        (script("cel", ""), "this build of the server does not contain the engine cel"),
    ] {
        let reports = registry.load(&[map]).await;
        assert!(problem(&reports[0]).contains(message), "{reports:?}");
    }
}

#[tokio::test]
async fn counters_outlive_a_change() {
    let (_, registry) = registry();
    for order in [1, 2] {
        registry.load(&[configmap("one", &manifest("one", &format!("order: {order}")), &STAMP)]).await;
        restored(&registry.snapshot()).await;
        assert_eq!(registry.snapshot().describe()[0].stats.calls, order);
    }
}

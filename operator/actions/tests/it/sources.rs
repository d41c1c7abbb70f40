//! What becomes of ConfigMaps, and what their authors read.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use lateen_actions::{ActionRun, Role, SourceReport, manifest::FailurePolicy};
use rstest::rstest;

use crate::world::{FOREIGN_IMPORT, HOSTILE, STAMP, configmap, deployment, info, load, manifest, registry};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn problem(report: &SourceReport) -> &str {
    report.outcome.as_ref().expect_err("it is not in order")
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
    "the component exports no interface lateen:item-action/action of version 0.1; it exports nothing"
)]
#[case::text(b"#!/bin/sh", "on: [restore]", "this is not WebAssembly: it does not begin with \\0asm")]
#[case::cut_off(&STAMP[..20_000], "on: [restore]", "cannot compile the component: ")]
#[case::misspelt(&STAMP, "on: [restore]\nparams: {replica: 1}", "configure: params: unknown field `replica`, expected `replicas` or `annotations`")]
#[case::stalling(&HOSTILE, "on: [restore]\nparams: {misdeed: count, stall: true}", "configure: guest code ran longer than 5s")]
#[case::bomb(&gzip(&vec![0; 30 << 20]), "on: [restore]", "component: it is larger than 10 MiB once unpacked")]
#[tokio::test]
async fn a_broken_component_is_explained_and_fails_closed(
    #[case] component: &[u8],
    #[case] rest: &str,
    #[case] message: &str,
) {
    let text = manifest("broken", "").replace("on: [backup, restore]", rest);
    let (set, reports) = load(&[configmap("broken", &text, component)]).await;
    assert_eq!(reports[0].source, "velero/broken");
    assert!(problem(&reports[0]).contains(message), "{}", problem(&reports[0]));
    assert_eq!(set.describe()[0].problem.as_deref(), Some(problem(&reports[0])));

    let (subject, item) = deployment();
    assert!(set.concerns(Role::Restore, &subject, None));
    let result =
        ActionRun::new(set, info(Role::Restore)).session().restore_item(&subject, item.clone(), &item).await;
    let error = result.error.expect("what it matches fails");
    assert_eq!(error.policy, FailurePolicy::FailItem);
    assert!(error.reason.starts_with("the action cannot be used: "), "{}", error.reason);
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

//! What ConfigMaps of administrators change: images and storage classes.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::*;
use crate::cluster::recorded::Recorded;

#[test]
fn images_follow_the_first_rule_that_fits() {
    let warnings = RefCell::new(Vec::new());
    let config = BTreeMap::from(
        [
            ("a", "registry.old/ , registry.new/"),
            ("b", "registry.new/,never.applied/"),
            ("c", ":1.0,:1.1,beta"),
            ("d", "no comma"),
            ("e", ",new"),
            ("f", "old,"),
            ("g", "-debug, "),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let rules = image_name::read(&config, |warning| warnings.borrow_mut().push(warning.to_owned()));
    assert_eq!(rules.len(), 4);
    let warnings = warnings.into_inner();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].contains(r#""no comma" under "d""#), "{warnings:?}");

    let images = |images: [&str; 4]| -> Value {
        let containers: Vec<Value> =
            images.iter().map(|image| json!({ "name": "c", "image": image })).collect();
        json!({ "containers": containers[..2], "initContainers": [containers[2], containers[3], { "name": "without" }] })
    };
    let before = images(["registry.old/registry.old/web:1.0", "web:1.0", "web:2-debug", "web:3"]);
    let after = images(["registry.new/registry.new/web:1.0", "web:1.1,beta", "web:2", "web:3"]);
    let rules = Rc::new(rules);
    let change = || {
        let rules = Rc::clone(&rules);
        action(move |runs| Ok(image_name::execute(runs, &rules)))
    };
    let template = |pod: &Value| json!({ "spec": { "replicas": 1, "template": { "spec": pod } } });
    let cron = |pod: &Value| json!({ "spec": { "jobTemplate": template(pod) } });
    check(vec![
        case("a pod", change(), json!({ "spec": before }), json!({ "spec": after })),
        case("a Deployment", change(), template(&before), template(&after)),
        case("a CronJob", change(), cron(&before), cron(&after)),
        untouched("nothing that runs", change(), json!({ "spec": { "template": null, "containers": null } })),
    ]);
}

#[test]
fn classes_are_mapped_to_classes_that_are_there() {
    let mapping: BTreeMap<String, String> = [("slow", "fast"), ("gone", "missing"), ("void", "")]
        .map(|(old, new)| (old.into(), new.into()))
        .into();
    let cluster = || {
        let class = json!({ "metadata": { "name": "fast" } });
        Recorded {
            kinds: vec![("storage.k8s.io", "v1", "storageclasses", vec![class])],
            ..Recorded::default()
        }
    };
    let change = || {
        let mapping = mapping.clone();
        let there = RefCell::new(BTreeSet::new());
        action(move |stored| storage_class::execute(stored, &mapping, &mut there.borrow_mut(), &cluster()))
    };
    let claim = |class: Value| json!({ "spec": { "storageClassName": class } });
    let set = |classes: [Value; 3]| {
        let templates: Value = classes.into_iter().map(claim).collect();
        json!({ "spec": { "volumeClaimTemplates": templates } })
    };
    check(vec![
        case("a claim", change(), claim(json!("slow")), claim(json!("fast"))),
        untouched("not mapped", change(), claim(json!("other"))),
        untouched("without a class", change(), claim(json!(""))),
        untouched("with the default class", change(), json!({ "spec": {} })),
        case(
            "a StatefulSet",
            change(),
            set([json!("slow"), json!("other"), json!("slow")]),
            set([json!("fast"), json!("other"), json!("fast")]),
        ),
    ]);
    let error = |class: &str| change()(&claim(json!(class))).expect_err("there is no such class");
    assert!(error("gone").contains(r#"no storage class "missing""#), "{}", error("gone"));
    assert!(error("void").contains("to nothing"), "{}", error("void"));

    // What is there is asked for once, and what is not, again: it may have been restored meanwhile.
    let mut there = BTreeSet::new();
    let mut restored = |class: &str, cluster: &Recorded| {
        let stored = lateen_action::parse(&claim(json!(class)).to_string())?;
        storage_class::execute(&stored, &mapping, &mut there, cluster).map(drop)
    };
    let down = Recorded { failure: Some("down"), ..Recorded::default() };
    assert_eq!(restored("slow", &down), Err("down".to_owned()));
    assert_eq!(restored("slow", &cluster()), Ok(()));
    assert_eq!(restored("slow", &down), Ok(()));
    assert_eq!(restored("gone", &down), Err("down".to_owned()));
}

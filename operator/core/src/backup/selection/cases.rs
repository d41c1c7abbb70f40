//! Random clusters and Backups: few names, so that filters and objects meet often.

use std::collections::BTreeMap;

use lateen_api::v1::BackupSpec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::{KINDS, NAMESPACES, Object};

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    let out = "velero.io/exclude-from-backup";
    let pairs = [("tier", "front"), ("tier", "back"), ("team", "a"), (out, "true"), (out, "no")];
    prop::collection::vec(select(pairs.to_vec()), 0..3)
        .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
}

fn object() -> impl Strategy<Value = Object> {
    let kinds: Vec<_> = KINDS.into_iter().filter(|kind| kind.0 != "namespaces").collect();
    let place = (select(kinds), select(NAMESPACES.to_vec()), select(vec!["x", "y"]));
    (place, labels(), prop::bool::weighted(0.1)).prop_map(|((kind, namespace, name), labels, deleting)| {
        Object {
            kind: kind.0.into(),
            namespace: kind.2.then(|| namespace.to_owned()),
            name: name.into(),
            labels,
            deleting,
        }
    })
}

/// Objects with different keys, and all namespaces.
pub(super) fn cluster() -> impl Strategy<Value = Vec<Object>> {
    let namespaces = NAMESPACES.map(|name| {
        (labels(), prop::bool::weighted(0.1)).prop_map(move |(labels, deleting)| Object {
            kind: "namespaces".into(),
            namespace: None,
            name: name.into(),
            labels,
            deleting,
        })
    });
    (prop::collection::vec(object(), 0..30), namespaces).prop_map(|(objects, namespaces)| {
        let all = objects.into_iter().chain(namespaces);
        all.map(|object| (object.key(), object)).collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

fn some_of(names: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    let picked = subsequence(names, 0..=most);
    picked.prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

/// Mostly none.
fn few_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![2 => Just(Vec::new()), 1 => some_of(names, 2), 1 => Just(vec!["*".to_owned()])]
}

fn namespace_lists() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let included = prop_oneof![
        1 => Just(vec!["*".to_owned()]),
        1 => Just(Vec::new()),
        3 => some_of(&["app", "dev-*", "dev-a", "gone", "?rod", "[ad]*", "nothing-*"], 3),
    ];
    (included, some_of(&["dev-b", "dev-?", "prod", "[d]*"], 1))
}

fn selector() -> impl Strategy<Value = serde_json::Value> {
    select(vec![
        json!({}),
        json!({"matchLabels": {"tier": "front"}}),
        json!({"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        json!({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}]}),
        json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]}),
        json!({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}),
    ])
}

fn old_lists() -> impl Strategy<Value = serde_json::Value> {
    let included =
        few_of(&["pods", "deploy", "persistentvolumes", "clusterroles", "ev", "typo", "*.example"]);
    let excluded = some_of(&["cm", "deployments.apps", "pv", "events.*", "typo2", "namespaces"], 2);
    (included, excluded, any::<Option<bool>>()).prop_map(|(included, excluded, switch)| {
        json!({"includedResources": included, "excludedResources": excluded, "includeClusterResources": switch})
    })
}

const CLUSTER_SCOPED: [&str; 6] =
    ["pv", "clusterroles", "crd", "pods", "typo", "*.rbac.authorization.k8s.io"];
const NAMESPACED: [&str; 6] = ["pods", "cm", "tools", "ns", "typo", "event*"];

fn scoped_lists() -> impl Strategy<Value = serde_json::Value> {
    let lists = (
        few_of(&CLUSTER_SCOPED),
        few_of(&["clusterrole", "persistentvolumes", "namespaces"]),
        few_of(&NAMESPACED),
        few_of(&["deploy", "configmaps", "event*"]),
    );
    lists.prop_map(|(a, b, c, d)| {
        json!({
            "includedClusterScopedResources": a, "excludedClusterScopedResources": b,
            "includedNamespaceScopedResources": c, "excludedNamespaceScopedResources": d,
        })
    })
}

fn policy() -> impl Strategy<Value = Option<serde_json::Value>> {
    let lists = (
        some_of(&["pv", "clusterroles", "typo"], 1),
        some_of(&["crd", "persistentvolume*"], 1),
        some_of(&["pods", "deployments", "tools.shop.example"], 2),
        some_of(&["cm", "event*", "tools"], 1),
    );
    let lists = lists.prop_map(|(a, b, c, d)| {
        json!({
            "includedClusterScopedResources": a, "excludedClusterScopedResources": b,
            "includedNamespaceScopedResources": c, "excludedNamespaceScopedResources": d,
        })
    });
    prop::option::weighted(0.3, lists)
}

pub(super) fn spec() -> impl Strategy<Value = (BackupSpec, Option<serde_json::Value>)> {
    let kinds = prop_oneof![
        1 => (Just(json!({})), policy()),
        2 => (old_lists(), Just(None)),
        3 => (scoped_lists(), policy()),
    ];
    let labels = prop_oneof![
        2 => Just(json!({})),
        1 => selector().prop_map(|selector| json!({"labelSelector": selector})),
        1 => prop::collection::vec(selector(), 1..3).prop_map(|several| json!({"orLabelSelectors": several})),
    ];
    (namespace_lists(), kinds, labels).prop_map(|((included, excluded), (mut spec, policy), labels)| {
        json_patch::merge(&mut spec, &labels);
        let more =
            json!({"includedNamespaces": included, "excludedNamespaces": excluded, "storageLocation": "l"});
        json_patch::merge(&mut spec, &more);
        if policy.is_some() {
            spec["resourcePolicy"] = json!({"kind": "configmap", "name": "rules"});
        }
        (serde_json::from_value(spec).unwrap(), policy)
    })
}

//! What the filters select together, held against a model that looks at one object after the other and does what the words of the
//! specification say, without lists, catalogs or anything worked out beforehand.

mod cases;
mod model;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use lateen_api::GoDuration;
use lateen_api::v1::{Backup, BackupSpec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use self::cases::{cluster, spec};
use self::model::Model;
use super::collection::listing;
use super::filter::ResourceFilter;
use super::request::{BackupRequest, Defaults, Observed, PolicyConfigMap, prepare};
use super::verdict::{Origin, left_out, takes_namespace};
use crate::catalog::Catalog;
use crate::catalog::tests::served;
use crate::item::Facts;
use crate::kind::{GroupResource, ObjectName, ServedKind};
use crate::namespaces::{ListTargets, NamespaceFilter};

/// Kind, namespace, name.
type Key = (String, Option<String>, String);

/// One object of the cluster, and all that decides about it.
#[derive(Debug, Clone)]
struct Object {
    kind: String,
    namespace: Option<String>,
    name: String,
    labels: BTreeMap<String, String>,
    deleting: bool,
}

impl Object {
    fn json(&self) -> String {
        let deleted = self.deleting.then_some("2026-01-01T00:00:00Z");
        json!({"metadata": {
            "name": self.name, "namespace": self.namespace, "labels": self.labels, "deletionTimestamp": deleted
        }})
        .to_string()
    }

    fn key(&self) -> Key {
        (self.kind.clone(), self.namespace.clone(), self.name.clone())
    }
}

const KINDS: [(&str, &str, bool, &str); 11] = [
    ("configmaps", "ConfigMap", true, "cm"),
    ("events", "Event", true, "ev"),
    ("namespaces", "Namespace", false, "ns"),
    ("persistentvolumes", "PersistentVolume", false, "pv"),
    ("pods", "Pod", true, "po"),
    ("customresourcedefinitions.apiextensions.k8s.io", "CustomResourceDefinition", false, "crd"),
    ("deployments.apps", "Deployment", true, "deploy"),
    ("events.events.k8s.io", "Event", true, "ev"),
    ("clusterroles.rbac.authorization.k8s.io", "ClusterRole", false, ""),
    ("volumesnapshots.snapshot.storage.k8s.io", "VolumeSnapshot", true, "vs"),
    ("tools.shop.example", "Tool", true, ""),
];

const NAMESPACES: [&str; 4] = ["app", "dev-a", "dev-b", "prod"];

fn catalog() -> Catalog {
    let kinds = KINDS.map(|(name, kind, namespaced, short)| {
        let mut kind = served(name, "v1", kind, namespaced);
        kind.short_names = if short.is_empty() { Vec::new() } else { vec![short.to_owned()] };
        kind
    });
    Catalog::new(kinds, BTreeMap::new())
}

fn request(spec: &BackupSpec, policy: Option<&serde_json::Value>) -> Option<BackupRequest> {
    let location = serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": "l"},
        "spec": {"provider": "aws", "objectStorage": {"bucket": "b"}}, "status": {"phase": "Available"}
    }));
    let text = |policy| json!({"version": "v1", "includeExcludePolicy": policy}).to_string();
    let observed = Observed {
        locations: Ok(vec![location.unwrap()]),
        snapshot_locations: Ok(Vec::new()),
        namespaces_labelled_out: Ok(Vec::new()),
        policy: policy.map(|policy| PolicyConfigMap::Found([("rules".to_owned(), text(policy))].into())),
        server_version: (String::new(), String::new(), String::new()),
    };
    let defaults = Defaults {
        storage_location: "l".into(),
        snapshot_locations: BTreeMap::new(),
        ttl: GoDuration::from_hours(1),
        item_operation_timeout: GoDuration::from_hours(1),
        resource_timeout: GoDuration::from_hours(1),
        volume_group_label: String::new(),
        volumes_to_fs_backup: false,
        snapshot_move_data: false,
    };
    let mut backup = Backup { spec: spec.clone(), ..Backup::default() };
    prepare(&mut backup, &observed, &defaults, jiff::Timestamp::UNIX_EPOCH)
}

/// What a run does, with the cluster as the API server that it asks.
fn selected(request: &BackupRequest, cluster: &[Object]) -> BTreeSet<Key> {
    let catalog = catalog();
    let existing = NAMESPACES.map(str::to_owned);
    let namespaces =
        NamespaceFilter::new(&request.included_namespaces, &request.excluded_namespaces, &existing).unwrap();
    let resources = ResourceFilter::new(&request.resources, &catalog, request.all_namespaces);
    let wanted = |object: &Object, kind: &ServedKind| {
        let facts = Facts::read(&object.json()).unwrap();
        left_out(&facts, kind, Origin::Listed, &namespaces, &resources).is_none()
    };
    let mut taken = BTreeSet::new();
    for kind in listing(catalog.kinds().iter(), &resources).kinds {
        let places: Vec<Option<String>> = match (namespaces.list_targets(), kind.namespaced) {
            (ListTargets::Names(names), true) => names.into_iter().map(Some).collect(),
            _ => vec![None],
        };
        for (place, query) in
            places.iter().flat_map(|p| request.selection.queries().into_iter().map(move |q| (p, q)))
        {
            let listed = cluster.iter().filter(|object| {
                object.kind == kind.group_resource.to_string()
                    && (place.is_none() || object.namespace == *place)
                    && query_matches(&query, &object.labels)
            });
            taken.extend(listed.filter(|object| wanted(object, kind)).map(Object::key));
        }
    }
    let kind = catalog.get(&GroupResource::parse("namespaces")).unwrap();
    let full: BTreeSet<String> = taken.iter().filter_map(|key| key.1.clone()).collect();
    for namespace in cluster.iter().filter(|object| object.kind == "namespaces" && resources.includes(kind)) {
        let facts = Facts::read(&namespace.json()).unwrap();
        let has_items = full.contains(&namespace.name);
        if takes_namespace(&facts, !namespace.deleting, &namespaces, &request.selection, has_items)
            && wanted(namespace, kind)
        {
            taken.insert(namespace.key());
        }
    }
    taken
}

/// As the API server reads the text of a selector.
fn query_matches(query: &str, labels: &BTreeMap<String, String>) -> bool {
    let mut depth = 0;
    let parts = query.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.filter(|part| !part.is_empty()).all(|part| {
        let among = |list: &str, value: &String| list.trim_matches(['(', ')']).split(',').any(|v| v == value);
        if let Some((key, values)) = part.split_once(" notin ") {
            labels.get(key).is_none_or(|value| !among(values, value))
        } else if let Some((key, values)) = part.split_once(" in ") {
            labels.get(key).is_some_and(|value| among(values, value))
        } else if let Some((key, value)) = part.split_once('=') {
            labels.get(key).is_some_and(|v| v == value)
        } else if let Some(key) = part.strip_prefix('!') {
            !labels.contains_key(key)
        } else {
            labels.contains_key(part)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 8000, ..ProptestConfig::default() })]

    #[test]
    fn the_filters_select_what_the_words_say((spec, policy) in spec(), cluster in cluster()) {
        let request = request(&spec, policy.as_ref());
        prop_assume!(request.is_some());
        let model = Model { spec: &spec, policy: policy.as_ref() };
        let expected: BTreeSet<Key> =
            cluster.iter().filter(|object| model.takes(object, &cluster)).map(Object::key).collect();
        prop_assert_eq!(selected(&request.unwrap(), &cluster), expected);
    }

    #[test]
    fn order_is_a_permutation_that_keeps_what_nobody_named(
        keys in prop::collection::vec((select(vec!["", "a", "b"]), select(vec!["x", "y", "z", "w"])), 0..20),
        wanted in prop::collection::vec(select(vec!["a/x", "a/y", "b/z", "x", "w", "c/x", "a/x/y"]), 0..6),
    ) {
        let keys: Vec<ObjectName> =
            keys.into_iter().map(|(ns, name)| ObjectName::new((!ns.is_empty()).then_some(ns), name)).collect();
        let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        let ordered = super::ordered::put_in_order(&keys, &wanted);

        let mut seen: Vec<usize> = ordered.places.iter().map(|place| place.index).collect();
        let others: Vec<usize> =
            ordered.places.iter().filter(|place| !place.ordered).map(|place| place.index).collect();
        prop_assert!(others.is_sorted(), "the others stand as they stood");
        let first = ordered.places.iter().take_while(|place| place.ordered).count();
        prop_assert_eq!(first + others.len(), keys.len(), "whoever was named stands in front");
        let named: Vec<String> = seen[..first].iter().map(|index| keys[*index].to_string()).collect();
        let rank = |name: &String| wanted.iter().position(|w| w == name);
        prop_assert!(named.iter().map(rank).is_sorted() && named.iter().all(|name| wanted.contains(name)));
        prop_assert!(others.iter().all(|index| !wanted.contains(&keys[*index].to_string())));
        let not_there: BTreeSet<&String> =
            wanted.iter().filter(|w| !keys.iter().any(|key| key.to_string() == **w)).collect();
        prop_assert_eq!(ordered.missing.iter().collect::<BTreeSet<_>>(), not_there);
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..keys.len()).collect::<Vec<_>>());
    }
}

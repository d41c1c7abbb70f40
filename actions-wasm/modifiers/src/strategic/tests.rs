//! Against what Kubernetes documents and what its API server does with the same patches.

use lateen_engine_kit::arbitrary;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema;

fn merged(object: Value, patch: Value) -> Result<Value, Fault> {
    let mut object = object;
    let schema = schema::of(&object)?;
    merge(&mut object, &patch, schema)?;
    Ok(object)
}

/// A Deployment with this pod; what comes of the patch to its pod.
fn pod(spec: Value, patch: Value) -> Result<Value, Fault> {
    let deployment =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": spec}}});
    let patched = merged(deployment, json!({"spec": {"template": {"spec": patch}}}))?;
    Ok(patched["spec"]["template"]["spec"].clone())
}

/// The metadata of a ConfigMap.
fn metadata(metadata: Value, patch: Value) -> Result<Value, Fault> {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    Ok(merged(object, json!({"metadata": patch}))?["metadata"].clone())
}

#[test]
fn pods_are_merged_by_the_keys_of_their_lists() {
    let containers = || json!({"containers": [{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:1"}]});
    let cases = [
        // An element of the same key is merged, key by key; lists without a key are replaced.
        (
            containers(),
            json!({"containers": [{"name": "a", "image": "a:2", "args": ["y"]}]}),
            json!({"containers": [{"name": "a", "image": "a:2", "args": ["y"]}, {"name": "b", "image": "b:1"}]}),
        ),
        // A new one comes before those that only the object has.
        (
            containers(),
            json!({"containers": [{"name": "c", "image": "c:1"}]}),
            json!({"containers": [{"name": "c", "image": "c:1"}, {"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:1"}]}),
        ),
        // The order of the patch counts.
        (
            containers(),
            json!({"containers": [{"name": "b"}, {"name": "a"}]}),
            json!({"containers": [{"name": "b", "image": "b:1"}, {"name": "a", "image": "a:1", "args": ["x"]}]}),
        ),
        (
            containers(),
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [{"name": "b", "image": "b:1"}]}),
        ),
        (containers(), json!({"containers": [{"name": "none", "$patch": "delete"}]}), containers()),
        (
            containers(),
            json!({"containers": [{"$patch": "replace"}, {"name": "c", "image": "c:1"}]}),
            json!({"containers": [{"name": "c", "image": "c:1"}]}),
        ),
        (
            containers(),
            json!({"containers": [{"name": "a", "$patch": "merge", "image": null}]}),
            json!({"containers": [{"name": "a", "args": ["x"]}, {"name": "b", "image": "b:1"}]}),
        ),
        (containers(), json!({"containers": null}), json!({})),
        (
            json!({"containers": [{"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}),
            json!({"containers": [{"name": "a", "env": [{"name": "B", "value": null, "valueFrom": {"fieldRef": {"fieldPath": "f"}}}]}]}),
            json!({"containers": [{"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "f"}}}]}]}),
        ),
        (
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 443}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 443, "name": "https"}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 443, "name": "https"}]}]}),
        ),
        // Tolerations have no key.
        (
            json!({"tolerations": [{"key": "a"}]}),
            json!({"tolerations": [{"key": "b"}]}),
            json!({"tolerations": [{"key": "b"}]}),
        ),
        // Where there is nothing yet, the patch is it, without what was only meant for the patch.
        (
            json!({}),
            json!({"containers": [{"name": "a", "image": null}, {"name": "b", "$patch": "delete"}], "nodeSelector": {"a": null, "b": "c"}}),
            json!({"containers": [{"name": "a"}], "nodeSelector": {"b": "c"}}),
        ),
        (
            json!({"nodeSelector": {"a": "b"}, "affinity": {"nodeAffinity": {}}}),
            json!({"nodeSelector": {"$patch": "replace", "c": "d"}, "affinity": {"$patch": "delete"}}),
            json!({"nodeSelector": {"c": "d"}, "affinity": {}}),
        ),
        // Another type than what is there: the patch counts.
        (
            json!({"nodeSelector": ["odd"]}),
            json!({"nodeSelector": {"a": "b"}}),
            json!({"nodeSelector": {"a": "b"}}),
        ),
    ];
    for (spec, patch, expected) in cases {
        assert_eq!(pod(spec, patch.clone()).unwrap(), expected, "{patch}");
    }
}

#[test]
fn kept_keys_are_all_that_stays() {
    // The example of Kubernetes' documentation: another kind of volume under the same name.
    let volumes =
        json!({"volumes": [{"name": "data", "hostPath": {"path": "/x"}}, {"name": "other", "emptyDir": {}}]});
    let patch = json!({"volumes": [{"name": "data", "emptyDir": {}, "$retainKeys": ["name", "emptyDir"]}]});
    assert_eq!(
        pod(volumes, patch).unwrap(),
        json!({"volumes": [{"name": "data", "emptyDir": {}}, {"name": "other", "emptyDir": {}}]})
    );

    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    assert_eq!(merged(deployment.clone(), patch).unwrap()["spec"], json!({"strategy": {"type": "Recreate"}}));
    let lacking = json!({"spec": {"strategy": {"$retainKeys": ["rollingUpdate"], "type": "Recreate"}}});
    assert!(merged(deployment, lacking).unwrap_err().ends_with("and lacks type"));
}

#[test]
fn lists_of_texts_are_sets() {
    let cases = [
        (
            json!({"finalizers": ["a", "b"]}),
            json!({"finalizers": ["b", "c"]}),
            json!({"finalizers": ["a", "b", "c"]}),
        ),
        (
            json!({"finalizers": ["a", "b"]}),
            json!({"finalizers": ["c"]}),
            json!({"finalizers": ["c", "a", "b"]}),
        ),
        (
            json!({"finalizers": ["a", "b", "c"]}),
            json!({"$deleteFromPrimitiveList/finalizers": ["b", "x"]}),
            json!({"finalizers": ["a", "c"]}),
        ),
        (
            json!({"finalizers": ["a", "b"]}),
            json!({"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}),
            json!({"finalizers": ["c", "b"]}),
        ),
        (
            json!({"finalizers": ["a", "b", "c"]}),
            json!({"$setElementOrder/finalizers": ["c", "a", "d"], "finalizers": ["d"]}),
            // What is not named keeps its place before those that it was before.
            json!({"finalizers": ["b", "c", "a", "d"]}),
        ),
        (
            json!({"labels": {"a": "1"}}),
            json!({"$deleteFromPrimitiveList/finalizers": ["a"]}),
            json!({"labels": {"a": "1"}}),
        ),
        (
            json!({"labels": {"a": "1", "b": "2"}}),
            json!({"labels": {"a": null, "c": "3"}}),
            json!({"labels": {"b": "2", "c": "3"}}),
        ),
        // References are told apart by their uid.
        (
            json!({"ownerReferences": [{"uid": "1", "name": "a"}]}),
            json!({"ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "2"}]}),
            json!({"ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "2"}]}),
        ),
    ];
    for (before, patch, expected) in cases {
        assert_eq!(metadata(before, patch.clone()).unwrap(), expected, "{patch}");
    }
}

#[test]
fn an_order_is_kept() {
    let ports = || json!([{"port": 1}, {"port": 2}, {"port": 3}]);
    let service = |patch: Value| {
        let service = json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": ports()}});
        Ok::<_, Fault>(merged(service, json!({"spec": patch}))?["spec"]["ports"].clone())
    };
    let order = json!([{"port": 3}, {"port": 1}, {"port": 2}]);
    assert_eq!(service(json!({"$setElementOrder/ports": order})).unwrap(), order);
    let patch = json!({"$setElementOrder/ports": [{"port": 2}, {"port": 4}, {"port": 1}],
        "ports": [{"port": 4, "name": "new"}, {"port": 1, "name": "one"}, {"port": 3, "$patch": "delete"}]});
    assert_eq!(
        service(patch).unwrap(),
        json!([{"port": 2}, {"port": 4, "name": "new"}, {"port": 1, "name": "one"}])
    );

    let unnamed = json!({"$setElementOrder/ports": [{"port": 1}], "ports": [{"port": 4}]});
    assert!(service(unnamed).unwrap_err().starts_with("ports: $setElementOrder must name all elements"));
    let other_order =
        json!({"$setElementOrder/ports": [{"port": 1}, {"port": 2}], "ports": [{"port": 2}, {"port": 1}]});
    assert!(service(other_order).is_err());

    let empty = json!({"apiVersion": "v1", "kind": "Service", "spec": {}});
    let patch = json!({"spec": {"$setElementOrder/ports": [{"port": 2}, {"port": 1}], "ports": [{"port": 2}, {"port": 1}],
        "$setElementOrder/none": []}});
    assert_eq!(merged(empty, patch).unwrap()["spec"], json!({"ports": [{"port": 2}, {"port": 1}]}));
}

#[test]
fn a_selector_of_a_disruption_budget_is_replaced() {
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"selector": {"matchLabels": {"a": "b"}}}});
    let patch = json!({"spec": {"selector": {"matchLabels": {"c": "d"}}}});
    assert_eq!(merged(budget, patch.clone()).unwrap()["spec"], patch["spec"]);
}

#[test]
fn fields_that_nobody_knows_are_merged_as_objects_and_replaced_as_lists() {
    let before = json!({"x": {"a": 1, "list": [{"name": "a"}]}});
    let patch = json!({"x": {"b": 2, "list": [{"name": "b"}]}});
    assert_eq!(pod(before, patch).unwrap(), json!({"x": {"a": 1, "b": 2, "list": [{"name": "b"}]}}));
}

#[test]
fn what_cannot_be_merged_is_told() {
    let containers = json!({"containers": [{"name": "a"}]});
    let cases = [
        (
            json!({"containers": [{"image": "x"}]}),
            "containers: every element of the patch needs its key name",
        ),
        (
            json!({"containers": [{"name": null}]}),
            "containers: every element of the patch needs its key name",
        ),
        (
            json!({"containers": [{"$patch": "delete"}]}),
            "containers: every element of the patch needs its key name",
        ),
        (
            json!({"containers": ["a"]}),
            "containers: its elements are objects with the key name, and \"a\" is none",
        ),
        (
            json!({"containers": [{"name": "a", "$patch": "remove"}]}),
            "containers: $patch is \"remove\", and must be one of",
        ),
        (json!({"$patch": 1}), "$patch is 1, and must be one of"),
        (json!({"$retainKeys": "name"}), "$retainKeys must be a list"),
        (json!({"$setElementOrder/containers": {}}), "$setElementOrder/containers must be a list"),
        (
            json!({"$setElementOrder/containers": [], "containers": {}}),
            "containers is no list, and has an order",
        ),
    ];
    for (patch, expected) in cases {
        let error = pod(containers.clone(), patch).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    let error = metadata(json!({"finalizers": ["a"]}), json!({"finalizers": [{"name": "a"}]})).unwrap_err();
    assert!(error.starts_with("finalizers: a list of objects is merged by a key"), "{error}");
}

#[test]
fn elements_of_the_object_without_a_key_stay() {
    let before = json!({"containers": [{"image": "odd"}, "odder", {"name": "a"}]});
    let after = pod(before, json!({"containers": [{"name": "a", "image": "x"}]})).unwrap();
    assert_eq!(after["containers"].as_array().map(Vec::len), Some(3));
    assert!(after["containers"].as_array().unwrap().contains(&json!({"name": "a", "image": "x"})));
}

/// Cases that are also put to a real API server.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "about")]
    _about: String,
    object: Value,
    patch: Value,
    /// What is in the object afterwards; lists as a whole.
    expected: Value,
    /// What is not in it any more.
    #[serde(default)]
    absent: Vec<String>,
}

/// Whether all of `expected` is in `found`; lists have the same length.
fn covers(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|there| covers(value, there)))
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(one, other)| covers(one, other))
        }
        _ => expected == found,
    }
}

#[test]
fn patches_do_what_they_do_in_the_api_server() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/strategic-patches");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = serde_yaml_ng::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let found = merged(case.object, case.patch).unwrap();
        assert!(covers(&case.expected, &found), "{}: {found}", path.display());
        for pointer in case.absent {
            assert_eq!(found.pointer(&pointer), None, "{}: {pointer}", path.display());
        }
        count += 1;
    }
    assert!(count > 15, "{count}");
}

/// Keys with and without a meaning, and directives.
const KEYS: &str = "containers|volumes|ports|env|name|a|\\$patch|\\$retainKeys|\\$setElementOrder/containers|\\$deleteFromPrimitiveList/a";

fn patched(before: &Value, patch: &Value) -> Result<Value, Fault> {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": before});
    let schema = schema::of(&pod)?;
    merge(&mut pod, &json!({ "spec": patch }), schema)?;
    Ok(pod)
}

/// Without directives.
fn is_plain(patch: &Value) -> bool {
    match patch {
        Value::Object(fields) => fields.iter().all(|(key, value)| !key.starts_with('$') && is_plain(value)),
        Value::Array(elements) => elements.iter().all(is_plain),
        _ => true,
    }
}

proptest! {
    /// Whatever the patch is, it is applied or refused; one without directives changes nothing the second time.
    #[test]
    fn any_patch_is_applied_or_refused(before in arbitrary::json(KEYS), patch in arbitrary::json(KEYS)) {
        if let Ok(once) = patched(&before, &patch)
            && is_plain(&patch)
            && let Ok(twice) = patched(&once["spec"], &patch)
        {
            prop_assert_eq!(once, twice);
        }
    }
}

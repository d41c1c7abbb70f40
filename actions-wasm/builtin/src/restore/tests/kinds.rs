//! Kinds about which nothing but the object and the Restore decides.

use super::*;

fn bindings(mapping: Value) -> Box<Action> {
    let wishes = json!({ "namespaceMapping": mapping }).to_string();
    action(move |binding| Ok(bindings::execute(binding, &lateen_action::parse(&wishes)?)))
}

#[test]
fn pods_and_jobs_forget_their_old_cluster() {
    let mounts = |names: &[&str]| -> Value { names.iter().map(|name| json!({ "name": name })).collect() };
    let container = |name: &str, names: &[&str]| json!({ "name": name, "volumeMounts": mounts(names) });
    check(vec![
        case(
            "node, priority, debug containers, old tokens and old waiting containers go",
            simple(pod::restore),
            json!({ "spec": {
                "nodeName": "n1", "priority": 0, "serviceAccountName": "web", "ephemeralContainers": [{}],
                "volumes": mounts(&["web-token-x", "data", "web-token-y", "kube-api-access-z"]),
                "containers": [container("c", &["web-token-x", "data", "web-token-y"]), { "name": "bare" }],
                "initContainers": [container("restore-wait", &["data"]), container("i", &["web-token-x"]), container("restic-wait", &[])],
            } }),
            json!({ "spec": {
                "serviceAccountName": "web",
                "volumes": mounts(&["data", "kube-api-access-z"]),
                "containers": [container("c", &["data"]), { "name": "bare" }],
                "initContainers": [container("i", &[])],
            } }),
        ),
        untouched(
            "a pod that has nothing of the kind",
            simple(pod::restore),
            json!({ "spec": { "volumes": mounts(&["-token-x", "other-token-y"]), "containers": [{ "name": "c" }] } }),
        ),
        case(
            "the uid of the old job goes",
            simple(job::restore),
            json!({ "spec": {
                "selector": { "matchLabels": { "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u" } },
                "template": { "metadata": { "labels": { "batch.kubernetes.io/controller-uid": "u", "job-name": "j" } } },
            } }),
            json!({ "spec": { "selector": { "matchLabels": {} }, "template": { "metadata": { "labels": { "job-name": "j" } } } } }),
        ),
        untouched(
            "a job without them",
            simple(job::restore),
            json!({ "spec": { "selector": { "matchLabels": null }, "template": { "metadata": {} } } }),
        ),
    ]);
}

#[test]
fn bindings_definitions_and_webhooks_become_what_the_new_cluster_takes() {
    let subjects = |namespace: &str| {
        json!({ "subjects": [
            { "kind": "ServiceAccount", "name": "robot", "namespace": namespace },
            { "kind": "ServiceAccount", "name": "x", "namespace": "kube-system" },
            { "kind": "User", "name": "jane" },
        ] })
    };
    let definition = |preserves: Value, first: Value| {
        json!({ "apiVersion": "apiextensions.k8s.io/v1", "spec": {
            "preserveUnknownFields": preserves,
            "versions": [{ "name": "v1", "schema": { "openAPIV3Schema": first } }, { "name": "v2" }, { "name": "v3", "schema": {} }],
        } })
    };
    let mut old = definition(json!(true), json!({}));
    old["apiVersion"] = json!("apiextensions.k8s.io/v1beta1");
    let webhooks = |version: &str, effects: [Value; 4]| {
        let webhooks: Value =
            effects.into_iter().map(|effects| json!({ "name": "w", "sideEffects": effects })).collect();
        json!({ "apiVersion": version, "webhooks": webhooks })
    };
    let said = [json!("Some"), json!("NoneOnDryRun"), Value::Null, json!("None")];
    let v1 = "admissionregistration.k8s.io/v1";
    check(vec![
        case(
            "subjects follow",
            bindings(json!({ "app": "app2", "other": "x" })),
            subjects("app"),
            subjects("app2"),
        ),
        untouched("nobody is mapped", bindings(json!({ "other": "x" })), subjects("app")),
        untouched("nothing is mapped", bindings(Value::Null), subjects("app")),
        untouched("a binding of nobody", bindings(json!({ "app": "app2" })), json!({ "subjects": null })),
        case(
            "unknown fields are preserved as v1 has it",
            simple(definition::restore),
            definition(json!(true), json!({ "type": "object" })),
            definition(
                json!(false),
                json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
            ),
        ),
        untouched("they are not", simple(definition::restore), definition(json!(false), json!({}))),
        untouched("v1beta1 knows the field", simple(definition::restore), old),
        case(
            "side effects are told",
            simple(webhooks::restore),
            webhooks(v1, said.clone()),
            webhooks(v1, ["None", "NoneOnDryRun", "None", "None"].map(Value::from)),
        ),
        untouched(
            "v1beta1 takes all",
            simple(webhooks::restore),
            webhooks("admissionregistration.k8s.io/v1beta1", said),
        ),
    ]);
}

#[test]
fn what_an_object_needs_is_restored_before_it() {
    let pod = json!({ "metadata": { "name": "p", "namespace": "app" }, "spec": {
        "priorityClassName": "high",
        "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }, { "name": "w", "persistentVolumeClaim": {} }],
    } });
    let needs = |action: Box<Action>| names(&action(&pod).expect("it is restored"));
    assert_eq!(needs(simple(pod::add_claims)), ["persistentvolumeclaims app/data"]);
    assert_eq!(needs(simple(pod::restore)), ["priorityclasses high"]);
    assert!(simple(pod::add_claims)(&json!({ "metadata": {} })).is_ok());
}

#[test]
fn a_claim_forgets_its_binding_and_needs_its_volume() {
    let restored = |item: Value, archived: Option<Value>| {
        let archived = archived.map(|archived| archived.to_string());
        let outcome = action(move |item| claim::execute(item, || archived.clone()))(&item).expect("a claim");
        (applied(&item, &outcome), names(&outcome), outcome.change == Change::Unchanged)
    };
    let archived = |phase: &str| json!({ "spec": { "volumeName": "pv" }, "status": { "phase": phase } });
    let noted = json!({ "metadata": { "annotations": {
        "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.kubernetes.io/storage-provisioner": "p", "volume.beta.kubernetes.io/storage-provisioner": "p",
        "volume.kubernetes.io/selected-node": "n", "velero.io/volume-snapshot-name": "s", "velero.io/data-upload-name": "u", "mine": "kept",
    } }, "spec": { "volumeName": "pv" } });
    let clean = json!({ "metadata": { "annotations": { "mine": "kept" } }, "spec": { "volumeName": "pv" } });
    let volume = vec!["persistentvolumes pv".to_owned()];
    assert_eq!(restored(noted, Some(archived("Bound"))), (clean.clone(), volume, false));
    assert_eq!(restored(clean.clone(), Some(archived("Pending"))), (clean.clone(), vec![], true));
    assert_eq!(restored(clean.clone(), None), (clean, vec![], true));
    // Not bound, so that nobody looks into the backup.
    let loose = json!({ "metadata": {}, "spec": {} });
    assert_eq!(restored(loose.clone(), Some(json!("not looked at"))), (loose, vec![], true));
}

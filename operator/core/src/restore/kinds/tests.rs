//! Table tests: one object of a kind, and what becomes of it.

use serde_json::json;

use super::*;
use crate::restore::reset::reset;

struct Case {
    kind: &'static str,
    about: &'static str,
    object: Value,
    expected: Value,
}

fn context<'a>(pristine: &'a Value, mapping: &'a BTreeMap<String, String>) -> KindContext<'a> {
    KindContext { pristine, namespace_mapping: mapping, preserve_node_ports: false }
}

fn run(kind: &str, object: &Value) -> (Value, KindOutcome) {
    let mapping = BTreeMap::from([("app".to_owned(), "app2".to_owned())]);
    let mut changed = object.clone();
    reset(&mut changed).unwrap();
    let outcome = apply(&GroupResource::parse(kind), &mut changed, &context(object, &mapping)).unwrap();
    (changed, outcome)
}

fn service(annotations: &Value, managed: &Value, spec: &Value) -> Value {
    json!({"metadata": {"name": "s", "annotations": annotations, "managedFields": managed}, "spec": spec})
}

fn cases() -> Vec<Case> {
    let ports = json!([
        {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080},
        {"port": 81, "protocol": "UDP", "nodePort": 30081}
    ]);
    let record = |ports: Value| {
        let text = json!({"spec": {"ports": ports}}).to_string();
        json!({"kubectl.kubernetes.io/last-applied-configuration": text})
    };
    let named_chosen =
        record(json!([{"name": "http", "port": 80, "nodePort": "30080"}, {"port": 81, "nodePort": 0}]));
    let number_chosen = record(json!([{"name": "http", "port": 80}, {"port": 81, "nodePort": 30081}]));
    let managed = json!([{"fieldsV1": {"f:spec": {"f:ports": {"k:{\"port\":81,\"protocol\":\"UDP\"}": {"f:nodePort": {}}}}}}]);
    let kept = |http: bool, other: bool| {
        let mut kept = ports.clone();
        for (at, keep) in [http, other].into_iter().enumerate() {
            if !keep {
                kept[at].as_object_mut().unwrap().remove("nodePort");
            }
        }
        kept
    };
    vec![
        Case {
            kind: "services",
            about: "addresses and given ports go",
            object: service(
                &json!({}),
                &json!([]),
                &json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": ports}),
            ),
            expected: json!({"metadata": {"name": "s", "annotations": {}}, "spec": {"ports": kept(false, false)}}),
        },
        Case {
            kind: "services",
            about: "headless stays headless",
            object: service(&json!({}), &json!([]), &json!({"clusterIP": "None", "clusterIPs": ["None"]})),
            expected: json!({"metadata": {"name": "s", "annotations": {}}, "spec": {"clusterIP": "None", "clusterIPs": ["None"]}}),
        },
        Case {
            kind: "services",
            about: "a named port that was applied stays",
            object: service(&named_chosen, &managed, &json!({"ports": ports})),
            expected: json!({"metadata": {"name": "s", "annotations": named_chosen}, "spec": {"ports": kept(true, false)}}),
        },
        Case {
            kind: "services",
            about: "a nameless port that was applied stays",
            object: service(&number_chosen, &json!([]), &json!({"ports": ports})),
            expected: json!({"metadata": {"name": "s", "annotations": number_chosen}, "spec": {"ports": kept(false, true)}}),
        },
        Case {
            kind: "services",
            about: "a port that a manager owns stays",
            object: service(&json!({}), &managed, &json!({"ports": ports})),
            expected: json!({"metadata": {"name": "s", "annotations": {}}, "spec": {"ports": kept(false, true)}}),
        },
        Case {
            kind: "services",
            about: "a given health check port goes",
            object: service(
                &json!({}),
                &json!([]),
                &json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000}),
            ),
            expected: json!({
                "metadata": {"name": "s", "annotations": {}},
                "spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
            }),
        },
        Case {
            kind: "pods",
            about: "node, priority, debug containers and old tokens go",
            object: json!({
                "metadata": {"name": "p", "namespace": "app"},
                "spec": {
                    "nodeName": "n1", "priority": 0, "serviceAccountName": "web", "ephemeralContainers": [{}],
                    "volumes": [{"name": "web-token-x"}, {"name": "kube-api-access-y"}],
                    "containers": [{"name": "c", "volumeMounts": [{"name": "web-token-x"}, {"name": "kube-api-access-y"}]}],
                    "initContainers": [{"name": "i", "volumeMounts": [{"name": "web-token-x"}]}]
                }
            }),
            expected: json!({
                "metadata": {"name": "p", "namespace": "app"},
                "spec": {
                    "serviceAccountName": "web", "volumes": [{"name": "kube-api-access-y"}],
                    "containers": [{"name": "c", "volumeMounts": [{"name": "kube-api-access-y"}]}],
                    "initContainers": [{"name": "i", "volumeMounts": []}]
                }
            }),
        },
        Case {
            kind: "jobs.batch",
            about: "the uid of the old job goes",
            object: json!({"metadata": {"name": "j"}, "spec": {
                "selector": {"matchLabels": {"controller-uid": "u", "batch.kubernetes.io/controller-uid": "u"}},
                "template": {"metadata": {"labels": {"controller-uid": "u", "batch.kubernetes.io/controller-uid": "u", "job-name": "j"}}}
            }}),
            expected: json!({"metadata": {"name": "j"}, "spec": {
                "selector": {"matchLabels": {}}, "template": {"metadata": {"labels": {"job-name": "j"}}}
            }}),
        },
        Case {
            kind: "persistentvolumeclaims",
            about: "marks of the old binding go",
            object: json!({"metadata": {"name": "c", "annotations": {
                "pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n", "mine": "kept"
            }}, "spec": {"volumeName": "pv"}}),
            expected: json!({"metadata": {"name": "c", "annotations": {"mine": "kept"}}, "spec": {"volumeName": "pv"}}),
        },
        Case {
            kind: "persistentvolumes",
            about: "the claim is the one in the mapped namespace",
            object: json!({"metadata": {"name": "pv", "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
                "spec": {"claimRef": {"namespace": "app", "name": "c", "uid": "u", "resourceVersion": "1"}}}),
            expected: json!({"metadata": {"name": "pv", "annotations": {}}, "spec": {"claimRef": {"namespace": "app2", "name": "c"}}}),
        },
        Case {
            kind: "serviceaccounts",
            about: "the last token reference goes",
            object: json!({"metadata": {"name": "web"}, "secrets": [{"name": "web-token-a"}, {"name": "web-token-b"}, {"name": "mine"}]}),
            expected: json!({"metadata": {"name": "web"}, "secrets": [{"name": "web-token-a"}, {"name": "mine"}]}),
        },
        Case {
            kind: "secrets",
            about: "a token that somebody asked for is filled anew",
            object: json!({
                "metadata": {"name": "ci", "annotations": {"kubernetes.io/service-account.name": "web", "kubernetes.io/service-account.uid": "u"}},
                "type": "kubernetes.io/service-account-token", "data": {"token": "x", "ca.crt": "y", "extra": "z"}
            }),
            expected: json!({
                "metadata": {"name": "ci", "annotations": {"kubernetes.io/service-account.name": "web"}},
                "type": "kubernetes.io/service-account-token", "data": {"extra": "z"}
            }),
        },
        Case {
            kind: "rolebindings.rbac.authorization.k8s.io",
            about: "subjects follow their namespace",
            object: json!({"metadata": {"name": "b"}, "subjects": [{"name": "robot", "namespace": "app"}, {"name": "x", "namespace": "kube-system"}, {"name": "jane"}]}),
            expected: json!({"metadata": {"name": "b"}, "subjects": [{"name": "robot", "namespace": "app2"}, {"name": "x", "namespace": "kube-system"}, {"name": "jane"}]}),
        },
        Case {
            kind: "customresourcedefinitions.apiextensions.k8s.io",
            about: "unknown fields are preserved as v1 has it",
            object: json!({"apiVersion": "apiextensions.k8s.io/v1", "metadata": {"name": "d"}, "spec": {
                "preserveUnknownFields": true, "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}, {"name": "v2"}]
            }}),
            expected: json!({"apiVersion": "apiextensions.k8s.io/v1", "metadata": {"name": "d"}, "spec": {
                "preserveUnknownFields": false, "versions": [
                    {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}, {"name": "v2"}
                ]
            }}),
        },
        Case {
            kind: "validatingwebhookconfigurations.admissionregistration.k8s.io",
            about: "side effects are told",
            object: json!({"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "w"},
                "webhooks": [{"name": "a"}, {"name": "b", "sideEffects": "Some"}, {"name": "c", "sideEffects": "NoneOnDryRun"}]}),
            expected: json!({"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "w"},
                "webhooks": [{"name": "a", "sideEffects": "None"}, {"name": "b", "sideEffects": "None"}, {"name": "c", "sideEffects": "NoneOnDryRun"}]}),
        },
    ]
}

#[test]
fn what_becomes_of_objects() {
    for Case { kind, about, object, expected } in cases() {
        let (changed, outcome) = run(kind, &object);
        assert_eq!(changed, expected, "{kind}: {about}");
        assert_eq!(outcome.skip, None, "{kind}: {about}");
    }
}

#[test]
fn what_the_cluster_makes_by_itself_is_skipped() {
    let token = json!({"metadata": {"name": "web-token-abc", "annotations": {"kubernetes.io/service-account.name": "web"}},
        "type": "kubernetes.io/service-account-token"});
    assert!(run("secrets", &token).1.skip.is_some());
    let service = json!({"metadata": {"name": "v1.apps", "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}}});
    assert!(run("apiservices.apiregistration.k8s.io", &service).1.skip.is_some());
    assert!(run("datauploads.velero.io", &json!({"metadata": {"name": "du"}})).1.skip.is_some());
}

#[test]
fn what_an_object_needs_is_named_by_its_place_in_the_backup() {
    let pod = json!({"metadata": {"name": "p", "namespace": "app"}, "spec": {
        "priorityClassName": "high", "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    }});
    let needs = |kind: &str, object: &Value| {
        run(kind, object)
            .1
            .needs
            .iter()
            .map(|need| format!("{} {}", need.kind, need.object))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        needs("pods", &pod),
        ["priorityclasses.scheduling.k8s.io high", "persistentvolumeclaims app/data"]
    );
    let mut claim =
        json!({"metadata": {"name": "data"}, "spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}});
    assert_eq!(needs("persistentvolumeclaims", &claim), ["persistentvolumes pv"]);
    claim["status"]["phase"] = json!("Pending");
    assert!(needs("persistentvolumeclaims", &claim).is_empty());
}

#[test]
fn node_ports_are_kept_when_asked_and_a_broken_record_is_an_error() {
    let object = json!({
        "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{"}},
        "spec": {"ports": [{"port": 80, "nodePort": 30080}]}
    });
    let mapping = BTreeMap::new();
    let services = GroupResource::parse("services");
    assert!(apply(&services, &mut object.clone(), &context(&object, &mapping)).is_err());
    let keep = KindContext { preserve_node_ports: true, ..context(&object, &mapping) };
    let mut changed = object.clone();
    apply(&services, &mut changed, &keep).unwrap();
    assert_eq!(changed, object);
}

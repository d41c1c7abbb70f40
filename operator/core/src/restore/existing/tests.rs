//! Table tests: an object of the backup, the one in the cluster, and what is done.

use super::*;
use crate::restore::reset::{label, restore_labels};

fn labels() -> [(&'static str, String); 2] {
    restore_labels("b1", "r1")
}

fn decide_with(kind: &str, policy: ExistingPolicy, desired: &Value, in_cluster: &Value) -> Decision {
    let mut desired = desired.clone();
    label(&mut desired, &labels());
    decide(&Existing {
        kind: &GroupResource::parse(kind),
        desired: &desired,
        in_cluster,
        labels: &labels(),
        policy,
        restore_created: Some("2026-05-21T10:00:00Z".parse().unwrap()),
    })
}

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "changed", "namespace": "n", "labels": {"old": "label"}}, "data": data})
}

fn live(mut object: Value) -> Value {
    let server = json!({
        "uid": "u", "resourceVersion": "7", "generation": 1, "creationTimestamp": "2026-05-20T10:00:00Z", "finalizers": ["x"],
        "managedFields": [{"manager": "kubectl"}], "ownerReferences": [{"name": "o"}]
    });
    json_patch::merge(&mut object["metadata"], &server);
    object["status"] = json!({"ready": true});
    object
}

#[test]
fn what_a_cluster_gives_makes_no_difference() {
    let pairs = [
        ("configmaps", config_map(&json!({"k": "v"})), config_map(&json!({"k": "v", "gone": null}))),
        (
            "services",
            json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "type": "NodePort"}}),
            json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {
                "ports": [{"port": 80, "nodePort": 30080}], "type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]
            }}),
        ),
        (
            "pods",
            json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {
                "volumes": [{"name": "kube-api-access-aaaaa"}], "containers": [{"volumeMounts": [{"name": "kube-api-access-aaaaa"}]}]
            }}),
            json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {
                "volumes": [{"name": "kube-api-access-bbbbb"}], "containers": [{"volumeMounts": [{"name": "kube-api-access-bbbbb"}]}],
                "nodeName": "n1", "priority": 0
            }}),
        ),
        (
            "deployments.apps",
            json!({"kind": "Deployment", "metadata": {"name": "d", "annotations": {"deployment.kubernetes.io/revision": "1"}}, "spec": {}}),
            json!({"kind": "Deployment", "metadata": {"name": "d", "annotations": {"deployment.kubernetes.io/revision": "4"}}, "spec": {}}),
        ),
        (
            "persistentvolumeclaims",
            json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"storageClassName": "s"}}),
            json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                "spec": {"storageClassName": "s", "volumeName": "pv"}}),
        ),
        (
            "jobs.batch",
            json!({"kind": "Job", "metadata": {"name": "j"}, "spec": {"selector": {"matchLabels": {}}}}),
            json!({"kind": "Job", "metadata": {"name": "j"}, "spec": {"selector": {"matchLabels": {"controller-uid": "u"}}}}),
        ),
    ];
    for (kind, desired, in_cluster) in pairs {
        for policy in [ExistingPolicy::Unset, ExistingPolicy::None] {
            assert_eq!(
                decide_with(kind, policy, &desired, &live(in_cluster.clone())),
                Decision::Same,
                "{kind}"
            );
        }
        let update = decide_with(kind, ExistingPolicy::Update, &desired, &live(in_cluster));
        assert_eq!(update, Decision::Label(label_patch(&labels())), "{kind}");
    }
}

#[test]
fn what_the_cluster_keeps_by_itself_is_never_different() {
    let certificate = |value: &str| json!({"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": value}});
    let mut replica_set =
        json!({"kind": "ReplicaSet", "metadata": {"name": "web-1"}, "spec": {"replicas": 3}});
    let wanted = replica_set.clone();
    replica_set["metadata"]["ownerReferences"] = json!([{"kind": "Deployment", "controller": true}]);
    replica_set["spec"]["replicas"] = json!(0);
    let endpoints = |ip: &str| {
        json!({"kind": "Endpoints", "metadata": {"name": "e", "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": ip}},
        "subsets": [ip]})
    };
    for policy in [ExistingPolicy::Unset, ExistingPolicy::Update] {
        assert_eq!(
            decide_with("configmaps", policy, &certificate("old"), &certificate("new")),
            Decision::Same
        );
        assert_eq!(decide_with("replicasets.apps", policy, &wanted, &replica_set), Decision::Same);
        assert_eq!(decide_with("endpoints", policy, &endpoints("1"), &endpoints("2")), Decision::Same);
    }
}

#[test]
fn what_people_changed_is_told_in_the_words_that_tools_know() {
    let (wanted, there) =
        (config_map(&json!({"k": "v"})), live(config_map(&json!({"k": "new", "extra": "x"}))));
    let decision = |policy| decide_with("configmaps", policy, &wanted, &there);
    let tail = "already exists. Warning: the in-cluster version is different than the backed-up version";
    assert_eq!(
        decision(ExistingPolicy::Unset),
        Decision::Keep(format!("could not restore, ConfigMap:changed {tail}"))
    );
    assert_eq!(
        decision(ExistingPolicy::None),
        Decision::Keep(format!("could not restore, ConfigMap \"changed\" {tail}"))
    );
    assert_eq!(
        decision(ExistingPolicy::Update),
        Decision::Update(json!({
            "metadata": {"labels": {"velero.io/backup-name": "b1", "velero.io/restore-name": "r1"}},
            "data": {"k": "v", "extra": null}
        }))
    );
}

#[test]
fn an_update_leaves_alone_what_is_not_compared() {
    let wanted = json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}});
    let there = live(json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {
        "selector": {"app": "b"}, "ports": [{"port": 80, "nodePort": 30080}], "clusterIP": "10.0.0.1"
    }}));
    let Decision::Update(patch) = decide_with("services", ExistingPolicy::Update, &wanted, &there) else {
        panic!()
    };
    assert_eq!(patch["spec"], json!({"selector": {"app": "a"}}));
    assert_eq!(patch["metadata"].as_object().unwrap().keys().collect::<Vec<_>>(), ["labels"]);
}

#[test]
fn a_service_account_is_added_to_under_every_policy() {
    let wanted = json!({"kind": "ServiceAccount", "metadata": {"name": "web", "labels": {"a": "backup", "new": "x"}},
        "secrets": [{"name": "one"}], "imagePullSecrets": [{"name": "pull"}]});
    let there = live(
        json!({"kind": "ServiceAccount", "metadata": {"name": "web", "labels": {"a": "cluster"}}, "secrets": [{"name": "two"}]}),
    );
    for policy in [ExistingPolicy::Unset, ExistingPolicy::None, ExistingPolicy::Update] {
        assert_eq!(
            decide_with("serviceaccounts", policy, &wanted, &there),
            Decision::Extend(json!({
                "metadata": {"labels": {"new": "x", "velero.io/backup-name": "b1", "velero.io/restore-name": "r1"}},
                "secrets": [{"name": "two"}, {"name": "one"}], "imagePullSecrets": [{"name": "pull"}]
            }))
        );
    }
    let more =
        live(json!({"kind": "ServiceAccount", "metadata": {"name": "web", "labels": {"a": "c", "new": "y"}},
        "secrets": [{"name": "one"}, {"name": "two"}], "imagePullSecrets": [{"name": "pull"}]}));
    assert_eq!(decide_with("serviceaccounts", ExistingPolicy::Update, &wanted, &more), Decision::Same);
}

#[test]
fn an_object_is_this_runs_own_by_label_and_age() {
    let wanted = config_map(&json!({"k": "v"}));
    let with = |restore: &str, created: &str| {
        let mut object = live(config_map(&json!({"k": "other"})));
        object["metadata"]["labels"]["velero.io/restore-name"] = json!(restore);
        object["metadata"]["creationTimestamp"] = json!(created);
        decide_with("configmaps", ExistingPolicy::Unset, &wanted, &object)
    };
    assert_eq!(with("r1", "2026-05-21T10:00:00Z"), Decision::CreatedByThisRun);
    assert!(
        matches!(with("r1", "2026-05-21T09:59:59Z"), Decision::Keep(_)),
        "left by an older restore of that name"
    );
    assert!(matches!(with("r2", "2026-05-21T10:00:01Z"), Decision::Keep(_)));
}

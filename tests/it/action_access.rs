//! What item actions get of a real cluster: their requests are made in the name of a service account, and RBAC has the last word.

use lateen_cluster::client::{ClientOptions, connect};
use lateen_cluster::item_action_access::{ActionRequests, PatchForm};
use lateen_cluster::request::RequestError;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_test_harness::{Installation, Store};
use serde_json::{Value, json};

use crate::world::{back_up, cluster, config_maps, item, phase, setup};

/// The service account for actions may get ConfigMaps in one namespace, and nothing else.
async fn allow_get(velero: &Installation<'_>, namespace: &str) {
    let rbac = "rbac.authorization.k8s.io";
    for object in [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "namespace": velero.namespace(), "name": "actions" } }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": { "namespace": namespace, "name": "actions" },
            "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": { "namespace": namespace, "name": "actions" },
            "roleRef": { "apiGroup": rbac, "kind": "Role", "name": "actions" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": velero.namespace(), "name": "actions" }],
        }),
    ] {
        velero.objects().apply_value(&object).await.unwrap();
    }
}

#[tokio::test]
async fn actions_get_what_flags_and_rbac_both_allow() {
    let setup = setup("velero-access", Store::File)
        .flag("--action-service-account=actions")
        .flag("--action-cluster-access=get,list,create,patch:configmaps");
    let velero = Installation::start(cluster(), setup).await.unwrap();
    config_maps(&velero, "access", &["one"]).await;
    config_maps(&velero, "access-other", &["one"]).await;
    allow_get(&velero, "access").await;

    let one = |namespace: &str| json!({ "resource": "configmaps", "namespace": namespace, "name": "one" });
    let new = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "access", "name": "planted" } });
    let params = json!({ "misdeed": "cluster", "requests": [
        { "get": one("access") },
        { "get": one("access-other") },
        { "list": { "resource": "configmaps", "namespace": "access" } },
        { "create": new },
        { "merge": { "object": one("access"), "patch": { "data": { "name": "changed" } } } },
        { "serves": "apps" },
    ] });
    let manifest = |verbs: &str| {
        format!(
            "name: test.example/access\non: [backup]\nmatch: {{resources: [configmaps], namespaces: [access]}}\ncomponent: action.wasm\nparams: {params}\ncapabilities: {{cluster: [{{verbs: [{verbs}], resources: [configmaps]}}]}}\n"
        )
    };
    let component = lateen_guests::build_bytes("hostile").unwrap();
    let greedy = velero.apply_action("greedy", &manifest("get, delete"), &component).await.unwrap();
    let (reason, message) = velero.await_verdict(&greedy).await.unwrap();
    assert_eq!(reason, "ActionRefused");
    assert!(message.contains("--action-cluster-access 'delete:configmaps'"), "{message}");
    velero.objects().delete("v1/ConfigMap", velero.namespace(), "greedy").await.unwrap();

    let action =
        velero.apply_action("access", &manifest("get, list, create, patch"), &component).await.unwrap();
    let (reason, message) = velero.await_verdict(&action).await.unwrap();
    assert_eq!(reason, "ActionLoaded", "{message}");
    let backup = back_up(&velero, "asked", "access").await;
    assert_eq!(phase(&backup), "Completed", "{backup:#}");

    let stored = item(&velero.bucket().archive("asked").unwrap(), "configmaps", "namespaces/access/one");
    let told = stored["metadata"]["annotations"]["hostile"].as_str().unwrap();
    let told: Vec<String> = serde_json::from_str(told).unwrap();
    let got: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!((&got["kind"], &got["data"]), (&json!("ConfigMap"), &json!({ "name": "one" })));
    assert!(got["metadata"]["managedFields"].is_null() && got["metadata"]["uid"].is_string(), "{got:#}");
    for (told, what) in
        told[1..5].iter().zip(["get configmaps", "list configmaps", "create configmaps", "patch configmaps"])
    {
        assert!(told.starts_with(&format!("Reason::Forbidden 403: {what}")), "{told}");
        assert!(told.contains("system:serviceaccount:velero-access:actions"), "{told}");
    }
    assert!(told[5].contains(r#"["v1","deployments","Deployment",true,true]"#), "{}", told[5]);
    dry_runs_leave_nothing(&velero).await;
}

/// Nothing of a run is a dry run yet, so this asks the server's part of the way directly.
async fn dry_runs_leave_nothing(velero: &Installation<'_>) {
    let kubeconfig = cluster().kubeconfig_for_service_account(velero.namespace(), "velero").unwrap();
    let configmaps = ServedKind {
        group_resource: GroupResource::parse("configmaps"),
        version: "v1".into(),
        kind: "ConfigMap".into(),
        singular: "configmap".into(),
        short_names: Vec::new(),
        namespaced: true,
        verbs: Vec::new(),
    };
    let server = ActionRequests {
        client: connect(Some(&kubeconfig), &ClientOptions::default()).await.unwrap(),
        service_account: None,
        field_manager: "lateen/test.example/access".into(),
        dry_run: true,
        answer_limit: 1 << 20,
    };
    let name = ObjectName::new(Some("access-other"), "dry");
    let new = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"dry"},"data":{"a":"b"}}"#;
    let applied = server.patch(&configmaps, &name, false, PatchForm::Apply, new).await.unwrap();
    let applied: Value = serde_json::from_str(&applied).unwrap();
    assert_eq!(applied["metadata"]["managedFields"][0]["manager"], "lateen/test.example/access");
    server.create(&configmaps, Some("access-other"), new).await.unwrap();
    server
        .delete(&configmaps, &ObjectName::new(Some("access-other"), "one"), "Background", None)
        .await
        .unwrap();

    let account =
        ActionRequests { service_account: Some((velero.namespace().into(), "actions".into())), ..server };
    let refused = account.create(&configmaps, Some("access"), new).await.unwrap_err();
    assert!(matches!(&refused, RequestError::Status(status) if status.is_forbidden()), "{refused}");

    let objects = velero.objects();
    assert!(objects.get("v1/ConfigMap", "access-other", "dry").await.unwrap().is_none());
    assert!(objects.get("v1/ConfigMap", "access-other", "one").await.unwrap().is_some());
}

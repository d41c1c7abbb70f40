//! Operations that end when a test says so: an action that begins one with every ConfigMap that has a gate, and `data.gate` of the ConfigMap
//! in the cluster says how far that is.

use lateen_test_harness::{Installation, Store};
use serde_json::{Value, json};

use crate::world::{cluster, config_maps, setup};

/// The phase of a run that waits for operations.
pub(crate) const WAITING: &str = "WaitingForPluginOperations";

/// The same, where something has failed.
pub(crate) const WAITING_FAILED: &str = "WaitingForPluginOperationsPartiallyFailed";

/// A server with the action, whose operations may be looked at and cancelled, for runs of this role (`backup`, `restore`). ConfigMaps of these
/// names are in the namespace `app`, without a gate.
pub(crate) async fn install(name: &str, app: &str, names: &[&str], role: &str) -> Installation<'static> {
    install_with(name, app, names, role, &[]).await
}

/// As [`install`], with more flags for the server.
pub(crate) async fn install_with(
    name: &str,
    app: &str,
    names: &[&str],
    role: &str,
    flags: &[&str],
) -> Installation<'static> {
    let setup = setup(name, Store::File)
        .flag("--item-operation-sync-frequency=200ms")
        .flag("--action-service-account=actions")
        .flag("--action-cluster-access=get,patch:configmaps");
    let setup = flags.iter().fold(setup, |setup, flag| setup.flag(flag));
    let velero = Installation::start(cluster(), setup).await.unwrap();
    config_maps(&velero, app, names).await;
    let rbac = "rbac.authorization.k8s.io";
    for object in [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "namespace": name, "name": "actions" } }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": { "namespace": app, "name": "actions" },
            "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"] }],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": { "namespace": app, "name": "actions" },
            "roleRef": { "apiGroup": rbac, "kind": "Role", "name": "actions" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": name, "name": "actions" }],
        }),
    ] {
        velero.objects().apply_value(&object).await.unwrap();
    }
    let manifest = format!(
        "name: test.example/gate\non: [{role}]\nmatch: {{resources: [configmaps], namespaces: [{app}], labelSelector: gated}}\ncomponent: action.wasm\ncapabilities: {{cluster: [{{verbs: [get, patch], resources: [configmaps]}}]}}\n"
    );
    load(&velero, "gate", &manifest, "gate").await;
    velero
}

/// Makes every run stop at the ConfigMap `held`, by an action in the ConfigMap `hold` that never comes back from it.
pub(crate) async fn hold(velero: &Installation<'_>, app: &str, role: &str) {
    let held = json!({ "metadata": { "labels": { "held": "" } } });
    velero.objects().merge("v1/ConfigMap", app, "held", &held).await.unwrap();
    let manifest = format!(
        "name: test.example/hostile\non: [{role}]\nmatch: {{resources: [configmaps], namespaces: [{app}], labelSelector: held}}\ncomponent: action.wasm\nparams: {{misdeed: wait}}\n"
    );
    load(velero, "hold", &manifest, "hostile").await;
}

async fn load(velero: &Installation<'_>, name: &str, manifest: &str, guest: &str) {
    let component = lateen_guests::build_bytes(guest).unwrap();
    let action = velero.apply_action(name, manifest, &component).await.unwrap();
    let (reason, message) = velero.await_verdict(&action).await.unwrap();
    assert_eq!(reason, "ActionLoaded", "{message}");
}

/// Says how far the operation of a ConfigMap is; without anything said the action leaves it alone.
pub(crate) async fn gate(velero: &Installation<'_>, app: &str, name: &str, state: &str) {
    let patch = json!({ "metadata": { "labels": { "gated": "" } }, "data": { "gate": state } });
    velero.objects().merge("v1/ConfigMap", app, name, &patch).await.unwrap();
}

/// A list in the bucket, unpacked.
pub(crate) fn unpacked(velero: &Installation<'_>, key: &str) -> Value {
    let packed = velero.bucket().read(key).unwrap();
    serde_json::from_reader(flate2::read::MultiGzDecoder::new(packed.as_slice())).unwrap()
}

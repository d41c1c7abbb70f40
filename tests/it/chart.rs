//! The Helm chart: what it renders from the values files in `tests/fixtures/chart`, what it refuses, and that Helm can install and
//! uninstall it on a real control plane. A new case is a new file there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolume, PersistentVolumeClaim, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Config};
use lateen_test_cluster::{Cluster, Tool, ports, tools};
use lateen_test_harness::wait_for;
use serde_json::json;

use crate::world;

/// The control plane for which templates are rendered without one: a Helm built as a library does not know any version.
const KUBE_VERSION: &str = "1.36.0";
/// What an install may take. The pods are fakes, which are ready within seconds.
const INSTALL_LIMIT: Duration = Duration::from_mins(2);

/// The command line and environment of the server as a Deployment has them: enough to start the same server elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RenderedServer {
    /// What stands behind the name of the program.
    pub(crate) args: Vec<String>,
    /// Names and values; those that refer to a Secret are left out.
    pub(crate) env: Vec<(String, String)>,
}

impl RenderedServer {
    /// Reads the Deployment as the velero CLI looks for it: by its label, and the container by its name.
    pub(crate) async fn read(client: Client, namespace: &str) -> Self {
        let deployments: Api<Deployment> = Api::namespaced(client, namespace);
        let found = deployments.list(&ListParams::default().labels("component=velero")).await.unwrap().items;
        let [deployment] = &found[..] else { panic!("one Deployment with the label, not {}", found.len()) };
        let pod = deployment.spec.template.spec.as_ref().unwrap();
        let container = pod.containers.iter().find(|container| container.name == "velero").unwrap();
        assert_eq!(container.command.as_deref(), Some(&["lateen".to_owned()][..]));
        let env = container.env.iter().flatten().filter_map(|variable| {
            let field = variable.value_from.as_ref().and_then(|from| from.field_ref.as_ref());
            let value = match field {
                Some(field) if field.field_path == "metadata.namespace" => Some(namespace.to_owned()),
                _ => variable.value.clone(),
            };
            Some((variable.name.clone(), value?))
        });
        Self { args: container.args.clone().unwrap(), env: env.collect() }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn helm(args: &[&str]) -> Output {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    let helm = HELM.get_or_init(|| tools::ensure(&[Tool::Helm]).unwrap().path(Tool::Helm));
    Command::new(helm).args(args).current_dir(root()).output().unwrap()
}

fn template(values: &Path) -> Output {
    let values = values.to_str().unwrap();
    helm(&[
        "template",
        "velero",
        "charts/lateen",
        "-n",
        "backup",
        "--kube-version",
        KUBE_VERSION,
        "-f",
        values,
    ])
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn with_snapshots(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/chart"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(check);
}

#[test]
fn renders() {
    with_snapshots(|| {
        insta::glob!(root().join("tests/fixtures/chart"), "*.yaml", |path| {
            let values = path.to_str().unwrap();
            let lint =
                helm(&["lint", "charts/lateen", "--strict", "--kube-version", KUBE_VERSION, "-f", values]);
            assert!(lint.status.success(), "{}", text(&lint.stdout));
            let rendered = template(path);
            assert_eq!(text(&rendered.stderr), "");
            insta::assert_snapshot!("rendered", text(&rendered.stdout));
        });
    });
}

#[test]
fn refuses_and_says_why() {
    with_snapshots(|| {
        insta::glob!(root().join("tests/fixtures/chart/refused"), "*.yaml", |path| {
            let rendered = template(path);
            assert!(!rendered.status.success(), "{}", path.display());
            let error = text(&rendered.stderr).split("Error: ").nth(1).unwrap();
            let error = error.split("\n\nUse --debug").next().unwrap().trim();
            // Where in the template stands first and changes with every line that is added to it.
            let error = error.split_once("): ").map_or(error, |(_, said)| said);
            insta::assert_snapshot!("refused", error);
        });
    });
}

/// Every value that a template reads is one that `values.yaml` has or that the README of the chart names.
#[test]
fn the_table_of_values_is_complete() {
    let readme = fs::read_to_string(root().join("charts/lateen/README.md")).unwrap();
    let values = fs::read_to_string(root().join("charts/lateen/values.yaml")).unwrap();
    let values: serde_json::Map<String, serde_json::Value> = serde_yaml_ng::from_str(&values).unwrap();
    let mut names: Vec<String> = values.keys().cloned().collect();
    let configuration = values["configuration"].as_object().unwrap();
    names.extend(configuration.keys().map(|key| format!("configuration.{key}")));
    assert!(names.len() > 40, "{names:?}");
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| !readme.contains(&format!("`{name}`")) && !readme.contains(&format!("`{name}.")))
        .collect();
    assert!(missing.is_empty(), "not in the chart's README: {missing:?}");
}

#[tokio::test]
async fn installs_and_uninstalls() {
    let cluster = world::cluster();
    let kubeconfig = cluster.kubeconfig();
    let client = client(&kubeconfig).await;
    let kubeconfig = kubeconfig.to_str().unwrap();
    let namespace = "chart";
    create_restricted_namespace(&client, namespace).await;
    create_volume(&client, "chart-file-store").await;

    let limit = format!("{}s", INSTALL_LIMIT.as_secs());
    let at = ["--kubeconfig", kubeconfig, "-n", namespace];
    let values = [
        "-f",
        "tests/fixtures/chart/s3.yaml",
        // Prometheus' kinds are not there.
        "--set=metrics.serviceMonitor.enabled=false,metrics.prometheusRule.enabled=false",
        "--set=fileStore.enabled=true,fileStore.persistence.storageClassName=chart-file-store",
    ];
    let install =
        [&["install", "velero", "charts/lateen", "--wait", "--timeout", &limit][..], &at, &values].concat();
    let installed = helm(&install);
    assert!(installed.status.success(), "{}", text(&installed.stderr));
    with_snapshots(|| {
        let notes = text(&installed.stdout).split_once("NOTES:\n").unwrap().1;
        insta::assert_snapshot!("notes", notes);
    });

    let server = RenderedServer::read(client.clone(), namespace).await;
    with_snapshots(|| insta::assert_debug_snapshot!("server", server));
    starts_as_rendered(cluster, &client, namespace, &server).await;
    for (kind, names) in [
        ("BackupStorageLocation", &["default", "offsite"][..]),
        ("Schedule", &["monthly-offsite", "velero-nightly"]),
    ] {
        assert_eq!(velero_objects(&client, namespace, kind).await, names, "{kind}");
    }
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let actions = config_maps.list(&ListParams::default().labels("lateen.dev/item-action")).await.unwrap();
    let stamp = actions.items.iter().find(|it| it.metadata.name.as_deref() == Some("velero-stamp")).unwrap();
    assert_eq!(actions.items.len(), 2);
    assert_eq!(stamp.binary_data.as_ref().unwrap()["action.wasm"].0, b"\0asm\x0d\0\x01\0");
    check_rights(cluster, namespace).await;

    let removed = helm(&[&["uninstall", "velero", "--wait", "--timeout", &limit][..], &at].concat());
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(
        Api::<Deployment>::namespaced(client.clone(), namespace).get_opt("velero").await.unwrap().is_none()
    );
    assert!(Api::<Service>::namespaced(client.clone(), namespace).get_opt("velero").await.unwrap().is_none());
    assert_eq!(velero_objects(&client, namespace, "Schedule").await, [""; 0]);
    // What must outlive the release: the backups, and the kinds, with which all objects of all releases would go.
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    assert!(claims.get_opt("velero-file-store").await.unwrap().is_some());
    let kinds: Api<CustomResourceDefinition> = Api::all(client);
    assert!(kinds.get_opt("backups.velero.io").await.unwrap().is_some());

    // Of a values file for Velero's chart the notes say what has no effect.
    let values = ["--dry-run=server", "-f", "tests/fixtures/chart/from-velero.yaml"];
    let planned = helm(&[&["install", "velero", "charts/lateen"][..], &at, &values].concat());
    assert!(planned.status.success(), "{}", text(&planned.stderr));
    with_snapshots(|| {
        insta::assert_snapshot!(
            "notes-from-velero",
            text(&planned.stdout).split_once("WARNING: ").unwrap().1
        );
    });
}

/// The server starts with exactly the arguments and the environment that the chart rendered, and with the rights of its service account
/// it can do its work. Only what belongs to the pod is put in its place, by flags that come later: addresses and directories.
async fn starts_as_rendered(cluster: &Cluster, client: &Client, namespace: &str, server: &RenderedServer) {
    let kubeconfig = cluster.kubeconfig_for_service_account(namespace, "velero-server").unwrap();
    let directory = cluster.directory().join("rendered");
    fs::create_dir(&directory).unwrap();
    let [port] = ports::free().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lateen"));
    command.args(&server.args).env_clear().envs(server.env.iter().map(|(name, value)| (name, value)));
    // The Secret that the pod mounts is not here.
    command.env_remove("AWS_SHARED_CREDENTIALS_FILE");
    command
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .arg(format!("--metrics-address=127.0.0.1:{port}"))
        .arg("--download-address=127.0.0.1:0")
        .arg("--file-store-root")
        .arg(directory.join("store"))
        .arg("--scratch-dir")
        .arg(&directory)
        .arg("--action-cache-dir")
        .arg(directory.join("cache"));
    let mut child = cluster.spawn("rendered-server", &mut command).unwrap();
    let log = || fs::read_to_string(cluster.logs().join("rendered-server.log")).unwrap_or_default();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("velero.io", "v1", "BackupStorageLocation"));
    let locations: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let looked_at = wait_for("the server to look at the chart's location", INSTALL_LIMIT, async || {
        anyhow::ensure!(child.try_wait()?.is_none(), "the server has ended");
        let location = locations.get("default").await?;
        Ok(location.data["status"]["phase"].as_str().map(str::to_owned))
    });
    // There is no bucket behind the values of this test.
    assert_eq!(looked_at.await.map_err(|error| format!("{error:#}\n{}", log())).unwrap(), "Unavailable");
    let ready = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = ready.get(format!("http://127.0.0.1:{port}/readyz")).send().await.unwrap();
    assert!(ready.status().is_success(), "{}", log());
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// A namespace in which the API server refuses every pod that is not restricted: the rendered one has to be.
async fn create_restricted_namespace(client: &Client, name: &str) {
    let namespace = serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
    }));
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace.unwrap()).await.unwrap();
}

/// A volume that the claim of the file store gets: there is nobody here who would make one for it.
async fn create_volume(client: &Client, name: &str) {
    let volume = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "storageClassName": name, "capacity": { "storage": "20Gi" }, "accessModes": ["ReadWriteOnce"],
            "hostPath": { "path": "/nowhere" },
        },
    }));
    Api::<PersistentVolume>::all(client.clone())
        .create(&PostParams::default(), &volume.unwrap())
        .await
        .unwrap();
}

async fn velero_objects(client: &Client, namespace: &str, kind: &str) -> Vec<String> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("velero.io", "v1", kind));
    let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let mut names: Vec<String> = objects
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|it| it.metadata.name)
        .collect();
    names.sort();
    names
}

/// With `rbac.clusterAdministrator=false` the server can do what a restore needs, everywhere, and not what it does not need.
async fn check_rights(cluster: &Cluster, namespace: &str) {
    let kubeconfig = cluster.kubeconfig_for_service_account(namespace, "velero-server").unwrap();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client(&kubeconfig).await);
    for (verb, group, resource, subresource, place, expected) in [
        ("list", "", "secrets", "", "default", true),
        ("create", "apps", "deployments", "", "default", true),
        ("patch", "example.com", "widgets", "status", "default", true),
        ("create", "", "pods", "exec", "default", true),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles", "", "", true),
        ("delete", "velero.io", "backups", "", namespace, true),
        ("update", "coordination.k8s.io", "leases", "", namespace, true),
        ("delete", "", "namespaces", "", "", false),
        ("delete", "apps", "deployments", "", "default", false),
        ("impersonate", "", "users", "", "", false),
    ] {
        let review = serde_json::from_value(json!({
            "metadata": {},
            "spec": { "resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": place,
            } },
        }));
        let answer = reviews.create(&PostParams::default(), &review.unwrap()).await.unwrap();
        assert_eq!(answer.status.unwrap().allowed, expected, "{verb} {resource}.{group} in {place:?}");
    }
}

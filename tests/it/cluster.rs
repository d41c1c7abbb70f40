//! The throwaway control plane itself: clusters do not see each other, rights are checked, and nothing outlives its owner.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Config};
use lateen_test_cluster::{Cluster, Part};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// For what takes a second or two on an idle machine.
const LIMIT: Duration = Duration::from_mins(1);

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn clusters_side_by_side_share_nothing() {
    // Blocking, and from within an async runtime: callers of all kinds may do that.
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(Cluster::start);
        let other = Cluster::builder().without(Part::Node).without(Part::S3).start().unwrap();
        (one.join().unwrap().unwrap(), other)
    });
    assert!(one.s3().is_some() && other.s3().is_none());
    let (in_one, in_other) = (client(&one.kubeconfig()).await, client(&other.kubeconfig()).await);

    let namespace = object(json!({ "metadata": { "name": "only-here" } }));
    Api::<Namespace>::all(in_one.clone()).create(&PostParams::default(), &namespace).await.unwrap();
    assert!(Api::<Namespace>::all(in_other).get_opt("only-here").await.unwrap().is_none());

    let template = json!({ "metadata": { "labels": { "app": "web" } }, "spec": {
        "restartPolicy": "Always", "containers": [{ "name": "web", "image": "example/web" }] } });
    let deployments = Api::<Deployment>::namespaced(in_one.clone(), "default");
    let deployment = object(json!({ "metadata": { "name": "web" }, "spec": {
        "replicas": 2, "selector": { "matchLabels": { "app": "web" } }, "template": template } }));
    deployments.create(&PostParams::default(), &deployment).await.unwrap();
    let jobs = Api::<Job>::namespaced(in_one, "default");
    let mut template = template;
    template["spec"]["restartPolicy"] = json!("Never");
    let job = object(json!({ "metadata": { "name": "once" }, "spec": { "template": template } }));
    jobs.create(&PostParams::default(), &job).await.unwrap();

    let available = await_condition(deployments, "web", |deployment: Option<&Deployment>| {
        deployment.and_then(|it| it.status.as_ref()).and_then(|it| it.available_replicas) == Some(2)
    });
    tokio::time::timeout(LIMIT, available).await.expect("pods of a Deployment run").unwrap();
    let succeeded = await_condition(jobs, "once", |job: Option<&Job>| {
        job.and_then(|it| it.status.as_ref()).and_then(|it| it.succeeded) == Some(1)
    });
    tokio::time::timeout(LIMIT, succeeded).await.expect("pods of a Job succeed").unwrap();

    let directories = [one.directory().to_owned(), other.directory().to_owned()];
    drop((one, other));
    assert!(directories.iter().all(|directory| !directory.exists()), "dropping waits for the end");
}

#[tokio::test]
async fn rights_are_what_rbac_gives() {
    let cluster = Cluster::builder().without(Part::Node).without(Part::S3).start().unwrap();
    let admin = client(&cluster.kubeconfig()).await;
    let account = object(json!({ "metadata": { "name": "reader" } }));
    Api::<ServiceAccount>::namespaced(admin.clone(), "default")
        .create(&PostParams::default(), &account)
        .await
        .unwrap();
    let binding = object(json!({
        "metadata": { "name": "readers" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [
            { "kind": "ServiceAccount", "name": "reader", "namespace": "default" },
            { "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers" },
        ],
    }));
    Api::<RoleBinding>::namespaced(admin, "default").create(&PostParams::default(), &binding).await.unwrap();

    let by_account = cluster.kubeconfig_for_service_account("default", "reader").unwrap();
    let by_group = cluster.kubeconfig_for_user("somebody", Some("readers")).unwrap();
    for kubeconfig in [by_account, by_group] {
        let client = client(&kubeconfig).await;
        let config_maps = Api::<ConfigMap>::default_namespaced(client.clone());
        config_maps.list(&ListParams::default()).await.unwrap();
        let refused = config_maps.delete("kube-root-ca.crt", &DeleteParams::default()).await.unwrap_err();
        assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
        let elsewhere =
            Api::<ConfigMap>::namespaced(client, "kube-system").list(&ListParams::default()).await;
        assert!(matches!(elsewhere.unwrap_err(), kube::Error::Api(status) if status.code == 403));
    }
    cluster.kubeconfig_for_service_account("default", "nobody").unwrap_err();
}

/// What [`a_killed_owner_leaves_nothing`] kills: a cluster in a static, which nothing ever drops.
#[test]
#[ignore = "is run and killed by a_killed_owner_leaves_nothing"]
fn owner() {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| Cluster::start().unwrap());
    println!("\ndirectory {}", cluster.directory().display());
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_owner_leaves_nothing() {
    let module = module_path!().split_once("::").map_or(String::new(), |(_, module)| format!("{module}::"));
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", &format!("{module}owner")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let directory = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("directory ").map(str::to_owned))
        .expect("the owner says where its cluster is");
    assert_eq!(processes_that_mention(&directory), 7, "six parts and the watcher");

    owner.kill().unwrap();
    owner.wait().unwrap();
    let start = Instant::now();
    while Path::new(&directory).exists() || processes_that_mention(&directory) > 0 {
        assert!(start.elapsed() < LIMIT, "{} processes left", processes_that_mention(&directory));
        thread::yield_now();
    }
}

/// How many living processes have `text` in their command line; the dead that nobody collected have none.
#[cfg(target_os = "linux")]
fn processes_that_mention(text: &str) -> usize {
    let command_line = |entry: io::Result<fs::DirEntry>| fs::read(entry.ok()?.path().join("cmdline")).ok();
    let lines = fs::read_dir("/proc").unwrap().filter_map(command_line);
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

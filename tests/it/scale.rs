//! Ten thousand objects, there and back. Takes minutes, so it is run by name:
//! `cargo test --test it -- --ignored --nocapture ten_thousand`.

use std::fs;
use std::time::Instant;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};
use lateen_test_harness::{Installation, Store};
use serde_json::json;

use crate::world::{back_up, create, install, phase};

const COUNT: usize = 10_000;

/// How many are created at the same time: more does not make two cores faster.
const WRITERS: usize = 16;

/// All of them, as name and data, over pages.
async fn read(velero: &Installation<'_>, namespace: &str) -> Vec<(String, Option<String>)> {
    let api: Api<ConfigMap> = Api::namespaced(velero.objects().client(), namespace);
    let mut found = Vec::new();
    let mut parameters = ListParams::default().limit(1000);
    loop {
        let page = api.list(&parameters).await.unwrap();
        for map in page.items {
            let name = map.metadata.name.unwrap();
            if name != "kube-root-ca.crt" {
                found.push((name, map.data.and_then(|mut data| data.remove("text"))));
            }
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
        }
    }
    found.sort();
    found
}

/// The largest amount of memory that the server has had so far, in MiB.
fn peak_memory(velero: &Installation<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", velero.process_id().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run by name"]
async fn ten_thousand_config_maps_come_back() {
    let velero = install("velero-scale", Store::File).await;
    velero.objects().create_namespace("scale").await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(velero.objects().client(), "scale");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let api = api.clone();
        writers.spawn(async move {
            for number in (writer..COUNT).step_by(WRITERS) {
                let map = json!({
                    "metadata": { "name": format!("item-{number:05}"), "labels": { "shard": (number % 7).to_string() } },
                    "data": { "text": format!("{number} {}", "x".repeat(1000)) },
                });
                api.create(&PostParams::default(), &serde_json::from_value(map).unwrap()).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let before = read(&velero, "scale").await;
    assert_eq!(before.len(), COUNT);
    println!("memory of the server at rest: {} MiB", peak_memory(&velero));

    let start = Instant::now();
    let backup = back_up(&velero, "large", "scale").await;
    println!("backup: {:.1} s, at most {} MiB so far", start.elapsed().as_secs_f64(), peak_memory(&velero));
    assert_eq!(phase(&backup), "Completed", "{backup:#}");

    let start = Instant::now();
    let arguments = [
        "restore",
        "create",
        "large",
        "--from-backup",
        "large",
        "--namespace-mappings",
        "scale:scale-2",
        "--wait",
    ];
    let said = create(&velero, &arguments).await;
    println!("restore: {:.1} s, at most {} MiB so far", start.elapsed().as_secs_f64(), peak_memory(&velero));
    assert!(said.contains("completed with status: Completed"), "{said}");
    assert!(read(&velero, "scale-2").await == before, "every object is there, with its data");
}

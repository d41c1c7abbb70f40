//! How fast backups and restores are, and how much memory they take, at two sizes; and ten thousand objects, there and back. They take
//! minutes, so they are run by name, best with a server that was built for speed:
//!
//! ```text
//! cargo build --release -p lateen
//! LATEEN_BINARY=target/release/lateen cargo test --test it -- --ignored --nocapture backups_of_two_sizes
//! ```
//!
//! `LATEEN_SCALE` names other sizes (`5000,50000`), and `LATEEN_SCALE_STORE=s3` the other store.

mod bare;
pub(crate) mod population;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams};
use lateen_test_harness::{Installation, Store};
use serde_json::{Value, json};

use self::population::{CONFIG_MAPS, MIX, Population};
use crate::world::{ENDED, create, install, items, phase};

/// How long a run of any size may take, with a server that was not built for speed.
const RUN_LIMIT: Duration = Duration::from_mins(10);

/// The most memory that a server may take, whatever the size, in MiB.
const MEMORY_LIMIT: u64 = 128;

/// The most memory that a server may take for the largest size more than for the smallest, in MiB.
const MEMORY_GROWTH: u64 = 40;

/// What one run took.
struct Measured {
    objects: u64,
    seconds: f64,
    cpu: f64,
    at_rest: u64,
    peak: u64,
    archive: u64,
    files: u64,
}

/// What the server's memory was at most so far, in MiB.
fn peak_memory(velero: &Installation<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", velero.process_id().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// The time that the server has spent on a processor so far, in seconds.
fn cpu_seconds(velero: &Installation<'_>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", velero.process_id().unwrap())).unwrap();
    // After the name, which may hold anything but ends with the last bracket: fields 14 and 15, in ticks of 10 ms.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// Backs the namespaces up, and waits for the end.
async fn back_up(velero: &Installation<'_>, name: &str, namespaces: &[String]) -> (Value, f64) {
    let backup = json!({
        "apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": { "name": name, "namespace": velero.namespace() },
        "spec": { "includedNamespaces": namespaces },
    });
    let start = Instant::now();
    velero.objects().apply_value(&backup).await.unwrap();
    let ended = velero.await_phase("Backup", name, &ENDED, RUN_LIMIT).await.unwrap();
    (ended, start.elapsed().as_secs_f64())
}

async fn measure(size: usize, store: Store) -> Measured {
    let velero = install(&format!("velero-scale-{size}"), store).await;
    let population = population::create(&velero, &format!("scale-{size}"), size, &MIX).await;
    let (at_rest, cpu) = (peak_memory(&velero), cpu_seconds(&velero));
    let (backup, seconds) = back_up(&velero, "large", &population.namespaces).await;
    let (peak, cpu) = (peak_memory(&velero), cpu_seconds(&velero) - cpu);
    assert_eq!(phase(&backup), "Completed", "{:#}", backup["status"]);
    assert_complete(&velero, &population);
    let bucket = velero.bucket();
    let length = |key: &str| fs::metadata(bucket.directory().join(key)).unwrap().len();
    let files = bucket.keys_of("large").unwrap().iter().map(|key| length(key)).sum();
    let objects = backup["status"]["progress"]["itemsBackedUp"].as_u64().unwrap();
    Measured { objects, seconds, cpu, at_rest, peak, archive: length("backups/large/large.tar.gz"), files }
}

/// Everything that was made is in the archive, once.
fn assert_complete(velero: &Installation<'_>, population: &Population) {
    let mut times = BTreeMap::new();
    for item in items(&velero.bucket().archive("large").unwrap()) {
        *times.entry(item).or_insert(0) += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    let missing: Vec<_> = population.items.iter().filter(|item| !times.contains_key(*item)).collect();
    assert!(missing.is_empty(), "{} are missing: {:?}", missing.len(), missing.first());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run by name"]
async fn backups_of_two_sizes() {
    let sizes = env::var("LATEEN_SCALE").unwrap_or_else(|_| "5000,50000".into());
    let store =
        if env::var("LATEEN_SCALE_STORE").is_ok_and(|it| it == "s3") { Store::S3 } else { Store::File };
    let mut all = Vec::new();
    println!(
        "| objects | wall time | objects/s | CPU time | memory at rest | peak memory | archive | all files |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in sizes.split(',') {
        let it = measure(size.trim().parse().unwrap(), store).await;
        println!(
            "| {} | {:.2} s | {:.0} | {:.2} s | {} MiB | {} MiB | {:.1} MB | {:.1} MB |",
            it.objects,
            it.seconds,
            it.objects as f64 / it.seconds,
            it.cpu,
            it.at_rest,
            it.peak,
            it.archive as f64 / 1e6,
            it.files as f64 / 1e6,
        );
        all.push(it);
    }
    let peaks = all.iter().map(|it| it.peak);
    let (least, most) = (peaks.clone().min().unwrap(), peaks.max().unwrap());
    assert!(most <= MEMORY_LIMIT, "{most} MiB");
    assert!(most - least <= MEMORY_GROWTH, "{least} to {most} MiB");
}

/// All ConfigMaps of a namespace, as name and data, over pages.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run by name"]
async fn restores_beside_bare_creates() {
    let sizes = env::var("LATEEN_SCALE").unwrap_or_else(|_| "5000,50000".into());
    println!(
        "| objects | bare creates | objects/s | restore | objects/s | CPU time | memory before | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in sizes.split(',') {
        let mut velero = install(&format!("velero-back-{size}"), Store::File).await;
        let prefix = format!("back-{size}");
        let population = population::create(&velero, &prefix, size.trim().parse().unwrap(), &MIX).await;
        let (backup, _) = back_up(&velero, "large", &population.namespaces).await;
        assert_eq!(phase(&backup), "Completed", "{:#}", backup["status"]);
        let (objects, bare) = bare::create(&velero, "large", &population.namespaces, "-bare").await;
        // What the backup needed at most is not what the restore needs.
        velero.restart().await.unwrap();
        let (before, cpu) = (peak_memory(&velero), cpu_seconds(&velero));
        let mapping: BTreeMap<String, String> =
            population.namespaces.iter().map(|name| (name.clone(), format!("{name}-2"))).collect();
        let restore = json!({
            "apiVersion": "velero.io/v1", "kind": "Restore",
            "metadata": { "name": "large", "namespace": velero.namespace() },
            "spec": { "backupName": "large", "namespaceMapping": mapping },
        });
        let start = Instant::now();
        velero.objects().apply_value(&restore).await.unwrap();
        let ended = velero.await_phase("Restore", "large", &ENDED, RUN_LIMIT).await.unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(phase(&ended), "Completed", "{:#}", ended["status"]);
        let (peak, cpu) = (peak_memory(&velero), cpu_seconds(&velero) - cpu);
        let restored = ended["status"]["progress"]["itemsRestored"].as_u64().unwrap();
        println!(
            "| {restored} | {bare:.1} s | {:.0} | {seconds:.1} s | {:.0} | {cpu:.1} s | {before} MiB | {peak} MiB |",
            objects as f64 / bare,
            restored as f64 / seconds,
        );
        assert!(peak <= MEMORY_LIMIT, "{peak} MiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run by name"]
async fn ten_thousand_config_maps_come_back() {
    let velero = install("velero-scale", Store::File).await;
    let population = population::create(&velero, "scale", 10_000, &CONFIG_MAPS).await;
    let (backup, seconds) = back_up(&velero, "large", &population.namespaces).await;
    println!("backup: {seconds:.1} s, at most {} MiB so far", peak_memory(&velero));
    assert_eq!(phase(&backup), "Completed", "{backup:#}");

    let mapping: Vec<String> =
        population.namespaces.iter().map(|namespace| format!("{namespace}:{namespace}-2")).collect();
    let mapping = mapping.join(",");
    let start = Instant::now();
    let arguments =
        ["restore", "create", "large", "--from-backup", "large", "--namespace-mappings", &mapping, "--wait"];
    let said = create(&velero, &arguments).await;
    let seconds = start.elapsed().as_secs_f64();
    println!("restore: {seconds:.1} s, at most {} MiB so far", peak_memory(&velero));
    assert!(said.contains("completed with status: Completed"), "{said}");
    for namespace in &population.namespaces {
        let (before, after) =
            (read(&velero, namespace).await, read(&velero, &format!("{namespace}-2")).await);
        assert!(before == after && !before.is_empty(), "every object is there, with its data");
    }
}

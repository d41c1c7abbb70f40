//! How fast items become an archive: MB of tar per second, with one compressing thread and with several.
//!
//! The items are what a cluster mostly holds: ConfigMaps, Secrets and Deployments with managed fields, 1 to 6 KB of JSON, of which little
//! is the same from one to the next but the names of fields. The first lines say what it compresses to. On a machine with other work the
//! threads do not show.
//!
//! `cargo bench -p lateen-controllers --bench archive`. Why level 6: of such items it makes a fifth less than level 3 does, for 1 ms more of
//! a core's time per MB; an archive is written once and kept for months.

#![allow(missing_docs, reason = "criterion makes functions of its own")]
#![allow(clippy::format_collect, reason = "what makes the items is not measured")]
#![allow(clippy::unwrap_used, reason = "a bench has nobody to report an error to")]

use std::io::{Write, sink};
use std::num::NonZeroUsize;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lateen_controllers::backup::archive::gzip::GzipWriter;
use lateen_controllers::backup::archive::{ArchiveItem, ArchiveOptions, ArchiveWriter, Slot};
use serde_json::{Value, json};

/// Items in one archive: 30 MB of tar.
const ITEMS: u64 = 4_000;

/// Items that are appended at once, as a page holds them.
const PAGE: usize = 500;

fn archive(criterion: &mut Criterion) {
    let items: Vec<ArchiveItem> = (0..ITEMS).map(item).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let bytes: u64 = items.iter().map(|item| (item.paths.len() * item.content.len()) as u64).sum();
    let mut group = criterion.benchmark_group("archive");
    group.sample_size(10).throughput(Throughput::Bytes(bytes));
    for threads in [1, 2, 4].map(|threads| NonZeroUsize::new(threads).unwrap()) {
        let written = runtime.block_on(write(&items, threads, Counted(0))).0;
        println!("{threads} compressors: {bytes} bytes of items become {written}");
        group.bench_with_input(BenchmarkId::new("compressors", threads), &threads, |bencher, threads| {
            bencher.iter(|| runtime.block_on(write(&items, *threads, Counted(0))).0);
        });
    }
    group.finish();
}

/// The compressor alone, against the one stream of the library that it stands on.
fn gzip(criterion: &mut Criterion) {
    let text: Vec<u8> =
        (0..ITEMS).flat_map(|seed| [item(seed).content, item(seed).content].concat()).collect();
    let mut group = criterion.benchmark_group("gzip");
    group.sample_size(10).throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("one stream of flate2", |bencher| {
        bencher.iter(|| {
            let mut gzip = flate2::write::GzEncoder::new(sink(), flate2::Compression::default());
            gzip.write_all(&text).unwrap();
            gzip.finish().unwrap();
        });
    });
    for threads in [1, 2].map(|threads| NonZeroUsize::new(threads).unwrap()) {
        group.bench_with_input(BenchmarkId::new("chunks", threads), &threads, |bencher, threads| {
            bencher.iter(|| {
                let mut gzip = GzipWriter::new(sink(), *threads).unwrap();
                gzip.write_all(&text).unwrap();
                gzip.finish().unwrap();
            });
        });
    }
    group.finish();
}

async fn write<W: Write + Send + 'static>(items: &[ArchiveItem], compressors: NonZeroUsize, sink: W) -> W {
    let options = ArchiveOptions { compressors, ..ArchiveOptions::new(1, std::env::temp_dir()) };
    let writer = ArchiveWriter::start(sink, options);
    let archive = writer.items();
    for page in items.chunks(PAGE) {
        archive.append(page.iter().cloned().map(Slot::Item).collect()).await.unwrap();
    }
    writer.finish().await.unwrap()
}

struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn item(seed: u64) -> ArchiveItem {
    let (kind, plural, body) = match seed % 4 {
        0 => (
            "Secret",
            "secrets",
            json!({"data": {"password": random(seed, 30), "tls.key": random(seed, 200)}}),
        ),
        1 | 2 => ("ConfigMap", "configmaps", json!({"data": {"app.properties": properties(seed)}})),
        _ => ("Deployment", "deployments.apps", deployment(seed)),
    };
    let (name, namespace) = (format!("{plural}-{}", random(seed, 5)), format!("team-{}", seed / 200));
    let mut object = json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": {
            "name": name, "namespace": namespace, "uid": random(seed, 18), "resourceVersion": (seed * 7919).to_string(),
            "creationTimestamp": format!("2026-05-{:02}T10:{:02}:00Z", seed % 28 + 1, seed % 60),
            "labels": {"app.kubernetes.io/name": random(seed % 40, 6), "app.kubernetes.io/part-of": namespace},
            "managedFields": [{"manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "time": "2026-05-01T10:00:00Z",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {".": {}, "f:app.properties": {}}, "f:metadata": {"f:labels": {}}}}],
        },
    });
    object.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let place = format!("namespaces/{namespace}/{name}.json");
    ArchiveItem {
        paths: vec![
            format!("resources/{plural}/{place}"),
            format!("resources/{plural}/v1-preferredversion/{place}"),
        ],
        content: Bytes::from(object.to_string()),
    }
}

fn properties(seed: u64) -> String {
    (0..seed % 60)
        .map(|line| format!("{}.{}={}\n", random(line % 9, 4), random(line, 5), random(seed ^ line, 8)))
        .collect()
}

fn deployment(seed: u64) -> Value {
    let container = |index: u64| {
        json!({"name": random(index, 4), "image": format!("registry.example.com/{}:{}", random(seed % 50, 6), seed % 9),
            "resources": {"requests": {"cpu": "100m", "memory": format!("{}Mi", seed % 512)}},
            "env": (0..8).map(|key| json!({"name": random(key, 6), "value": random(seed ^ key, 7)})).collect::<Vec<_>>()})
    };
    json!({"spec": {"replicas": seed % 5, "template": {"spec": {"containers": [container(seed), container(seed + 1)]}}},
        "status": {"observedGeneration": seed % 7, "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}]}})
}

/// Hexadecimal digits that look like chance and are the same every time.
fn random(seed: u64, bytes: u64) -> String {
    let mix =
        |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n >> 7)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33;
    (0..bytes).map(|index| format!("{:02x}", mix(mix(seed) + index) & 0xff)).collect()
}

criterion_group!(benches, archive, gzip);
criterion_main!(benches);

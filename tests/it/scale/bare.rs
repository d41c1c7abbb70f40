//! What any restore is measured against: the objects of a backup created side by side, by the same client, and nothing else done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lateen_cluster::client::{ClientOptions, connect};
use lateen_cluster::discovery::discover;
use lateen_cluster::object::{self, ObjectError, WriteOptions};
use lateen_core::archive::path::{self, Entry};
use lateen_core::kind::ServedKind;
use lateen_core::restore::reset;
use lateen_test_harness::Installation;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::world::cluster;

/// As many as the client has requests under way at most.
const WRITERS: usize = 64;

/// An object that is ready.
struct Ready {
    kind: ServedKind,
    namespace: String,
    body: String,
}

/// Creates all objects of the backup that are in these namespaces, in those with `suffix` behind their names. Gives how many there are, and
/// the seconds.
pub(super) async fn create(
    velero: &Installation<'_>,
    backup: &str,
    namespaces: &[String],
    suffix: &str,
) -> (usize, f64) {
    let client = connect(Some(&cluster().kubeconfig()), &ClientOptions::default()).await.unwrap();
    let catalog = discover(&client).await.unwrap().catalog;
    let mut ready = Vec::new();
    for entry in velero.bucket().archive(backup).unwrap() {
        let Ok(Entry::Item { kind, version: None, object }) = path::parse(&entry.path) else {
            continue;
        };
        let Some(namespace) = object.namespace.filter(|namespace| namespaces.contains(namespace)) else {
            continue;
        };
        let mut item: Value = serde_json::from_slice(&entry.content).unwrap();
        reset::reset(&mut item).unwrap();
        let namespace = format!("{namespace}{suffix}");
        reset::set_namespace(&mut item, &namespace);
        ready.push(Ready { kind: catalog.get(&kind).unwrap().clone(), namespace, body: item.to_string() });
    }
    let began = Instant::now();
    for namespace in namespaces {
        velero.objects().create_namespace(&format!("{namespace}{suffix}")).await.unwrap();
    }
    // Pods are refused until their account is there.
    let (accounts, rest): (Vec<_>, Vec<_>) =
        ready.into_iter().partition(|it| it.kind.group_resource.is("serviceaccounts"));
    let objects = accounts.len() + rest.len();
    for part in [accounts, rest] {
        let (part, next) = (Arc::new(part), Arc::new(AtomicUsize::new(0)));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let (client, part, next) = (client.clone(), Arc::clone(&part), Arc::clone(&next));
            writers.spawn(async move {
                while let Some(it) = part.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (namespace, options) = (Some(it.namespace.as_str()), WriteOptions::default());
                    match object::create(&client, &it.kind, namespace, it.body.clone(), options).await {
                        // Controllers put an account and a certificate into every namespace.
                        Ok(_) | Err(ObjectError::AlreadyExists(_)) => {}
                        Err(error) => panic!("{}: {}", it.kind.group_resource, error.line()),
                    }
                }
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
    }
    (objects, began.elapsed().as_secs_f64())
}

//! A server that is killed again and again in the middle of a restore: the next one goes on, and at the end everything is there, once.
//!
//! ```text
//! LATEEN_KILLS=100 LATEEN_KILL_SEED=7 cargo test --test it restore_killed -- --nocapture    # more, or the same again
//! ```

use std::collections::BTreeSet;
use std::env;
use std::time::Duration;

use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::Value;

use crate::scale::population::{self, MIX, Population};
use crate::world::{ENDED, LIMIT, create, install, phase};

/// Objects that are restored.
const OBJECTS: usize = 5_000;

/// How long the restore may take after the last kill.
const END_LIMIT: Duration = Duration::from_mins(5);

/// The kinds of the population, API version first, in the order in which a restore takes them.
const ORDER: [&str; 8] = [
    "persistentvolumeclaims",
    "serviceaccounts",
    "secrets",
    "configmaps",
    "pods",
    "services",
    "deployments.apps",
    "widgets.scale.lateen.dev",
];

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// `kind.group/namespace/name` as the harness names a kind, and its namespace after the restore and name.
fn place(item: &str) -> (String, String, String) {
    let [plural, namespace, name] = item.split('/').collect::<Vec<_>>()[..] else { panic!("{item}") };
    let (api_version, kind, ..) = *MIX.iter().find(|share| share.2 == plural).unwrap();
    (format!("{api_version}/{kind}"), format!("{namespace}-2"), name.to_owned())
}

/// The items in the order in which they are restored.
fn in_order(population: &Population) -> Vec<&str> {
    let mut items: Vec<&str> = population.items.iter().map(String::as_str).collect();
    items.sort_by_key(|item| (ORDER.iter().position(|kind| item.starts_with(&format!("{kind}/"))), *item));
    items
}

/// What there is of the population in the namespaces that it was restored into, named as it was before.
async fn restored(velero: &Installation<'_>, population: &Population) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (api_version, kind, plural, _) in MIX {
        for namespace in &population.namespaces {
            let there =
                velero.objects().list(&format!("{api_version}/{kind}"), &format!("{namespace}-2")).await;
            for object in there.unwrap() {
                let name = object["metadata"]["name"].as_str().unwrap();
                if name.starts_with("item-") {
                    found.insert(format!("{plural}/{namespace}/{name}"));
                }
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_the_middle_of_a_restore_loses_and_doubles_nothing() {
    let (kills, seed) = (number("LATEEN_KILLS", 10), number("LATEEN_KILL_SEED", 1));
    let mut random = seed;
    let mut velero = install("velero-kills", Store::File).await;
    let population = population::create(&velero, "kills", OBJECTS, &MIX).await;
    let namespaces = population.namespaces.join(",");
    let arguments = ["backup", "create", "large", "--include-namespaces", &namespaces, "--wait"];
    let said = create(&velero, &arguments).await;
    assert!(said.contains("completed with status: Completed"), "{said}");

    let mapping: Vec<String> = population.namespaces.iter().map(|name| format!("{name}:{name}-2")).collect();
    let mapping = mapping.join(",");
    create(
        &velero,
        &["restore", "create", "large", "--from-backup", "large", "--namespace-mappings", &mapping],
    )
    .await;
    let order = in_order(&population);
    let window = order.len() / (kills as usize + 1);
    for kill in 0..kills as usize {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let item = order[kill * window + (random >> 33) as usize % window];
        let (kind, namespace, name) = place(item);
        wait_for(&format!("{item} to be restored (seed {seed})"), LIMIT, async || {
            velero.objects().get(&kind, &namespace, &name).await
        })
        .await
        .unwrap();
        let restore = velero.get("Restore", "large").await.unwrap().unwrap();
        assert_eq!(
            phase(&restore),
            "InProgress",
            "before kill {kill} (seed {seed}): {:#}",
            restore["status"]
        );
        velero.kill().unwrap();
        velero.restart().await.unwrap();
    }

    let ended: Value = velero.await_phase("Restore", "large", &ENDED, END_LIMIT).await.unwrap();
    let (status, log) = (&ended["status"], velero.log());
    assert_eq!(phase(&ended), "Completed", "seed {seed}: {status:#}\n{log}");
    let there = restored(&velero, &population).await;
    let missing: Vec<&String> = population.items.difference(&there).collect();
    assert!(
        missing.is_empty(),
        "seed {seed}: {} are missing, the first {:?}",
        missing.len(),
        missing.first()
    );
    assert_eq!(there.len(), OBJECTS, "seed {seed}");
    // Each is in the list once, as created, whichever of the servers it was.
    let list = create(&velero, &["restore", "describe", "large", "--details"]).await;
    let listed: Vec<&str> = list.lines().filter(|line| line.contains("/item-")).collect();
    let odd: Vec<&&str> = listed.iter().filter(|line| !line.ends_with("(created)")).collect();
    assert!(odd.is_empty(), "seed {seed}: {odd:?}");
    assert_eq!(listed.len(), OBJECTS, "seed {seed}");
}

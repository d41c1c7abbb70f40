//! The order of an archive against a naive model, with workers that finish in any order and caps that are always full.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;

/// An archive that is not done by then hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Who works beside the sweep.
const WORKERS: usize = 3;

/// What happens to one place.
#[derive(Debug, Clone)]
struct Step {
    /// A worker fills it, after letting others go first so many times; else the sweep itself.
    worker: Option<u8>,
    /// Sizes of its items; none stands for a related object that somebody before has claimed.
    slots: Vec<Option<u16>>,
    /// The related objects that its worker claims: whether they come to something, and whether they are told before the place is filled.
    claims: Vec<(bool, bool)>,
}

fn step() -> impl Strategy<Value = Step> {
    let slot = prop_oneof![4 => (0u16..2_000).prop_map(Some), 1 => Just(None)];
    let claims = prop::collection::vec(any::<(bool, bool)>(), 0..3);
    (prop::option::of(0u8..20), prop::collection::vec(slot, 0..5), claims).prop_map(
        |(worker, slots, claims)| Step {
            worker,
            slots,
            claims: if worker.is_some() { claims } else { Vec::new() },
        },
    )
}

/// A step with everything named.
#[derive(Debug, Clone)]
struct Planned {
    worker: Option<u8>,
    slots: Vec<Slot>,
    claims: Vec<(Arc<str>, Option<ArchiveItem>, bool)>,
}

/// Names everything. A slot for a related object takes one that was claimed before, picked by `picks`; it is dropped if there is none.
fn plan(steps: &[Step], picks: &[usize]) -> Vec<Planned> {
    let mut picks = picks.iter().copied().cycle();
    let mut claimed: Vec<Arc<str>> = Vec::new();
    let mut planned = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let mut slots = Vec::new();
        for (index, size) in step.slots.iter().enumerate() {
            match size {
                Some(size) => {
                    let content = vec![b'a' + (index as u8); usize::from(*size)];
                    slots.push(Slot::Item(super::item(&format!("{place}-{index}"), &content)));
                }
                None if claimed.is_empty() => {}
                None => slots.push(Slot::Related(claimed[picks.next().unwrap() % claimed.len()].clone())),
            }
        }
        let claims = step.claims.iter().enumerate().map(|(index, (comes, before))| {
            // Numbers that do not sort as they were claimed.
            let key: Arc<str> = format!("{}-{place}-{index}", (place * 7 + index) % 10).into();
            (Arc::clone(&key), comes.then(|| super::item(&format!("related-{key}"), key.as_bytes())), *before)
        });
        let claims: Vec<_> = claims.collect();
        claimed.extend(claims.iter().map(|(key, ..)| Arc::clone(key)));
        planned.push(Planned { worker: step.worker, slots, claims });
    }
    planned
}

/// The items in the order that the archive must have.
fn model(planned: &[Planned]) -> Vec<ArchiveItem> {
    let claims = planned.iter().flat_map(|step| &step.claims);
    let mut related: BTreeMap<Arc<str>, Option<ArchiveItem>> =
        claims.map(|(key, item, _)| (Arc::clone(key), item.clone())).collect();
    let mut items = Vec::new();
    for slot in planned.iter().flat_map(|step| &step.slots) {
        match slot {
            Slot::Item(item) => items.push(item.clone()),
            Slot::Related(key) => items.extend(related.get_mut(key).and_then(Option::take)),
        }
    }
    items.extend(related.into_values().flatten());
    items
}

async fn work(items: ArchiveItems, todo: Arc<tokio::sync::Mutex<mpsc::Receiver<(Place, Planned)>>>) {
    loop {
        let Some((place, step)) = todo.lock().await.recv().await else { return };
        for _ in 0..step.worker.unwrap_or_default() {
            tokio::task::yield_now().await;
        }
        let (before, after): (Vec<_>, Vec<_>) = step.claims.into_iter().partition(|(.., before)| *before);
        for (key, item, _) in before {
            items.related(key, item).unwrap();
        }
        items.fill(place, step.slots).unwrap();
        for (key, item, _) in after {
            tokio::task::yield_now().await;
            items.related(key, item).unwrap();
        }
    }
}

/// Writes an archive with a sweep and workers that run as they may.
async fn write(planned: Vec<Planned>, options: ArchiveOptions) -> (Vec<u8>, u64) {
    let writer = ArchiveWriter::start(Vec::new(), options);
    let items = writer.items();
    let (give, todo) = mpsc::channel(WORKERS);
    let todo = Arc::new(tokio::sync::Mutex::new(todo));
    let workers: Vec<_> =
        (0..WORKERS).map(|_| tokio::spawn(work(items.clone(), Arc::clone(&todo)))).collect();
    for step in planned {
        if step.worker.is_some() {
            let place = items.reserve().await.unwrap();
            give.send((place, step)).await.unwrap();
        } else {
            items.append(step.slots).await.unwrap();
        }
    }
    drop(give);
    for worker in workers {
        worker.await.unwrap();
    }
    (writer.finish().await.unwrap(), items.written_early())
}

fn run(planned: &[Planned], limits: ArchiveLimits, compressors: usize) -> (Vec<u8>, u64) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let compressors = NonZeroUsize::new(compressors).unwrap();
    let options = ArchiveOptions { limits, compressors, ..super::options() };
    let written = async { tokio::time::timeout(PATIENCE, write(planned.to_vec(), options)).await };
    runtime.block_on(written).expect("nobody waits for ever")
}

fn read(archive: &[u8]) -> Vec<(String, Bytes)> {
    entries(archive).into_iter().map(|entry| (entry.path, entry.content.into())).collect()
}

fn flat(items: Vec<ArchiveItem>) -> Vec<(String, Bytes)> {
    items.into_iter().map(|ArchiveItem { mut paths, content }| (paths.remove(0), content)).collect()
}

/// Everything waits in the file, and the sweep for the file at every step.
const TINY: ArchiveLimits =
    ArchiveLimits { in_line: 100, early_memory: 0, early_file: 1, related_memory: 0, related_file: 1 << 30 };

/// Some waits in memory, some in the file.
const SMALL: ArchiveLimits = ArchiveLimits {
    in_line: 5_000,
    early_memory: 3_000,
    early_file: 20_000,
    related_memory: 100,
    related_file: 1 << 30,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whoever is first: the archive is that of the model, to the byte the same with any limits and threads.
    #[test]
    fn the_order_is_that_of_the_places(
        steps in prop::collection::vec(step(), 0..40),
        picks in prop::collection::vec(any::<usize>(), 1..10),
    ) {
        let planned = plan(&steps, &picks);
        let expected = flat(model(&planned));
        let (tiny, early) = run(&planned, TINY, 1);
        prop_assert_eq!(read(&tiny), expected);
        prop_assert_eq!(early, 0);
        prop_assert!(tiny == run(&planned, SMALL, 2).0);
        prop_assert!(tiny == run(&planned, ArchiveLimits::default(), 1).0);
    }

    /// Related objects that are too many lose their position, and nothing else.
    #[test]
    fn too_many_related_objects_are_written_before_the_end(
        steps in prop::collection::vec(step(), 1..40),
        picks in prop::collection::vec(any::<usize>(), 1..10),
    ) {
        let planned = plan(&steps, &picks);
        let limits = ArchiveLimits { related_file: 0, ..TINY };
        let (archive, early) = run(&planned, limits, 1);
        let (written, expected) = (read(&archive), flat(model(&planned)));
        let all = |items: &[(String, Bytes)]| items.iter().cloned().collect::<BTreeSet<_>>();
        prop_assert_eq!(written.len(), expected.len());
        prop_assert_eq!(all(&written), all(&expected));
        let listed = |items: &[(String, Bytes)]| {
            items.iter().filter(|(path, _)| !path.contains("related-")).cloned().collect::<Vec<_>>()
        };
        prop_assert_eq!(listed(&written), listed(&expected));
        let related = planned.iter().flat_map(|step| &step.claims).filter(|(_, item, _)| item.is_some()).count();
        prop_assert!(early <= related as u64);
    }
}

/// What waits is taken out of memory: behind one open place the sweep goes on until the file is full, and then waits for the place.
#[tokio::test]
async fn the_sweep_waits_for_a_full_file_and_workers_never_do() {
    let limits =
        ArchiveLimits { early_memory: 0, early_file: 50_000, in_line: 10_000, ..ArchiveLimits::default() };
    let writer = ArchiveWriter::start(Vec::new(), ArchiveOptions { limits, ..super::options() });
    let items = writer.items();
    let open = items.reserve().await.unwrap();
    let of_worker = items.reserve().await.unwrap();
    let sweep = tokio::spawn({
        let items = items.clone();
        async move {
            for index in 0..100 {
                items.add(super::item(&format!("s{index}"), &[b's'; 1_000])).await.unwrap();
            }
        }
    });
    let full = async {
        while !items.gauges.early.is_over() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, full).await.expect("the file fills");
    assert!(!sweep.is_finished());
    let large = Slot::Item(super::item("large", &vec![b'l'; 200_000]));
    items.fill(of_worker, vec![large]).unwrap();
    items.related("r".into(), Some(super::item("r", &vec![b'r'; 200_000]))).unwrap();
    assert!(!sweep.is_finished());
    items.fill(open, vec![slot("first")]).unwrap();
    tokio::time::timeout(PATIENCE, sweep).await.expect("the sweep goes on").unwrap();
    let names = names(&writer.finish().await.unwrap());
    assert_eq!((names[0].as_str(), names[1].as_str(), names[2].as_str()), ("first", "large", "s0"));
    assert_eq!((names.len(), names.last().unwrap().as_str()), (103, "r"));
}

//! The item actions: their ConfigMaps are watched, every change is loaded, and what is wrong is told on the ConfigMap.
//!
//! Two watches, because a label selector cannot say "or": actions with their chunks, and the ConfigMaps by which Velero configures an action. Only a change
//! of what the actions are made of is loaded: what this server writes on a ConfigMap never leads to another load.

pub mod metrics;
mod record;
mod status;

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use lateen_actions::{ActionRun, ActionSet, ITEM_ACTION_LABEL, Modifier, Purpose, Role, RunInfo, Stage};
use lateen_api::labels::PLUGIN_CONFIG;
use lateen_api::v1::Backup;
use lateen_cluster::watch::{Watched, watch};
use lateen_core::catalog::Catalog;
use lateen_core::journal::{Entry, Journal};

use serde::Serialize;

use crate::context::Context;
use crate::known::Known;
use status::Teller;

pub use record::{record, write_record, write_shared_record};

mod cluster;

use self::cluster::RunCluster;

/// Watches until the server shuts down. `first` is told when the actions that exist at start are loaded: no run begins before.
pub async fn control(context: Context, first: tokio::sync::oneshot::Sender<()>) {
    let watched = |label| Box::pin(watch::<ConfigMap>(context.client.clone(), &context.namespace, label));
    let (mut sources, mut configs) = (watched(ITEM_ACTION_LABEL), watched(PLUGIN_CONFIG));
    let mut known = [Known::<ConfigMap>::default(), Known::default()];
    let mut teller = Teller::new(&context);
    let mut first = Some(first);
    loop {
        let mut changed = tokio::select! {
            () = context.shutdown.cancelled() => return,
            Some(event) = sources.next() => take_in(&mut known[0], event),
            Some(event) = configs.next() => take_in(&mut known[1], event),
        };
        // What comes in one go, such as all chunks of a component, is loaded in one go.
        while let Some(Some(event)) = sources.next().now_or_never() {
            changed |= take_in(&mut known[0], event);
        }
        while let Some(Some(event)) = configs.next().now_or_never() {
            changed |= take_in(&mut known[1], event);
        }
        if !known.iter().all(Known::is_complete) || (!changed && first.is_none()) {
            continue;
        }
        let reports = context.actions.load(&both(&known)).await;
        teller.tell(&known[0], &reports).await;
        if let Some(first) = first.take() {
            // Whoever waited may be gone already.
            let _ = first.send(());
        }
    }
}

/// Takes an event in and says whether it changes anything that an action is made of.
fn take_in(known: &mut Known<ConfigMap>, event: Watched<ConfigMap>) -> bool {
    let changed = match &event {
        Watched::Listing => false,
        Watched::Applied(map) => known.get(&map.name_any()).is_none_or(|before| !same(before, map)),
        // What a list does not bring any more is not told apart.
        Watched::Listed | Watched::Deleted(_) => true,
    };
    known.take_in(event);
    changed
}

/// Whether two states of a ConfigMap make the same action: all but annotations and what the API server counts.
fn same(one: &ConfigMap, other: &ConfigMap) -> bool {
    one.data == other.data
        && one.binary_data == other.binary_data
        && one.metadata.labels == other.metadata.labels
        && one.metadata.uid == other.metadata.uid
}

/// Actions, chunks and configurations; one that is several of these only once.
fn both(known: &[Known<ConfigMap>; 2]) -> Vec<ConfigMap> {
    let [sources, configs] = known;
    let rest = configs.all().filter(|config| sources.get(&config.name_any()).is_none());
    sources.all().chain(rest).map(|map| ConfigMap::clone(map)).collect()
}

/// What actions are told about the run that they work for.
pub struct RunObject<'a, K> {
    /// What the run is for.
    pub purpose: Purpose,
    /// The Backup or Restore.
    pub object: &'a K,
    /// When the run began.
    pub started: Timestamp,
    /// The Backup that a Restore restores from.
    pub source: Option<&'a Backup>,
    /// What the cluster served when the run began.
    pub catalog: &'a Catalog,
}

/// Begins a run with the actions that are loaded now, and writes into its log which they are. A ConfigMap that cannot be read as an action
/// is an error of the run: nobody knows what it was meant to keep out.
pub fn begin<K: ResourceExt + Serialize>(
    context: &Context,
    run: &RunObject<'_, K>,
    journal: &Journal,
) -> Arc<ActionRun> {
    begin_with(context, run, None, journal)
}

/// As [`begin`], with the resource modifier of a Restore.
pub fn begin_with<K: ResourceExt + Serialize>(
    context: &Context,
    run: &RunObject<'_, K>,
    modifier: Option<&Modifier>,
    journal: &Journal,
) -> Arc<ActionRun> {
    let set = loaded(context, run.purpose, journal);
    if let Some(modifier) = modifier.and_then(Modifier::describe) {
        journal.write(
            Entry::info("Resource modifier of this run")
                .with("action", modifier.name)
                .with("digest", modifier.digest)
                .with("source", modifier.source),
        );
    }
    ActionRun::with_modifier(set, run_info(context, run, Stage::Items), modifier)
}

/// The actions that are loaded now, told in the run's log.
fn loaded(context: &Context, purpose: Purpose, journal: &Journal) -> Arc<ActionSet> {
    let set = context.actions.snapshot();
    for action in
        set.describe().into_iter().filter(|a| a.roles.iter().any(|role| roles(purpose).contains(role)))
    {
        journal.write(
            Entry::info("Item action of this run")
                .with("action", action.name)
                .with("digest", action.digest)
                .with("source", action.source),
        );
    }
    for source in set.sources() {
        if let Ok(loaded) = &source.outcome
            && !loaded.replaces.is_empty()
            && loaded.roles.iter().any(|role| roles(purpose).contains(role))
        {
            journal.write(Entry::info(source.to_string()).with("source", &source.source));
        }
    }
    for source in set.unreadable() {
        let line =
            format!("ConfigMap {} is labelled as an item action and cannot be read as one", source.source);
        journal.write(Entry::error(line).with("error", &source.reason));
    }
    set
}

/// Begins a run of which nothing will be kept: actions are told so, and whatever they ask of the cluster is asked in the caller's own name,
/// writes as dry runs.
pub fn rehearse<K: ResourceExt + Serialize>(
    context: &Context,
    run: &RunObject<'_, K>,
    modifier: Option<&Modifier>,
    journal: &Journal,
) -> Arc<ActionRun> {
    let catalog = Arc::new(run.catalog.clone());
    let cluster = RunCluster::rehearsal(context.client.clone(), context.namespace.clone(), catalog);
    let info = run_info(context, run, Stage::Items);
    let info = RunInfo { dry_run: true, cluster: Some(Arc::new(cluster)), ..info };
    ActionRun::with_modifier(loaded(context, run.purpose, journal), info, modifier)
}

/// Goes on with a run after its items, with the actions of this set: to follow operations, or to finalize a backup. Nothing is written into a
/// log.
pub fn go_on<K: ResourceExt + Serialize>(
    context: &Context,
    run: &RunObject<'_, K>,
    stage: Stage,
    set: Arc<ActionSet>,
) -> Arc<ActionRun> {
    ActionRun::new(set, run_info(context, run, stage))
}

fn run_info<K: ResourceExt + Serialize>(context: &Context, run: &RunObject<'_, K>, stage: Stage) -> RunInfo {
    let RunObject { purpose, object, started, source, catalog } = run;
    let cluster =
        RunCluster::new(context.client.clone(), context.namespace.clone(), Arc::new((*catalog).clone()));
    let json = |object: serde_json::Result<String>| object.unwrap_or_default().into();
    RunInfo {
        purpose: *purpose,
        stage,
        name: object.name_any(),
        namespace: context.namespace.clone(),
        uid: object.uid().unwrap_or_default(),
        started_ms: started.as_millisecond().unsigned_abs(),
        dry_run: false,
        server_version: context.server_version.trim_start_matches('v').to_owned(),
        features: context.options.features.clone(),
        object: json(serde_json::to_string(object)),
        source_backup: source.map(|backup| json(serde_json::to_string(backup))),
        cancelled: context.shutdown.clone(),
        fixed: None,
        cluster: Some(Arc::new(cluster)),
    }
}

/// The roles that a run asks.
fn roles(purpose: Purpose) -> &'static [Role] {
    match purpose {
        Purpose::Backup => &[Role::Backup, Role::RelatedItems],
        Purpose::Restore => &[Role::Restore],
        Purpose::Delete => &[Role::Delete],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(annotation: &str, data: &str) -> Arc<ConfigMap> {
        let mut map = ConfigMap::default();
        map.metadata.name = Some("a".into());
        map.metadata.annotations = Some([("a".to_owned(), annotation.to_owned())].into());
        map.data = Some([("action.yaml".to_owned(), data.to_owned())].into());
        Arc::new(map)
    }

    #[test]
    fn what_the_server_writes_is_no_change() {
        let mut known = Known::default();
        assert!(take_in(&mut known, Watched::Applied(map("", "1"))));
        assert!(!take_in(&mut known, Watched::Applied(map("told", "1"))));
        assert!(known.get("a").unwrap().annotations()["a"] == "told");
        assert!(take_in(&mut known, Watched::Applied(map("told", "2"))));
        assert!(take_in(&mut known, Watched::Deleted(map("told", "2"))));
    }
}

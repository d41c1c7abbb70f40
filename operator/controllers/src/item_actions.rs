//! The item actions: their ConfigMaps are watched, every change is loaded, and what is wrong is told on the ConfigMap.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::events::EventType;
use kube::{Resource, ResourceExt};
use lateen_actions::{ActionRun, ITEM_ACTION_LABEL, Role, RunInfo, SourceReport};
use lateen_api::v1::Backup;
use lateen_cluster::events::Recorder;
use lateen_cluster::watch::watch;
use lateen_core::journal::{Entry, Journal};

use serde::Serialize;

use crate::context::Context;
use crate::known::Known;

/// Watches until the server shuts down. `first` is told when the actions that exist at start are loaded: no run begins before.
pub async fn control(context: Context, first: tokio::sync::oneshot::Sender<()>) {
    let recorder = Recorder::new(context.client.clone(), "lateen", None);
    let mut events =
        std::pin::pin!(watch::<ConfigMap>(context.client.clone(), &context.namespace, ITEM_ACTION_LABEL));
    let mut known = Known::<ConfigMap>::default();
    let mut told = BTreeMap::new();
    let mut first = Some(first);
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            Some(event) = events.next() => known.take_in(event),
        }
        if !known.is_complete() {
            continue;
        }
        let sources: Vec<ConfigMap> = known.all().map(|c| ConfigMap::clone(c)).collect();
        let reports = context.actions.load(&sources).await;
        told.retain(|source, _| reports.iter().any(|r| r.source == *source));
        for report in reports {
            if told.insert(report.source.clone(), report.outcome.clone()).as_ref() != Some(&report.outcome) {
                tell_author(&recorder, &known, &report).await;
            }
        }
        if let Some(first) = first.take() {
            // Whoever waited may be gone already.
            let _ = first.send(());
        }
    }
}

async fn tell_author(recorder: &Recorder, known: &Known<ConfigMap>, report: &SourceReport) {
    let name = report.source.rsplit('/').next().unwrap_or_default();
    let Some(source) = known.get(name) else { return };
    let (kind, reason, text) = match &report.outcome {
        Ok(loaded) => {
            let text = format!("item action {} is loaded, component sha256:{}", loaded.name, loaded.digest);
            tracing::info!(config_map = report.source, "{text}");
            (EventType::Normal, "ActionLoaded", text)
        }
        Err(error) => {
            tracing::warn!(config_map = report.source, error, "the item action cannot be used");
            (EventType::Warning, "ActionRefused", error.clone())
        }
    };
    if let Err(error) = recorder.publish(&source.object_ref(&()), kind, reason, "Load", &text).await {
        tracing::warn!(config_map = report.source, %error, "the event was not published");
    }
}

/// What actions are told about the run that they work for.
pub struct RunObject<'a, K> {
    /// What the run is for.
    pub role: Role,
    /// The Backup or Restore.
    pub object: &'a K,
    /// When the run began.
    pub started: Timestamp,
    /// The Backup that a Restore restores from.
    pub source: Option<&'a Backup>,
}

/// Begins a run with the actions that are loaded now, and writes into its log which they are. A ConfigMap that cannot be read as an action
/// is an error of the run: nobody knows what it was meant to keep out.
pub fn begin<K: ResourceExt + Serialize>(
    context: &Context,
    run: &RunObject<'_, K>,
    journal: &Journal,
) -> Arc<ActionRun> {
    let RunObject { role, object, started, source } = run;
    let set = context.actions.snapshot();
    for action in set.describe().into_iter().filter(|action| action.roles.contains(role)) {
        journal.write(
            Entry::info("Item action of this run").with("action", action.name).with("digest", action.digest),
        );
    }
    for source in set.unreadable() {
        let line =
            format!("ConfigMap {} is labelled as an item action and cannot be read as one", source.source);
        journal.write(Entry::error(line).with("error", &source.reason));
    }
    let json = |object: serde_json::Result<String>| object.unwrap_or_default().into();
    let info = RunInfo {
        role: *role,
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
    };
    ActionRun::new(set, info)
}

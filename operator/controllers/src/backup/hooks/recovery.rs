//! Pods that a run before this server left waiting: their hooks after the backup are run, whatever becomes of the backup.
//!
//! Which hooks those are is asked again: of the pod as it is now, and of the Backup's spec. A pod that is gone, or another of the same
//! name, has nothing to close. A hook may run twice, if the server before this one broke off after it; it never runs not at all as long as
//! the pod can be reached.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::{Client, ResourceExt};
use lateen_api::v1::Backup;
use lateen_cluster::resource::patch_checked;
use lateen_cluster::{discovery, object};
use lateen_core::hooks::HookPhase;
use lateen_core::hooks::backup::{SpecHooks, hooks_of};
use lateen_core::hooks::pod::TargetPod;
use lateen_core::hooks::series::Series;
use lateen_core::journal::{Entry, Journal, Level, Sink};
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_core::run_record::{OPEN_HOOKS_LIMIT, OpenHooks};
use serde_json::Value;
use tokio::time::Instant;

use super::CLOSED_AT_ONCE;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::pod_hook::run_hook;
use crate::run_status::{record_of, write_record};

/// How long all of it may take: a recovery that hangs on one pod would hold up every other run. Hooks have half a minute by default.
const RECOVERY_LIMIT: Duration = Duration::from_mins(5);

/// Runs the hooks after the backup of all pods that the Backup's record says wait for them, takes them out of the record, and gives the
/// Backup back as it is then: whoever comes to this again, because something else went wrong, does not run them again. What happens is
/// told in the server's log: the run's own is gone with its process.
pub(in crate::backup) async fn close_open_hooks(context: &Context, backup: Backup) -> Backup {
    let open = record_of(&backup).map(|record| record.hooks).unwrap_or_default();
    if open.is_empty() {
        return backup;
    }
    let name = backup.name_any();
    tracing::warn!(backup = name, pods = open.len(), "running post hooks that an interrupted backup left");
    let (pods, spec) = match prepare(&context.client, &backup).await {
        Ok(prepared) => prepared,
        Err(error) => {
            let error = error_chain(&*error);
            tracing::error!(backup = name, error, pods = ?open, "cannot run the post hooks of these pods");
            return backup;
        }
    };
    let journal = Journal::new(ServerLog { backup: name.clone() });
    let stop = Instant::now() + RECOVERY_LIMIT;
    let closing = async {
        let mut closing = FuturesUnordered::new();
        for pod in open.iter().take(OPEN_HOOKS_LIMIT) {
            if closing.len() == CLOSED_AT_ONCE {
                closing.next().await;
            }
            closing.push(close(&context.client, &journal, &pods, &spec, pod, stop));
        }
        while closing.next().await.is_some() {}
    };
    if context.shutdown.run_until_cancelled(closing).await.is_none() {
        tracing::warn!(backup = name, "the server stops before all post hooks ran; the next one begins anew");
        return backup;
    }
    let mut changed = backup.clone();
    let mut record = record_of(&changed).unwrap_or_default();
    record.hooks.clear();
    write_record(&mut changed, &record);
    match patch_checked(&context.api(), &backup, &changed).await {
        Ok(patched) => patched,
        Err(error) => {
            let error = error_chain(&error);
            tracing::warn!(backup = name, error, "cannot write down that post hooks were run");
            backup
        }
    }
}

async fn prepare(
    client: &Client,
    backup: &Backup,
) -> Result<(ServedKind, SpecHooks), Box<dyn std::error::Error + Send + Sync>> {
    let catalog = discovery::discover(client).await?.catalog;
    let pods = catalog.get(&GroupResource::parse("pods")).ok_or("the API server serves no pods")?.clone();
    let spec = SpecHooks::resolve(&backup.spec.hooks, &catalog).unwrap_or_else(|error| {
        // No hook of this spec has run then either.
        tracing::warn!(error = error_chain(&error), "the hooks of a backup's spec cannot be used");
        SpecHooks::default()
    });
    Ok((pods, spec))
}

async fn close(
    client: &Client,
    journal: &Journal,
    pods: &ServedKind,
    spec: &SpecHooks,
    open: &OpenHooks,
    stop: Instant,
) {
    let name = ObjectName { namespace: Some(open.namespace.clone()), name: open.name.clone() };
    let about = |entry: Entry| entry.about("pods", Some(&open.namespace), &open.name);
    let pod = match object::get(client, pods, &name).await {
        Ok(Some(text)) => TargetPod::read(&serde_json::from_str(&text).unwrap_or(Value::Null)),
        Ok(None) => TargetPod::default(),
        Err(error) => {
            let entry = Entry::error("cannot read a pod that waits for its post hooks");
            return journal.write(about(entry).with("error", error.line()));
        }
    };
    if pod.uid != open.uid {
        return journal.write(about(Entry::info("the pod that waited for post hooks is gone")));
    }
    let mut series = Series::new(hooks_of(&pod, HookPhase::Post, spec).hooks);
    while let Some(hook) = series.next_hook() {
        let patience = tokio::time::sleep_until(stop);
        if run_hook(client, journal, &pod, (HookPhase::Post, &hook), patience).await.is_err() {
            series.failed(&hook);
        }
    }
}

/// The server's own log, for what no run's log can take any more.
struct ServerLog {
    backup: String,
}

impl Sink for ServerLog {
    fn line(&mut self, entry: &Entry) {
        let fields = entry.fields.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
        let (backup, message) = (self.backup.as_str(), entry.message.as_str());
        match entry.level {
            Level::Debug => tracing::debug!(backup, fields, "{message}"),
            Level::Info => tracing::info!(backup, fields, "{message}"),
            Level::Warning => tracing::warn!(backup, fields, "{message}"),
            Level::Error => tracing::error!(backup, fields, "{message}"),
        }
    }
}

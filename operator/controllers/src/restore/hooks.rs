//! The commands that a restore runs in the pods that it brought back, once their containers run.
//!
//! Every pod has a task of its own, so that one that never starts, or a command that hangs, holds up no other pod, and the restore only at
//! its very end. Nothing here writes into the run's own journal: what failed and what commands said is handed over by
//! [`PodHooks::finish`], for the results and the log that lie in the bucket by then. A server that goes down leaves no trace of hooks that ran; the next one runs
//! them all again ([`PodHooks::begin_again`]).

mod pods;
mod task;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use kube::Client;
use lateen_api::v1::HookStatus;
use lateen_api::{GoDuration, labels, names};
use lateen_cluster::list::{ListError, pages};
use lateen_core::hooks::pod::TargetPod;
use lateen_core::hooks::restore::{RestoreHooks, hooks_of};
use lateen_core::hooks::series::HookCounts;
use lateen_core::journal::{Journal, Level, NoSink};
use lateen_core::kind::{GroupResource, ServedKind};
use lateen_core::results::{Messages, Place};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::pods::Pods;
use self::task::Task;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::run_log::{RunKind, RunLog};

/// Commands that run at once in one restore. Each is a connection with buffers for what it says, some 100 KiB: 64 are 6 MiB. Those beyond
/// wait for their turn, which no limit of time of theirs counts; other restores have their own.
const EXECS_AT_ONCE: usize = 64;

/// The hooks of one restore. Cheap to clone; with the last clone all hooks that still run or wait are given up.
#[derive(Clone)]
pub(super) struct PodHooks(Arc<Inner>);

struct Inner {
    context: Context,
    /// Name of the Restore.
    restore: String,
    spec: RestoreHooks,
    /// How long hooks without a limit of their own may wait once there is nothing else to wait for.
    patience: Duration,
    patience_ends: watch::Sender<Option<Instant>>,
    /// There once a pod has hooks.
    shared: OnceLock<Arc<Shared>>,
    tasks: Mutex<JoinSet<HookCounts>>,
    /// Pods whose hooks have begun, by uid.
    begun: Mutex<HashSet<String>>,
    counts: Mutex<HookCounts>,
}

/// What the tasks of the pods have in common.
struct Shared {
    client: Client,
    pods: Pods,
    execs: Semaphore,
    log: Option<Arc<RunLog>>,
    /// For what commands say and how they end: only its lines matter, which are in the log.
    lines: Journal,
    /// For what joins the results of the run: only what it keeps matters.
    results: Journal,
    stop: CancellationToken,
}

/// What became of the hooks of a restore.
#[derive(Default)]
pub(super) struct HookReport {
    /// For the status.
    pub(super) counts: HookStatus,
    /// For the results: one for each hook that failed, in its namespace.
    pub(super) errors: Messages,
    /// For the results: what pods say about their hooks and nobody understands.
    pub(super) warnings: Messages,
    /// To be appended to the log, where there were hooks: what commands said, without the two above.
    pub(super) log: Option<Arc<RunLog>>,
    /// The server ends, and not all hooks were through: they are to be run again.
    pub(super) stopped: bool,
}

impl PodHooks {
    /// The hooks of the restore of this name. `patience`: how long hooks that have no limit of their own may still wait for their
    /// container once [`Self::finish`] is called.
    pub(super) fn new(context: &Context, restore: &str, hooks: RestoreHooks, patience: GoDuration) -> Self {
        Self(Arc::new(Inner {
            context: context.clone(),
            restore: restore.to_owned(),
            spec: hooks,
            patience: patience.to_std(),
            patience_ends: watch::channel(None).0,
            shared: OnceLock::new(),
            tasks: Mutex::default(),
            begun: Mutex::default(),
            counts: Mutex::default(),
        }))
    }

    /// Begins the hooks of a pod that this restore has created, as the API server gave it back, with the labels of the restore. Never
    /// waits. A pod without hooks, or one whose hooks have begun, is left alone.
    pub(super) fn begin(&self, namespace: &str, name: &str, pod: &Value) {
        let inner = &self.0;
        let pod =
            TargetPod { namespace: namespace.to_owned(), name: name.to_owned(), ..TargetPod::read(pod) };
        let found = hooks_of(&pod, &inner.spec);
        if found.hooks.is_empty() || !lock(&inner.begun).insert(pod.uid.clone()) {
            return;
        }
        let shared = inner.shared.get_or_init(|| Arc::new(inner.share()));
        for warning in found.warnings {
            let text = format!("the hook in the annotations of pod {name}: {warning}");
            shared.results.result(Level::Warning, &Place::of(Some(namespace)), text);
        }
        lock(&inner.counts).attempted += found.hooks.len() as u64;
        let task = Task::new(shared, pod, found.hooks, inner.patience_ends.subscribe());
        lock(&inner.tasks).spawn(task.run());
    }

    /// Begins the hooks of all pods that this restore has created, in all namespaces: for a server that goes on with what another one
    /// left. `since`: when the Restore was created; pods that are older are of another one with its name. Gives how many pods there are.
    pub(super) async fn begin_again(&self, since: Option<Timestamp>) -> Result<usize, ListError> {
        let mut found = 0;
        let (client, selector) = (&self.0.context.client, self.0.selector());
        let mut pages = Box::pin(pages(client, &pods_kind(), None, &selector, PODS_AT_ONCE));
        while let Some(page) = pages.try_next().await? {
            let pods = page.items().filter_map(|text| serde_json::from_str::<Value>(text).ok());
            for pod in pods.filter(|pod| is_of(pod, since)) {
                let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                self.begin(text("/metadata/namespace"), text("/metadata/name"), &pod);
                found += 1;
            }
        }
        Ok(found)
    }

    /// Waits until the hooks of all pods are through, or the server ends. From now on hooks without a limit of their own wait for the time
    /// that was given to [`Self::new`] and no longer. To be called when no more pods begin; whoever stops waiting gives up all hooks.
    pub(super) async fn finish(&self) -> HookReport {
        let inner = &self.0;
        let Some(shared) = inner.shared.get() else { return HookReport::default() };
        inner.patience_ends.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(Instant::now() + inner.patience);
            first
        });
        let mut tasks = std::mem::take(&mut *lock(&inner.tasks));
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(counts) => lock(&inner.counts).failed += counts.failed,
                Err(panic) => {
                    let text = format!("the hooks of a pod broke off: {panic}");
                    shared.results.result(Level::Error, &Place::Run, text);
                }
            }
        }
        let results = shared.results.results();
        HookReport {
            counts: lock(&inner.counts).status(),
            errors: results.errors,
            warnings: results.warnings,
            log: shared.log.clone(),
            stopped: shared.stop.is_cancelled(),
        }
    }
}

impl Inner {
    /// The label that the pods of the restore have.
    fn selector(&self) -> String {
        format!("{}={}", labels::RESTORE_NAME, names::valid_name(&self.restore))
    }

    fn share(&self) -> Shared {
        let Context { client, options, namespace, shutdown, .. } = &self.context;
        let run = format!("{namespace}/{}", self.restore);
        let (log, journal) =
            match RunLog::create(&options.scratch, options.log_format, RunKind::Restore, &run) {
                Ok((log, journal)) => (Some(Arc::new(log)), journal),
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::error!(restore = run, error, "what hooks say will be in no log");
                    (None, Journal::new(NoSink))
                }
            };
        Shared {
            client: client.clone(),
            pods: Pods::new(client.clone(), self.selector()),
            execs: Semaphore::new(EXECS_AT_ONCE),
            log,
            lines: journal,
            results: Journal::new(NoSink),
            stop: shutdown.clone(),
        }
    }
}

/// Pods on a page of the list of those that are begun again.
const PODS_AT_ONCE: u32 = 500;

/// The kind of pods, which every cluster has in this form.
fn pods_kind() -> ServedKind {
    ServedKind {
        group_resource: GroupResource::new("", "pods"),
        version: "v1".into(),
        kind: "Pod".into(),
        singular: "pod".into(),
        short_names: Vec::new(),
        namespaced: true,
        verbs: Vec::new(),
    }
}

/// Whether a pod was created at that time or later, to the second that timestamps have.
fn is_of(pod: &Value, since: Option<Timestamp>) -> bool {
    let created = pod.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    match (created.and_then(|text| text.parse::<Timestamp>().ok()), since) {
        (Some(created), Some(since)) => created.as_second() >= since.as_second(),
        _ => true,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_of_an_earlier_restore_of_the_same_name_are_not_ours() {
        let since: Timestamp = "2026-05-21T10:00:00.9Z".parse().unwrap();
        for (created, ours) in [
            (json!("2026-05-21T10:00:00Z"), true),
            (json!("2026-05-21T10:00:01Z"), true),
            (json!("2026-05-21T09:59:59Z"), false),
            (json!(null), true),
        ] {
            let pod = json!({"metadata": {"creationTimestamp": created}});
            assert_eq!(is_of(&pod, Some(since)), ours, "{created}");
            assert!(is_of(&pod, None));
        }
    }
}

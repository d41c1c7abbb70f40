//! The hooks of one backup: before and after a pod and what belongs to it is taken.
//!
//! Promises: hooks run in a pod before the backup only if it is written down first that the pod waits for those after it, so that whoever
//! finds the run interrupted can run them ([`close_open_hooks`]); what one worker opened is closed even if that worker is gone
//! ([`HookRunner::close_all`]); and when the server shuts down, hooks after the backup still get a while, because a database that was told
//! to stand still must be told to go on. Hooks never wait for the archive or the bucket.

mod recovery;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::Client;
use lateen_api::v1::{Backup, HookStatus};
use lateen_core::catalog::Catalog;
use lateen_core::hooks::HookPhase;
use lateen_core::hooks::annotation::may_have_hooks;
use lateen_core::hooks::backup::{PodPhaseHooks, SpecHooks, SpecHooksError, hooks_of};
use lateen_core::hooks::pod::TargetPod;
use lateen_core::hooks::series::{HookCounts, Series};
use lateen_core::item::Facts;
use lateen_core::journal::{Entry, Journal};
use lateen_core::run_record::{OPEN_HOOKS_LIMIT, OpenHooks};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) use recovery::close_open_hooks;

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::pod_hook::run_hook;
use crate::run_status::{SharedRunStatus, StatusError, record_of};

/// How long hooks after the backup may go on once the server is told to stop: half of the 60 s that the chart gives a pod to end. The
/// other half is for the run's status and log.
const AFTER_SHUTDOWN: Duration = Duration::from_secs(30);

/// Pods whose hooks are closed at once when a run ends early.
const CLOSED_AT_ONCE: usize = 8;

/// What became of a pod's hooks before the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodHooks {
    /// The pod has no hooks at all: there is nothing to do after it either.
    None,
    /// They ran, or there are only hooks after the backup: call [`HookRunner::post`] when the pod's block is taken.
    Ran,
    /// One failed, and the pod is not to be backed up; the journal has the reason. No hooks after it.
    Failed,
}

/// Runs the hooks of one backup; shared by all who take items.
pub struct HookRunner {
    client: Client,
    journal: Journal,
    status: SharedRunStatus<Backup>,
    spec: SpecHooks,
    shutdown: CancellationToken,
    /// When the server was told to stop, as far as hooks noticed.
    stopping: OnceLock<Instant>,
    counts: Mutex<HookCounts>,
    /// Pods that wait for their hooks after the backup, by `namespace/name`.
    open: Mutex<BTreeMap<String, Arc<TargetPod>>>,
}

/// Why a pod's hooks were not begun.
#[derive(Debug, thiserror::Error)]
enum NotNoted {
    /// The status cannot be written, perhaps because the run is another server's.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The record was removed.
    #[error("the record of the run is gone")]
    NoRecord,
}

impl HookRunner {
    /// Resolves the hooks of the Backup's spec.
    pub fn new(
        context: &Context,
        status: SharedRunStatus<Backup>,
        catalog: &Catalog,
        journal: &Journal,
    ) -> Result<Self, SpecHooksError> {
        Ok(Self {
            client: context.client.clone(),
            journal: journal.clone(),
            spec: SpecHooks::resolve(&status.current().spec.hooks, catalog)?,
            status,
            shutdown: context.shutdown.clone(),
            stopping: OnceLock::new(),
            counts: Mutex::default(),
            open: Mutex::default(),
        })
    }

    /// Whether a pod, known by its facts and its JSON, may have hooks. To be asked for pods only; costs a search of the text.
    pub fn concerns(&self, facts: &Facts, json: &str) -> bool {
        let by_spec = |namespace: &String| self.spec.concern(namespace, &facts.labels);
        may_have_hooks(json) || facts.object.namespace.as_ref().is_some_and(by_spec)
    }

    /// Runs the hooks of a pod before it is taken.
    pub async fn pre(&self, pod: &Value) -> PodHooks {
        let pod = Arc::new(TargetPod::read(pod));
        let pre = hooks_of(&pod, HookPhase::Pre, &self.spec);
        let to_close = !hooks_of(&pod, HookPhase::Post, &self.spec).hooks.is_empty();
        if pre.hooks.is_empty() {
            return if to_close { PodHooks::Ran } else { PodHooks::None };
        }
        if to_close && !pod.finished {
            if let Err(error) = self.note(&pod).await {
                let entry =
                    Entry::error("the pod is not backed up: it cannot be noted that its hooks are open");
                self.journal.write(about(entry, &pod).with("error", error_chain(&error)));
                return PodHooks::Failed;
            }
            self.open().insert(key(&pod), Arc::clone(&pod));
        }
        if !self.run(&pod, HookPhase::Pre, pre, self.shutdown.cancelled()).await {
            return PodHooks::Ran;
        }
        self.journal.write(about(Entry::error("the pod is not backed up: a pre hook failed"), &pod));
        // A hook that the shutdown broke off may have had its effect: such a pod is closed with all that are open.
        if !self.shutdown.is_cancelled() {
            self.forget(&pod).await;
        }
        PodHooks::Failed
    }

    /// Runs the hooks of a pod after it and what belongs to it was taken; for pods whose [`Self::pre`] gave `Ran`.
    pub async fn post(&self, pod: &Value) {
        let read = TargetPod::read(pod);
        let known = self.open().get(&key(&read)).cloned();
        self.close(&known.unwrap_or_else(|| Arc::new(read))).await;
    }

    /// Runs the hooks after the backup of all pods that still wait for them, because whoever should have run them is gone. To be called at
    /// the end of every run, before its end is written down; usually there are none.
    pub async fn close_all(&self) {
        let open: Vec<Arc<TargetPod>> = self.open().values().cloned().collect();
        if !open.is_empty() {
            self.journal
                .info(format!("running the post hooks of {} pods that still wait for them", open.len()));
        }
        let mut closing = FuturesUnordered::new();
        for pod in &open {
            if closing.len() == CLOSED_AT_ONCE {
                closing.next().await;
            }
            closing.push(self.close(pod));
        }
        while closing.next().await.is_some() {}
    }

    /// What to put into the Backup's status.
    pub fn counts(&self) -> HookStatus {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).status()
    }

    async fn close(&self, pod: &TargetPod) {
        let hooks = hooks_of(pod, HookPhase::Post, &self.spec);
        if self.run(pod, HookPhase::Post, hooks, self.patience()).await {
            self.journal.write(about(Entry::error("a post hook failed; those behind it were not run"), pod));
        }
        self.forget(pod).await;
    }

    /// Runs the hooks of a phase; true where one ended it.
    async fn run(
        &self,
        pod: &TargetPod,
        phase: HookPhase,
        found: PodPhaseHooks,
        cancelled: impl Future<Output = ()>,
    ) -> bool {
        for warning in found.warnings {
            let entry = Entry::warning(format!("{phase} hook: {warning}"));
            self.journal.write(about(entry, pod));
        }
        let mut series = Series::new(found.hooks);
        let mut cancelled = std::pin::pin!(cancelled);
        while let Some(hook) = series.next_hook() {
            if run_hook(&self.client, &self.journal, pod, (phase, &hook), &mut cancelled).await.is_err() {
                series.failed(&hook);
            }
        }
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).add(series.counts());
        series.is_aborted()
    }

    /// Writes into the run's record that a pod waits for its hooks after the backup.
    async fn note(&self, pod: &TargetPod) -> Result<(), NotNoted> {
        let open = recorded(pod);
        let noted = open.clone();
        self.status.record(move |record| record.open_hooks(&noted)).await?;
        let record = record_of(&*self.status.current()).ok_or(NotNoted::NoRecord)?;
        if !record.has_open_hooks(&open) {
            let text = format!(
                "{OPEN_HOOKS_LIMIT} pods wait for their post hooks already: those of this one are not run if the server breaks off"
            );
            self.journal.write(about(Entry::warning(text), pod));
        }
        Ok(())
    }

    async fn forget(&self, pod: &TargetPod) {
        if self.open().remove(&key(pod)).is_some() {
            let closed = recorded(pod);
            self.status.record_soon(move |record| record.close_hooks(&closed)).await;
        }
    }

    /// Ready when hooks after the backup have had their time after a shutdown.
    async fn patience(&self) {
        self.shutdown.cancelled().await;
        tokio::time::sleep_until(*self.stopping.get_or_init(Instant::now) + AFTER_SHUTDOWN).await;
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Arc<TargetPod>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(pod: &TargetPod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

fn recorded(pod: &TargetPod) -> OpenHooks {
    OpenHooks { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: pod.uid.clone() }
}

fn about(entry: Entry, pod: &TargetPod) -> Entry {
    entry.about("pods", Some(&pod.namespace), &pod.name)
}

//! The server's host and registry without a server: loads actions as a server does and takes items through them.
//!
//! Everything that is measured here is measured by the host itself. No answer differs from that in a cluster, but for the clock and chance
//! where a test wants them fixed.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{
    ActionHost, ActionInfo, ActionRegistry, ActionRun, ActionSession, ActionSet, ActionStats, ClusterAccess,
    FixedEnvironment, HostOptions, Library, LoadedSource, Note, NoteLevel, ObjectRef, Purpose, Role, RunInfo,
    SourceReport, Stage,
    compile::CompileOptions,
    manifest::{ClusterCeiling, ClusterRules},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{KitError, delivery::NAMESPACE, folder_cluster::FolderCluster, item::Item};

/// Actions, loaded.
#[derive(Debug)]
pub(crate) struct Workbench {
    pub(crate) host: Arc<ActionHost>,
    pub(crate) set: Arc<ActionSet>,
    pub(crate) reports: Vec<Report>,
}

/// What became of a ConfigMap.
#[derive(Debug)]
pub(crate) struct Report {
    /// `namespace/name`.
    pub(crate) source: String,
    /// The action, or what its author has to mend.
    pub(crate) outcome: Result<LoadedSource, String>,
}

/// What an action is told about a run that nobody does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunSettings {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
    pub(crate) started_ms: u64,
    pub(crate) fixed: Option<FixedEnvironment>,
    pub(crate) cluster: Option<Arc<FolderCluster>>,
}

/// What came out for one item, whatever the role.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) item: Value,
    pub(crate) skip: Option<String>,
    pub(crate) related: Vec<ObjectRef>,
    pub(crate) must_include: bool,
    pub(crate) wait_seconds: Option<u32>,
    pub(crate) operations: Vec<String>,
    pub(crate) error: Option<String>,
    pub(crate) notes: Vec<Note>,
    pub(crate) spent: Spent,
}

/// What it cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// No action was called.
    pub(crate) uncalled: bool,
    /// The call alone.
    pub(crate) call: Duration,
    /// Making and configuring an instance, where one was made.
    pub(crate) start: Option<Duration>,
    /// The most memory of all calls up to this one.
    pub(crate) memory: usize,
}

impl Outcome {
    /// Whether the same came out; notes and costs aside, which may differ.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.item == other.item
            && self.skip == other.skip
            && self.related == other.related
            && (self.must_include, self.wait_seconds) == (other.must_include, other.wait_seconds)
            && self.operations == other.operations
            && self.error == other.error
    }
}

impl Workbench {
    /// Loads the actions of these ConfigMaps, without those that a server has built in: what is seen here is one action's doing.
    pub(crate) async fn load(configmaps: &[ConfigMap], compile: &CompileOptions) -> Result<Self, KitError> {
        let cluster = Arc::new(every_request());
        let options = HostOptions { compile: compile.clone(), cluster, ..HostOptions::default() };
        let host = ActionHost::new(options)?;
        let library = Library { manifests: Vec::new(), ..lateen_embedded::library() };
        let registry = ActionRegistry::new(Arc::clone(&host), library);
        let report = |report: SourceReport| Report {
            source: report.source,
            outcome: report.outcome.map_err(|problem| problem.reason),
        };
        let reports = registry.load(configmaps).await.into_iter().map(report).collect();
        Ok(Self { host, set: registry.snapshot(), reports })
    }

    /// What the host knows about an action.
    pub(crate) fn info(&self, name: &str) -> Option<ActionInfo> {
        self.set.describe().into_iter().find(|info| info.name == name)
    }

    /// Begins a run.
    pub(crate) fn run(&self, settings: &RunSettings) -> Trial {
        let run = ActionRun::new(Arc::clone(&self.set), settings.info());
        Trial { role: settings.role, set: Arc::clone(&self.set), session: run.session() }
    }
}

/// A server whose flags allow all that can be allowed, so that the manifest decides.
pub fn every_request() -> ClusterCeiling {
    let rule = EVERY_REQUEST.parse().expect("the flag is well formed");
    ClusterCeiling { rules: ClusterRules::from_iter([rule]), service_account: Some("actions".to_owned()) }
}

/// `--action-cluster-access`: `*`, and what a flag has to name.
const EVERY_REQUEST: &str = "get,list,create,patch,patch-status,delete:*,secrets,*.velero.io,*.rbac.authorization.k8s.io,item-actions.lateen.dev";

impl RunSettings {
    fn info(&self) -> RunInfo {
        let (purpose, kind) = match self.role {
            Role::Backup | Role::RelatedItems => (Purpose::Backup, "Backup"),
            Role::Restore => (Purpose::Restore, "Restore"),
            Role::Delete => (Purpose::Delete, "Backup"),
        };
        let object = |kind: &str| {
            json!({
                "apiVersion": "velero.io/v1",
                "kind": kind,
                "metadata": {"name": self.name, "namespace": NAMESPACE, "uid": UID},
                "spec": {},
                "status": {"phase": "InProgress"},
            })
            .to_string()
        };
        RunInfo {
            purpose,
            stage: Stage::Items,
            name: self.name.clone(),
            namespace: NAMESPACE.to_owned(),
            uid: UID.to_owned(),
            started_ms: self.started_ms,
            dry_run: true,
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            features: self.features.clone(),
            object: object(kind).into(),
            source_backup: (self.role == Role::Restore).then(|| object("Backup").into()),
            cancelled: CancellationToken::new(),
            cluster: self.cluster.clone().map(|cluster| cluster as Arc<dyn ClusterAccess>),
            fixed: self.fixed,
        }
    }
}

/// metadata.uid of a run that does not exist.
const UID: &str = "00000000-0000-4000-8000-000000000000";

/// A run and its one worker.
pub(crate) struct Trial {
    role: Role,
    set: Arc<ActionSet>,
    session: ActionSession,
}

impl Trial {
    /// Takes an item through the action.
    pub(crate) async fn take(&mut self, item: &Item) -> Outcome {
        let before = self.stats();
        let Item { value, original, subject, .. } = item;
        let mut outcome: Outcome = match self.role {
            Role::Backup => self.session.backup_item(subject, value.clone()).await.into(),
            Role::Restore => {
                let original = Arc::new(original.clone());
                self.session.restore_item(subject, value.clone(), original).await.into()
            }
            Role::Delete => Outcome::asked(self.session.delete_item(subject, value).await, value),
            Role::RelatedItems => Outcome::asked(self.session.related_items(subject, value).await, value),
        };
        let after = self.stats();
        let start = after.start_time.saturating_sub(before.start_time);
        outcome.spent = Spent {
            uncalled: after.calls == before.calls,
            call: after.time.saturating_sub(before.time).saturating_sub(start),
            start: (after.starts > before.starts).then_some(start),
            memory: after.peak_memory,
        };
        if after.failures > before.failures && outcome.error.is_none() {
            // The failure policy has made a warning of it.
            let warned = outcome.notes.iter().rev().find(|note| note.level == NoteLevel::Warn);
            outcome.error = warned.map(|note| note.message.clone());
        }
        outcome
    }

    fn stats(&self) -> ActionStats {
        self.set.describe().iter().fold(ActionStats::default(), |sum, info| ActionStats {
            calls: sum.calls + info.stats.calls,
            failures: sum.failures + info.stats.failures,
            time: sum.time + info.stats.time,
            starts: sum.starts + info.stats.starts,
            start_time: sum.start_time + info.stats.start_time,
            peak_memory: sum.peak_memory.max(info.stats.peak_memory),
        })
    }
}

impl Outcome {
    fn asked(asked: lateen_actions::AskedAll, item: &Value) -> Self {
        Self {
            item: item.clone(),
            skip: None,
            related: asked.related,
            must_include: false,
            wait_seconds: None,
            operations: Vec::new(),
            error: asked.errors.into_iter().next().map(|error| error.reason),
            notes: asked.notes,
            spent: Spent::default(),
        }
    }
}

impl From<lateen_actions::ItemResult> for Outcome {
    fn from(result: lateen_actions::ItemResult) -> Self {
        Self {
            item: result.item,
            skip: result.skip.map(|skip| skip.reason),
            related: result.related,
            must_include: result.must_include,
            wait_seconds: result.wait_seconds,
            operations: result.operations.into_iter().map(|operation| operation.id).collect(),
            error: result.error.map(|error| error.reason),
            notes: result.notes,
            spent: Spent::default(),
        }
    }
}

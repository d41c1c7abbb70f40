//! Keeps the actions of a cluster up to date with its ConfigMaps.
//!
//! The caller brings the ConfigMaps, all of them, whenever one changes; the registry makes a new set and says of each ConfigMap what became of it. Runs
//! that have begun keep their set. What has not changed is neither unpacked, compiled nor examined again.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{
    ITEM_ACTION_LABEL,
    host::{ActionHost, Compiled, ComponentError, Failure, Instance, one_line},
    limits,
    manifest::Manifest,
    run_info::Share,
    set::{Action, ActionSet, ActionState, Unreadable},
    source::{Sha, Source, SourceError, source_name, unpack},
    subject::Role,
};

/// What became of a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// The ConfigMap, `namespace/name`.
    pub source: String,
    /// The action, or what its author has to mend.
    pub outcome: Result<LoadedSource, String>,
}

/// An action that runs from now on can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedSource {
    /// `<dns>/<name>`.
    pub name: String,
    /// The roles it is called in.
    pub roles: Vec<Role>,
    /// SHA-256 of the unpacked component, in hexadecimal.
    pub digest: String,
}

/// The actions of a cluster.
#[derive(Debug)]
pub struct ActionRegistry {
    host: Arc<ActionHost>,
    current: RwLock<Arc<ActionSet>>,
    /// Held while a set is made, so that loads do not overtake each other.
    kept: Mutex<Kept>,
}

/// What the last load made, for the next one to use again.
#[derive(Default)]
struct Kept {
    compiled: HashMap<Sha, Result<Arc<Compiled>, ComponentError>>,
    actions: HashMap<Sha, Arc<Action>>,
}

impl ActionRegistry {
    /// A registry without actions.
    pub fn new(host: Arc<ActionHost>) -> Self {
        Self { host, current: RwLock::default(), kept: Mutex::default() }
    }

    /// The actions as they are now; a run takes this when it begins and keeps it.
    pub fn snapshot(&self) -> Arc<ActionSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces all actions by those of these ConfigMaps; one without the label is passed over.
    ///
    /// Compiles what is new, which may take seconds, on tokio's threads for blocking work; and configures every new action once, to tell its author what is
    /// wrong before a run does. Reports come in the order of the ConfigMaps.
    pub async fn load(&self, configmaps: &[ConfigMap]) -> Vec<SourceReport> {
        let mut kept = self.kept.lock().await;
        let mut labelled: Vec<&ConfigMap> = configmaps.iter().filter(|map| is_action(map)).collect();
        let order: Vec<String> = labelled.iter().map(|map| source_name(map)).collect();
        labelled.sort_by_cached_key(|map| age(map));

        let mut load =
            Load { host: &self.host, kept: &mut kept, next: Kept::default(), owners: HashMap::new() };
        let mut reports = HashMap::new();
        let (mut actions, mut unreadable) = (Vec::new(), Vec::new());
        for configmap in labelled {
            let source = source_name(configmap);
            let outcome = match load.one(configmap, &source).await {
                Ok(action) => {
                    actions.push(Arc::clone(&action));
                    action.report()
                }
                Err(Problem::Unreadable(reason)) => {
                    unreadable.push(Unreadable { source: source.clone(), reason: reason.clone() });
                    Err(reason)
                }
                Err(Problem::Duplicate(reason)) => Err(reason),
            };
            reports.insert(source.clone(), SourceReport { source, outcome });
        }
        *kept = load.next;
        let set = Arc::new(ActionSet::new(actions, unreadable));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
        order.iter().filter_map(|source| reports.remove(source)).collect()
    }
}

/// A ConfigMap that makes no action.
enum Problem {
    Unreadable(String),
    Duplicate(String),
}

/// One load: what is carried over from the last one, and what is made for the next.
struct Load<'a> {
    host: &'a Arc<ActionHost>,
    kept: &'a mut Kept,
    next: Kept,
    /// Which ConfigMap a name belongs to, per role.
    owners: HashMap<(Role, String), String>,
}

impl Load<'_> {
    async fn one(&mut self, configmap: &ConfigMap, source: &str) -> Result<Arc<Action>, Problem> {
        let ceiling = self.host.options().ceiling;
        let read =
            Source::read(configmap, ceiling).map_err(|error| Problem::Unreadable(error.to_string()))?;
        self.claim(&read.manifest, source)?;
        let mut fingerprint = Sha256::new();
        fingerprint.update(read.fingerprint);
        fingerprint.update(source);
        let fingerprint: Sha = fingerprint.finalize().into();
        let action = match self.kept.actions.remove(&fingerprint) {
            Some(action) => action,
            None => Arc::new(self.make(read, source).await),
        };
        if let ActionState::Ready(compiled) = &action.state {
            // Only what works is kept: what does not may have been out of luck, on a busy machine for instance.
            self.next.actions.insert(fingerprint, Arc::clone(&action));
            if let Some(digest) = action.digest {
                self.next.compiled.insert(digest, Ok(Arc::clone(compiled)));
            }
        }
        Ok(action)
    }

    /// The first one to come, which is the oldest, gets the name.
    fn claim(&mut self, manifest: &Manifest, source: &str) -> Result<(), Problem> {
        for role in &manifest.roles {
            if let Some(owner) = self.owners.get(&(*role, manifest.name.clone())) {
                return Err(Problem::Duplicate(format!(
                    "there is an action {} for {role} already, from the older ConfigMap {owner}",
                    manifest.name
                )));
            }
        }
        for role in &manifest.roles {
            self.owners.insert((*role, manifest.name.clone()), source.to_owned());
        }
        Ok(())
    }

    async fn make(&mut self, read: Source<'_>, source: &str) -> Action {
        let Source { manifest, packed, fingerprint: _ } = read;
        let unpacked = packed.and_then(|packed| unpack(packed).map_err(SourceError::from));
        let bytes = match unpacked {
            Ok(bytes) => bytes.into_owned(),
            Err(error) => {
                let state = ActionState::Broken(error.to_string());
                return Action { manifest, source: source.to_owned(), digest: None, state };
            }
        };
        let sha: Sha = Sha256::digest(&bytes).into();
        let state = match self.compile(sha, bytes).await {
            Ok(compiled) => match examine(&compiled, &manifest).await {
                Ok(()) => ActionState::Ready(compiled),
                Err(reason) => ActionState::Broken(reason),
            },
            Err(error) => ActionState::Broken(error.to_string()),
        };
        Action { manifest, source: source.to_owned(), digest: Some(sha), state }
    }

    /// Compiles a component, once for all actions that use it and for as long as one does.
    async fn compile(&mut self, sha: Sha, bytes: Vec<u8>) -> Result<Arc<Compiled>, ComponentError> {
        if let Some(compiled) = self.next.compiled.get(&sha).or_else(|| self.kept.compiled.get(&sha)) {
            let compiled = compiled.clone();
            self.next.compiled.insert(sha, compiled.clone());
            return compiled;
        }
        let host = Arc::clone(self.host);
        let compiled = tokio::task::spawn_blocking(move || host.compile(&bytes))
            .await
            .unwrap_or_else(|error| Err(ComponentError::Compile(error.to_string())));
        self.next.compiled.insert(sha, compiled.clone());
        compiled
    }
}

impl Action {
    fn report(&self) -> Result<LoadedSource, String> {
        match &self.state {
            ActionState::Ready(_) => Ok(LoadedSource {
                name: self.manifest.name.clone(),
                roles: self.manifest.roles.clone(),
                digest: self.digest.map(hex::encode).unwrap_or_default(),
            }),
            ActionState::Broken(reason) => Err(reason.clone()),
        }
    }
}

/// Asks a component whether it can be what its manifest says.
async fn examine(compiled: &Compiled, manifest: &Manifest) -> Result<(), String> {
    if let Some(role) = manifest.roles.iter().find(|role| !compiled.has(**role)) {
        return Err(format!(
            "the manifest says `on: [{role}]`, but the component does not export the interface lateen:item-action/{role}-item"
        ));
    }
    let (started, _) = Instance::start(compiled, manifest, None, Arc::new(Share::default())).await;
    match started {
        Ok(_) => Ok(()),
        Err(Failure::Refused(reason)) => Err(format!("configure: {}", one_line(&reason, limits::REASON))),
        Err(Failure::Trapped(reason)) => Err(format!("configure: {reason}")),
    }
}

fn is_action(configmap: &ConfigMap) -> bool {
    configmap.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(ITEM_ACTION_LABEL))
}

/// Orders ConfigMaps by age; one without a time of creation has not been created yet.
fn age(configmap: &ConfigMap) -> (bool, Option<Time>, String) {
    let created = configmap.metadata.creation_timestamp.clone();
    (created.is_none(), created, source_name(configmap))
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: HashSet<&str> =
            self.actions.values().map(|action| action.manifest.name.as_str()).collect();
        f.debug_struct("Kept").field("actions", &names).finish_non_exhaustive()
    }
}

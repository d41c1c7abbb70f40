//! Keeps the actions of a cluster up to date with its ConfigMaps.
//!
//! The caller brings the ConfigMaps, all of them, whenever one changes; the registry makes a new set and says of each ConfigMap what became of it. Runs
//! that have begun keep their set. What has not changed is neither unpacked, compiled nor examined again.
//!
//! The server's own actions come from its [`Library`] and are loaded with the first set. A ConfigMap whose action has the name of one of them takes its
//! place, role by role, or with `disabled: true` switches it off.

mod load;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time};
use tokio::sync::Mutex;

use crate::{
    ITEM_ACTION_LABEL,
    host::{ActionHost, Compiled},
    library::Library,
    modifier::Modifier,
    plugin_config::PluginConfigs,
    set::{Action, ActionSet, ActionSetBuilder},
    source::{Chunks, Sha, is_chunk, source_name},
    source_report::SourceReport,
    stats::Stats,
};
use load::{BuiltIn, Load};

/// The actions of a cluster.
#[derive(Debug)]
pub struct ActionRegistry {
    host: Arc<ActionHost>,
    library: Library,
    /// The library's manifests, read once.
    built_ins: Vec<BuiltIn>,
    current: RwLock<Arc<ActionSet>>,
    /// Held while a set is made, so that loads do not overtake each other.
    kept: Mutex<Kept>,
}

/// What the last load made, for the next one to use again.
#[derive(Default)]
struct Kept {
    compiled: HashMap<Sha, Arc<Compiled>>,
    /// Components of the library that a resource modifier has used: few, and the next Restore is likely to need them.
    modifiers: HashMap<Sha, Arc<Compiled>>,
    /// By fingerprint.
    actions: HashMap<Sha, Arc<Action>>,
    /// What each ConfigMap was when it was last complete: the fingerprints of its actions.
    complete: HashMap<String, Vec<(Sha, Arc<Action>)>>,
    /// By source and name, so that a change of the ConfigMap does not begin to count anew.
    stats: HashMap<(String, String), Arc<Stats>>,
}

impl ActionRegistry {
    /// A registry without actions; those of the library come with the first load.
    pub fn new(host: Arc<ActionHost>, library: Library) -> Self {
        let ceiling = host.options().ceiling;
        let built_ins = library.manifests.iter().map(|text| BuiltIn::read(text, ceiling)).collect();
        Self { host, library, built_ins, current: RwLock::default(), kept: Mutex::default() }
    }

    /// The actions as they are now; a run takes this when it begins and keeps it.
    pub fn snapshot(&self) -> Arc<ActionSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces all actions by those of the library and of these ConfigMaps: actions, chunks and what configures actions, told apart by their labels; one
    /// without any of these is passed over.
    ///
    /// Compiles what is new, which may take seconds, on tokio's threads for blocking work; and configures every new action once, to tell its author what is
    /// wrong before a run does. Reports come in the order of the ConfigMaps, for those that are actions.
    pub async fn load(&self, configmaps: &[ConfigMap]) -> Vec<SourceReport> {
        let mut kept = self.kept.lock().await;
        let (chunks, mut actions): (Vec<_>, Vec<_>) =
            configmaps.iter().filter(|map| is_labelled(map)).partition(|map| is_chunk(map));
        let order: Vec<String> = actions.iter().map(|map| source_name(map)).collect();
        actions.sort_by_cached_key(|map| age(map));

        let chunks = Chunks::among(chunks);
        let mut load = self.begin(&mut kept, chunks, PluginConfigs::among(configmaps));
        for configmap in actions {
            load.configmap(configmap).await;
        }
        load.built_ins().await;
        let Load { mut next, made, .. } = load;
        next.modifiers = std::mem::take(&mut kept.modifiers);
        *kept = next;
        let set = Arc::new(made.finish(&order));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&set);
        set.sources().to_vec()
    }

    /// What a Restore names as its resource modifier: Velero's rules, or an action (a ConfigMap with a manifest) that is called on this restore only.
    /// `chunks` are the ConfigMaps that may hold pieces of its component.
    ///
    /// The error is for the Restore's validation errors, in Velero's words where it has any.
    pub async fn modifier(
        &self,
        configmap: &ConfigMap,
        chunks: &[ConfigMap],
    ) -> Result<Arc<Modifier>, String> {
        let mut kept = self.kept.lock().await;
        let mut load = self.begin(&mut kept, Chunks::among(chunks), PluginConfigs::among([]));
        let action = load.modifier(configmap).await;
        let Load { next, .. } = load;
        let library = self.library.components.iter().map(|component| component.sha256);
        for sha in library {
            if let Some(compiled) = next.compiled.get(&sha) {
                kept.modifiers.insert(sha, Arc::clone(compiled));
            }
        }
        action.map(|action| Arc::new(Modifier::new(action)))
    }

    fn begin<'a>(
        &'a self,
        kept: &'a mut Kept,
        chunks: Chunks<'a>,
        plugin_configs: PluginConfigs<'a>,
    ) -> Load<'a> {
        Load {
            host: &self.host,
            library: &self.library,
            built_ins: &self.built_ins,
            chunks,
            plugin_configs,
            kept,
            next: Kept::default(),
            owners: HashMap::new(),
            made: ActionSetBuilder::default(),
        }
    }
}

fn is_labelled(configmap: &ConfigMap) -> bool {
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

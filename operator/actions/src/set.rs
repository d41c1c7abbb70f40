//! The actions that a run works with: a snapshot, in the order in which they are called, with an index for the question that is asked most.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    configuration::Configuration,
    host::Compiled,
    manifest::{Code, Manifest, ScriptEngine},
    source::Sha,
    source_report::SourceReport,
    stats::{ActionStats, Stats},
    subject::{Role, Subject},
};

/// One action, usable or not.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) manifest: Manifest,
    /// Handed to `configure` beside the manifest.
    pub(crate) configuration: Configuration,
    pub(crate) rank: Rank,
    /// The ConfigMap, `namespace/name`; `built-in` for the server's own.
    pub(crate) source: String,
    /// Of the unpacked component or of the script, if there is one.
    pub(crate) digest: Option<Sha>,
    /// Of the component that runs: the same, or the script's engine.
    pub(crate) component: Option<Sha>,
    pub(crate) state: ActionState,
    /// Outlives a change of the ConfigMap.
    pub(crate) stats: Arc<Stats>,
}

/// Who comes first. The server's own actions do, and they are trusted: what they grant needs no flag of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// By the place in the library.
    BuiltIn(usize),
    /// By the manifest's `order`, then by name.
    Own,
}

/// Whether an action can be called.
pub(crate) enum ActionState {
    Ready(Arc<Compiled>),
    /// It cannot, for this reason; what it matches fails.
    Broken(String),
}

/// What `lateen actions list` and the plugin list show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionInfo {
    /// `<dns>/<name>`.
    pub name: String,
    /// The roles it is called in.
    pub roles: Vec<Role>,
    /// SHA-256 of the unpacked component or of the script, in hexadecimal; empty where there is none.
    pub digest: String,
    /// What runs the script, if it is one.
    pub engine: Option<ScriptEngine>,
    /// The ConfigMap, `namespace/name`; `built-in` for the server's own.
    pub source: String,
    /// One of the server's own.
    pub built_in: bool,
    /// Why what it matches fails, if it cannot be used.
    pub problem: Option<String>,
    /// What calling it has cost since it was loaded.
    pub stats: ActionStats,
}

/// A ConfigMap with the label, but without a readable manifest. Nobody knows what it was meant to match, so every run reports it as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The ConfigMap, `namespace/name`.
    pub source: String,
    /// For its author.
    pub reason: String,
}

/// All actions at one moment.
#[derive(Debug, Default)]
pub struct ActionSet {
    actions: Vec<Arc<Action>>,
    unreadable: Vec<Unreadable>,
    sources: Vec<SourceReport>,
    /// One per role, in the order of [`Role::ALL`].
    indices: [Index; Role::ALL.len()],
}

/// Positions in the list of actions, by the plural that they name.
#[derive(Debug, Default)]
struct Index {
    named: HashMap<String, Vec<usize>>,
    wild: Vec<usize>,
}

/// A set in the making.
#[derive(Debug, Default)]
pub(crate) struct ActionSetBuilder {
    actions: Vec<Arc<Action>>,
    unreadable: Vec<Unreadable>,
    sources: HashMap<String, SourceReport>,
}

impl ActionSetBuilder {
    pub(crate) fn action(&mut self, action: Arc<Action>) {
        self.actions.push(action);
    }

    pub(crate) fn unreadable(&mut self, source: &str, reason: &str) {
        self.unreadable.push(Unreadable { source: source.to_owned(), reason: reason.to_owned() });
    }

    pub(crate) fn report(&mut self, report: SourceReport) {
        self.sources.insert(report.source.clone(), report);
    }

    /// The set, with the reports about sources in this order.
    pub(crate) fn finish(self, order: &[String]) -> ActionSet {
        let Self { mut actions, unreadable, mut sources } = self;
        let key = |action: &Arc<Action>| {
            // The library's order is the order of its own actions.
            let order = if action.rank == Rank::Own { action.manifest.order } else { 0 };
            (action.rank, order, action.manifest.name.clone(), action.source.clone())
        };
        actions.sort_by_cached_key(key);
        let indices = Role::ALL.map(|role| Index::new(&actions, role));
        let sources = order.iter().filter_map(|source| sources.remove(source)).collect();
        ActionSet { actions, unreadable, sources, indices }
    }
}

impl ActionSet {
    /// All actions, in the order in which they are called.
    pub fn describe(&self) -> Vec<ActionInfo> {
        self.actions
            .iter()
            .map(|action| ActionInfo {
                name: action.manifest.name.clone(),
                roles: action.manifest.roles.clone(),
                digest: action.digest.map(hex::encode).unwrap_or_default(),
                engine: match action.manifest.code {
                    Code::Script { engine, .. } => Some(engine),
                    Code::Component(_) | Code::BuiltIn => None,
                },
                source: action.source.clone(),
                built_in: action.is_built_in(),
                problem: match &action.state {
                    ActionState::Ready(_) => None,
                    ActionState::Broken(reason) => Some(reason.clone()),
                },
                stats: action.stats.read(),
            })
            .collect()
    }

    /// ConfigMaps that every run has to report as an error.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// What became of each ConfigMap that is an action.
    pub fn sources(&self) -> &[SourceReport] {
        &self.sources
    }

    /// Whether any action has to see this item. Asked before an item is parsed: costs a look into a hash map when nobody names the resource.
    /// `labels: None` means that they are not known yet; the answer is then yes where it depends on them.
    pub fn concerns(&self, role: Role, subject: &Subject, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.index(role)
            .candidates(&subject.resource)
            .any(|position| self.actions[position].matches(subject, labels))
    }

    /// Whether there is an action for objects of this resource at all, whatever their namespaces and labels.
    pub fn concerns_resource(&self, role: Role, group: &str, resource: &str) -> bool {
        self.index(role)
            .candidates(resource)
            .any(|position| self.actions[position].manifest.matcher.resources.matches(group, resource))
    }

    pub(crate) fn actions(&self) -> &[Arc<Action>] {
        &self.actions
    }

    /// Positions of the actions that are called for this item, in their order.
    pub(crate) fn matching(
        &self,
        role: Role,
        subject: &Subject,
        labels: &BTreeMap<String, String>,
    ) -> Vec<usize> {
        let mut positions: Vec<usize> = self
            .index(role)
            .candidates(&subject.resource)
            .filter(|position| self.actions[*position].matches(subject, Some(labels)))
            .collect();
        positions.sort_unstable();
        positions
    }

    /// The place of an action, by what tells actions apart.
    pub(crate) fn position(&self, role: Role, name: &str) -> Option<usize> {
        self.actions
            .iter()
            .position(|action| action.manifest.name == name && action.manifest.roles.contains(&role))
    }

    fn index(&self, role: Role) -> &Index {
        &self.indices[role as usize]
    }
}

impl Index {
    fn new(actions: &[Arc<Action>], role: Role) -> Self {
        let mut index = Self::default();
        for (position, action) in actions.iter().enumerate() {
            if !action.manifest.roles.contains(&role) {
                continue;
            }
            let Some(mut plurals) = action.manifest.matcher.resources.plurals() else {
                index.wild.push(position);
                continue;
            };
            plurals.sort_unstable();
            plurals.dedup();
            for plural in plurals {
                index.named.entry(plural.to_owned()).or_default().push(position);
            }
        }
        index
    }

    fn candidates(&self, resource: &str) -> impl Iterator<Item = usize> {
        self.named.get(resource).into_iter().flatten().chain(&self.wild).copied()
    }
}

impl Action {
    /// Whether it is one of the server's own, which are trusted.
    pub(crate) fn is_built_in(&self) -> bool {
        self.rank != Rank::Own
    }

    fn matches(&self, subject: &Subject, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.manifest.matcher.matches(&subject.group, &subject.resource, subject.namespace.as_deref(), labels)
    }
}

impl std::fmt::Debug for ActionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(_) => f.write_str("Ready"),
            Self::Broken(reason) => f.debug_tuple("Broken").field(reason).finish(),
        }
    }
}

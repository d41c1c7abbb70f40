//! The actions that a run works with: a snapshot, in the order in which they are called, with an index for the question that is asked most.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    host::Compiled,
    manifest::Manifest,
    source::Sha,
    subject::{Role, Subject},
};

/// One action, usable or not.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) manifest: Manifest,
    /// The ConfigMap, `namespace/name`.
    pub(crate) source: String,
    /// Of the unpacked component, if there is one.
    pub(crate) digest: Option<Sha>,
    pub(crate) state: ActionState,
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
    /// SHA-256 of the unpacked component, in hexadecimal; empty where there is none.
    pub digest: String,
    /// The ConfigMap, `namespace/name`.
    pub source: String,
    /// Why what it matches fails, if it cannot be used.
    pub problem: Option<String>,
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
    backup: Index,
    restore: Index,
}

/// Positions in the list of actions, by the plural that they name.
#[derive(Debug, Default)]
struct Index {
    named: HashMap<String, Vec<usize>>,
    wild: Vec<usize>,
}

impl ActionSet {
    pub(crate) fn new(mut actions: Vec<Arc<Action>>, unreadable: Vec<Unreadable>) -> Self {
        actions.sort_by(|a, b| {
            let key = |action: &Action| {
                (action.manifest.order, action.manifest.name.clone(), action.source.clone())
            };
            key(a).cmp(&key(b))
        });
        let index = |role| Index::new(&actions, role);
        Self { backup: index(Role::Backup), restore: index(Role::Restore), actions, unreadable }
    }

    /// All actions, in the order in which they are called.
    pub fn describe(&self) -> Vec<ActionInfo> {
        self.actions
            .iter()
            .map(|action| ActionInfo {
                name: action.manifest.name.clone(),
                roles: action.manifest.roles.clone(),
                digest: action.digest.map(hex::encode).unwrap_or_default(),
                source: action.source.clone(),
                problem: match &action.state {
                    ActionState::Ready(_) => None,
                    ActionState::Broken(reason) => Some(reason.clone()),
                },
            })
            .collect()
    }

    /// ConfigMaps that every run has to report as an error.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// Whether any action has to see this item. Asked before an item is parsed: costs a look into a hash map when nobody names the resource.
    /// `labels: None` means that they are not known yet; the answer is then yes where it depends on them.
    pub fn concerns(&self, role: Role, subject: &Subject, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.index(role)
            .candidates(&subject.resource)
            .any(|position| self.actions[position].matches(subject, labels))
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

    fn index(&self, role: Role) -> &Index {
        match role {
            Role::Backup => &self.backup,
            Role::Restore => &self.restore,
        }
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

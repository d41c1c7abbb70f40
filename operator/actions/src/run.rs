//! One run of a set of actions.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    modifier::Modifier,
    run_info::{RunInfo, Share},
    set::ActionSet,
    subject::{Role, Subject},
};

/// One run. Its sessions share the count of traps and the budget of the log.
#[derive(Debug)]
pub struct ActionRun {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) set: Arc<ActionSet>,
    pub(crate) shares: Vec<Arc<Share>>,
    /// The resource modifier, as a run of its own.
    pub(crate) modifier: Option<Arc<Self>>,
}

impl ActionRun {
    /// Begins a run with the actions of this set.
    pub fn new(set: Arc<ActionSet>, info: RunInfo) -> Arc<Self> {
        Self::with_modifier(set, info, None)
    }

    /// Begins the run of a Restore, with its resource modifier if it names one.
    pub fn with_modifier(set: Arc<ActionSet>, info: RunInfo, modifier: Option<&Modifier>) -> Arc<Self> {
        let info = Arc::new(info);
        let modifier = modifier.map(|modifier| Self::of(Arc::clone(&modifier.set), Arc::clone(&info), None));
        Self::of(set, info, modifier)
    }

    fn of(set: Arc<ActionSet>, info: Arc<RunInfo>, modifier: Option<Arc<Self>>) -> Arc<Self> {
        let shares = set.actions().iter().map(|_| Arc::default()).collect();
        Arc::new(Self { info, set, shares, modifier })
    }

    /// The set that the run began with.
    pub fn set(&self) -> &Arc<ActionSet> {
        &self.set
    }

    /// Whether the resource modifier has to see this item. False where there is none; asked of every item, and costs a look into a hash map.
    pub fn modifies(&self, subject: &Subject, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.modifier.as_ref().is_some_and(|run| run.set.concerns(Role::Restore, subject, labels))
    }
}

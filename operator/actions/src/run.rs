//! One run of a set of actions.

use std::sync::Arc;

use crate::{
    run_info::{RunInfo, Share},
    set::ActionSet,
};

/// One run. Its sessions share the count of traps and the budget of the log.
#[derive(Debug)]
pub struct ActionRun {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) set: Arc<ActionSet>,
    pub(crate) shares: Vec<Arc<Share>>,
}

impl ActionRun {
    /// Begins a run with the actions of this set.
    pub fn new(set: Arc<ActionSet>, info: RunInfo) -> Arc<Self> {
        let shares = set.actions().iter().map(|_| Arc::default()).collect();
        Arc::new(Self { info: Arc::new(info), set, shares })
    }

    /// The set that the run began with.
    pub fn set(&self) -> &Arc<ActionSet> {
        &self.set
    }
}

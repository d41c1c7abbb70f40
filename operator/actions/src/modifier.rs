//! The resource modifier of a Restore: Velero's rules, or an action that is called on this restore only.
//!
//! Both are one action in a set of its own, so that limits, grants, the log and the count of traps are the same as for all others. It sees an item after
//! all actions, and changes it or leaves it out. All else that an action may ask for is refused: it would come too late for other objects, and nobody knows
//! the modifier when a later server follows operations.

use std::sync::Arc;

use crate::{
    ITEM_ACTION_LABEL,
    manifest::FailurePolicy,
    outcome::{ActionError, ItemResult},
    set::{Action, ActionInfo, ActionSet, ActionSetBuilder},
    subject::Subject,
};

/// A resource modifier, ready for a run.
#[derive(Debug)]
pub struct Modifier {
    /// Of one action.
    pub(crate) set: Arc<ActionSet>,
}

impl Modifier {
    pub(crate) fn new(action: Action) -> Self {
        let mut made = ActionSetBuilder::default();
        made.action(Arc::new(action));
        Self { set: Arc::new(made.finish(&[])) }
    }

    /// For the log of the run: its name, its ConfigMap, its digest.
    pub fn describe(&self) -> Option<ActionInfo> {
        self.set.describe().into_iter().next()
    }
}

/// Refuses what a modifier cannot ask for: other objects to come along, waiting, and work that goes on after the call.
pub(crate) fn bounded(modifier: &str, subject: &Subject, mut result: ItemResult) -> ItemResult {
    let asked = [
        (!result.related.is_empty(), "bring other objects along"),
        (result.wait_seconds.is_some(), "wait for other objects"),
        (!result.operations.is_empty(), "begin an operation"),
    ];
    if let Some((_, what)) = asked.into_iter().find(|(asks, _)| *asks) {
        result.error.get_or_insert_with(|| ActionError {
            action: modifier.to_owned(),
            item: subject.to_string(),
            reason: format!(
                "a resource modifier cannot {what}; make it an item action, with the label {ITEM_ACTION_LABEL}"
            ),
            policy: FailurePolicy::FailItem,
        });
    }
    result
}

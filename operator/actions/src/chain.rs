//! One item on its way through the actions of a run.
//!
//! A chain belongs to nobody while no action is asked: the engine may take other items through the same session between two steps, such as those that
//! an action named. What an action answers is checked as a whole before any of it counts.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, vec};

use lateen_api::labels::annotations::{MUST_INCLUDE_ADDITIONAL_ITEMS, SKIP_FROM_BACKUP};
use serde_json::Value;

use crate::{
    change::{self, Applied, Change, Identity, ItemSize},
    host::{Answer, Call, one_line},
    limits,
    manifest::{Capabilities, FailurePolicy},
    masking::Mask,
    operation::StartedOperation,
    outcome::{ActionError, ItemEnd, Note, NoteLevel, Skip, Step},
    permission,
    run_info::Stage,
    set::Action,
    subject::{Role, Subject},
};

/// An item and the actions that are still to see it.
#[derive(Debug)]
pub struct ItemChain {
    pub(crate) role: Role,
    pub(crate) call: Call,
    /// Places in the set of actions.
    pub(crate) positions: vec::IntoIter<usize>,
    stage: Stage,
    /// Bytes of the item before all actions; `None` until somebody asked.
    original: Option<usize>,
    /// Bytes of the item as the last action saw it.
    size: usize,
    /// The item as text, until it changes.
    text: Option<String>,
    item: Value,
    changed: bool,
    skip: Option<Skip>,
    error: Option<ActionError>,
}

impl ItemChain {
    pub(crate) fn new(
        role: Role,
        stage: Stage,
        subject: &Subject,
        item: Value,
        item_from_backup: Option<Arc<Value>>,
        positions: Vec<usize>,
    ) -> Self {
        // Nobody is asked about most items: then nothing is worked out either.
        let mask = if positions.is_empty() { Mask::default() } else { Mask::of(subject, &item) };
        let call = Call { subject: Arc::new(subject.clone()), item_from_backup, mask: Arc::new(mask) };
        Self {
            role,
            call,
            positions: positions.into_iter(),
            stage,
            original: None,
            size: 0,
            text: None,
            item,
            changed: false,
            skip: None,
            error: None,
        }
    }

    /// What the actions made of the item.
    pub fn finish(self) -> ItemEnd {
        let Self { item, changed, skip, error, .. } = self;
        ItemEnd { item, changed, skip, error }
    }

    /// Whether no action is called any more, though there are some.
    pub(crate) fn is_over(&self) -> bool {
        self.skip.is_some() || self.error.is_some()
    }

    /// The item as text for the next action, if it is not too much for any.
    pub(crate) fn text(&mut self) -> Result<String, String> {
        if let Some(text) = self.text.take() {
            return Ok(text);
        }
        let text = item_text(&self.item, self.original.map_or(limits::ITEM, limits::change), self.size)?;
        self.original.get_or_insert(text.len());
        self.size = text.len();
        Ok(text)
    }

    /// The text again, which the action has not changed by reading it.
    pub(crate) fn keep_text(&mut self, text: String) {
        self.text = Some(text);
    }

    /// Checks all of an answer before any of it counts.
    pub(crate) fn accept(&mut self, action: &Action, answer: Answer, step: &mut Step) -> Result<(), String> {
        let Answer { change, identity, skip, related, mut must_include, wait_seconds, operation } = answer;
        let grants = &action.manifest.capabilities;
        let operation =
            operation.map(|begun| permission::operation(action, begun, self.stage)).transpose()?;
        if let Some(reason) = skip {
            return self.leave_out(action, &reason, operation, step);
        }
        permission::related(grants, &self.call.subject, &related)?;
        if let Some(operation) = &operation {
            permission::related(grants, &self.call.subject, &operation.post_items)?;
        }
        if let Some(identity) = &identity {
            permission::identity(grants, identity)?;
        }
        if must_include {
            permission::must_include(grants)?;
        }
        let asked = self.change(grants, &change, identity.as_ref())?;
        if asked.skip {
            let reason = format!("it put the annotation {SKIP_FROM_BACKUP} on the item");
            return self.leave_out(action, &reason, operation, step);
        }
        must_include |= asked.must_include;
        step.related = related;
        step.must_include = must_include;
        step.wait_seconds = wait_seconds;
        step.operation = operation;
        Ok(())
    }

    /// Applies the change of an answer that is in order otherwise, and looks at what it asks for by annotations.
    fn change(
        &mut self,
        grants: &Capabilities,
        change: &Change,
        identity: Option<&Identity>,
    ) -> Result<Annotated, String> {
        let size = ItemSize { original: self.original.unwrap_or(0), now: self.size };
        let applied = change::apply(&mut self.item, change, identity, self.role, size);
        let mut asked = Annotated::default();
        match applied.map_err(|error| error.to_string())? {
            Applied::Unchanged => return Ok(asked),
            Applied::InPlace => {}
            Applied::Copy(mut changed) => {
                if self.role == Role::Backup {
                    asked = Annotated::take(&self.item, &mut changed);
                }
                if asked.skip {
                    return Ok(asked);
                }
                if asked.must_include {
                    permission::must_include(grants)?;
                }
                // What has only lost the annotation again is as it was.
                if asked.taken_off && changed == self.item {
                    return Ok(asked);
                }
                self.item = changed;
            }
        }
        self.changed = true;
        self.text = None;
        Ok(asked)
    }

    /// Ends the chain without the item; on restore its operation goes on.
    fn leave_out(
        &mut self,
        action: &Action,
        reason: &str,
        operation: Option<StartedOperation>,
        step: &mut Step,
    ) -> Result<(), String> {
        if self.role == Role::Backup && operation.is_some() {
            return Err("an item that is left out of the backup cannot have an operation".to_owned());
        }
        let reason = one_line(&self.call.mask.apply(reason), limits::REASON);
        self.skip = Some(Skip { action: action.manifest.name.clone(), reason });
        step.operation = operation;
        Ok(())
    }

    /// Lets the failure policy decide.
    pub(crate) fn fail(&mut self, action: &Action, reason: &str, notes: &mut Vec<Note>) {
        match failed(action, &self.call, reason) {
            Ok(note) => notes.push(note),
            Err(error) => self.error = Some(error),
        }
    }
}

/// An item as text for an action, if it is not too much for any: neither too deep nor of more than `limit` bytes. It is `expected` to be so long.
pub(crate) fn item_text(item: &Value, limit: usize, expected: usize) -> Result<String, String> {
    let text = change::text(item, limits::DEPTH, expected)
        .ok_or_else(|| format!("the item is nested deeper than {} levels", limits::DEPTH))?;
    if text.len() > limit {
        return Err(format!("the item has more than {limit} bytes"));
    }
    Ok(text)
}

/// What a failure is by the action's policy: a warning, or an error.
pub(crate) fn failed(action: &Action, call: &Call, reason: &str) -> Result<Note, ActionError> {
    let reason = one_line(&call.mask.apply(reason), limits::REASON);
    let name = action.manifest.name.clone();
    match action.manifest.failure_policy {
        FailurePolicy::Warn => Ok(Note {
            level: NoteLevel::Warn,
            action: name,
            message: format!("failed on {}, which goes on without it: {reason}", call.subject),
        }),
        policy @ (FailurePolicy::FailItem | FailurePolicy::FailRun) => {
            Err(ActionError { action: name, item: call.subject.to_string(), reason, policy })
        }
    }
}

/// What an action asks for by Velero's annotations.
#[derive(Default)]
struct Annotated {
    skip: bool,
    must_include: bool,
    /// The item has lost an annotation that was not meant for the archive.
    taken_off: bool,
}

impl Annotated {
    /// Looks at what this call has written, and takes the one off that is not meant for the archive. What the item's owner wrote steers nothing.
    fn take(before: &Value, after: &mut Value) -> Self {
        let own = |key: &str, after: &Value| {
            let there = annotation(after, key);
            there.filter(|_| there != annotation(before, key)).map(ToOwned::to_owned)
        };
        let skip = own(SKIP_FROM_BACKUP, after).is_some();
        let must_include = own(MUST_INCLUDE_ADDITIONAL_ITEMS, after);
        let taken_off = must_include.is_some();
        if taken_off
            && let Some(annotations) =
                after.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
        {
            annotations.remove(MUST_INCLUDE_ADDITIONAL_ITEMS);
            if annotations.is_empty() && before.pointer("/metadata/annotations").is_none() {
                after["metadata"].as_object_mut().map(|metadata| metadata.remove("annotations"));
            }
        }
        Self { skip, must_include: must_include.as_deref() == Some("true"), taken_off }
    }
}

fn annotation<'a>(item: &'a Value, key: &str) -> Option<&'a str> {
    item.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// Of the item as it comes in: which actions are called does not depend on what actions do.
pub(crate) fn labels(item: &Value) -> BTreeMap<String, String> {
    let labels = item.pointer("/metadata/labels").and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
        (key.clone(), value.into_owned())
    };
    labels.into_iter().flatten().map(pair).collect()
}

//! Takes items through the actions of a run, for one worker.
//!
//! Each action sees the item as the one before left it. Components are instantiated when they are first needed and kept until they are worn out; one that
//! trapped is replaced, three times at most, then the action is disabled and everything that it matches fails.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    change::{self, Change},
    host::{Answer, Call, Failure, Instance, one_line},
    limits,
    manifest::FailurePolicy,
    masking::Mask,
    outcome::{ActionError, BackupItemResult, Note, NoteLevel, RestoreItemResult, Skip},
    run::ActionRun,
    run_info::Share,
    set::{Action, ActionState},
    subject::{ObjectRef, Role, Subject},
};

/// The actions of a run, for one worker. Belongs to one task at a time.
pub struct ActionSession {
    run: Arc<ActionRun>,
    /// One place per action of the set.
    instances: Vec<Option<Instance>>,
}

/// The state of one item on its way through the actions.
struct Chain<'a> {
    role: Role,
    subject: &'a Subject,
    /// Bytes of the item before all actions; `None` until somebody asked.
    original: Option<usize>,
    /// The item as text, until it changes.
    text: Option<String>,
    item: Value,
    changed: bool,
    skip: Option<Skip>,
    related: Vec<ObjectRef>,
    must_include: bool,
    notes: Vec<Note>,
    error: Option<ActionError>,
}

impl ActionRun {
    /// A session for one worker. Components are instantiated when they are first needed.
    pub fn session(self: &Arc<Self>) -> ActionSession {
        ActionSession::new(Arc::clone(self))
    }
}

impl ActionSession {
    pub(crate) fn new(run: Arc<ActionRun>) -> Self {
        let instances = run.set.actions().iter().map(|_| None).collect();
        Self { run, instances }
    }

    /// Takes an item through the actions on backup.
    pub async fn backup_item(&mut self, subject: &Subject, item: Value) -> BackupItemResult {
        let Chain { item, changed, skip, related, must_include, notes, error, .. } =
            self.chain(Role::Backup, subject, item, None).await;
        BackupItemResult { item, changed, skip, related, must_include, notes, error }
    }

    /// Takes an item through the actions on restore. `item_from_backup` is the item as it is in the archive.
    pub async fn restore_item(
        &mut self,
        subject: &Subject,
        item: Value,
        item_from_backup: &Value,
    ) -> RestoreItemResult {
        let Chain { item, changed, skip, related, must_include: _, notes, error, .. } =
            self.chain(Role::Restore, subject, item, Some(item_from_backup)).await;
        RestoreItemResult { item, changed, skip, related, notes, error }
    }

    async fn chain<'a>(
        &mut self,
        role: Role,
        subject: &'a Subject,
        item: Value,
        item_from_backup: Option<&Value>,
    ) -> Chain<'a> {
        let positions = self.run.set.matching(role, subject, &labels(&item));
        let mut chain = Chain::new(role, subject, item);
        if positions.is_empty() {
            return chain;
        }
        let call = Call {
            subject: Arc::new(subject.clone()),
            item_from_backup: item_from_backup.cloned().map(Arc::new),
            mask: Arc::new(Mask::of(subject, &chain.item)),
        };
        for position in positions {
            let action = Arc::clone(&self.run.set.actions()[position]);
            let result = match self.ask(position, &action, &call, &mut chain).await {
                Ok(answer) => chain.accept(&action, answer, &call.mask),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = result {
                chain.fail(&action, &one_line(&call.mask.apply(&reason), limits::REASON));
            }
            if chain.error.is_some() || chain.skip.is_some() {
                break;
            }
        }
        chain
    }

    /// One call of one action. The error is its reason.
    async fn ask(
        &mut self,
        position: usize,
        action: &Action,
        call: &Call,
        chain: &mut Chain<'_>,
    ) -> Result<Answer, String> {
        let compiled = match &action.state {
            ActionState::Ready(compiled) => compiled,
            ActionState::Broken(reason) => return Err(format!("the action cannot be used: {reason}")),
        };
        let share = Arc::clone(&self.run.shares[position]);
        if share.disabled() {
            return Err(format!(
                "the action is disabled for this run, because it trapped {} times",
                limits::TRAPS
            ));
        }
        let text = chain.text()?;
        let slot = &mut self.instances[position];
        let mut instance = if let Some(instance) = slot.take() {
            instance
        } else {
            let run = Some(Arc::clone(&self.run.info));
            let (started, notes) = Instance::start(compiled, &action.manifest, run, Arc::clone(&share)).await;
            chain.notes.extend(notes);
            started.map_err(|failure| failed(failure, &share))?
        };
        let (answer, notes) = instance.execute(chain.role, call.clone(), &text).await;
        chain.text = Some(text);
        chain.notes.extend(notes);
        if !matches!(answer, Err(Failure::Trapped(_))) && !instance.worn_out() {
            *slot = Some(instance);
        }
        answer.map_err(|failure| failed(failure, &share))
    }
}

/// The reason of a failure; counts it if it was a trap.
fn failed(failure: Failure, share: &Share) -> String {
    match failure {
        Failure::Trapped(reason) if share.count_trap() => {
            format!(
                "{reason}; this was trap {} in this run, the action is disabled for the rest of it",
                limits::TRAPS
            )
        }
        Failure::Refused(reason) | Failure::Trapped(reason) => reason,
    }
}

impl<'a> Chain<'a> {
    fn new(role: Role, subject: &'a Subject, item: Value) -> Self {
        Self {
            role,
            subject,
            original: None,
            text: None,
            item,
            changed: false,
            skip: None,
            related: Vec::new(),
            must_include: false,
            notes: Vec::new(),
            error: None,
        }
    }

    /// The item as text for the next action, if it is not too much for any.
    fn text(&mut self) -> Result<String, String> {
        if let Some(text) = self.text.take() {
            return Ok(text);
        }
        change::depth(&self.item, limits::DEPTH)
            .ok_or_else(|| format!("the item is nested deeper than {} levels", limits::DEPTH))?;
        let limit = self.original.map_or(limits::ITEM, limits::change);
        let size =
            change::size(&self.item, limit).ok_or_else(|| format!("the item has more than {limit} bytes"))?;
        self.original.get_or_insert(size);
        Ok(self.item.to_string())
    }

    /// Checks all of an answer before any of it counts.
    fn accept(&mut self, action: &Action, answer: Answer, mask: &Mask) -> Result<(), String> {
        let Answer { change, skip, related, must_include } = answer;
        if let Some(reason) = skip {
            let reason = one_line(&mask.apply(&reason), limits::REASON);
            self.skip = Some(Skip { action: action.manifest.name.clone(), reason });
            return Ok(());
        }
        self.check_related(action, &related)?;
        if must_include && !action.manifest.capabilities.must_include {
            return Err(not_granted("must-include", "capabilities: {mustInclude: true}"));
        }
        self.apply(&change)?;
        self.related.extend(related);
        self.must_include |= must_include;
        Ok(())
    }

    fn check_related(&self, action: &Action, related: &[ObjectRef]) -> Result<(), String> {
        if related.len() > limits::RELATED {
            return Err(format!(
                "the answer names {} related objects, more than {}",
                related.len(),
                limits::RELATED
            ));
        }
        for object in related {
            let ObjectRef { group, resource, namespace, name } = object;
            let namespace = namespace.as_deref().unwrap_or("none");
            let parts = [resource.as_str(), namespace, name.as_str()];
            if parts.iter().any(|part| part.is_empty())
                || parts.iter().chain([&group.as_str()]).any(|part| part.contains('/'))
            {
                return Err(format!("the related object {object} has an empty part, or one with a slash"));
            }
            action
                .manifest
                .capabilities
                .allow_related(self.subject, object)
                .map_err(|line| not_granted(&format!("the related object {object}"), line))?;
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) -> Result<(), String> {
        let original = self.original.unwrap_or(0);
        if let Some(item) =
            change::apply(&self.item, change, self.role, original).map_err(|error| error.to_string())?
        {
            self.item = item;
            self.changed = true;
            self.text = None;
        }
        Ok(())
    }

    /// Lets the failure policy decide.
    fn fail(&mut self, action: &Action, reason: &str) {
        let name = &action.manifest.name;
        match action.manifest.failure_policy {
            FailurePolicy::Warn => self.notes.push(Note {
                level: NoteLevel::Warn,
                action: name.clone(),
                message: format!("failed on {}, which goes on without it: {reason}", self.subject),
            }),
            policy @ (FailurePolicy::FailItem | FailurePolicy::FailRun) => {
                self.error = Some(ActionError {
                    action: name.clone(),
                    item: self.subject.to_string(),
                    reason: reason.to_owned(),
                    policy,
                });
            }
        }
    }
}

fn not_granted(what: &str, line: &str) -> String {
    format!("{what} is not granted; it needs `{line}` in the manifest")
}

/// Of the item as it comes in: which actions are called does not depend on what actions do.
fn labels(item: &Value) -> BTreeMap<String, String> {
    let labels = item.pointer("/metadata/labels").and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
        (key.clone(), value.into_owned())
    };
    labels.into_iter().flatten().map(pair).collect()
}

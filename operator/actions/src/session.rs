//! Takes items through the actions of a run, for one worker.
//!
//! Each action sees the item as the one before left it. Components are instantiated when they are first needed and kept until they are worn out; one that
//! trapped is replaced, three times at most, then the action is disabled and everything that it matches fails.

use std::{sync::Arc, time::Instant};

use serde_json::Value;

use crate::{
    chain::{ItemChain, failed, item_text, labels},
    host::{Answer, Blueprint, Call, Failure, Instance},
    limits,
    masking::Mask,
    modifier,
    operation::OperationProgress,
    outcome::{AskedAll, ItemResult, Note, Step},
    permission,
    run::ActionRun,
    run_info::Share,
    set::ActionState,
    subject::{ObjectRef, Role, Subject},
};

/// The actions of a run, for one worker. Belongs to one task at a time.
pub struct ActionSession {
    run: Arc<ActionRun>,
    /// One place per action of the set.
    instances: Vec<Option<Instance>>,
    /// For the resource modifier, if the run has one.
    modifier: Option<Box<Self>>,
}

impl ActionRun {
    /// A session for one worker. Components are instantiated when they are first needed.
    pub fn session(self: &Arc<Self>) -> ActionSession {
        let instances = self.set.actions().iter().map(|_| None).collect();
        let modifier = self.modifier.as_ref().map(|run| Box::new(run.session()));
        ActionSession { run: Arc::clone(self), instances, modifier }
    }
}

impl ActionSession {
    /// Begins an item's way on backup; [`ActionSession::step`] goes on with it.
    pub fn begin_backup(&self, subject: &Subject, item: Value) -> ItemChain {
        self.begin(Role::Backup, subject, item, None)
    }

    /// Begins an item's way on restore. `item_from_backup` is the item as it is in the archive.
    pub fn begin_restore(&self, subject: &Subject, item: Value, item_from_backup: Arc<Value>) -> ItemChain {
        self.begin(Role::Restore, subject, item, Some(item_from_backup))
    }

    fn begin(
        &self,
        role: Role,
        subject: &Subject,
        item: Value,
        item_from_backup: Option<Arc<Value>>,
    ) -> ItemChain {
        let positions = self.run.set.matching(role, subject, &labels(&item));
        ItemChain::new(role, self.run.info.stage, subject, item, item_from_backup, positions)
    }

    /// Lets the next action see the item; `None` when there is none, or none is to see it any more.
    pub async fn step(&mut self, chain: &mut ItemChain) -> Option<Step> {
        if chain.is_over() {
            return None;
        }
        let position = chain.positions.next()?;
        let action = Arc::clone(&self.run.set.actions()[position]);
        let mut step = Step { action: action.manifest.name.clone(), ..Step::default() };
        let began = Instant::now();
        let result = match chain.text() {
            Ok(text) => {
                let asked = self.ask(position, chain.role, chain.call.clone(), &text, &mut step.notes).await;
                chain.keep_text(text);
                asked.and_then(|answer| chain.accept(&action, answer, &mut step))
            }
            Err(reason) => Err(reason),
        };
        action.stats.count(result.is_err(), began.elapsed());
        if let Err(reason) = result {
            chain.fail(&action, &reason, &mut step.notes);
        }
        Some(step)
    }

    /// Takes an item through all actions on backup.
    pub async fn backup_item(&mut self, subject: &Subject, item: Value) -> ItemResult {
        let chain = self.begin_backup(subject, item);
        self.run_through(chain).await
    }

    /// Takes an item through all actions on restore. `item_from_backup` is the item as it is in the archive.
    pub async fn restore_item(
        &mut self,
        subject: &Subject,
        item: Value,
        item_from_backup: Arc<Value>,
    ) -> ItemResult {
        let chain = self.begin_restore(subject, item, item_from_backup);
        self.run_through(chain).await
    }

    /// Lets the resource modifier of the run see an item, after all actions. Where there is none, or none for this item, it comes back as it went in.
    pub async fn modify(
        &mut self,
        subject: &Subject,
        item: Value,
        item_from_backup: Arc<Value>,
    ) -> ItemResult {
        match &mut self.modifier {
            Some(modifier) => {
                let result = modifier.restore_item(subject, item, item_from_backup).await;
                let name = modifier.run.set.actions().first().map_or("", |action| &action.manifest.name);
                modifier::bounded(name, subject, result)
            }
            None => ItemResult::unchanged(item),
        }
    }

    async fn run_through(&mut self, mut chain: ItemChain) -> ItemResult {
        let (mut related, mut operations, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut must_include, mut wait_seconds) = (false, None);
        while let Some(step) = self.step(&mut chain).await {
            related.extend(step.related);
            operations.extend(step.operation);
            notes.extend(step.notes);
            must_include |= step.must_include;
            wait_seconds = wait_seconds.max(step.wait_seconds);
        }
        let end = chain.finish();
        ItemResult {
            item: end.item,
            changed: end.changed,
            skip: end.skip,
            related,
            must_include,
            wait_seconds,
            operations,
            notes,
            error: end.error,
        }
    }

    /// Tells every action that the backup of this item is being deleted.
    pub async fn delete_item(&mut self, subject: &Subject, item: &Value) -> AskedAll {
        self.ask_all(Role::Delete, subject, item).await
    }

    /// Asks every action what belongs in one block with this item.
    pub async fn related_items(&mut self, subject: &Subject, item: &Value) -> AskedAll {
        self.ask_all(Role::RelatedItems, subject, item).await
    }

    async fn ask_all(&mut self, role: Role, subject: &Subject, item: &Value) -> AskedAll {
        let mut asked = AskedAll::default();
        let positions = self.run.set.matching(role, subject, &labels(item));
        if positions.is_empty() {
            return asked;
        }
        let call = Call {
            subject: Arc::new(subject.clone()),
            item_from_backup: None,
            mask: Arc::new(Mask::of(subject, item)),
        };
        let text = item_text(item, limits::ITEM, 0);
        for position in positions {
            let action = Arc::clone(&self.run.set.actions()[position]);
            let began = Instant::now();
            let answer = match &text {
                Ok(text) => self.ask(position, role, call.clone(), text, &mut asked.notes).await,
                Err(reason) => Err(reason.clone()),
            };
            let related = answer.and_then(|answer| {
                permission::related(&action.manifest.capabilities, subject, &answer.related)?;
                Ok(answer.related)
            });
            action.stats.count(related.is_err(), began.elapsed());
            match related {
                Ok(related) => {
                    for object in related {
                        if !asked.related.contains(&object) {
                            asked.related.push(object);
                        }
                    }
                }
                Err(reason) => match failed(&action, &call, &reason) {
                    Ok(note) => asked.notes.push(note),
                    Err(error) => asked.errors.push(error),
                },
            }
        }
        asked
    }

    /// Asks an action whether related objects that it wanted to wait for are ready. They are named as they are in the cluster.
    pub async fn ready(&mut self, action: &str, related: &[ObjectRef]) -> (Result<bool, String>, Vec<Note>) {
        self.ask_by_name(Role::Restore, action, async |instance| instance.ready(related).await).await
    }

    /// Asks an action how far an operation is that it has begun, in this run or in an earlier life of it.
    pub async fn progress(
        &mut self,
        role: Role,
        action: &str,
        id: &str,
    ) -> (Result<OperationProgress, String>, Vec<Note>) {
        self.ask_by_name(role, action, async |instance| instance.progress(id).await).await
    }

    /// Tells an action to end an operation.
    pub async fn cancel(&mut self, role: Role, action: &str, id: &str) -> (Result<(), String>, Vec<Note>) {
        self.ask_by_name(role, action, async |instance| instance.cancel(id).await).await
    }

    /// One call of the action of this name that is about no item.
    async fn ask_by_name<T>(
        &mut self,
        role: Role,
        action: &str,
        ask: impl AsyncFnOnce(&mut Instance) -> (Result<T, Failure>, Vec<Note>),
    ) -> (Result<T, String>, Vec<Note>) {
        let Some(position) = self.run.set.position(role, action) else {
            return (Err(format!("there is no action {action} for {role} any more")), Vec::new());
        };
        let mut notes = Vec::new();
        let mut instance = match self.instance(position, &mut notes).await {
            Ok(instance) => instance,
            Err(reason) => return (Err(reason), notes),
        };
        let (answer, said) = ask(&mut instance).await;
        notes.extend(said);
        (self.put_back(position, instance, answer), notes)
    }

    /// One call of one action about an item. The error is its reason.
    async fn ask(
        &mut self,
        position: usize,
        role: Role,
        call: Call,
        text: &str,
        notes: &mut Vec<Note>,
    ) -> Result<Answer, String> {
        let mut instance = self.instance(position, notes).await?;
        let (answer, said) = instance.execute(role, call, text).await;
        notes.extend(said);
        let lack = answer.as_ref().ok().and_then(|answer| {
            if answer.operation.is_some() && !instance.follows_operations() {
                Some("the answer begins an operation, but the component does not export the interface lateen:item-action/operations")
            } else if answer.wait_seconds.is_some() && !instance.knows_readiness() {
                Some("the answer wants to wait for related objects, but the component does not export the interface lateen:item-action/readiness")
            } else {
                None
            }
        });
        let answer = self.put_back(position, instance, answer)?;
        match lack {
            Some(lack) => Err(lack.to_owned()),
            None => Ok(answer),
        }
    }

    /// The instance of an action, out of its place or new.
    async fn instance(&mut self, position: usize, notes: &mut Vec<Note>) -> Result<Instance, String> {
        let action = &self.run.set.actions()[position];
        let compiled = match &action.state {
            ActionState::Ready(compiled) => compiled,
            ActionState::Broken(reason) => return Err(format!("the action cannot be used: {reason}")),
        };
        let share = &self.run.shares[position];
        if share.disabled() {
            return Err(format!(
                "the action is disabled for this run, because it trapped {} times",
                limits::TRAPS
            ));
        }
        if let Some(instance) = self.instances[position].take() {
            return Ok(instance);
        }
        let blueprint = Blueprint {
            compiled,
            manifest: &action.manifest,
            configuration: &action.configuration,
            built_in: action.is_built_in(),
        };
        let run = Some(Arc::clone(&self.run.info));
        let began = Instant::now();
        let (started, said) = Instance::start(blueprint, run, Arc::clone(share)).await;
        action.stats.count_start(began.elapsed());
        notes.extend(said);
        started.map_err(|failure| reason(failure, share))
    }

    /// Keeps an instance that can be used again.
    fn put_back<T>(
        &mut self,
        position: usize,
        instance: Instance,
        answer: Result<T, Failure>,
    ) -> Result<T, String> {
        self.run.set.actions()[position].stats.saw_memory(instance.memory());
        let usable = matches!(answer, Ok(_) | Err(Failure::Refused(_)));
        if usable && !instance.worn_out() {
            self.instances[position] = Some(instance);
        }
        answer.map_err(|failure| reason(failure, &self.run.shares[position]))
    }
}

/// The reason of a failure; counts it if it was a trap.
fn reason(failure: Failure, share: &Share) -> String {
    match failure {
        Failure::Trapped(reason) if share.count_trap() => {
            format!(
                "{reason}; this was trap {} in this run, the action is disabled for the rest of it",
                limits::TRAPS
            )
        }
        Failure::Refused(reason) | Failure::Trapped(reason) => reason,
        Failure::Cancelled => "the run is being cancelled".to_owned(),
    }
}

//! One instance of a component, for one action, one run and one worker.
//!
//! A call is armed anew each time: guest time, wall time, log. Whatever ends a call but an answer makes the instance unusable, since wasmtime lets nobody
//! enter a Store again after a trap: [`Failure::Trapped`] tells the owner to throw it away.

use std::{sync::Arc, time::Duration, time::Instant};

use tokio::time::timeout;
use wasmtime::{AsContextMut, Store, Trap, UpdateDeadline};

use super::{
    bindings::{
        exports::lateen::item_action::{
            action,
            backup_item::{self, BackupOutcome},
            restore_item::{self, RestoreOutcome},
        },
        lateen::item_action::types,
    },
    budget::GuestClock,
    component::{Compiled, chain},
    journal::CallLog,
    state::{Call, State},
};
use crate::{
    change::Change,
    limits,
    manifest::Manifest,
    outcome::Note,
    run_info::{RunInfo, Share},
    subject::{ObjectRef, Role},
};

/// What an action answered, for either role.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) change: Change,
    pub(crate) skip: Option<String>,
    pub(crate) related: Vec<ObjectRef>,
    pub(crate) must_include: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The action said no, in its words.
    Refused(String),
    /// It trapped, ran out of something or answered nonsense. The instance is lost.
    Trapped(String),
}

/// A configured instance.
pub(crate) struct Instance {
    store: Store<State>,
    backup: Option<backup_item::Guest>,
    restore: Option<restore_item::Guest>,
    time: Duration,
    calls: u32,
    fresh: bool,
}

/// Raised from inside guest code.
#[derive(Debug, thiserror::Error)]
#[error("guest code ran longer than {0:?}")]
struct OutOfTime(Duration);

impl Instance {
    /// Instantiates and configures. Also returns what was logged meanwhile.
    pub(crate) async fn start(
        compiled: &Compiled,
        manifest: &Manifest,
        run: Option<Arc<RunInfo>>,
        share: Arc<Share>,
    ) -> (Result<Self, Failure>, Vec<Note>) {
        let log = CallLog::new(manifest.name.as_str().into(), share);
        let clock = GuestClock::start(limits::START_TIME, Instant::now());
        let mut store = Store::new(compiled.pre.engine(), State::new(manifest.memory, clock, log, run));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits::CROSSING);
        store.epoch_deadline_callback(|mut context| {
            let clock = &mut context.data_mut().clock;
            if !clock.look(Instant::now()) {
                return Err(OutOfTime(clock.budget()).into());
            }
            // A long call gives way to others after every tick. tokio's own yield lets its timers run first, which the time-out needs.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store.set_epoch_deadline(1);
        let started = timeout(limits::CALL_WALL_TIME, Self::configure(compiled, manifest, &mut store)).await;
        let result = match started {
            Ok(Ok(Ok((backup, restore)))) => Ok((backup, restore)),
            Ok(Ok(Err(reason))) => Err(Failure::Refused(reason)),
            Ok(Err(error)) => Err(Failure::Trapped(explain(&error, store.data()))),
            Err(_) => Err(Failure::Trapped(out_of_wall_time())),
        };
        let notes = store.data_mut().log.take();
        let instance = result.map(|(backup, restore)| Self {
            store,
            backup,
            restore,
            time: manifest.time,
            calls: 0,
            fresh: manifest.fresh_instance,
        });
        (instance, notes)
    }

    #[allow(clippy::type_complexity, reason = "trap, refusal and success of one private step")]
    async fn configure(
        compiled: &Compiled,
        manifest: &Manifest,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Result<(Option<backup_item::Guest>, Option<restore_item::Guest>), String>> {
        let instance = compiled.pre.instantiate_async(&mut *store).await?;
        let guest = compiled.action.load(&mut *store, &instance)?;
        let settings = action::Settings {
            name: manifest.name.clone(),
            entry: manifest.entry.clone(),
            roles: manifest
                .roles
                .iter()
                .map(|role| match role {
                    Role::Backup => action::Role::BackupItem,
                    Role::Restore => action::Role::RestoreItem,
                })
                .collect(),
            params: serde_json::Value::Object(manifest.params.clone()).to_string(),
            extra: String::new(),
        };
        if let Err(reason) = guest.call_configure(&mut *store, &settings).await? {
            return Ok(Err(reason));
        }
        let backup = compiled.backup.as_ref().map(|found| found.load(&mut *store, &instance)).transpose()?;
        let restore =
            compiled.restore.as_ref().map(|found| found.load(&mut *store, &instance)).transpose()?;
        Ok(Ok((backup, restore)))
    }

    /// Asks about one item. Also returns what was logged meanwhile.
    pub(crate) async fn execute(
        &mut self,
        role: Role,
        call: Call,
        item: &str,
    ) -> (Result<Answer, Failure>, Vec<Note>) {
        self.calls += 1;
        let state = self.store.data_mut();
        state.call = Some(call);
        state.clock = GuestClock::start(self.time, Instant::now());
        state.memory.refused = None;
        self.store.set_epoch_deadline(1);
        let answered = timeout(limits::CALL_WALL_TIME, self.ask(role, item)).await;
        let result = match answered {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(reason))) => Err(Failure::Refused(reason)),
            Ok(Err(error)) => Err(Failure::Trapped(explain(&error, self.store.data()))),
            Err(_) => Err(Failure::Trapped(out_of_wall_time())),
        };
        let state = self.store.data_mut();
        state.call = None;
        (result, state.log.take())
    }

    async fn ask(&mut self, role: Role, item: &str) -> wasmtime::Result<Result<Answer, String>> {
        let missing = || Ok(Err(format!("the component does not export the interface for {role}")));
        let store = self.store.as_context_mut();
        match role {
            Role::Backup => match &self.backup {
                Some(guest) => Ok(guest.call_execute(store, item).await?.map(Answer::from)),
                None => missing(),
            },
            Role::Restore => match &self.restore {
                Some(guest) => Ok(guest.call_execute(store, item).await?.map(Answer::from)),
                None => missing(),
            },
        }
    }

    /// Whether the next call should get a new instance: this one has served long enough, or has grown to half of what it may.
    pub(crate) fn worn_out(&self) -> bool {
        let memory = &self.store.data().memory;
        self.fresh || self.calls >= limits::INSTANCE_CALLS || memory.used() > memory.limit() / 2
    }
}

fn out_of_wall_time() -> String {
    format!("the call took longer than {:?} with all waiting in it", limits::CALL_WALL_TIME)
}

/// What a trap was about, in words for the author of the action.
fn explain(error: &wasmtime::Error, state: &State) -> String {
    if let Some(out_of_time) = error.downcast_ref::<OutOfTime>() {
        return out_of_time.to_string();
    }
    let trap = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            format!("guest code used more than {} MiB of stack", limits::WASM_STACK >> 20)
        }
        Some(Trap::UnreachableCodeReached) => "guest code trapped: a panic, or an abort".to_owned(),
        Some(trap) => format!("guest code trapped: {trap}"),
        None => match chain(error) {
            // wasmtime has no type of its own for this.
            text if text.contains("fuel allocated for hostcalls") => {
                format!("the guest handed over more than {} MiB at once", limits::CROSSING >> 20)
            }
            text => text,
        },
    };
    match state.memory.refused {
        Some("memory") => {
            format!("{trap}, after it was refused more than {} MiB of memory", state.memory.limit() >> 20)
        }
        Some(what) => format!("{trap}, after it was refused more {what}"),
        None => trap,
    }
}

impl From<BackupOutcome> for Answer {
    fn from(outcome: BackupOutcome) -> Self {
        let BackupOutcome { change, skip, related, must_include, extra: _ } = outcome;
        Self { change: change.into(), skip, related: references(related), must_include }
    }
}

impl From<RestoreOutcome> for Answer {
    fn from(outcome: RestoreOutcome) -> Self {
        let RestoreOutcome { change, skip, related, extra: _ } = outcome;
        Self { change: change.into(), skip, related: references(related), must_include: false }
    }
}

impl From<types::Change> for Change {
    fn from(change: types::Change) -> Self {
        match change {
            types::Change::Unchanged => Self::Unchanged,
            types::Change::MergePatch(text) => Self::MergePatch(text),
            types::Change::JsonPatch(text) => Self::JsonPatch(text),
            types::Change::Replace(text) => Self::Replace(text),
        }
    }
}

fn references(related: Vec<types::ObjectRef>) -> Vec<ObjectRef> {
    let reference = |types::ObjectRef { group, resource, namespace, name }| ObjectRef {
        group,
        resource,
        namespace,
        name,
    };
    related.into_iter().map(reference).collect()
}

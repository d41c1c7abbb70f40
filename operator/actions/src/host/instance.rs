//! One instance of a component, for one action, one run and one worker.
//!
//! A call is armed anew each time: guest time, wall time, log, calls of the host. Whatever ends a call but an answer makes the instance unusable, since
//! wasmtime lets nobody enter a Store again after a trap: [`Failure::Trapped`] tells the owner to throw it away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;
use wasmtime::{Store, UpdateDeadline};

use super::{
    answer::{Answer, contract_references, references},
    bindings::exports::lateen::item_action::{
        action, backup_item, delete_item, operations, readiness, related_items, restore_item,
    },
    budget::{Cancelled, GuestClock, OutOfTime},
    cluster_side::ClusterSide,
    component::Compiled,
    explain::{explain, out_of_wall_time},
    state::{Call, State},
};
use crate::{
    configuration::Configuration,
    limits,
    manifest::Manifest,
    operation::{OperationProgress, OperationState},
    outcome::Note,
    run_info::{RunInfo, Share},
    subject::{ObjectRef, Role},
};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The action said no, in its words.
    Refused(String),
    /// It trapped, ran out of something or answered nonsense. The instance is lost.
    Trapped(String),
    /// The run is being cancelled; nobody is to blame. The instance is lost.
    Cancelled,
}

/// A configured instance.
pub(crate) struct Instance {
    store: Store<State>,
    exports: Exports,
    time: Duration,
    calls: u32,
    fresh: bool,
}

/// What the component exports, ready to be called.
struct Exports {
    backup: Option<backup_item::Guest>,
    restore: Option<restore_item::Guest>,
    delete: Option<delete_item::Guest>,
    related: Option<related_items::Guest>,
    readiness: Option<readiness::Guest>,
    operations: Option<operations::Guest>,
}

/// What an instance is made of.
pub(crate) struct Blueprint<'a> {
    pub(crate) compiled: &'a Compiled,
    pub(crate) manifest: &'a Manifest,
    pub(crate) configuration: &'a Configuration,
    /// It comes with the server, and what it asks of the cluster needs no flag.
    pub(crate) built_in: bool,
}

/// A trap, a refusal by the guest, or what it answered.
type Called<T> = wasmtime::Result<Result<T, String>>;

impl Instance {
    /// Instantiates and configures. Also returns what was logged meanwhile.
    pub(crate) async fn start(
        blueprint: Blueprint<'_>,
        run: Option<Arc<RunInfo>>,
        share: Arc<Share>,
    ) -> (Result<Self, Failure>, Vec<Note>) {
        let Blueprint { compiled, manifest, built_in, .. } = blueprint;
        let clock = GuestClock::start(limits::START_TIME, Instant::now());
        let cluster = ClusterSide::new(manifest, Arc::clone(&compiled.cluster), built_in);
        let state = State::new(manifest, Arc::clone(&compiled.memory), clock, share, run, cluster);
        let mut store = store(compiled, state);
        let started = timeout(limits::CALL_WALL_TIME, configure(&blueprint, &mut store)).await;
        let result = settle(started, &store);
        let notes = store.data_mut().log.take();
        let instance = result.map(|exports| Self {
            store,
            exports,
            time: manifest.time,
            calls: 0,
            fresh: manifest.fresh_instance,
        });
        (instance, notes)
    }

    /// Asks about one item. Also returns what was logged meanwhile.
    pub(crate) async fn execute(
        &mut self,
        role: Role,
        call: Call,
        item: &str,
    ) -> (Result<Answer, Failure>, Vec<Note>) {
        let asked = self.call(Some(call), async |exports, store| exports.ask(store, role, item).await);
        let (mut answer, notes) = asked.await;
        if let Ok(Answer { skip: Some(reason), .. }) = &mut answer {
            *reason = self.store.data().cluster.mask(reason);
        }
        (answer, notes)
    }

    /// Asks whether related objects, named as they are in the cluster, are ready.
    pub(crate) async fn ready(&mut self, related: &[ObjectRef]) -> (Result<bool, Failure>, Vec<Note>) {
        self.call(None, async |exports, store| match &exports.readiness {
            Some(guest) => guest.call_ready(store, &contract_references(related)).await,
            None => Ok(Err(lacks("readiness"))),
        })
        .await
    }

    /// Asks how far an operation is.
    pub(crate) async fn progress(&mut self, id: &str) -> (Result<OperationProgress, Failure>, Vec<Note>) {
        let asked = self.call(None, async |exports, store| match &exports.operations {
            Some(guest) => Ok(guest.call_progress(store, id).await?.map(OperationProgress::from)),
            None => Ok(Err(lacks("operations"))),
        });
        let (mut answer, notes) = asked.await;
        if let Ok(progress) = &mut answer {
            let cluster = &self.store.data().cluster;
            progress.description = cluster.mask(&progress.description);
            if let OperationState::Failed(reason) = &mut progress.state {
                *reason = cluster.mask(reason);
            }
        }
        (answer, notes)
    }

    /// Tells the action that an operation is to end.
    pub(crate) async fn cancel(&mut self, id: &str) -> (Result<(), Failure>, Vec<Note>) {
        self.call(None, async |exports, store| match &exports.operations {
            Some(guest) => guest.call_cancel(store, id).await,
            None => Ok(Err(lacks("operations"))),
        })
        .await
    }

    /// Whether the component can be asked about operations.
    pub(crate) fn follows_operations(&self) -> bool {
        self.exports.operations.is_some()
    }

    /// Whether the component can be asked about related objects.
    pub(crate) fn knows_readiness(&self) -> bool {
        self.exports.readiness.is_some()
    }

    /// Linear memory in bytes; it never shrinks.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().memory.used()
    }

    /// Whether the next call should get a new instance: this one has served long enough, has grown to half of what it may, or memory is scarce.
    pub(crate) fn worn_out(&self) -> bool {
        let memory = &self.store.data().memory;
        self.fresh
            || self.calls >= limits::INSTANCE_CALLS
            || memory.used() > memory.limit() / 2
            || memory.shared().is_scarce()
    }

    /// One call, armed anew. Also returns what was logged meanwhile.
    async fn call<T>(
        &mut self,
        call: Option<Call>,
        ask: impl AsyncFnOnce(&Exports, &mut Store<State>) -> Called<T>,
    ) -> (Result<T, Failure>, Vec<Note>) {
        self.calls += 1;
        let clock = GuestClock::start(self.time, Instant::now());
        self.store.data_mut().arm(clock, call);
        self.store.set_epoch_deadline(1);
        let asked = timeout(limits::CALL_WALL_TIME, ask(&self.exports, &mut self.store)).await;
        let result = settle(asked, &self.store);
        let state = self.store.data_mut();
        state.call = None;
        let result = result.map_err(|failure| match failure {
            Failure::Refused(reason) => Failure::Refused(state.cluster.mask(&reason)),
            Failure::Trapped(reason) => Failure::Trapped(state.cluster.mask(&reason)),
            Failure::Cancelled => Failure::Cancelled,
        });
        (result, state.log.take())
    }
}

/// A Store that interrupts guest code, and limits what it takes.
pub(super) fn store(compiled: &Compiled, state: State) -> Store<State> {
    let mut store = Store::new(compiled.pre.engine(), state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(limits::CROSSING);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        if !state.clock.look(Instant::now()) {
            return Err(OutOfTime(state.clock.budget()).into());
        }
        if state.cancelled_for_long(Instant::now()) {
            return Err(Cancelled.into());
        }
        // A long call gives way to others after every tick. tokio's own yield lets its timers run first, which the time-out needs.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store.set_epoch_deadline(1);
    store
}

pub(super) fn settle<T>(
    asked: Result<Called<T>, tokio::time::error::Elapsed>,
    store: &Store<State>,
) -> Result<T, Failure> {
    match asked {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(reason))) => Err(Failure::Refused(reason)),
        Ok(Err(error)) if error.is::<Cancelled>() => Err(Failure::Cancelled),
        Ok(Err(error)) => Err(Failure::Trapped(explain(&error, store.data()))),
        Err(_) => Err(Failure::Trapped(out_of_wall_time())),
    }
}

async fn configure(blueprint: &Blueprint<'_>, store: &mut Store<State>) -> Called<Exports> {
    let Blueprint { compiled, manifest, configuration, built_in: _ } = blueprint;
    let instance = compiled.pre.instantiate_async(&mut *store).await?;
    let guest = compiled.action.load(&mut *store, &instance)?;
    let settings = settings(manifest, configuration);
    if let Err(reason) = guest.call_configure(&mut *store, &settings).await? {
        return Ok(Err(reason));
    }
    macro_rules! load {
        ($export:ident) => {
            compiled.$export.as_ref().map(|found| found.load(&mut *store, &instance)).transpose()?
        };
    }
    Ok(Ok(Exports {
        backup: load!(backup),
        restore: load!(restore),
        delete: load!(delete),
        related: load!(related),
        readiness: load!(readiness),
        operations: load!(operations),
    }))
}

fn settings(manifest: &Manifest, configuration: &Configuration) -> action::Settings {
    let role = |role: &Role| match role {
        Role::Backup => action::Role::BackupItem,
        Role::Restore => action::Role::RestoreItem,
        Role::Delete => action::Role::DeleteItem,
        Role::RelatedItems => action::Role::RelatedItems,
    };
    action::Settings {
        name: manifest.name.clone(),
        entry: manifest.entry.clone(),
        roles: manifest.roles.iter().map(role).collect(),
        params: serde_json::Value::Object(manifest.params.clone()).to_string(),
        script: configuration
            .script
            .as_ref()
            .map(|script| action::Script { name: script.name.clone(), text: script.text.clone() }),
        plugin_config: configuration.plugin_config.clone(),
        extra: String::new(),
    }
}

impl Exports {
    async fn ask(&self, store: &mut Store<State>, role: Role, item: &str) -> Called<Answer> {
        let missing = || Ok(Err(lacks(role.interface())));
        match role {
            Role::Backup => match &self.backup {
                Some(guest) => Ok(guest.call_execute(store, item).await?.map(Answer::from)),
                None => missing(),
            },
            Role::Restore => match &self.restore {
                Some(guest) => Ok(guest.call_execute(store, item).await?.map(Answer::from)),
                None => missing(),
            },
            Role::Delete => match &self.delete {
                Some(guest) => Ok(guest.call_execute(store, item).await?.map(|()| Answer::default())),
                None => missing(),
            },
            Role::RelatedItems => match &self.related {
                Some(guest) => Ok(guest
                    .call_related(store, item)
                    .await?
                    .map(|related| Answer { related: references(related), ..Answer::default() })),
                None => missing(),
            },
        }
    }
}

fn lacks(interface: &str) -> String {
    format!("the component does not export the interface lateen:item-action/{interface}")
}

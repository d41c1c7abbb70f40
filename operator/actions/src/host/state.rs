//! What a Store carries, and what the host answers from it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::{ResourceLimiter, Result, bail};

use super::{
    bindings::lateen::item_action::{context, environment, journal, types},
    budget::GuestClock,
    journal::CallLog,
};
use crate::{
    limits,
    masking::Mask,
    outcome::NoteLevel,
    run_info::RunInfo,
    subject::{Role, Subject},
};

/// The item of a call, for an action that asks about it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) subject: Arc<Subject>,
    pub(crate) item_from_backup: Option<Arc<Value>>,
    pub(crate) mask: Arc<Mask>,
}

/// The state of one instance.
pub(crate) struct State {
    pub(super) memory: MemoryLimiter,
    pub(super) clock: GuestClock,
    pub(super) log: CallLog,
    pub(super) call: Option<Call>,
    /// None while a ConfigMap is examined.
    run: Option<Arc<RunInfo>>,
    cancelled: CancellationToken,
}

impl State {
    pub(super) fn new(memory: usize, clock: GuestClock, log: CallLog, run: Option<Arc<RunInfo>>) -> Self {
        let cancelled = run.as_ref().map(|run| run.cancelled.clone()).unwrap_or_default();
        Self { memory: MemoryLimiter::new(memory), clock, log, call: None, run, cancelled }
    }
}

impl types::Host for State {}

impl context::Host for State {
    fn this_run(&mut self) -> context::Run {
        let Some(run) = &self.run else {
            return context::Run {
                purpose: context::Purpose::Backup,
                stage: context::Stage::Check,
                name: String::new(),
                namespace: String::new(),
                uid: String::new(),
                started_ms: 0,
                dry_run: false,
                server_version: String::new(),
                features: Vec::new(),
                extra: String::new(),
            };
        };
        context::Run {
            purpose: match run.role {
                Role::Backup => context::Purpose::Backup,
                Role::Restore => context::Purpose::Restore,
            },
            stage: context::Stage::Items,
            name: run.name.clone(),
            namespace: run.namespace.clone(),
            uid: run.uid.clone(),
            started_ms: run.started_ms,
            dry_run: run.dry_run,
            server_version: run.server_version.clone(),
            features: run.features.clone(),
            extra: String::new(),
        }
    }

    fn run_object(&mut self) -> String {
        self.run.as_ref().map_or_else(|| "{}".to_owned(), |run| run.object.to_string())
    }

    fn source_backup(&mut self) -> Option<String> {
        self.run.as_ref()?.source_backup.as_deref().map(str::to_owned)
    }

    fn this_item(&mut self) -> Result<context::Subject> {
        let Some(call) = &self.call else { bail!("this-item was called outside execute") };
        let Subject { group, resource, version, kind: _, namespace, name, target_namespace, additional } =
            &*call.subject;
        Ok(context::Subject {
            object: types::ObjectRef {
                group: group.clone(),
                resource: resource.clone(),
                namespace: namespace.clone(),
                name: name.clone(),
            },
            version: version.clone(),
            target_namespace: target_namespace.clone(),
            additional: *additional,
            extra: String::new(),
        })
    }

    fn item_from_backup(&mut self) -> Option<String> {
        self.call.as_ref()?.item_from_backup.as_deref().map(ToString::to_string)
    }
}

impl journal::Host for State {
    fn log(&mut self, level: journal::Level, message: String) {
        let level = match level {
            journal::Level::Debug => NoteLevel::Debug,
            journal::Level::Info => NoteLevel::Info,
            journal::Level::Warn => NoteLevel::Warn,
            journal::Level::Error => NoteLevel::Error,
        };
        let nothing = Mask::default();
        let mask = self.call.as_ref().map_or(&nothing, |call| &*call.mask);
        self.log.line(level, &message, mask);
    }
}

impl environment::Host for State {
    fn now_ms(&mut self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }

    fn random(&mut self, length: u32) -> Result<Vec<u8>> {
        if !(1..=256).contains(&length) {
            bail!("random was asked for {length} bytes; it gives 1 to 256");
        }
        let mut bytes = vec![0; length as usize];
        getrandom::fill(&mut bytes).map_err(|error| wasmtime::format_err!("get random bytes: {error}"))?;
        Ok(bytes)
    }

    async fn pause(&mut self, milliseconds: u32) -> bool {
        self.clock.look(Instant::now());
        let time = Duration::from_millis(milliseconds.into());
        let cancelled = tokio::select! {
            () = self.cancelled.cancelled() => true,
            () = tokio::time::sleep(time) => false,
        };
        self.clock.resume(Instant::now());
        !cancelled
    }
}

/// Counts memories and tables of all core instances together; wasmtime's own limiter looks at each alone.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    limit: usize,
    used: usize,
    last_growth: usize,
    table_elements: usize,
    /// What the guest was refused, to explain the trap that most guests answer with.
    pub(super) refused: Option<&'static str>,
}

impl MemoryLimiter {
    fn new(limit: usize) -> Self {
        Self { limit, used: 0, last_growth: 0, table_elements: 0, refused: None }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        if self.used.saturating_add(growth) > self.limit {
            self.refused = Some("memory");
            self.last_growth = 0;
            return Ok(false);
        }
        self.used += growth;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        // It was permitted here, and the system or the memory's own maximum said no.
        self.used -= std::mem::take(&mut self.last_growth);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        if self.table_elements.saturating_add(growth) > limits::TABLE_ELEMENTS {
            self.refused = Some("table elements");
            return Ok(false);
        }
        self.table_elements += growth;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        limits::TABLES
    }

    fn memories(&self) -> usize {
        limits::MEMORIES
    }
}

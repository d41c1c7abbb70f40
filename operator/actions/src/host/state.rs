//! What a Store carries, and what the host answers from it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use wasmtime::{Result, bail};

use super::{
    bindings::lateen::item_action::{context, environment, journal, types},
    budget::GuestClock,
    cluster_side::ClusterSide,
    journal::CallLog,
    memory::{MemoryLimiter, SharedMemory},
};
use crate::{
    limits,
    manifest::Manifest,
    masking::Mask,
    outcome::NoteLevel,
    run_info::{FixedEnvironment, Purpose, RunInfo, Share, Stage},
    subject::Subject,
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
    /// What it may ask of the cluster, and has asked in this call.
    pub(super) cluster: ClusterSide,
    pub(super) share: Arc<Share>,
    /// None while a ConfigMap is examined.
    pub(super) run: Option<Arc<RunInfo>>,
    pub(super) cancelled: CancellationToken,
    /// When guest code was first seen running after the run was cancelled.
    cancel_seen: Option<Instant>,
    host_calls: u32,
    /// Bytes of repeatable chance that the call has taken.
    chance: u32,
}

impl State {
    pub(super) fn new(
        manifest: &Manifest,
        memory: Arc<SharedMemory>,
        clock: GuestClock,
        share: Arc<Share>,
        run: Option<Arc<RunInfo>>,
        cluster: ClusterSide,
    ) -> Self {
        let cancelled = run.as_ref().map(|run| run.cancelled.clone()).unwrap_or_default();
        Self {
            memory: MemoryLimiter::new(manifest.memory, memory),
            clock,
            log: CallLog::new(manifest.name.as_str().into(), Arc::clone(&share)),
            call: None,
            cluster,
            share,
            run,
            cancelled,
            cancel_seen: None,
            host_calls: 0,
            chance: 0,
        }
    }

    fn fixed(&self) -> Option<FixedEnvironment> {
        self.run.as_ref()?.fixed
    }

    /// Begins a call.
    pub(super) fn arm(&mut self, clock: GuestClock, call: Option<Call>) {
        self.clock = clock;
        self.call = call;
        self.memory.refused = None;
        self.host_calls = 0;
        self.chance = 0;
        self.cluster.arm();
    }

    /// Whether the run was cancelled and the guest has had time to notice: then it is stopped.
    pub(super) fn cancelled_for_long(&mut self, now: Instant) -> bool {
        self.cancelled.is_cancelled()
            && now.duration_since(*self.cancel_seen.get_or_insert(now)) >= limits::CANCEL_GRACE
    }

    /// Bytes that look random and are the same for the same item, however many calls the instance has had.
    fn repeatable_chance(&mut self, seed: u64, length: u32) -> Vec<u8> {
        let item = self.call.as_ref().map(|call| call.subject.to_string()).unwrap_or_default();
        let byte = |position: u32| {
            let mut hash = Sha256::new();
            hash.update(seed.to_le_bytes());
            hash.update(position.to_le_bytes());
            hash.update(&item);
            hash.finalize()[0]
        };
        let bytes = (self.chance..self.chance.saturating_add(length)).map(byte).collect();
        self.chance = self.chance.saturating_add(length);
        bytes
    }

    /// Counts a call of the host; none of them is free, and a guest that does nothing else must come to an end.
    pub(super) fn count_call(&mut self) -> Result<()> {
        self.host_calls += 1;
        if self.host_calls > limits::HOST_CALLS {
            bail!("the guest called the host more than {} times in one call", limits::HOST_CALLS);
        }
        Ok(())
    }
}

impl types::Host for State {}

impl context::Host for State {
    fn this_run(&mut self) -> Result<context::Run> {
        self.count_call()?;
        let Some(run) = &self.run else {
            return Ok(context::Run {
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
            });
        };
        Ok(context::Run {
            purpose: match run.purpose {
                Purpose::Backup => context::Purpose::Backup,
                Purpose::Restore => context::Purpose::Restore,
                Purpose::Delete => context::Purpose::Delete,
            },
            stage: match run.stage {
                Stage::Items => context::Stage::Items,
                Stage::Operations => context::Stage::Operations,
                Stage::Finalize => context::Stage::Finalize,
            },
            name: run.name.clone(),
            namespace: run.namespace.clone(),
            uid: run.uid.clone(),
            started_ms: run.started_ms,
            dry_run: run.dry_run,
            server_version: run.server_version.clone(),
            features: run.features.clone(),
            extra: String::new(),
        })
    }

    fn run_object(&mut self) -> Result<String> {
        self.count_call()?;
        Ok(self.run.as_ref().map_or_else(|| "{}".to_owned(), |run| run.object.to_string()))
    }

    fn source_backup(&mut self) -> Result<Option<String>> {
        self.count_call()?;
        Ok(self.run.as_ref().and_then(|run| run.source_backup.as_deref()).map(str::to_owned))
    }

    fn this_item(&mut self) -> Result<context::Subject> {
        self.count_call()?;
        let Some(call) = &self.call else { bail!("this-item was called outside execute and related") };
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

    fn item_from_backup(&mut self) -> Result<Option<String>> {
        self.count_call()?;
        let call = self.call.as_ref();
        Ok(call.and_then(|call| call.item_from_backup.as_deref()).map(ToString::to_string))
    }
}

impl journal::Host for State {
    fn log(&mut self, level: journal::Level, message: String) -> Result<()> {
        self.count_call()?;
        let level = match level {
            journal::Level::Debug => NoteLevel::Debug,
            journal::Level::Info => NoteLevel::Info,
            journal::Level::Warn => NoteLevel::Warn,
            journal::Level::Error => NoteLevel::Error,
        };
        let nothing = Mask::default();
        let mask = self.call.as_ref().map_or(&nothing, |call| &*call.mask);
        self.log.line(level, &message, &[mask, self.cluster.seen()]);
        Ok(())
    }
}

impl environment::Host for State {
    fn now_ms(&mut self) -> Result<u64> {
        self.count_call()?;
        if let Some(fixed) = self.fixed() {
            return Ok(fixed.now_ms);
        }
        Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64))
    }

    fn random(&mut self, length: u32) -> Result<Vec<u8>> {
        self.count_call()?;
        if !(1..=256).contains(&length) {
            bail!("random was asked for {length} bytes; it gives 1 to 256");
        }
        if let Some(fixed) = self.fixed() {
            return Ok(self.repeatable_chance(fixed.seed, length));
        }
        let mut bytes = vec![0; length as usize];
        getrandom::fill(&mut bytes).map_err(|error| wasmtime::format_err!("get random bytes: {error}"))?;
        Ok(bytes)
    }

    async fn pause(&mut self, milliseconds: u32) -> Result<bool> {
        self.count_call()?;
        if self.fixed().is_some() {
            return Ok(!self.cancelled.is_cancelled());
        }
        self.clock.look(Instant::now());
        let time = Duration::from_millis(milliseconds.into());
        let cancelled = tokio::select! {
            () = self.cancelled.cancelled() => true,
            () = tokio::time::sleep(time) => false,
        };
        self.clock.resume(Instant::now());
        Ok(!cancelled)
    }
}

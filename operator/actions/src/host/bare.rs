//! Instances of a component that belong to no action: nothing is configured, nothing is granted, and nothing that they say counts for a run.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;
use wasmtime::Store;

use super::{
    budget::GuestClock,
    cluster_side::ClusterSide,
    component::Compiled,
    instance::{Failure, settle, store},
    state::State,
};
use crate::{
    limits,
    manifest::{Ceiling, Manifest},
    run_info::Share,
};

/// The grants and limits: none, and the defaults.
const MANIFEST: &str = "{name: lateen.dev/bare, on: [backup], match: {resources: ['*']}, component: any}";

/// What bare instances are held to.
pub(super) fn manifest() -> Result<Manifest, Failure> {
    let ceiling = Ceiling { memory: limits::MEMORY, time: limits::CALL_TIME };
    Manifest::parse(MANIFEST, ceiling)
        .map_err(|error| Failure::Refused(format!("the manifest of a bare instance: {error}")))
}

impl Compiled {
    /// A Store for one bare instance.
    pub(super) fn bare_store(&self, manifest: &Manifest) -> Store<State> {
        let clock = GuestClock::start(limits::START_TIME, Instant::now());
        let cluster = ClusterSide::new(manifest, Arc::clone(&self.cluster), false);
        let share = Arc::new(Share::default());
        let state = State::new(manifest, Arc::clone(&self.memory), clock, share, None, cluster);
        store(self, state)
    }

    /// Instantiates it so many times, one after the other, and drops every instance at once.
    pub(crate) async fn instantiate(&self, times: u64) -> Result<Duration, Failure> {
        let manifest = manifest()?;
        let began = Instant::now();
        for _ in 0..times {
            let mut store = self.bare_store(&manifest);
            let ready = async { self.pre.instantiate_async(&mut store).await.map(Ok) };
            let ready = timeout(limits::CALL_WALL_TIME, ready).await;
            settle(ready, &store)?;
        }
        Ok(began.elapsed())
    }
}

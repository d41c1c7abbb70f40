//! Asks a component what is inside. It is not configured for that, and nothing that it says counts for a run.

use std::{sync::Arc, time::Instant};

use tokio::time::timeout;

use super::{
    bindings::exports::lateen::item_action::catalog,
    budget::GuestClock,
    cluster::ClusterSide,
    component::Compiled,
    instance::{Failure, settle, store},
    state::State,
};
use crate::{
    inspection::CatalogEntry,
    limits,
    manifest::{Ceiling, Manifest},
    run_info::Share,
};

/// The grants and limits of the call: none, and the defaults.
const MANIFEST: &str = "{name: lateen.dev/catalog, on: [backup], match: {resources: ['*']}, component: any}";

impl Compiled {
    /// Its entries; none where it exports no catalog.
    pub(crate) async fn catalog(&self) -> Result<Vec<CatalogEntry>, Failure> {
        let Ok(indices) = catalog::GuestIndices::new(&self.pre) else { return Ok(Vec::new()) };
        let ceiling = Ceiling { memory: limits::MEMORY, time: limits::CALL_TIME };
        let manifest = Manifest::parse(MANIFEST, ceiling)
            .map_err(|error| Failure::Refused(format!("the manifest of the call: {error}")))?;
        let clock = GuestClock::start(limits::START_TIME, Instant::now());
        let cluster = ClusterSide::new(&manifest, Arc::clone(&self.cluster), false);
        let share = Arc::new(Share::default());
        let state = State::new(&manifest, Arc::clone(&self.memory), clock, share, None, cluster);
        let mut store = store(self, state);
        let ask = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = indices.load(&mut store, &instance)?;
            Ok(Ok(guest.call_entries(&mut store).await?))
        };
        let asked = timeout(limits::CALL_WALL_TIME, ask).await;
        let entries = settle(asked, &store)?;
        let entry = |catalog::Entry { name, summary, manifest }| CatalogEntry { name, summary, manifest };
        Ok(entries.into_iter().take(limits::CATALOG).map(entry).collect())
    }
}

//! What the cluster serves while a restore runs: more than before, once definitions of custom kinds were restored.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lateen_cluster::discovery;
use lateen_core::journal::Level;
use lateen_core::restore::plan::Tier;
use lateen_core::results::Place;

use super::executor::Executor;
use crate::error_chain::error_chain;

/// How long kinds whose definitions are established may take to appear in discovery, which the API server refreshes about every second.
const DISCOVERY_LAG: Duration = Duration::from_secs(30);

/// Between two looks at discovery while waiting for a kind.
const DISCOVERY_POLL: Duration = Duration::from_millis(500);

impl Executor {
    /// Asks again what the cluster serves, until it knows the kinds whose definitions were restored or has had time enough.
    pub(super) async fn refresh_catalog(&self) {
        if self.items().changed() == 0 || self.restoring().is_none() {
            return;
        }
        let deadline = Instant::now() + DISCOVERY_LAG;
        loop {
            match discovery::discover(&self.context.client).await {
                Ok(found) => {
                    *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found.catalog);
                }
                Err(error) => {
                    let line =
                        format!("cannot tell the kinds of the restored definitions: {}", error_chain(&error));
                    self.journal.result(Level::Warning, &Place::Run, line);
                    return;
                }
            }
            let missing = self.plan.tiers.iter().any(|tier| self.is_awaited(tier));
            if !missing || Instant::now() >= deadline || self.context.shutdown.is_cancelled() {
                return;
            }
            tokio::time::sleep(DISCOVERY_POLL).await;
        }
    }

    /// A kind that is not served yet and whose definition is in the cluster now.
    fn is_awaited(&self, tier: &Tier) -> bool {
        tier.pending
            && self.served(&tier.kind).is_none()
            && self.items().is_definition_there(&tier.kind.to_string())
    }
}

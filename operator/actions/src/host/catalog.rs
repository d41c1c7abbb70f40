//! Asks a component what is inside. It is not configured for that, and nothing that it says counts for a run.

use tokio::time::timeout;

use super::{
    bare,
    bindings::exports::lateen::item_action::catalog,
    component::Compiled,
    instance::{Failure, settle},
};
use crate::{inspection::CatalogEntry, limits};

impl Compiled {
    /// Its entries; none where it exports no catalog.
    pub(crate) async fn catalog(&self) -> Result<Vec<CatalogEntry>, Failure> {
        let Ok(indices) = catalog::GuestIndices::new(&self.pre) else { return Ok(Vec::new()) };
        let mut store = self.bare_store(&bare::manifest()?);
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

//! What a restore has to look up for the choice of versions: the priorities that an administrator has written down.
//!
//! Without the feature, or with a backup that is too old to hold several versions, nothing is looked up and plain copies are restored.

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_api::v1::Backup;
use lateen_core::archive::index::{ArchiveIndex, Versions};
use lateen_core::catalog::Catalog;
use lateen_core::journal::{Entry, Journal};
use lateen_core::restore::versions::{
    self, PRIORITIES_CONFIG_MAP, PRIORITIES_KEY, UserPriorities, VersionChoice,
};

use crate::context::Context;

/// Nobody knows which versions the administrator wants.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the ConfigMap {PRIORITIES_CONFIG_MAP} with the order of versions")]
pub(super) struct PrioritiesError(#[from] kube::Error);

/// Which copies of items a restore of this backup reads.
pub(super) fn needed(context: &Context, backup: &Backup) -> Versions {
    let format = backup.status.as_ref().map_or("", |status| status.format_version.as_str());
    versions::needed(&context.options.features, format)
}

/// The versions in which the kinds of an archive are restored, which was read for the copies that are [`needed`]. The log says which.
pub(super) async fn choose(
    context: &Context,
    needed: Versions,
    index: &ArchiveIndex,
    catalog: &Catalog,
    journal: &Journal,
) -> Result<VersionChoice, PrioritiesError> {
    if needed == Versions::Preferred {
        return Ok(VersionChoice::default());
    }
    let priorities = priorities(context).await?;
    for line in priorities.ignored() {
        let ignored =
            format!("A line of the ConfigMap {PRIORITIES_CONFIG_MAP} is ignored: it is not KIND=VERSION,...");
        journal.write(Entry::info(ignored).with("line", line));
    }
    let choice = VersionChoice::new(index, catalog, &priorities);
    for line in choice.describe() {
        journal.info(line);
    }
    Ok(choice)
}

async fn priorities(context: &Context) -> Result<UserPriorities, PrioritiesError> {
    let found = context.api::<ConfigMap>().get_opt(PRIORITIES_CONFIG_MAP).await?;
    let text = found.and_then(|config_map| config_map.data?.remove(PRIORITIES_KEY));
    Ok(UserPriorities::parse(&text.unwrap_or_default()))
}

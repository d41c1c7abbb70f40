//! What a restore starts from: the archive read once, the versions and the plan that follow from it, and what is known of the data of
//! volumes. Nothing is changed in the cluster here.

use std::sync::Arc;

use lateen_api::v1::Backup;
use lateen_core::catalog::Catalog;
use lateen_core::journal::{Journal, Level};
use lateen_core::restore::plan::{self, NO_RESOURCES, RestorePlan};
use lateen_core::restore::request::RestoreRequest;
use lateen_core::results::Place;
use lateen_store::{BackupDir, BackupFile, BackupStore};

use super::run_error::RunError;
use super::spool::Spool;
use super::versions;
use super::volumes::Volumes;
use crate::context::Context;
use crate::error_chain::error_chain;

/// A backup, and what is wanted of it.
pub(super) struct Source<'a> {
    /// What controllers share.
    pub(super) context: &'a Context,
    /// What is wanted.
    pub(super) request: &'a RestoreRequest,
    /// The backup.
    pub(super) backup: &'a Backup,
    /// Where it lies.
    pub(super) store: &'a BackupStore,
    /// What the cluster serves.
    pub(super) catalog: &'a Arc<Catalog>,
}

/// Everything that is decided before the first item.
pub(super) struct Prepared {
    /// The items.
    pub(super) spool: Spool,
    /// Their order.
    pub(super) plan: RestorePlan,
    /// What becomes of volumes and claims.
    pub(super) volumes: Volumes,
}

impl Source<'_> {
    /// Reads and decides. None: there is nothing to restore, and the journal says why.
    pub(super) async fn prepare(&self, journal: &Journal) -> Result<Option<Prepared>, RunError> {
        let Self { context, request, backup, store, catalog } = self;
        let dir = BackupDir::new(&request.backup_name)?;
        let needed = versions::needed(context, backup);
        let key = dir.key(BackupFile::Contents);
        let scratch = &context.options.scratch;
        let spool = match Spool::read(store, &key, request.selection.clone(), needed, scratch).await {
            Ok(spool) => spool,
            Err(error) if error.is_about_the_archive() => {
                journal.result(Level::Error, &Place::Run, error_chain(&error));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if !spool.index().has_resources() {
            journal.result(Level::Warning, &Place::Run, NO_RESOURCES);
            return Ok(None);
        }
        let volumes = Volumes::read(store, &dir, request).await?;
        let versions = versions::choose(context, needed, spool.index(), catalog, journal).await?;
        let plan = plan::plan(spool.index(), catalog, request, &versions)?;
        for line in plan.scope().describe() {
            journal.info(line);
        }
        Ok(Some(Prepared { spool, plan, volumes }))
    }
}

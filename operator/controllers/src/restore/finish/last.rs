//! The last steps of a restore whose operations have ended: volumes, hooks, results, and how it ended.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lateen_api::labels::annotations;
use lateen_api::v1::HookStatus;
use lateen_core::journal::Level;
use lateen_core::restore::created_claims::without_unfinished;
use lateen_core::restore::operations::end;
use lateen_core::restore::volumes::VolumeRecords;
use lateen_core::results::Place;
use lateen_store::BackupDir;

use super::{Failing, Finishing, Stopped, Trouble, event_of};
use crate::error_chain::error_chain;
use crate::metrics::RunEvent;
use crate::restore::dynamic_volumes;
use crate::restore::hooks::HookReport;
use crate::restore::operations_file::put_operations;
use crate::restore::volumes::{VolumeListsError, read_records};
use crate::run_status::StatusError;

impl Finishing {
    /// Brings a restore that is being finalized to its end.
    pub(super) async fn end(&mut self) -> Result<RunEvent, Stopped> {
        let hooks = self.wait_for_the_cluster().await?;
        let mut failing = Failing::default();
        loop {
            match self.end_once(hooks.clone()).await {
                Ok(event) => return Ok(event),
                Err(trouble) => self.again(trouble, &mut failing).await?,
            }
        }
    }

    /// Waits for hooks and for volumes that are provisioned anew, side by side: neither needs the other. What goes wrong is an error of the
    /// restore.
    async fn wait_for_the_cluster(&mut self) -> Result<HookStatus, Stopped> {
        let records = self.volume_records().await?;
        let both = async { tokio::join!(self.patch_volumes(records.as_ref()), self.hooks.finish()) };
        let (volumes, hooks) = self.unless_stopped(both).await?;
        let HookReport { counts, errors, warnings, log, stopped } = hooks;
        let (Some(volumes), false) = (volumes, stopped) else {
            // Whoever stopped them will be noticed here as well, or is the server's end.
            self.check()?;
            return Err(Stopped::Shutdown);
        };
        for (namespace, message) in volumes {
            self.untold.add(Level::Error, Place::of(Some(&namespace)), message);
        }
        self.untold.add_all(Level::Error, errors);
        self.untold.add_all(Level::Warning, warnings);
        self.untold.add_log(log);
        Ok(counts)
    }

    /// Boxed, because the compiler cannot see elsewhere that the work may move between threads.
    fn patch_volumes<'a>(
        &'a self,
        records: Option<&'a VolumeRecords>,
    ) -> BoxFuture<'a, Option<Vec<(String, String)>>> {
        let work = async move {
            let Some(records) = records else { return Some(Vec::new()) };
            let mapping = &self.status.current().spec.namespace_mapping;
            let claims = without_unfinished(&self.created_claims, &self.operations);
            dynamic_volumes::patch(&self.context, records, mapping, &claims).await
        };
        work.boxed()
    }

    /// What the backup says about its volumes; none where the restore has created no claim, or where it cannot be read, which is an error.
    async fn volume_records(&mut self) -> Result<Option<VolumeRecords>, Stopped> {
        if self.created_claims.is_empty() {
            return Ok(None);
        }
        let mut failing = Failing::default();
        loop {
            match self.read_volume_records().await {
                Ok(records) => return Ok(records),
                Err(trouble) => self.again(trouble, &mut failing).await?,
            }
        }
    }

    async fn read_volume_records(&mut self) -> Result<Option<VolumeRecords>, Trouble> {
        let store = self.open().await?;
        let name = self.status.current().spec.backup_name.clone();
        let dir = BackupDir::new(&name).map_err(|error| Stopped::Lost(error_chain(&error)))?;
        match read_records(&store, &dir).await {
            Ok(records) => Ok(Some(records)),
            Err(error @ VolumeListsError::Damaged(_)) => {
                let line = format!("the volumes of the backup cannot be looked up: {}", error_chain(&error));
                self.untold.add(Level::Error, Place::Run, line);
                Ok(None)
            }
            Err(error) => Err(Trouble::Passing(error_chain(&error))),
        }
    }

    /// Waits before a step is tried again, unless it has failed for too long.
    async fn again(&self, trouble: Trouble, failing: &mut Failing) -> Result<(), Stopped> {
        let error = match trouble {
            Trouble::Stopped(stopped) => return Err(stopped),
            Trouble::Passing(error) => error,
        };
        self.warn(&error, "cannot end a restore; trying again");
        if failing.too_long(&self.context) {
            return Err(Stopped::Lost(error));
        }
        self.pause().await
    }

    async fn end_once(&mut self, hooks: HookStatus) -> Result<RunEvent, Trouble> {
        let store = self.open().await?;
        self.tell(&store).await?;
        if self.stale {
            put_operations(&store, &self.dir, &self.operations).await?;
            self.stale = false;
        }
        let (told, now) = (self.told, Timestamp::now());
        self.write(move |restore| {
            if end(restore.status.get_or_insert_default(), told, hooks.clone(), now) {
                restore.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
            }
        })
        .await?;
        let ended = self.status.current();
        if !ended.phase().is_terminal() {
            // Somebody else has changed the phase.
            return Err(Stopped::NotOurs(StatusError::NotOurs).into());
        }
        Ok(event_of(ended.phase()))
    }
}

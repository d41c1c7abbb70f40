//! The location of a restore's files: that of its backup, looked up anew each time, so that one which is gone is noticed and changed
//! credentials count.

use lateen_api::v1::{Backup, BackupStorageLocation};
use lateen_store::BackupStore;

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::location;

/// What became of the location.
pub(super) enum Opened {
    /// It is there, and so is the backup.
    Store(BackupStore, Box<Backup>),
    /// It is gone for good, and with it the restore's files.
    Lost(String),
}

/// Opens the location of a backup. An error may pass.
pub(super) async fn open(context: &Context, backup: &str) -> Result<Opened, String> {
    let found = context.api::<Backup>().get_opt(backup).await.map_err(|error| error_chain(&error))?;
    let Some(found) = found else {
        return Ok(Opened::Lost(format!("the backup {backup} does not exist any more")));
    };
    let name = &found.spec.storage_location;
    let location = context.api::<BackupStorageLocation>().get_opt(name).await;
    let Some(location) = location.map_err(|error| error_chain(&error))? else {
        return Ok(Opened::Lost(format!("the backup storage location {name} does not exist any more")));
    };
    let opened = location::open(context, &location).await;
    opened.map(|store| Opened::Store(store, Box::new(found))).map_err(|error| error_chain(&error))
}

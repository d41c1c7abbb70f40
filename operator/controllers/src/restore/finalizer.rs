//! The finalizer of a Restore: its files are removed from the location before the object goes.
//!
//! A location that cannot be reached now keeps the object until it can; one that does not exist any more keeps nothing.

use kube::ResourceExt;
use lateen_api::labels::finalizers::RESTORE_EXTERNAL_RESOURCES;
use lateen_api::v1::{Backup, BackupStorageLocation, Restore};
use lateen_cluster::resource::patch_checked;
use lateen_store::RestoreDir;

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::location;

/// Whether somebody wants the Restore gone.
pub(super) fn is_deleted(restore: &Restore) -> bool {
    restore.metadata.deletion_timestamp.is_some()
}

/// Whether this server still has something to do before the Restore may go.
pub(super) fn holds(restore: &Restore) -> bool {
    restore.finalizers().iter().any(|finalizer| finalizer == RESTORE_EXTERNAL_RESOURCES)
}

/// Puts the finalizer on a Restore that does not have it.
pub(super) async fn add(context: &Context, seen: &Restore) {
    let mut changed = seen.clone();
    changed.finalizers_mut().push(RESTORE_EXTERNAL_RESOURCES.to_owned());
    if let Err(error) = patch_checked(&context.api(), seen, &changed).await {
        tracing::debug!(
            restore = seen.name_any(),
            error = error_chain(&error),
            "the finalizer was not added"
        );
    }
}

/// Removes the files of a deleted Restore and lets it go. What fails is tried again at the next look.
pub(super) async fn release(context: &Context, seen: &Restore) {
    if let Err(error) = remove_files(context, seen).await {
        tracing::warn!(
            restore = seen.name_any(),
            error = error_chain(&*error),
            "cannot remove the files of a deleted restore yet"
        );
        return;
    }
    let mut changed = seen.clone();
    changed.finalizers_mut().retain(|finalizer| finalizer != RESTORE_EXTERNAL_RESOURCES);
    if let Err(error) = patch_checked(&context.api(), seen, &changed).await {
        tracing::debug!(
            restore = seen.name_any(),
            error = error_chain(&error),
            "the finalizer was not removed"
        );
    }
}

async fn remove_files(
    context: &Context,
    restore: &Restore,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // A name that cannot be one in a bucket has no files there.
    let Ok(dir) = RestoreDir::new(&restore.name_any()) else { return Ok(()) };
    let name = &restore.spec.backup_name;
    if name.is_empty() {
        return Ok(());
    }
    let Some(backup) = context.api::<Backup>().get_opt(name).await? else { return Ok(()) };
    let location = context.api::<BackupStorageLocation>().get_opt(&backup.spec.storage_location).await?;
    let Some(location) = location else { return Ok(()) };
    if !location.is_available() {
        return Err(format!("location {} is not available", location.name_any()).into());
    }
    location::open(context, &location).await?.delete_prefix(&dir.prefix()).await?;
    Ok(())
}

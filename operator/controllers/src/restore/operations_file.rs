//! The file with the operations of a restore.

use lateen_core::item_operation::RestoreOperation;
use lateen_store::{BackupStore, RestoreDir, RestoreFile};

use crate::run_files::{RunFileError, put_packed};

/// Stores the operations of a restore, over what was there.
pub(super) async fn put_operations(
    store: &BackupStore,
    dir: &RestoreDir,
    operations: &[RestoreOperation],
) -> Result<(), RunFileError> {
    put_packed(store, dir.key(RestoreFile::ItemOperations), &operations).await
}

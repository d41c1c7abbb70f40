//! The lists beside a backup's archive that tell about the data of its volumes.

use bytes::Bytes;
use lateen_core::restore::volumes::{DamagedList, VolumeFiles, VolumeRecords};
use lateen_store::{BackupDir, BackupFile, BackupStore, StoreError};
use tokio::task::JoinError;

use crate::gzip::unpack;

/// Bytes of a list, packed. 100,000 volumes take some 3 KiB each before that at most, and lists of objects shrink to a tenth: 30 MB.
const PACKED_LIMIT: u64 = 64 << 20;

/// Bytes of a list, unpacked; 100,000 volumes take 300 MB. It is read piece by piece, and what is kept of it has a limit of its own.
const UNPACKED_LIMIT: u64 = 512 << 20;

/// Why nobody knows where the data of the volumes is.
#[derive(Debug, thiserror::Error)]
pub(in crate::restore) enum VolumeListsError {
    /// A list cannot be fetched.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A list cannot be understood.
    #[error(transparent)]
    Damaged(#[from] DamagedList),
    /// Reading broke off.
    #[error("reading the lists of volumes broke off")]
    BrokeOff(#[from] JoinError),
}

/// What the lists of a backup say. One that is missing is none: not every version writes every list. One that cannot be read is an error.
pub(in crate::restore) async fn read_records(
    store: &BackupStore,
    backup: &BackupDir,
) -> Result<VolumeRecords, VolumeListsError> {
    let (infos, native_snapshots, pod_volume_backups, csi_snapshots, operations) = tokio::try_join!(
        get(store, backup, BackupFile::VolumeInfo),
        get(store, backup, BackupFile::VolumeSnapshots),
        get(store, backup, BackupFile::PodVolumeBackups),
        get(store, backup, BackupFile::CsiVolumeSnapshots),
        get(store, backup, BackupFile::ItemOperations),
    )?;
    parse(VolumeFiles { infos, native_snapshots, pod_volume_backups, csi_snapshots, operations }).await
}

async fn get(store: &BackupStore, backup: &BackupDir, file: BackupFile) -> Result<Option<Bytes>, StoreError> {
    Ok(store.get_bounded(&backup.key(file), PACKED_LIMIT).await?.map(|(_, packed)| packed))
}

/// Unpacking and parsing megabytes would hold up whoever else is on this thread.
async fn parse(packed: VolumeFiles<Bytes>) -> Result<VolumeRecords, VolumeListsError> {
    let parse = move || {
        let unpacked = |packed| unpack(packed, UNPACKED_LIMIT);
        VolumeRecords::read(VolumeFiles {
            infos: packed.infos.as_deref().map(unpacked),
            native_snapshots: packed.native_snapshots.as_deref().map(unpacked),
            pod_volume_backups: packed.pod_volume_backups.as_deref().map(unpacked),
            csi_snapshots: packed.csi_snapshots.as_deref().map(unpacked),
            operations: packed.operations.as_deref().map(unpacked),
        })
    };
    Ok(tokio::task::spawn_blocking(parse).await??)
}

//! The files of one backup and of one restore, and the download kinds that name them.
//!
//! The tables are those of Velero's bucket layout, with its irregularities: a restore's volume infos have no `restore-` in
//! front, results have no `.json` in their name, and no restore document exists.

use std::str::FromStr;

use super::key::{InvalidName, Key, check_name};
use super::{BACKUPS, RESTORES};

/// One file of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupFile {
    /// `velero-backup.json`: the Backup itself, plain JSON; a directory without it is no backup.
    Metadata,
    /// `B.tar.gz`: the archive of items.
    Contents,
    /// `B-logs.gz`.
    Log,
    /// `B-podvolumebackups.json.gz`.
    PodVolumeBackups,
    /// `B-volumesnapshots.json.gz`.
    VolumeSnapshots,
    /// `B-itemoperations.json.gz`.
    ItemOperations,
    /// `B-resource-list.json.gz`.
    ResourceList,
    /// `B-results.gz`: warnings and errors.
    Results,
    /// `B-volumeinfo.json.gz`.
    VolumeInfo,
    /// `B-csi-volumesnapshots.json.gz`: read from old buckets, never written.
    CsiVolumeSnapshots,
    /// `B-csi-volumesnapshotcontents.json.gz`: read from old buckets, never written.
    CsiVolumeSnapshotContents,
    /// `B-csi-volumesnapshotclasses.json.gz`: only in old buckets.
    CsiVolumeSnapshotClasses,
    /// `B-itemsnapshots.json.gz`: only in old buckets.
    ItemSnapshots,
}

impl BackupFile {
    /// Every file that a backup may have.
    pub const ALL: [Self; 13] = [
        Self::Metadata,
        Self::Contents,
        Self::Log,
        Self::PodVolumeBackups,
        Self::VolumeSnapshots,
        Self::ItemOperations,
        Self::ResourceList,
        Self::Results,
        Self::VolumeInfo,
        Self::CsiVolumeSnapshots,
        Self::CsiVolumeSnapshotContents,
        Self::CsiVolumeSnapshotClasses,
        Self::ItemSnapshots,
    ];

    fn name(self, backup: &str) -> String {
        let suffix = match self {
            Self::Metadata => return "velero-backup.json".to_owned(),
            Self::Contents => ".tar.gz",
            Self::Log => "-logs.gz",
            Self::PodVolumeBackups => "-podvolumebackups.json.gz",
            Self::VolumeSnapshots => "-volumesnapshots.json.gz",
            Self::ItemOperations => "-itemoperations.json.gz",
            Self::ResourceList => "-resource-list.json.gz",
            Self::Results => "-results.gz",
            Self::VolumeInfo => "-volumeinfo.json.gz",
            Self::CsiVolumeSnapshots => "-csi-volumesnapshots.json.gz",
            Self::CsiVolumeSnapshotContents => "-csi-volumesnapshotcontents.json.gz",
            Self::CsiVolumeSnapshotClasses => "-csi-volumesnapshotclasses.json.gz",
            Self::ItemSnapshots => "-itemsnapshots.json.gz",
        };
        format!("{backup}{suffix}")
    }
}

/// One file of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestoreFile {
    /// `restore-R-logs.gz`.
    Log,
    /// `restore-R-results.gz`: warnings and errors.
    Results,
    /// `restore-R-resource-list.json.gz`.
    ResourceList,
    /// `restore-R-itemoperations.json.gz`.
    ItemOperations,
    /// `R-volumeinfo.json.gz`.
    VolumeInfo,
}

impl RestoreFile {
    /// Every file that a restore may have.
    pub const ALL: [Self; 5] =
        [Self::Log, Self::Results, Self::ResourceList, Self::ItemOperations, Self::VolumeInfo];

    fn name(self, restore: &str) -> String {
        match self {
            Self::Log => format!("restore-{restore}-logs.gz"),
            Self::Results => format!("restore-{restore}-results.gz"),
            Self::ResourceList => format!("restore-{restore}-resource-list.json.gz"),
            Self::ItemOperations => format!("restore-{restore}-itemoperations.json.gz"),
            Self::VolumeInfo => format!("{restore}-volumeinfo.json.gz"),
        }
    }
}

/// The directory of one backup, with a name that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupDir(String);

impl BackupDir {
    /// The directory of the backup of this name, or an error when the name could lead anywhere else.
    pub fn new(backup: &str) -> Result<Self, InvalidName> {
        check_name(backup).map(|()| Self(backup.to_owned()))
    }

    /// The key of a file in it.
    pub fn key(&self, file: BackupFile) -> Key {
        Key::from_checked(format!("{BACKUPS}/{}/{}", self.0, file.name(&self.0)))
    }

    /// The directory itself, as `BackupStore::delete_prefix` wants it.
    pub fn prefix(&self) -> Key {
        Key::from_checked(format!("{BACKUPS}/{}", self.0))
    }
}

/// The directory of one restore, with a name that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreDir(String);

impl RestoreDir {
    /// The directory of the restore of this name, or an error when the name could lead anywhere else.
    pub fn new(restore: &str) -> Result<Self, InvalidName> {
        check_name(restore).map(|()| Self(restore.to_owned()))
    }

    /// The key of a file in it.
    pub fn key(&self, file: RestoreFile) -> Key {
        Key::from_checked(format!("{RESTORES}/{}/{}", self.0, file.name(&self.0)))
    }

    /// The directory itself, as `BackupStore::delete_prefix` wants it.
    pub fn prefix(&self) -> Key {
        Key::from_checked(format!("{RESTORES}/{}", self.0))
    }
}

/// What a DownloadRequest's `spec.target.kind` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DownloadKind {
    /// A file of the backup that the target names.
    Backup(BackupFile),
    /// A file of the restore that the target names; the backup that was restored says in which location it is.
    Restore(RestoreFile),
}

/// A target kind that no version of the API has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no download target of kind {0:?}")]
pub struct UnknownKind(pub String);

impl DownloadKind {
    /// Every kind of the API with its name there.
    pub const ALL: [(&'static str, Self); 14] = [
        ("BackupLog", Self::Backup(BackupFile::Log)),
        ("BackupContents", Self::Backup(BackupFile::Contents)),
        ("BackupVolumeSnapshots", Self::Backup(BackupFile::VolumeSnapshots)),
        ("BackupItemOperations", Self::Backup(BackupFile::ItemOperations)),
        ("BackupResourceList", Self::Backup(BackupFile::ResourceList)),
        ("BackupResults", Self::Backup(BackupFile::Results)),
        ("BackupVolumeInfos", Self::Backup(BackupFile::VolumeInfo)),
        ("CSIBackupVolumeSnapshots", Self::Backup(BackupFile::CsiVolumeSnapshots)),
        ("CSIBackupVolumeSnapshotContents", Self::Backup(BackupFile::CsiVolumeSnapshotContents)),
        ("RestoreLog", Self::Restore(RestoreFile::Log)),
        ("RestoreResults", Self::Restore(RestoreFile::Results)),
        ("RestoreResourceList", Self::Restore(RestoreFile::ResourceList)),
        ("RestoreItemOperations", Self::Restore(RestoreFile::ItemOperations)),
        ("RestoreVolumeInfo", Self::Restore(RestoreFile::VolumeInfo)),
    ];

    /// The key of the file for the backup or restore called `name`.
    pub fn key(self, name: &str) -> Result<Key, InvalidName> {
        match self {
            Self::Backup(file) => BackupDir::new(name).map(|dir| dir.key(file)),
            Self::Restore(file) => RestoreDir::new(name).map(|dir| dir.key(file)),
        }
    }
}

impl FromStr for DownloadKind {
    type Err = UnknownKind;

    fn from_str(kind: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == kind);
        found.map(|(_, kind)| kind).ok_or_else(|| UnknownKind(kind.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_file() {
        let backup = BackupDir::new("b").unwrap();
        let restore = RestoreDir::new("r").unwrap();
        let kinds = DownloadKind::ALL.map(|(name, kind)| format!("{name} -> {}", kind.key("x").unwrap()));
        let lines: Vec<String> = BackupFile::ALL
            .map(|f| backup.key(f).to_string())
            .into_iter()
            .chain(RestoreFile::ALL.map(|f| restore.key(f).to_string()))
            .chain(kinds)
            .collect();
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/store"));
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("keys", lines.join("\n")));
    }

    #[test]
    fn the_longest_name_still_has_keys() {
        let name = "x".repeat(super::super::MAX_NAME_BYTES);
        for (_, kind) in DownloadKind::ALL {
            assert!(Key::parse(kind.key(&name).unwrap().as_str()).is_ok());
        }
    }

    #[test]
    fn a_hostile_name_or_kind_has_no_key() {
        assert!(BackupDir::new("../other").is_err());
        assert!(RestoreDir::new("a/b").is_err());
        assert!("BackupLog".parse::<DownloadKind>().unwrap().key("..").is_err());
        assert_eq!("backuplog".parse::<DownloadKind>(), Err(UnknownKind("backuplog".to_owned())));
    }
}

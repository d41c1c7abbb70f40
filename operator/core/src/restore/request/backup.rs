//! Which backup a Restore is about, and where that lies.

use lateen_api::labels;
use lateen_api::v1::{Backup, BackupPhase, BackupStorageLocation, Restore, RestoreSpec};

use super::{Observed, has_begun};

/// Which Backups have to be looked up to decide about a Restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The one of this name.
    Backup(String),
    /// All with this value of the schedule label.
    Schedule(String),
    /// None: the spec names no source, or two.
    Unclear,
}

impl Source {
    /// As the spec names it. Once a run has begun both names may be there, and the backup is the one that it began with.
    pub fn of(restore: &Restore) -> Self {
        let spec = &restore.spec;
        match (spec.backup_name.as_str(), spec.schedule_name.as_str()) {
            ("", "") => Self::Unclear,
            ("", schedule) => Self::Schedule(schedule.to_owned()),
            (backup, schedule) if schedule.is_empty() || has_begun(restore) => {
                Self::Backup(backup.to_owned())
            }
            _ => Self::Unclear,
        }
    }
}

/// Whether the spec names a source, and only one.
pub(super) fn check(source: &Source, faults: &mut Vec<String>) {
    if *source == Source::Unclear {
        faults.push(
            "Either a backup or schedule must be specified as a source for the restore, but not both".into(),
        );
    }
}

/// Finds the backup's location, and writes into the spec which backup and schedule it turned out to be. `goes_on`: the run has begun
/// before, and whether the location can be reached now is for the run to find out.
pub(super) fn choose(
    spec: &mut RestoreSpec,
    source: &Source,
    observed: &Observed,
    namespace: &str,
    goes_on: bool,
    faults: &mut Vec<String>,
) -> Option<BackupStorageLocation> {
    match source {
        Source::Unclear => return None,
        Source::Schedule(_) => spec.backup_name = newest_of_schedule(&observed.backups, faults)?,
        Source::Backup(_) => {}
    }
    let name = &spec.backup_name;
    let Some(backup) = observed.backups.iter().find(|backup| backup.metadata.name.as_ref() == Some(name))
    else {
        faults.push(format!(
            "Error retrieving backup: can't find backup {namespace}/{name}: Backup.velero.io {name:?} not found"
        ));
        return None;
    };
    let wanted = &backup.spec.storage_location;
    let Some(location) = observed.locations.iter().find(|l| l.metadata.name.as_ref() == Some(wanted)) else {
        faults.push(format!("Error retrieving backup: BackupStorageLocation.velero.io {wanted:?} not found"));
        return None;
    };
    if !goes_on && !location.is_available() {
        faults.push(format!("The BSL {wanted} is unavailable, cannot retrieve the backup"));
        return None;
    }
    if spec.schedule_name.is_empty() {
        let labels = backup.metadata.labels.as_ref();
        spec.schedule_name =
            labels.and_then(|labels| labels.get(labels::SCHEDULE_NAME)).cloned().unwrap_or_default();
    }
    Some(location.clone())
}

/// The newest completed one; a backup that never started counts as the oldest.
fn newest_of_schedule(backups: &[Backup], faults: &mut Vec<String>) -> Option<String> {
    if backups.is_empty() {
        faults.push("No backups found for schedule".into());
    }
    let completed = backups.iter().filter(|backup| *backup.phase() == BackupPhase::Completed);
    let started =
        |backup: &&Backup| backup.status.as_ref().and_then(|s| s.start_timestamp.as_ref()).map(|time| time.0);
    let newest = completed.max_by_key(started).and_then(|backup| backup.metadata.name.clone());
    if newest.is_none() {
        faults.push("No completed backups found for schedule".into());
    }
    newest
}

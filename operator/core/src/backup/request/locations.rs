//! Where a backup goes: one storage location for its files, and for native snapshots one location of each provider.

use std::collections::BTreeMap;

use lateen_api::labels;
use lateen_api::names;
use lateen_api::v1::{AccessMode, Backup, BackupSpec, BackupStorageLocation, VolumeSnapshotLocation};

use super::{Defaults, Observed};

/// Chooses the storage location, labels the backup with it and checks that it can be written to.
pub(super) fn choose_storage(
    backup: &mut Backup,
    observed: &Observed,
    defaults: &Defaults,
    faults: &mut Vec<String>,
) -> Option<BackupStorageLocation> {
    let known = observed.locations.as_deref().unwrap_or_default();
    let by_default = backup.spec.storage_location.is_empty();
    if by_default {
        let marked = known.iter().find(|l| l.spec.default).and_then(|l| l.metadata.name.clone());
        backup.spec.storage_location = marked.unwrap_or_else(|| defaults.storage_location.clone());
    }
    let name = backup.spec.storage_location.clone();
    let label = (labels::STORAGE_LOCATION.to_owned(), names::valid_name(&name));
    backup.metadata.labels.get_or_insert_default().extend([label]);

    if let Err(reason) = &observed.locations {
        faults.push(format!("error getting backup storage location: {reason}"));
        return None;
    }
    let Some(location) = known.iter().find(|l| l.metadata.name.as_deref() == Some(&name)) else {
        let default = if by_default { "server default" } else { "default" };
        faults.push(format!(
            "an existing backup storage location was not specified at backup creation time and the {default} {name} was not found. Please address this issue (see `velero backup-location -h` for options) and create a new backup. Error: BackupStorageLocation.velero.io {name:?} not found"
        ));
        return None;
    };
    if location.spec.access_mode == Some(AccessMode::ReadOnly) {
        faults.push(format!(
            "backup can't be created because backup storage location {name} is currently in read-only mode"
        ));
    }
    if !location.is_available() {
        faults.push(format!(
            "backup can't be created because BackupStorageLocation {name} is in Unavailable status."
        ));
    }
    Some(location.clone())
}

/// Chooses a snapshot location for each provider that has one: the one that the backup names, the only one, or the server's default. The
/// spec then names what was chosen; if that fails, it stays as it is and nothing is chosen.
pub(super) fn choose_snapshots(
    spec: &mut BackupSpec,
    observed: &Observed,
    defaults: &Defaults,
    faults: &mut Vec<String>,
) -> Vec<VolumeSnapshotLocation> {
    let known = match &observed.snapshot_locations {
        Ok(known) => known,
        Err(reason) => {
            faults.push(format!("error listing volume snapshot locations: {reason}"));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    let mut chosen = named(&spec.volume_snapshot_locations, known, &mut found);
    if found.is_empty() {
        add_unnamed(&mut chosen, known, defaults, &mut found);
    }
    if !found.is_empty() {
        faults.append(&mut found);
        return Vec::new();
    }
    let mut chosen: Vec<VolumeSnapshotLocation> = chosen.into_values().cloned().collect();
    chosen.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    spec.volume_snapshot_locations = chosen.iter().map(|location| name_of(location).to_owned()).collect();
    chosen
}

/// The locations that a backup names, by provider.
fn named<'a>(
    names: &[String],
    known: &'a [VolumeSnapshotLocation],
    faults: &mut Vec<String>,
) -> BTreeMap<&'a str, &'a VolumeSnapshotLocation> {
    let mut chosen: BTreeMap<&str, &VolumeSnapshotLocation> = BTreeMap::new();
    for name in names {
        let Some(location) = known.iter().find(|location| name_of(location) == name) else {
            faults.push(format!(
                "a VolumeSnapshotLocation of the name {name}, which the backup asks for, needs to be created first. Error: VolumeSnapshotLocation.velero.io {name:?} not found"
            ));
            continue;
        };
        let provider = location.spec.provider.as_str();
        let first = chosen.entry(provider).or_insert(location);
        if name_of(first) != name {
            faults.push(format!(
                "more than one VolumeSnapshotLocation name specified for provider {provider}: {}; unexpected name was {name}",
                name_of(first)
            ));
        }
    }
    chosen
}

/// Adds a location for each provider for which the backup names none.
fn add_unnamed<'a>(
    chosen: &mut BTreeMap<&'a str, &'a VolumeSnapshotLocation>,
    known: &'a [VolumeSnapshotLocation],
    defaults: &Defaults,
    faults: &mut Vec<String>,
) {
    let mut by_provider: BTreeMap<&str, Vec<&VolumeSnapshotLocation>> = BTreeMap::new();
    for location in known {
        by_provider.entry(&location.spec.provider).or_default().push(location);
    }
    for (provider, locations) in by_provider {
        if chosen.contains_key(provider) {
            continue;
        }
        let default = defaults.snapshot_locations.get(provider);
        let found = match (locations.as_slice(), default) {
            ([only], _) => only,
            (_, None) => {
                faults.push(format!(
                    "provider {provider} has more than one possible volume snapshot location, and none were specified explicitly or as a default"
                ));
                continue;
            }
            (several, Some(default)) => match several.iter().find(|location| name_of(location) == default) {
                Some(location) => location,
                None => {
                    faults.push(format!(
                        "error getting volume snapshot location named {default}: provider {provider} has no VolumeSnapshotLocation of this name, which is the server's default"
                    ));
                    continue;
                }
            },
        };
        chosen.insert(provider, found);
    }
}

fn name_of(location: &VolumeSnapshotLocation) -> &str {
    location.metadata.name.as_deref().unwrap_or_default()
}

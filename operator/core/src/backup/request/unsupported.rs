//! What a Backup may ask for and this version cannot do: told before the run, because a run that left it out silently would look like
//! one that did it.

use lateen_api::v1::BackupSpec;

/// One message for each thing asked for in vain.
pub(super) fn check(spec: &BackupSpec) -> Vec<String> {
    let asked = [
        ("hooks", !spec.hooks.resources.is_empty(), "runs no backup hooks"),
        ("resourcePolicy", spec.resource_policy.is_some(), "reads no resource policies"),
        ("orderedResources", !spec.ordered_resources.is_empty(), "orders no resources by name"),
        (
            "defaultVolumesToFsBackup",
            spec.default_volumes_to_fs_backup == Some(true),
            "copies no files of volumes",
        ),
        ("snapshotMoveData", spec.snapshot_move_data == Some(true), "moves no data of snapshots"),
        ("snapshotVolumes", spec.snapshot_volumes == Some(true), "takes no snapshots of volumes"),
        (
            "volumeSnapshotLocations",
            !spec.volume_snapshot_locations.is_empty(),
            "takes no snapshots of volumes",
        ),
    ];
    let in_vain = asked.into_iter().filter(|(_, asked, _)| *asked);
    in_vain
        .map(|(field, _, lack)| format!("spec.{field} is set, but this version of the server {lack}"))
        .collect()
}

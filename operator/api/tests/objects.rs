//! Objects that the real Velero and its CLI wrote, through the types and back.
//!
//! Nothing may get lost on the way. What may appear is what Go programs always write: an empty `hooks`, a duration of zero.

#![allow(clippy::unwrap_used)] // in a test, also outside the functions that are marked as one

use std::{fs, path::PathBuf};

use lateen_api::{
    Document, GoDuration, labels, merge_patch, v1,
    v1::{Backup, BackupPhase, Restore, RestorePhase, Schedule, SchedulePhase},
    v2alpha1,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/objects")
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// The paths of what `written` lacks or has otherwise than `read`.
fn lost(path: &str, read: &Value, written: &Value, found: &mut Vec<String>) {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            for (key, value) in read.iter().filter(|(_, value)| !value.is_null()) {
                match written.get(key) {
                    Some(written) => lost(&format!("{path}.{key}"), value, written, found),
                    None => found.push(format!("{path}.{key}: {value}")),
                }
            }
        }
        _ if read == written => {}
        _ => found.push(format!("{path}: {read} became {written}")),
    }
}

fn round_trip<K: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(name: &str, object: &Value) {
    let typed: K = from_value(object.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = to_value(&typed).unwrap();
    let mut found = Vec::new();
    lost(name, object, &written, &mut found);
    assert!(found.is_empty(), "lost:\n{}", found.join("\n"));
    assert_eq!(from_value::<K>(written).unwrap(), typed, "{name}");
}

#[test]
fn recorded_objects_survive() {
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let object = read(&name);
        match object["kind"].as_str().unwrap() {
            "Backup" => round_trip::<v1::Backup>(&name, &object),
            "Restore" => round_trip::<v1::Restore>(&name, &object),
            "Schedule" => round_trip::<v1::Schedule>(&name, &object),
            "BackupStorageLocation" => round_trip::<v1::BackupStorageLocation>(&name, &object),
            "VolumeSnapshotLocation" => round_trip::<v1::VolumeSnapshotLocation>(&name, &object),
            "DeleteBackupRequest" => round_trip::<v1::DeleteBackupRequest>(&name, &object),
            "DownloadRequest" => round_trip::<v1::DownloadRequest>(&name, &object),
            "ServerStatusRequest" => round_trip::<v1::ServerStatusRequest>(&name, &object),
            other => panic!("{name}: no test for a {other}"),
        }
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} objects");
}

#[test]
fn a_backup_of_a_bucket_is_written_as_go_wrote_it() {
    for name in ["backup-in-bucket.json", "backup-in-bucket-all-namespaces.json"] {
        let object = read(name);
        let backup: Backup = from_value(object.clone()).unwrap();
        assert_eq!(to_value(&backup).unwrap(), object, "{name}");
    }
}

#[test]
fn what_recorded_objects_say() {
    let backup: Backup = from_value(read("backup-in-bucket.json")).unwrap();
    assert_eq!(backup.phase(), &BackupPhase::Completed);
    assert!(backup.phase().is_terminal());
    assert_eq!(backup.spec.ttl, GoDuration::from_hours(720));
    assert_eq!(backup.metadata.labels.unwrap()[labels::STORAGE_LOCATION], "default");

    let restore: Restore = from_value(read("restore-with-mapping.json")).unwrap();
    assert_eq!(restore.phase(), &RestorePhase::Completed);
    assert_eq!(restore.spec.namespace_mapping["s08-a"], "s08-x");
    assert_eq!(restore.metadata.finalizers.unwrap(), [labels::finalizers::RESTORE_EXTERNAL_RESOURCES]);

    let schedule: Schedule = from_value(read("schedule-paused.json")).unwrap();
    assert_eq!(schedule.phase(), &SchedulePhase::Enabled);
    assert!(schedule.spec.paused);

    let location: v1::BackupStorageLocation = from_value(read("backup-storage-location.json")).unwrap();
    assert_eq!(location.provider(), "velero.io/aws");
    assert!(location.is_read_only() && !location.is_available());
    assert_eq!(location.spec.validation_frequency, Some(GoDuration::ZERO));
    assert_eq!(location.spec.object_storage.ca_cert.unwrap().0, b"x: y");
}

/// An object as the API server admits it: no spec at all, nulls, values of a newer server.
#[test]
fn incomplete_and_unknown_things_are_read() {
    let bare = json!({ "metadata": { "name": "x" } });
    for read in [
        from_value::<v1::Backup>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::Restore>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::Schedule>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::BackupStorageLocation>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::VolumeSnapshotLocation>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::DeleteBackupRequest>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::DownloadRequest>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::ServerStatusRequest>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::BackupRepository>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::PodVolumeBackup>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v1::PodVolumeRestore>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v2alpha1::DataUpload>(bare.clone()).map(|object| to_value(object.spec)),
        from_value::<v2alpha1::DataDownload>(bare.clone()).map(|object| to_value(object.spec)),
    ] {
        read.unwrap().unwrap();
    }

    let backup: Backup = from_value(json!({
        "metadata": {},
        "spec": {
            "includedNamespaces": null, "orderedResources": null, "snapshotVolumes": null, "storageLocation": null,
            "ttl": null, "hooks": { "resources": null }, "labelSelector": null, "orLabelSelectors": null, "metadata": null,
        },
        "status": { "phase": "", "expiration": null, "progress": null, "hookStatus": null, "validationErrors": null },
    }))
    .unwrap();
    assert_eq!(backup.phase(), &BackupPhase::New);
    assert_eq!(backup.spec, v1::BackupSpec::default());

    let future = json!({ "metadata": {}, "spec": { "target": { "kind": "BackupDreams", "name": "b" } } });
    let request: v1::DownloadRequest = from_value(future).unwrap();
    assert_eq!(request.spec.target.kind.to_string(), "BackupDreams");
    assert_eq!(to_value(&request.spec.target.kind).unwrap(), "BackupDreams");
    assert!(!BackupPhase::Other("Completed?".to_owned()).is_terminal());
}

/// Hooks in the form in which a Go program writes them; no recording has any.
#[test]
fn hooks_survive() {
    let object = json!({
        "apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {},
        "spec": { "hooks": { "resources": [{
            "name": "freeze",
            "includedNamespaces": ["db"],
            "labelSelector": { "matchLabels": { "app": "db" } },
            "pre": [{ "exec": { "container": "c", "command": ["sync"], "onError": "Fail", "timeout": "1m0s" } }],
            "post": [{ "exec": { "command": ["true"], "onError": "Continue", "timeout": "0s" } }],
        }] } },
    });
    round_trip::<v1::Backup>("backup hooks", &object);

    let container = json!({ "name": "i", "image": "x", "ofTheFuture": { "a": null } });
    let object = json!({
        "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {},
        "spec": { "hooks": { "resources": [{ "name": "warm", "postHooks": [
            { "init": { "initContainers": [container], "timeout": "2m0s" } },
            { "exec": { "command": ["a", "b"], "execTimeout": "5s", "waitTimeout": "1h0m0s", "waitForReady": false } },
        ] }] } },
    });
    round_trip::<v1::Restore>("restore hooks", &object);
}

#[test]
fn times_are_written_to_the_second_in_utc() {
    let status = json!({ "startTimestamp": "2026-01-02T03:04:05.999+02:00", "phase": "InProgress" });
    let status: v1::BackupStatus = from_value(status).unwrap();
    assert_eq!(to_value(&status).unwrap()["startTimestamp"], "2026-01-02T01:04:05Z");
}

#[test]
fn a_go_program_finds_what_it_always_finds() {
    let written = to_value(Backup::new("b", v1::BackupSpec::default())).unwrap();
    let spec = json!({
        "metadata": {}, "ttl": "0s", "hooks": {}, "csiSnapshotTimeout": "0s", "itemOperationTimeout": "0s",
    });
    assert_eq!(written["spec"], spec);
}

#[test]
fn a_status_patch_of_a_recorded_object_is_small() {
    let original: Backup = from_value(read("backup-with-filters.json")).unwrap();
    let mut changed = original.clone();
    changed.status.as_mut().unwrap().phase = Some(BackupPhase::Deleting);
    assert_eq!(merge_patch(&original, &changed), json!({ "status": { "phase": "Deleting" } }));
}

#[test]
fn a_document_of_another_server_keeps_all_it_has() {
    let mut raw = read("backup-in-bucket.json");
    raw["spec"]["ofTheFuture"] = json!({ "deep": [null, 1] });
    raw["status"]["alsoNew"] = json!("kept");
    let mut document = Document::<Backup>::parse(raw.to_string().as_bytes()).unwrap();
    document.modify(|backup| backup.status.as_mut().unwrap().errors = 3);
    raw["status"]["errors"] = json!(3);
    assert_eq!(document.raw(), &raw);
}

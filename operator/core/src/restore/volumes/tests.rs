//! What is decided about a volume, its claim, a pod and a stateful set, for every way in which a backup can hold their data.

use serde_json::json;

use super::*;

type Files = VolumeFiles<&'static [u8]>;

/// The volume infos of a backup, of which each is made an entry of claim app/data and volume pv1.
fn info(fields: Value) -> Files {
    let mut entry = json!({
        "pvcName": "data", "pvcNamespace": "app", "pvName": "pv1", "snapshotDataMoved": false, "preserveLocalSnapshot": false,
        "skipped": false, "pvInfo": {"reclaimPolicy": "Retain", "labels": {"disk": "big"}},
    });
    let (Some(entry_fields), Value::Object(fields)) = (entry.as_object_mut(), fields) else { unreachable!() };
    entry_fields.extend(fields);
    Files { infos: Some(list(json!([entry]))), ..Files::default() }
}

fn list(list: Value) -> &'static [u8] {
    list.to_string().leak().as_bytes()
}

fn copied(annotations: Value, snapshot: &str) -> Files {
    let backup = json!({
        "metadata": {"annotations": annotations},
        "spec": {"pod": {"kind": "Pod", "namespace": "app", "name": "web-0"}, "volume": "d", "uploaderType": "restic"},
        "status": {"phase": "Completed", "snapshotID": snapshot, "progress": {"totalBytes": 2048, "bytesDone": 2048}},
    });
    Files { pod_volume_backups: Some(list(json!([backup]))), ..Files::default() }
}

fn native(phase: &str) -> Files {
    let snapshot = json!({
        "spec": {"backupName": "b", "location": "aws", "persistentVolumeName": "pv1", "providerVolumeID": "vol-1", "volumeType": "gp2"},
        "status": {"providerSnapshotID": "snap-1", "phase": phase},
    });
    Files { native_snapshots: Some(list(json!([snapshot]))), ..Files::default() }
}

fn moved(phase: &str) -> Files {
    let operation = json!({
        "spec": {
            "backupName": "b", "backupUID": "u", "backupItemAction": "velero.io/csi-pvc-backupper", "operationID": "du-u.v",
            "resourceIdentifier": {"Group": "", "Resource": "persistentvolumeclaims", "Namespace": "app", "Name": "data"},
        },
        "status": {"phase": phase, "nTotal": 4096, "operationUnits": "Bytes"},
    });
    Files { operations: Some(list(json!([operation]))), ..Files::default() }
}

/// Every way, with a name.
fn ways() -> Vec<(&'static str, Files)> {
    let pvb = json!({"snapshotHandle": "k1", "size": 1_610_612_736, "uploaderType": "kopia", "volumeName": "d",
        "podName": "web-0", "podNamespace": "app", "Phase": "Completed"});
    let empty = json!({"uploaderType": "kopia", "volumeName": "d", "podName": "web-0", "podNamespace": "app", "Phase": "Completed"});
    let csi = json!({"snapshotHandle": "s1", "size": 1024, "driver": "ebs.csi.aws.com", "vscName": "c", "ReadyToUse": true});
    let unknown = json!({"snapshotHandle": "unknown", "vscName": "unknown", "operationID": "unknown", "size": 0, "driver": "d"});
    let movement = |phase: &str| json!({"dataMover": "velero", "uploaderType": "kopia", "snapshotHandle": "m1", "operationID": "du-1", "size": 5, "Phase": phase});
    let native_info = |phase: &str| json!({"snapshotHandle": "snap-1", "volumeType": "gp2", "volumeAZ": "a", "iops": "0", "Phase": phase});
    let claims_snapshot = json!([{
        "metadata": {"name": "velero-data-x", "namespace": "app", "annotations": null},
        "spec": {"source": {"persistentVolumeClaimName": "data"}}, "status": {"readyToUse": true},
    }]);
    vec![
        ("nothing is known", Files::default()),
        ("skipped", info(json!({"skipped": true, "skippedReason": "podvolume: opted out;"}))),
        (
            "native",
            info(
                json!({"backupMethod": "NativeSnapshot", "result": "succeeded", "nativeSnapshotInfo": native_info("Completed")}),
            ),
        ),
        (
            "native, failed",
            info(
                json!({"backupMethod": "NativeSnapshot", "result": "failed", "nativeSnapshotInfo": native_info("Failed")}),
            ),
        ),
        ("copied", info(json!({"backupMethod": "PodVolumeBackup", "result": "succeeded", "pvbInfo": pvb}))),
        (
            "copied, was empty",
            info(json!({"backupMethod": "PodVolumeBackup", "result": "succeeded", "pvbInfo": empty})),
        ),
        (
            "copied, failed",
            info(json!({"backupMethod": "PodVolumeBackup", "result": "failed", "pvbInfo": empty})),
        ),
        (
            "CSI",
            info(
                json!({"backupMethod": "CSISnapshot", "preserveLocalSnapshot": true, "csiSnapshotInfo": csi}),
            ),
        ),
        (
            "CSI, failed",
            info(json!({"backupMethod": "CSISnapshot", "result": "failed", "csiSnapshotInfo": csi})),
        ),
        (
            "moved",
            info(
                json!({"backupMethod": "CSISnapshot", "snapshotDataMoved": true, "csiSnapshotInfo": unknown, "snapshotDataMovementInfo": movement("Completed")}),
            ),
        ),
        (
            "moved, not at its end",
            info(
                json!({"backupMethod": "CSISnapshot", "snapshotDataMoved": true, "snapshotDataMovementInfo": movement("Accepted")}),
            ),
        ),
        (
            "moved, cancelled",
            info(
                json!({"backupMethod": "CSISnapshot", "snapshotDataMoved": true, "snapshotDataMovementInfo": movement("Canceled")}),
            ),
        ),
        ("a method of tomorrow", info(json!({"backupMethod": "Telepathy"}))),
        ("legacy: native", native("Completed")),
        ("legacy: native, failed", native("Failed")),
        ("legacy: copied", copied(json!({"velero.io/pvc-name": "data"}), "r1")),
        ("legacy: copied, was empty", copied(json!({"velero.io/pvc-name": "data"}), "")),
        ("legacy: CSI", Files { csi_snapshots: Some(list(claims_snapshot)), ..Files::default() }),
        ("legacy: moved", moved("Completed")),
        ("legacy: moved, failed", moved("Failed")),
    ]
}

fn volume(policy: &str) -> Value {
    json!({
        "metadata": {"name": "pv1"},
        "spec": {"persistentVolumeReclaimPolicy": policy, "claimRef": {"namespace": "app", "name": "data", "uid": "u"}},
    })
}

fn claim() -> Value {
    json!({"metadata": {"namespace": "app", "name": "data"}, "spec": {"volumeName": "pv1"}, "status": {"phase": "Bound"}})
}

const PLAIN: VolumeWishes = VolumeWishes { restore_volumes: None, allow_empty: false };
const NO_SNAPSHOTS: VolumeWishes = VolumeWishes { restore_volumes: Some(false), allow_empty: false };
const EMPTY: VolumeWishes = VolumeWishes { restore_volumes: None, allow_empty: true };

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_way_leads_to_a_decision() {
    let mut lines = Vec::new();
    for (way, files) in ways() {
        let records = VolumeRecords::read(files).unwrap();
        let told = |wishes| {
            [
                format!("volume, Retain: {:?}", decide_volume(&volume("Retain"), &records, wishes)),
                format!("volume, Delete: {:?}", decide_volume(&volume("Delete"), &records, wishes)),
                format!("claim: {:?}", decide_claim(&claim(), &records, wishes)),
            ]
        };
        let plain = told(PLAIN);
        lines.push(format!("# {way}"));
        lines.extend(plain.clone());
        for (wish, wishes) in [("with restorePVs false", NO_SNAPSHOTS), ("with empty volumes allowed", EMPTY)]
        {
            let other = told(wishes).into_iter().filter(|line| !plain.contains(line));
            lines.extend(other.map(|line| format!("{wish}: {line}")));
        }
    }
    snapshot("restored-volumes", &lines.join("\n"));
}

#[test]
fn infos_come_first_and_data_before_none() {
    let held = |files: Files| VolumeRecords::read(files).unwrap().of_claim(&claim()).unwrap().state;
    let skipped = json!({"skipped": true});
    let both = Files { infos: info(skipped.clone()).infos, ..native("Completed") };
    assert_eq!(held(both), DataState::Skipped, "an old list counts only where the infos say nothing");
    let two = [info(skipped.clone()), info(json!({"backupMethod": "CSISnapshot"}))];
    let two: Vec<Value> = two.into_iter().flat_map(|one| entries_of(one.infos.unwrap())).collect();
    for order in [two.clone(), two.into_iter().rev().collect()] {
        let infos = Some(list(Value::Array(order)));
        assert_eq!(held(Files { infos, ..Files::default() }), DataState::Held);
    }
}

fn entries_of(json: &[u8]) -> Vec<Value> {
    serde_json::from_slice(json).unwrap()
}

#[test]
fn what_velero_left_of_a_volume_without_data_restores_it_as_it_is() {
    // From a bucket of Velero 1.18.3.
    let infos = br#"[{"pvcName":"data","pvcNamespace":"s07-app","pvName":"s07-pv","snapshotDataMoved":false,"preserveLocalSnapshot":false,"skipped":true,"skippedReason":"podvolume: opted out due to annotation in pod user;volumeSnapshot: no applicable volumesnapshotter found;","pvInfo":{"reclaimPolicy":"Retain","labels":{"disk":"big"}}}]"#;
    let null: &[u8] = b"null\n";
    let files = Files {
        infos: Some(infos),
        native_snapshots: Some(null),
        pod_volume_backups: Some(null),
        operations: Some(b"[]\n"),
        csi_snapshots: None,
    };
    let records = VolumeRecords::read(files).unwrap();
    let mut volume = json!({"metadata": {"name": "s07-pv", "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
        "spec": {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "s07-app", "name": "data", "uid": "u", "resourceVersion": "1"}}});
    assert_eq!(decide_volume(&volume, &records, PLAIN), VolumeDecision::Restore);
    await_claim(&mut volume, &BTreeMap::from([("s07-app".to_owned(), "other".to_owned())]));
    assert_eq!(
        volume,
        json!({"metadata": {"name": "s07-pv", "annotations": {}},
            "spec": {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "other", "name": "data"}}})
    );
    assert_eq!(records.renewals().count(), 0, "a volume that was not made anew is left alone");
}

#[test]
fn a_damaged_list_is_told_by_its_name() {
    let damaged = |files: Files| {
        let error = VolumeRecords::read(files).unwrap_err();
        assert!(std::error::Error::source(&error).is_some());
        error.to_string()
    };
    let broken = || Some(&b"[{\"pvName\": "[..]);
    assert_eq!(
        damaged(Files { infos: broken(), ..Files::default() }),
        "the backup's list of volume infos is damaged"
    );
    assert_eq!(
        damaged(Files { infos: Some(b"[{\"pvName\": 7}]"), ..Files::default() }),
        "the backup's list of volume infos is damaged"
    );
    assert_eq!(
        damaged(Files { csi_snapshots: broken(), ..Files::default() }),
        "the backup's list of CSI snapshots is damaged"
    );
}

#[test]
fn what_the_backup_noted_on_a_claim_counts_where_no_list_has_it() {
    let noted = |key: &str, files: Files| {
        let mut claim = claim();
        claim["metadata"]["annotations"] = json!({key: "x"});
        VolumeRecords::read(files).unwrap().of_claim(&claim).map(|data| data.to_string())
    };
    let snapshot = "velero.io/volume-snapshot-name";
    assert_eq!(noted(snapshot, Files::default()).unwrap(), "a CSI snapshot (snapshot x)");
    assert_eq!(noted("velero.io/data-upload-name", Files::default()).unwrap(), "a copy of a CSI snapshot");
    assert_eq!(noted("velero.io/else", Files::default()), None);
    assert_eq!(noted(snapshot, info(json!({"skipped": true}))).unwrap(), "nothing");
}

#[test]
fn data_of_a_pod_without_a_claim_is_told_and_does_not_keep_the_pod_away() {
    let infos = json!([
        {"backupMethod": "PodVolumeBackup", "result": "succeeded", "pvbInfo": {"snapshotHandle": "k1", "uploaderType": "kopia", "volumeName": "cache", "podName": "web-0", "podNamespace": "app", "Phase": "Completed"}},
        {"backupMethod": "PodVolumeBackup", "result": "failed", "pvbInfo": {"volumeName": "tmp", "podName": "web-0", "podNamespace": "app", "Phase": "Failed"}},
        {"pvcName": "web-0-scratch", "pvcNamespace": "app", "pvName": "pv2", "backupMethod": "PodVolumeBackup", "pvbInfo": {"snapshotHandle": "k2", "volumeName": "scratch", "podName": "web-0", "podNamespace": "app", "Phase": "Completed"}},
    ]);
    let records = VolumeRecords::read(Files { infos: Some(list(infos)), ..Files::default() }).unwrap();
    let pod = |name: &str| {
        json!({
            "metadata": {"namespace": "app", "name": name, "annotations": {"snapshot.velero.io/old": "r7"}},
            "spec": {"volumes": [{"name": "cache", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}, {"name": "old", "emptyDir": {}},
                {"name": "scratch", "ephemeral": {}}, {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]},
        })
    };
    let lack = decide_pod(&pod("web-0"), &records, PLAIN).unwrap();
    assert!(lack.is_error);
    let told = "cache (a file-system backup (kopia, snapshot k1)), old (a file-system backup (snapshot r7)), scratch (a file-system backup (snapshot k2))";
    assert!(lack.message.ends_with(told), "{}", lack.message);
    assert!(!decide_pod(&pod("web-0"), &records, EMPTY).unwrap().is_error);
    assert!(
        decide_pod(&json!({"metadata": {"namespace": "app", "name": "web-0"}}), &records, PLAIN).is_none()
    );
    let copied = copied(json!(null), "r1");
    let records = VolumeRecords::read(copied).unwrap();
    let lack = decide_pod(&pod("web-0"), &records, PLAIN).unwrap();
    assert!(
        lack.message.contains("d (a file-system backup (restic, 2.0 KiB, snapshot r1))"),
        "{}",
        lack.message
    );
}

#[test]
fn a_stateful_set_must_not_make_what_a_claim_must_not_be() {
    let held = |name: &str| json!({"pvcName": name, "pvcNamespace": "app", "pvName": name, "backupMethod": "CSISnapshot"});
    let mut entries: Vec<Value> =
        ["data-db-0", "data-db-1", "data-db-5", "logs-db-0", "data-db-x", "data-web-0"].map(held).into();
    entries.push(json!({"pvcName": "wal-db-0", "pvcNamespace": "app", "pvName": "w", "skipped": true}));
    entries.push(
        json!({"pvcName": "data-db-0", "pvcNamespace": "app2", "pvName": "x", "backupMethod": "CSISnapshot"}),
    );
    let records =
        VolumeRecords::read(Files { infos: Some(list(json!(entries))), ..Files::default() }).unwrap();
    let claims = |spec: Value, wishes| {
        let mut set = json!({"metadata": {"name": "db"}, "spec": spec});
        set["spec"]["volumeClaimTemplates"] =
            json!([{"metadata": {"name": "data"}}, {"metadata": {"name": "wal"}}]);
        let claims = template_claims(&set, "app", &records, wishes);
        claims.into_iter().map(|claim| claim.name).collect::<Vec<_>>()
    };
    assert_eq!(claims(json!({"replicas": 3}), PLAIN), ["data-db-0", "data-db-1"]);
    assert_eq!(claims(json!({}), PLAIN), ["data-db-0"]);
    assert_eq!(
        claims(json!({"replicas": u64::MAX, "ordinals": {"start": 1}}), PLAIN),
        ["data-db-1", "data-db-5"]
    );
    assert!(claims(json!({"replicas": 0}), PLAIN).is_empty());
    assert!(
        claims(json!({"replicas": 3}), EMPTY).is_empty()
            && claims(json!({"replicas": 3}), NO_SNAPSHOTS).is_empty()
    );
}

#[test]
fn a_volume_that_is_made_anew_is_to_be_like_the_old_one() {
    let renewed = |files: Files| {
        let records = VolumeRecords::read(files).unwrap();
        records.renewals().map(|(claim, like)| format!("{claim} {}", like.reclaim_policy)).collect::<Vec<_>>()
    };
    let method = |method: &str| info(json!({"backupMethod": method}));
    assert_eq!(renewed(method("PodVolumeBackup")), ["app/data Retain"]);
    assert_eq!(renewed(method("CSISnapshot")), ["app/data Retain"]);
    assert!(renewed(method("NativeSnapshot")).is_empty());
    assert!(
        renewed(copied(json!({"velero.io/pvc-name": "data"}), "r1")).is_empty(),
        "an old list does not tell"
    );
}

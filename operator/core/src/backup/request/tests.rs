//! Preparation as snapshots: one fixture is a Backup's spec and what was looked up; the snapshot is what became of the Backup.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fixture {
    /// What the case is about; stands above the snapshot.
    about: String,
    /// The Backup's spec.
    spec: Value,
    /// Name of a storage location -> what is special about it.
    #[serde(default = "one_location")]
    locations: BTreeMap<String, Value>,
    /// Name of a snapshot location -> its provider.
    #[serde(default)]
    snapshot_locations: BTreeMap<String, String>,
    /// Namespaces labelled to be left out.
    #[serde(default)]
    labelled_out: Vec<String>,
    /// What was found of the ConfigMap with the policies.
    policy: Option<Policy>,
    /// Show metadata and status, too.
    #[serde(default)]
    whole: bool,
    /// The API server refuses all lists, with this message.
    refused: Option<String>,
    /// Flags of the server.
    #[serde(default)]
    flags: Flags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Policy {
    Missing,
    Refused,
    #[serde(untagged)]
    Found {
        data: BTreeMap<String, String>,
    },
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Flags {
    volumes_to_fs_backup: bool,
    snapshot_move_data: bool,
    snapshot_locations: BTreeMap<String, String>,
}

fn one_location() -> BTreeMap<String, Value> {
    BTreeMap::from([("default".to_owned(), json!({}))])
}

impl Fixture {
    fn defaults(&self) -> Defaults {
        Defaults {
            storage_location: "default".into(),
            snapshot_locations: self.flags.snapshot_locations.clone(),
            ttl: GoDuration::from_hours(720),
            item_operation_timeout: GoDuration::from_hours(4),
            resource_timeout: GoDuration::from_mins(10),
            volume_group_label: "velero.io/volume-group".into(),
            volumes_to_fs_backup: self.flags.volumes_to_fs_backup,
            snapshot_move_data: self.flags.snapshot_move_data,
        }
    }

    fn observed(&self) -> Observed {
        let location = |(name, extra): (&String, &Value)| {
            let mut object = json!({
                "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": name},
                "spec": {"provider": "aws", "objectStorage": {"bucket": "b"}}, "status": {"phase": "Available"}
            });
            json_patch::merge(&mut object, extra);
            serde_json::from_value(object).unwrap()
        };
        let snapshot_location = |(name, provider): (&String, &String)| {
            serde_json::from_value(json!({
                "apiVersion": "velero.io/v1", "kind": "VolumeSnapshotLocation", "metadata": {"name": name},
                "spec": {"provider": provider}
            }))
            .unwrap()
        };
        let refused = self.refused.as_ref();
        let locations = self.locations.iter().map(location).collect();
        let snapshot_locations = self.snapshot_locations.iter().map(snapshot_location).collect();
        Observed {
            locations: refused.map_or(Ok(locations), |reason| Err(reason.clone())),
            snapshot_locations: refused.map_or(Ok(snapshot_locations), |reason| Err(reason.clone())),
            namespaces_labelled_out: refused
                .map_or(Ok(self.labelled_out.clone()), |reason| Err(reason.clone())),
            policy: self.policy.as_ref().map(|policy| match policy {
                Policy::Found { data } => PolicyConfigMap::Found(data.clone()),
                Policy::Missing => PolicyConfigMap::NotFound,
                Policy::Refused => PolicyConfigMap::Refused("is forbidden".into()),
            }),
            server_version: ("v1.36.3".into(), "1".into(), "36".into()),
        }
    }

    fn backup(&self) -> Backup {
        serde_json::from_value(json!({
            "apiVersion": "velero.io/v1", "kind": "Backup", "spec": self.spec,
            "metadata": {"name": "b1", "namespace": "velero", "uid": "u1"},
        }))
        .unwrap()
    }
}

/// The phase, the faults, and of the spec what is not in every Backup.
fn show(fixture: &Fixture, backup: &Backup, request: Option<&BackupRequest>) -> String {
    let status = backup.status.as_ref().unwrap();
    let mut lines =
        vec![fixture.about.trim().to_owned(), String::new(), format!("phase: {}", backup.phase())];
    lines.extend(status.validation_errors.iter().map(|fault| format!("fault: {fault}")));
    let mut shown = json!({"spec": backup.spec});
    if fixture.whole {
        shown["metadata"] = json!(backup.metadata);
        shown["status"] = json!(status);
    } else {
        let always = prepared_from_nothing();
        shown["spec"].as_object_mut().unwrap().retain(|field, value| always.get(field) != Some(value));
    }
    if let Some(request) = request.filter(|request| !request.ordered_resources.is_empty()) {
        shown["ordered"] = json!(request.ordered_resources);
    }
    lines.push(serde_yaml_ng::to_string(&shown).unwrap());
    lines.join("\n")
}

fn prepared_from_nothing() -> Value {
    let fixture: Fixture = serde_yaml_ng::from_str("{about: nothing, spec: {}}").unwrap();
    let mut backup = fixture.backup();
    prepare(&mut backup, &fixture.observed(), &fixture.defaults(), now()).unwrap();
    json!(backup.spec)
}

fn now() -> Timestamp {
    "2026-05-21T10:00:00Z".parse().unwrap()
}

#[test]
fn validation() {
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::glob!("../../../../../tests/fixtures/validation", "*.yaml", |path| {
            let fixture: Fixture = serde_yaml_ng::from_str(&read_to_string(path).unwrap()).unwrap();
            let (observed, defaults) = (fixture.observed(), fixture.defaults());
            let mut backup = fixture.backup();
            let request = prepare(&mut backup, &observed, &defaults, now());
            assert_eq!(request.is_some(), *backup.phase() == BackupPhase::InProgress);
            assert_eq!(request.is_none(), !backup.status.as_ref().unwrap().validation_errors.is_empty());

            if request.is_some() {
                let mut again = backup.clone();
                prepare(&mut again, &observed, &defaults, now());
                assert_eq!(again, backup, "a backup that was prepared before comes out the same");
            }
            insta::assert_snapshot!("validation", show(&fixture, &backup, request.as_ref()));
        });
    });
}

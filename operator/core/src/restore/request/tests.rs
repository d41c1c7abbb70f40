//! Preparation as snapshots: one fixture is a Restore's spec and what was looked up; the snapshot is what became of the Restore.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::hooks::pod::TargetPod;
use crate::hooks::restore::hooks_of;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fixture {
    /// What the case is about; stands above the snapshot.
    about: String,
    /// The Restore's spec.
    spec: Value,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// The Restore's status, for one that a server has begun before.
    #[serde(default)]
    status: Value,
    /// The Backups that were found: name -> schedule, phase, started and location, where they are not as those of most.
    #[serde(default = "one_backup")]
    backups: BTreeMap<String, FoundBackup>,
    /// Name of a location -> its phase.
    #[serde(default = "one_location")]
    locations: BTreeMap<String, String>,
    #[serde(default)]
    modifier_faults: Vec<String>,
    /// Show what the engine gets, too.
    #[serde(default)]
    request: bool,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct FoundBackup {
    schedule: Option<String>,
    phase: String,
    started: Option<String>,
    location: String,
}

impl Default for FoundBackup {
    fn default() -> Self {
        Self { schedule: None, phase: "Completed".into(), started: None, location: "default".into() }
    }
}

fn one_backup() -> BTreeMap<String, FoundBackup> {
    BTreeMap::from([("b1".to_owned(), FoundBackup::default())])
}

fn one_location() -> BTreeMap<String, String> {
    BTreeMap::from([("default".to_owned(), "Available".to_owned())])
}

fn object<T: serde::de::DeserializeOwned>(kind: &str, name: &str, fields: Value) -> T {
    let mut object = json!({
        "apiVersion": "velero.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "velero", "uid": "u1"},
    });
    json_patch::merge(&mut object, &fields);
    serde_json::from_value(object).unwrap()
}

impl Fixture {
    fn observed(&self) -> Observed {
        let backup = |(name, found): (&String, &FoundBackup)| {
            let labels = found.schedule.as_ref().map(|schedule| json!({"velero.io/schedule-name": schedule}));
            let status = json!({"phase": found.phase, "startTimestamp": found.started});
            let spec = json!({"storageLocation": found.location});
            object("Backup", name, json!({"metadata": {"labels": labels}, "spec": spec, "status": status}))
        };
        let location = |(name, phase): (&String, &String)| {
            let spec = json!({"provider": "aws", "objectStorage": {"bucket": "b"}});
            object("BackupStorageLocation", name, json!({"spec": spec, "status": {"phase": phase}}))
        };
        Observed {
            backups: self.backups.iter().map(backup).collect(),
            locations: self.locations.iter().map(location).collect(),
            modifier_faults: self.modifier_faults.clone(),
        }
    }

    fn restore(&self) -> Restore {
        let annotations = json!({"annotations": self.annotations});
        object("Restore", "r1", json!({"metadata": annotations, "spec": self.spec, "status": self.status}))
    }
}

/// The status, of the spec what is not in every Restore, and what the engine gets where the case is about that.
fn show(fixture: &Fixture, restore: &Restore, request: Option<&RestoreRequest>) -> String {
    let mut spec = json!(restore.spec);
    let usual = json!({"excludedResources": NON_RESTORABLE, "hooks": {}, "itemOperationTimeout": "4h0m0s"});
    spec.as_object_mut().unwrap().retain(|field, value| usual.get(field) != Some(value));
    let shown = json!({"status": restore.status, "spec": spec});
    let shown = serde_yaml_ng::to_string(&shown).unwrap();
    let request = request.filter(|_| fixture.request).map(|request| {
        let RestoreRequest { backup_name, schedule_name, restore_volumes, allow_empty_volumes, .. } = request;
        let RestoreRequest { modifier, item_operation_timeout, existing, .. } = request;
        let pod = json!({"metadata": {"namespace": "shop-2", "labels": {"tier": "database"}}});
        let hooks = hooks_of(&TargetPod::read(&pod), &request.hooks).hooks;
        let hooks: Vec<String> = hooks.iter().map(|hook| hook.exec.command.join(" ")).collect();
        format!(
            "backup: {backup_name:?} of {schedule_name:?}\nvolumes: {restore_volumes:?}, empty ones allowed: {allow_empty_volumes}\n\
             modifier: {modifier:?}\noperations: {item_operation_timeout}\nexisting: {existing:?}\nhooks of a database in shop-2: {hooks:?}\n"
        )
    });
    format!("{}\n\n{shown}{}", fixture.about.trim(), request.unwrap_or_default())
}

fn prepare_at(fixture: &Fixture, restore: &mut Restore, now: &str) -> Option<RestoreRequest> {
    let defaults =
        Defaults { item_operation_timeout: GoDuration::from_hours(4), priorities: Priorities::default() };
    prepare(restore, &fixture.observed(), &defaults, now.parse().unwrap())
}

#[test]
fn validation() {
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::glob!("../../../../../tests/fixtures/restore-validation", "*.yaml", |path| {
            let fixture: Fixture = serde_yaml_ng::from_str(&read_to_string(path).unwrap()).unwrap();
            let mut restore = fixture.restore();
            let request = prepare_at(&fixture, &mut restore, "2026-05-21T10:00:00Z");
            assert_eq!(request.is_some(), *restore.phase() == RestorePhase::InProgress);

            if let Some(request) = &request {
                let mut again = restore.clone();
                let request_again = prepare_at(&fixture, &mut again, "2026-05-21T11:00:00Z").unwrap();
                assert_eq!(again, restore, "a restore that was prepared before comes out the same");
                assert_eq!(request_again.backup_name, request.backup_name);
            }
            insta::assert_snapshot!("restore-validation", show(&fixture, &restore, request.as_ref()));
        });
    });
}

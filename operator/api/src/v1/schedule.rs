//! Schedule: makes a Backup whenever a cron expression says so.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default},
    v1::BackupSpec,
};

/// Which backups are made and when.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["schedule", "template"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "Schedule",
    namespaced,
    status = "ScheduleStatus",
    derive = "Default",
    derive = "PartialEq",
    printcolumn(name = "Status", json_path = ".status.phase", type_ = "string"),
    printcolumn(name = "Schedule", json_path = ".spec.schedule", type_ = "string"),
    printcolumn(name = "LastBackup", json_path = ".status.lastBackup", type_ = "date"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(name = "Paused", json_path = ".spec.paused", type_ = "boolean"),
    doc = "A template for backups, and the times at which one is made from it."
)]
pub struct ScheduleSpec {
    /// The spec of every backup that is made.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub template: BackupSpec,
    /// When: a cron expression of five fields, or a word such as `@daily` or `@every 6h`.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub schedule: String,
    /// Whether the Schedule owns the backups that it made, so that they go away with it.
    #[schemars(extend("nullable" = true))]
    pub use_owner_references_in_backup: Option<bool>,
    /// Whether no backups are made for now.
    pub paused: bool,
    /// Whether a backup that is due when the Schedule is first seen, or resumed, is left out once. Not set: the server's default.
    pub skip_immediately: Option<bool>,
}

absent_spec_is_default!(ScheduleSpec);

/// Whether a Schedule can be obeyed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SchedulePhase {
    /// Not yet looked at. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// Backups are made when they are due.
    Enabled,
    /// The expression cannot be understood; no backups are made until it is changed.
    FailedValidation,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(SchedulePhase);

/// What a server knows about a Schedule.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScheduleStatus {
    /// Whether the Schedule can be obeyed.
    pub phase: Option<SchedulePhase>,
    /// When a backup was last made from it.
    #[schemars(extend("nullable" = true))]
    pub last_backup: Option<Time>,
    /// When a backup that was due was last left out on request.
    #[schemars(extend("nullable" = true))]
    pub last_skipped: Option<Time>,
    /// What is wrong with the expression.
    pub validation_errors: Vec<String>,
}

impl Schedule {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &SchedulePhase {
        self.status.as_ref().and_then(|status| status.phase.as_ref()).unwrap_or(&SchedulePhase::New)
    }
}

//! The files of a case.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compare::{Difference, fits};
use crate::fixtures::{folders, name, parse_yaml, prefix};

/// A case.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// How the names of its objects start, with the dash.
    pub(super) prefix: String,
    pub(super) steps: Vec<Step>,
    pub(super) deviations: Vec<Deviation>,
}

/// The file `case.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "about")]
    _about: String,
    steps: Vec<Step>,
}

/// What is done, and what came of it: fields that are not in the recording are not compared.
#[derive(Deserialize)]
pub(super) struct Step {
    #[serde(flatten)]
    pub(super) action: Action,
    #[serde(default)]
    pub(super) recorded: Value,
    /// The namespaces that are looked into after a restore.
    #[serde(default)]
    pub(super) namespaces: Vec<String>,
    /// The objects outside of namespaces that are looked for, as `plural.group/name`.
    #[serde(default)]
    pub(super) cluster: Vec<String>,
}

/// What a step does.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    /// Applies the manifests of a file.
    Apply(String),
    /// `velero backup create` with these arguments, the first of which is the name; then [`Action::End`].
    Backup(Vec<String>),
    /// The end of a backup: the object, and all that is in the bucket.
    End(String),
    /// A command of the CLI.
    Velero(Vec<String>),
    /// `velero backup logs`.
    Logs(String),
    /// `velero backup download`.
    Download(String),
    /// The keys in the bucket that begin with this.
    Keys(String),
    /// Deletes objects, each `apiVersion/Kind namespace/name`, and waits for their end.
    Remove(Vec<String>),
    /// Changes an object by a merge patch.
    Patch { object: String, merge: Value },
    /// `velero restore create` with these arguments, the first of which is the name; then [`Action::RestoreEnd`].
    Restore(Vec<String>),
    /// The end of a restore: the object, what is in the bucket, and in the cluster.
    RestoreEnd(String),
    /// `velero restore logs`.
    RestoreLogs(String),
}

/// A difference that is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviation {
    /// Where, as the report of a difference says it.
    pub(super) at: String,
    /// What was recorded there; absent for what is only here.
    recorded: Option<Value>,
    /// What is there now, with the placeholders that recordings have; absent for what is only in the recording.
    here: Option<Value>,
    #[serde(rename = "reason")]
    _reason: String,
}

impl Case {
    /// All cases, by their names.
    pub(super) fn all() -> Result<Vec<Self>> {
        folders("recordings").into_iter().map(|folder| Self::read(folder, &[])).collect()
    }

    /// Reads a folder. Each of `names` is a name in the recording, and the one that stands for it.
    pub(super) fn read(folder: PathBuf, names: &[(&str, &str)]) -> Result<Self> {
        let document: Document = read(&folder.join("case.yaml"), names)?;
        let deviations = folder.join("deviations.yaml");
        let deviations = if deviations.exists() { read(&deviations, names)? } else { Vec::new() };
        let name = name(&folder);
        Ok(Self { prefix: prefix(&name), name, folder, steps: document.steps, deviations })
    }
}

fn read<T: DeserializeOwned>(file: &Path, names: &[(&str, &str)]) -> Result<T> {
    let mut text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    for (recorded, here) in names {
        text = text.replace(recorded, here);
    }
    parse_yaml(&text).with_context(|| format!("read {}", file.display()))
}

impl Step {
    /// How reports call a field of what came of it.
    pub(super) fn field(&self, field: &str) -> String {
        format!("{}: {field}", self.action.name())
    }
}

impl Action {
    /// Whether other cases would see something of this: their backups have to be through.
    pub(super) fn is_seen_by_others(&self) -> bool {
        matches!(self, Self::Remove(_) | Self::Restore(_))
    }

    /// How reports call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Apply(file) => format!("apply {file}"),
            Self::Backup(arguments) => {
                format!("backup {}", arguments.first().map_or("", String::as_str))
            }
            Self::End(name) => format!("end {name}"),
            Self::Velero(arguments) => format!("velero {}", arguments.join(" ")),
            Self::Logs(name) => format!("logs {name}"),
            Self::Download(name) => format!("download {name}"),
            Self::Keys(prefix) => format!("keys {prefix}"),
            Self::Remove(objects) => format!("remove {}", objects.join(", ")),
            Self::Patch { object, .. } => format!("patch {object}"),
            Self::Restore(arguments) => {
                format!("restore {}", arguments.first().map_or("", String::as_str))
            }
            Self::RestoreEnd(name) => format!("end of restore {name}"),
            Self::RestoreLogs(name) => format!("logs of restore {name}"),
        }
    }
}

impl Deviation {
    /// Whether this is that difference.
    pub(super) fn explains(&self, difference: &Difference) -> bool {
        let is_here = match (&self.here, &difference.here) {
            (Some(explained), Some(here)) => fits(explained, here),
            (None, None) => true,
            _ => false,
        };
        self.at == difference.at && self.recorded == difference.recorded && is_here
    }
}

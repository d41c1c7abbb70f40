//! A golden case: a folder with an item and what is to come out of it.
//!
//! ```text
//! <action>/cases/<case>/item.yaml         the item
//!                       expected.yaml     the item afterwards      }
//!                       unchanged         empty                    }  exactly
//!                       skip.txt          part of the reason       }  one
//!                       error.txt         part of the reason       }
//!                       run.yaml          purpose, name, ...       optional, see `RunFile`
//!                       original.yaml     restore: as in the archive
//!                       related.yaml      [{group, resource, namespace, name}], none without it
//!                       log.txt           lines of log, each a part of one
//!                       cluster/*.yaml    what the action finds where it asks the cluster
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use lateen_actions::{MANIFEST_KEY, ObjectRef, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{KitError, file, folder_cluster::FolderCluster};

/// The folder of cases beside a manifest.
pub(crate) const CASES: &str = "cases";

/// Cases of one action, and levels of folders in which actions are looked for: more is a mistake in a path.
const MOST_CASES: usize = 10_000;
const DEPTH: usize = 16;

/// Names and reasons.
const TEXT: usize = 64 << 10;

pub(crate) const ITEM: &str = "item.yaml";
pub(crate) const ORIGINAL: &str = "original.yaml";
pub(crate) const EXPECTED: &str = "expected.yaml";
pub(crate) const UNCHANGED: &str = "unchanged";
pub(crate) const SKIP: &str = "skip.txt";
pub(crate) const ERROR: &str = "error.txt";
pub(crate) const RELATED: &str = "related.yaml";
const RUN: &str = "run.yaml";
const LOG: &str = "log.txt";
const CLUSTER: &str = "cluster";

/// The four of which a case has one.
pub(crate) const OUTCOMES: [&str; 4] = [EXPECTED, UNCHANGED, SKIP, ERROR];

/// A case as it lies on disk.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Name of the folder.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) item: Value,
    pub(crate) original: Option<Value>,
    pub(crate) run: RunFile,
    pub(crate) expected: Option<Expected>,
    pub(crate) related: Vec<ObjectRef>,
    pub(crate) log: Vec<String>,
    /// `None`: there is no cluster.
    pub(crate) cluster: Option<Arc<FolderCluster>>,
}

/// What is to come out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    /// This item.
    Item(Value),
    /// The item as it went in.
    Unchanged,
    /// It is left out, with this in the reason.
    Skip(String),
    /// The action fails, with this in the reason.
    Error(String),
}

/// `run.yaml`; nothing in it is required.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct RunFile {
    /// The role; by default the first of the manifest.
    pub(crate) purpose: Option<Role>,
    /// Name of the Backup or Restore.
    pub(crate) name: String,
    /// Restore: where the item would be created.
    pub(crate) target_namespace: Option<String>,
    /// Feature flags that are on.
    pub(crate) features: Vec<String>,
    /// Start of the run, milliseconds since 1970 UTC; also the time that the action sees.
    pub(crate) started_ms: u64,
    /// Plural of the item, `plural.group`, where it is not one of Kubernetes' own kinds.
    pub(crate) resource: Option<String>,
    /// Whether the case is run once more with a large integer in the item; `false` for actions that rightly take off fields they do not know.
    pub(crate) probe: bool,
}

impl Default for RunFile {
    fn default() -> Self {
        Self {
            purpose: None,
            name: "test".to_owned(),
            target_namespace: None,
            features: Vec::new(),
            // 2026-01-01T00:00:00Z
            started_ms: 1_767_225_600_000,
            resource: None,
            probe: true,
        }
    }
}

/// A related object in `related.yaml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RelatedFile {
    #[serde(default)]
    group: String,
    resource: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
}

/// Folders with a manifest and cases, at or below a path, in their order.
pub(crate) fn actions(path: &Path) -> Result<Vec<PathBuf>, KitError> {
    let mut found = Vec::new();
    search(path, DEPTH, &mut found)?;
    Ok(found)
}

fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), KitError> {
    if folder.join(MANIFEST_KEY).is_file() {
        found.push(folder.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    for inner in folders(folder)? {
        search(&inner, depth - 1, found)?;
    }
    Ok(())
}

/// The cases of an action, in their order; `filter` is a part of the name.
pub(crate) fn cases(action: &Path, filter: Option<&str>) -> Result<Vec<PathBuf>, KitError> {
    let folder = action.join(CASES);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut cases = folders(&folder)?;
    cases.retain(|case| filter.is_none_or(|filter| name(case).contains(filter)));
    if cases.len() > MOST_CASES {
        return Err(KitError::Content(format!("{} has more than {MOST_CASES} cases", folder.display())));
    }
    Ok(cases)
}

/// Folders below a folder, sorted, without hidden ones and without links, which can lead in circles.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, KitError> {
    let failed = |source| KitError::Read { path: folder.to_owned(), source };
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type().map_err(failed)?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// The last part of a path.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Case {
    /// Reads a case. A case without an outcome is one that is still to be written, by `--update` for instance.
    pub(crate) fn read(folder: &Path) -> Result<Self, KitError> {
        let path = |name: &str| folder.join(name);
        let there = |name: &str| path(name).exists();
        let outcomes: Vec<&str> = OUTCOMES.into_iter().filter(|name| there(name)).collect();
        let expected = match outcomes.as_slice() {
            [] => None,
            [EXPECTED] => Some(Expected::Item(file::document(&path(EXPECTED))?)),
            [SKIP] => Some(Expected::Skip(file::text(&path(SKIP), TEXT)?.trim().to_owned())),
            [ERROR] => Some(Expected::Error(file::text(&path(ERROR), TEXT)?.trim().to_owned())),
            [UNCHANGED] => Some(Expected::Unchanged),
            several => {
                let text =
                    format!("{} has {}; a case has one of them", folder.display(), several.join(" and "));
                return Err(KitError::Content(text));
            }
        };
        let run = if there(RUN) { shaped(&path(RUN))? } else { RunFile::default() };
        let related: Vec<RelatedFile> = if there(RELATED) { shaped(&path(RELATED))? } else { Vec::new() };
        let cluster =
            if there(CLUSTER) { Some(Arc::new(FolderCluster::read(&path(CLUSTER))?)) } else { None };
        let log = if there(LOG) { file::text(&path(LOG), TEXT)? } else { String::new() };
        Ok(Self {
            name: name(folder),
            item: file::document(&path(ITEM))?,
            original: if there(ORIGINAL) { Some(file::document(&path(ORIGINAL))?) } else { None },
            run,
            expected,
            related: related.into_iter().map(ObjectRef::from).collect(),
            log: log.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            cluster,
            folder: folder.to_owned(),
        })
    }

    /// Writes what is expected from now on, in place of what was.
    pub(crate) fn write(&self, expected: &Expected, related: &[ObjectRef]) -> Result<&'static str, KitError> {
        let (name, text) = match expected {
            Expected::Item(item) => (EXPECTED, yaml(item)?),
            Expected::Unchanged => (UNCHANGED, String::new()),
            Expected::Skip(reason) => (SKIP, format!("{reason}\n")),
            Expected::Error(reason) => (ERROR, format!("{reason}\n")),
        };
        for old in OUTCOMES.into_iter().filter(|old| *old != name) {
            self.remove(old)?;
        }
        self.put(name, &text)?;
        if related.is_empty() {
            self.remove(RELATED)?;
        } else {
            let related: Vec<RelatedFile> = related.iter().cloned().map(RelatedFile::from).collect();
            self.put(RELATED, &yaml(&related)?)?;
        }
        Ok(name)
    }

    fn put(&self, name: &str, text: &str) -> Result<(), KitError> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|source| KitError::Write { path, source })
    }

    fn remove(&self, name: &str) -> Result<(), KitError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(KitError::Write { path, source })
            }
            _ => Ok(()),
        }
    }
}

fn yaml(value: &impl Serialize) -> Result<String, KitError> {
    serde_yaml_ng::to_string(value).map_err(|error| KitError::Content(format!("cannot write YAML: {error}")))
}

/// A small file of a known shape.
fn shaped<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, KitError> {
    let text = file::text(path, TEXT)?;
    serde_yaml_ng::from_str(&text).map_err(|error| match error.location() {
        Some(place) => file::at(path, place.line(), place.column(), &error.to_string()),
        None => KitError::Content(format!("{}: {error}", path.display())),
    })
}

impl From<RelatedFile> for ObjectRef {
    fn from(RelatedFile { group, resource, namespace, name }: RelatedFile) -> Self {
        Self { group, resource, namespace, name }
    }
}

impl From<ObjectRef> for RelatedFile {
    fn from(ObjectRef { group, resource, namespace, name }: ObjectRef) -> Self {
        Self { group, resource, namespace, name }
    }
}

#[cfg(test)]
mod tests;

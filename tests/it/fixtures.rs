//! Cases that are folders of files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use lateen_test_harness::{Installation, wait_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::world::LIMIT;

/// The folders of a folder of `tests/fixtures`, by their names.
pub(crate) fn folders(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind);
    let entries = fs::read_dir(&root).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// The last part of a path.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How the names of all objects of a case start: with its own up to the first dash, and the dash.
pub(crate) fn prefix(case: &str) -> String {
    format!("{}-", case.split('-').next().unwrap_or_default())
}

/// Whether an object that is in `namespace` (empty for cluster-scoped ones) belongs to the case with this prefix.
pub(crate) fn is_own(prefix: &str, namespace: &str, name: &str) -> bool {
    let place = if namespace.is_empty() { name } else { namespace };
    // Definitions are named by their group.
    let group = prefix.replace('-', ".example");
    place.starts_with(prefix) || place.ends_with(&group)
}

/// Reads a YAML file.
pub(crate) fn read_yaml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let read = || parse_yaml(&fs::read_to_string(path)?);
    read().with_context(|| format!("read {}", path.display()))
}

/// Reads YAML by way of JSON values: the enums of the documents are maps with one key, which is not how YAML would write enums.
pub(crate) fn parse_yaml<T: DeserializeOwned>(text: &str) -> Result<T> {
    let value: Value = serde_yaml_ng::from_str(text)?;
    Ok(serde_json::from_value(value)?)
}

/// Deletes an object that something holds, named `apiVersion/Kind namespace/name`; a namespace counts as deleted when only what is held
/// is left in it.
pub(crate) async fn delete_and_hold(velero: &Installation<'_>, object: &str) -> Result<()> {
    let (kind, place) = object.split_once(' ').context("write it as `apiVersion/Kind namespace/name`")?;
    let (namespace, name) = place.split_once('/').unwrap_or(("", place));
    velero.objects().delete(kind, namespace, name).await?;
    wait_for(&format!("the end of {object} to be held up"), LIMIT, async || {
        let found = velero.objects().get(kind, namespace, name).await?.context("it is gone")?;
        let conditions = found["status"]["conditions"].as_array();
        let waits_for_others = conditions
            .into_iter()
            .flatten()
            .any(|it| it["type"] == "NamespaceFinalizersRemaining" && it["status"] == "True");
        Ok((kind != "v1/Namespace" || waits_for_others).then_some(()))
    })
    .await
}

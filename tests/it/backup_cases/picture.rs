//! A backup as its snapshot shows it: how it ended, what is in its archive, and what it says about it.

use std::fs;
use std::io::Read as _;

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use lateen_test_harness::{Entry, Installation};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Case, SERVER};
use crate::fixtures::is_own;
use crate::redaction::redacted;
use crate::world::cluster;

/// The files that a backup that has run leaves, after its name.
const FILES: [&str; 9] = [
    "-itemoperations.json.gz",
    "-logs.gz",
    "-podvolumebackups.json.gz",
    "-resource-list.json.gz",
    "-results.gz",
    "-volumeinfo.json.gz",
    "-volumesnapshots.json.gz",
    ".tar.gz",
    "velero-backup.json",
];

/// What is accepted.
#[derive(Serialize)]
pub(super) struct Picture<'a> {
    about: &'a str,
    status: Value,
    /// The entries in their order, without the ones for the preferred version where those repeat the entry before: that is what `{,}` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tree: Vec<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    resources: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    results: Value,
    #[serde(skip_serializing_if = "is_empty")]
    volumes: Value,
    #[serde(skip_serializing_if = "is_empty")]
    operations: Value,
    /// What commands in pods have written into the file `ID-trace`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace: Vec<String>,
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty)
}

impl<'a> Picture<'a> {
    /// Looks at a backup that has ended.
    pub(super) fn take(velero: &Installation<'_>, case: &'a Case, ended: &Value) -> Result<Self> {
        let bucket = velero.bucket();
        let name = case.name.as_str();
        let keys = bucket.keys_of(name)?;
        // Where the server's namespace has a name of its own, messages have it too.
        let read = |text: &str| serde_json::from_str(&text.replace(velero.namespace(), SERVER)).map(redacted);
        let mut picture = Self {
            about: &case.document.about,
            status: read(&ended["status"].to_string()).context("read the status")?,
            tree: Vec::new(),
            resources: Value::Null,
            results: Value::Null,
            volumes: Value::Null,
            operations: Value::Null,
            trace: trace(case)?,
        };
        if ended["status"]["startTimestamp"].is_null() {
            ensure!(keys.is_empty(), "a backup that did not run has left {keys:?}");
            return Ok(picture);
        }
        let named = |file: &str| {
            let name = if file.starts_with(['-', '.']) { name } else { "" };
            format!("backups/{}/{name}{file}", case.name)
        };
        let mut expected = FILES.map(named);
        expected.sort();
        ensure!(keys == expected, "a backup has left {keys:?}");
        let file = |file: &str| -> Result<Value> {
            let mut text = String::new();
            let bytes = bucket.read(&named(file))?;
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).with_context(|| format!("unpack {file}"))?;
            read(&text).with_context(|| format!("read {file}"))
        };
        let resources = file("-resource-list.json.gz")?;
        let all = count(&resources);
        picture.resources = case.own_resources(resources);
        let others = all - count(&picture.resources);
        for (_, counted) in picture.status["progress"].as_object_mut().into_iter().flatten() {
            *counted = json!(counted.as_u64().unwrap_or(0).saturating_sub(others));
        }
        picture.tree = case.tree(&bucket.archive(name)?);
        picture.results = file("-results.gz")?;
        picture.volumes = file("-volumeinfo.json.gz")?;
        picture.operations = file("-itemoperations.json.gz")?;
        Ok(picture)
    }
}

fn count(resources: &Value) -> u64 {
    let lists = resources.as_object().into_iter().flat_map(Map::values);
    lists.map(|list| list.as_array().map_or(0, Vec::len) as u64).sum()
}

fn trace(case: &Case) -> Result<Vec<String>> {
    let file = cluster().directory().join("exec").join(format!("{}trace", case.prefix));
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file).context("read what commands in pods have written")?;
    Ok(text.lines().map(str::to_owned).collect())
}

impl Case {
    /// The case's own part of a resource list.
    fn own_resources(&self, mut resources: Value) -> Value {
        for (kind, list) in resources.as_object_mut().into_iter().flatten() {
            let is_left_out = kind.ends_with("/Event") && !self.document.events;
            let Some(list) = list.as_array_mut() else { continue };
            list.retain(|item| {
                let (namespace, name) =
                    item.as_str().map_or(("", ""), |item| item.split_once('/').unwrap_or(("", item)));
                !is_left_out && is_own(&self.prefix, namespace, name)
            });
        }
        if let Some(kinds) = resources.as_object_mut() {
            kinds.retain(|_, list| list != &json!([]));
        }
        resources
    }

    /// The case's own part of an archive.
    fn tree(&self, entries: &[Entry]) -> Vec<String> {
        let mut entries = entries.iter().filter(|entry| self.is_shown(&entry.path)).peekable();
        let mut tree = Vec::new();
        while let Some(entry) = entries.next() {
            let repeated = entries
                .next_if(|next| next.content == entry.content && is_preferred(&entry.path, &next.path));
            tree.push(match repeated.and_then(|next| next.path.split('/').nth(2)) {
                Some(version) => with_version(&entry.path, &format!("{{,{version}/}}")),
                None => entry.path.clone(),
            });
        }
        tree
    }

    fn is_shown(&self, path: &str) -> bool {
        let Some(item) = path.strip_prefix("resources/") else { return true };
        if item.starts_with("events") && !self.document.events {
            return false;
        }
        let mut parts = item.trim_end_matches(".json").rsplit('/');
        let name = parts.next().unwrap_or_default();
        let namespace = parts.next().filter(|part| *part != "cluster").unwrap_or_default();
        is_own(&self.prefix, namespace, name)
    }
}

/// Whether `other` is the same item as `path`, below its preferred version.
fn is_preferred(path: &str, other: &str) -> bool {
    let version = other.split('/').nth(2).filter(|part| part.ends_with("-preferredversion"));
    version.is_some_and(|version| with_version(path, &format!("{version}/")) == other)
}

/// A path with something put in after its kind.
fn with_version(path: &str, version: &str) -> String {
    let mut parts: Vec<&str> = path.splitn(3, '/').collect();
    let rest = parts.pop().unwrap_or_default();
    format!("{}/{version}{rest}", parts.join("/"))
}

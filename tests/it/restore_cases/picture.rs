//! A restore as its snapshot shows it: how it ended, what it says about it, and what is in the cluster then.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use lateen_test_cluster::Cluster;
use lateen_test_harness::Installation;
use serde::Serialize;
use serde_json::Value;

use super::objects::{self, Also};
use super::{Case, SERVER};
use crate::redaction::{racy, random_names, redacted};

/// The files that a restore that has run leaves, with its name in the place of `NAME`.
const FILES: [&str; 5] = [
    "NAME-volumeinfo.json.gz",
    "restore-NAME-itemoperations.json.gz",
    "restore-NAME-logs.gz",
    "restore-NAME-resource-list.json.gz",
    "restore-NAME-results.gz",
];

/// What is accepted.
#[derive(Serialize)]
pub(super) struct Picture<'a> {
    about: &'a str,
    status: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    results: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    resources: Value,
    #[serde(skip_serializing_if = "is_empty")]
    operations: Value,
    #[serde(skip_serializing_if = "is_empty")]
    volumes: Value,
    /// The kinds in the order in which their objects were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order: Vec<String>,
    /// What commands in pods have written into the file `ID-trace`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace: Vec<String>,
    /// What the case has in the cluster afterwards.
    objects: BTreeMap<String, Value>,
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty)
}

impl<'a> Picture<'a> {
    /// Looks at a restore that has ended. `everything` is what there is in the cluster.
    pub(super) fn take(
        cluster: &Cluster,
        velero: &Installation<'_>,
        case: &'a Case,
        ended: &Value,
        everything: &[(String, Value)],
    ) -> Result<Self> {
        // Where the server's namespace has a name of its own, messages have it too.
        let is_own = |object: &&Value| {
            let namespace = object["metadata"]["namespace"].as_str();
            namespace.is_some_and(|namespace| namespace.starts_with(&case.prefix))
        };
        let own: Vec<Value> = everything.iter().map(|(_, object)| object).filter(is_own).cloned().collect();
        let names = random_names(&own);
        let read = |text: &str| -> Result<Value> {
            let text = names.iter().fold(text.to_owned(), |text, (name, shown)| text.replace(name, shown));
            Ok(redacted(serde_json::from_str(&text.replace(velero.namespace(), SERVER))?))
        };
        let shows_order = case.document.show.contains(&Also::Order);
        let mut picture = Self {
            about: &case.document.about,
            status: read(&ended["status"].to_string()).context("read the status")?,
            results: Value::Null,
            resources: Value::Null,
            operations: Value::Null,
            volumes: Value::Null,
            order: if shows_order { objects::order(case, everything) } else { Vec::new() },
            trace: trace(cluster, case)?,
            objects: objects::after(case, everything),
        };
        let bucket = velero.bucket();
        let folder = format!("restores/{}/", case.name);
        let keys: Vec<String> = bucket.keys()?.into_iter().filter(|key| key.starts_with(&folder)).collect();
        if ended["status"]["startTimestamp"].is_null() {
            ensure!(keys.is_empty(), "a restore that did not run has left {keys:?}");
            return Ok(picture);
        }
        let expected = FILES.map(|file| format!("{folder}{}", file.replace("NAME", &case.name)));
        let is_there = expected.iter().all(|key| keys.contains(key)) && keys.len() == expected.len();
        ensure!(is_there, "a restore has left {keys:?}");
        let file = |number: usize| -> Result<Value> {
            let mut text = String::new();
            let bytes = bucket.read(&expected[number])?;
            GzDecoder::new(&bytes[..])
                .read_to_string(&mut text)
                .with_context(|| format!("unpack {}", expected[number]))?;
            read(&text).with_context(|| format!("read {}", expected[number]))
        };
        picture.volumes = file(0)?;
        picture.operations = file(1)?;
        picture.resources = racy(file(3)?);
        picture.results = sorted(file(4)?);
        Ok(picture)
    }
}

/// A value whose lists are sorted: items are restored side by side.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, sorted(value))).collect(),
        Value::Array(mut values) => {
            values.sort_by_key(Value::to_string);
            Value::Array(values)
        }
        other => other,
    }
}

fn trace(cluster: &Cluster, case: &Case) -> Result<Vec<String>> {
    let file = cluster.directory().join("exec").join(format!("{}trace", case.prefix));
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file).context("read what commands in pods have written")?;
    Ok(text.lines().map(str::to_owned).collect())
}

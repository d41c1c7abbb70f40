//! A backup that is written down: `archive.yaml` has the entries of the archive, by their paths and in their order. A text is the entry's
//! bytes, anything else becomes JSON. `metadata/version` need not be written. `bucket.yaml` has other files of the backup, by what follows
//! its name in theirs (`-volumeinfo.json.gz`), and under `backup` what its Backup has beyond what every one has.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use lateen_test_harness::{Bucket, Installation, LOCATION, pack};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Case, SERVER};
use crate::fixtures::read_yaml;

/// What every archive has.
const VERSION: (&str, &str) = ("metadata/version", "1.1.0\n");

/// The file `bucket.yaml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Fields of the Backup, over those that every one has.
    #[serde(default)]
    backup: Value,
    /// Files beside the archive.
    #[serde(default)]
    files: BTreeMap<String, Value>,
}

impl Case {
    /// Writes the backup into the bucket, and makes its object.
    pub(super) async fn pack(&self, velero: &Installation<'_>) -> Result<()> {
        let file = self.folder.join("bucket.yaml");
        let document = if file.exists() { read_yaml(&file)? } else { Document::default() };
        let bucket = velero.bucket();
        bucket.write(&Bucket::archive_key(&self.name), &self.archive(velero)?)?;
        for (ending, content) in &document.files {
            let key = format!("backups/{}/{}{ending}", self.name, self.name);
            let content = bytes(content);
            bucket.write(
                &key,
                &if ending.strip_suffix(".gz").is_some() { packed(&content)? } else { content },
            )?;
        }
        let mut backup = backup(velero, &self.name);
        merge(&mut backup, &document.backup);
        bucket.write(&format!("backups/{}/velero-backup.json", self.name), &bytes(&backup))?;
        velero.objects().apply_value(&backup).await?;
        Ok(())
    }

    fn archive(&self, velero: &Installation<'_>) -> Result<Vec<u8>> {
        let yaml = fs::read_to_string(self.folder.join("archive.yaml")).context("read archive.yaml")?;
        let own = format!("namespace: {}", velero.namespace());
        let yaml = yaml.replace(&format!("namespace: {SERVER}"), &own);
        // The entries in their order: a mapping of YAML has one.
        let mut entries: serde_yaml_ng::Value =
            serde_yaml_ng::from_str(&yaml).context("read archive.yaml")?;
        entries.apply_merge().context("put together what archive.yaml shares")?;
        let entries = entries.as_mapping().context("archive.yaml has entries by their paths")?;
        let mut files = Vec::new();
        if !entries.contains_key(VERSION.0) {
            files.push((VERSION.0.to_owned(), VERSION.1.into()));
        }
        for (path, content) in entries {
            let path = path.as_str().context("a path is a text")?.to_owned();
            let content: Value = serde_yaml_ng::from_value(content.clone()).with_context(|| path.clone())?;
            files.push((path, bytes(&content)));
        }
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        pack(&files)
    }
}

/// A text as it is, anything else as JSON.
fn bytes(content: &Value) -> Vec<u8> {
    content.as_str().map_or_else(|| content.to_string().into(), Into::into)
}

fn packed(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).context("compress")?;
    encoder.finish().context("end the compressed stream")
}

/// A backup that has ended well.
fn backup(velero: &Installation<'_>, name: &str) -> Value {
    json!({
        "apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": {
            "namespace": velero.namespace(), "name": name,
            "labels": { "velero.io/storage-location": LOCATION },
        },
        "spec": { "storageLocation": LOCATION },
        "status": {
            "phase": "Completed", "version": 1, "formatVersion": "1.1.0",
            "startTimestamp": "2026-01-02T03:04:05Z", "completionTimestamp": "2026-01-02T03:04:06Z",
        },
    })
}

/// Puts one value over another, map by map.
fn merge(value: &mut Value, over: &Value) {
    let Some(fields) = over.as_object() else {
        if !over.is_null() {
            *value = over.clone();
        }
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    for (name, over) in fields {
        merge(&mut value[name.as_str()], over);
    }
}

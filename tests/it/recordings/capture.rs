//! What there is to compare, in the form of the recordings: what a command says, and what a backup has left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use lateen_test_harness::{Bucket, Entry, Installation};
use serde_json::{Map, Value, json};

use crate::fixtures::is_own;
use crate::redaction::racy_line;

/// Runs a command of the CLI.
pub(super) async fn said(velero: &Installation<'_>, arguments: &[String]) -> Result<Value> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = velero.velero(&arguments).await?;
    let complaint = if said.stderr.is_empty() { &said.stdout } else { &said.stderr };
    // After what is wrong, the CLI prints all the flags that it has.
    let complaint = complaint.split("\nUsage:").next().unwrap_or_default();
    Ok(
        json!({ "rc": said.status.code(), "stdout": columns(&said.stdout).iter().map(|line| racy_line(line)).collect::<Vec<_>>(), "stderr": columns(complaint) }),
    )
}

/// The log of a backup or restore, as the CLI shows it.
pub(super) async fn logs(velero: &Installation<'_>, kind: &str, name: &str) -> Result<Value> {
    let said = velero.velero(&[kind, "logs", name]).await?;
    Ok(json!({ "rc": said.status.code(), "log": log(&said.stdout) }))
}

/// The archive of a backup, as the CLI fetches it.
pub(super) async fn download(velero: &Installation<'_>, name: &str) -> Result<Value> {
    let file = velero.directory().join(format!("{name}-download"));
    let path = file.to_str().context("a path in UTF-8")?;
    let said = velero.velero(&["backup", "download", name, "--output", path, "--force"]).await?;
    let bytes = fs::read(&file).context("read what was downloaded")?;
    let mode = fs::metadata(&file).context("look at what was downloaded")?.permissions().mode() & 0o777;
    let is_same = bytes == velero.bucket().read(&Bucket::archive_key(name))?;
    Ok(json!({ "rc": said.status.code(), "same_as_bucket": is_same, "mode": format!("0o{mode:o}") }))
}

/// A backup that has ended: the object, and what is in the bucket. The contents of items are those of objects that start with `prefix`.
pub(super) fn backup(velero: &Installation<'_>, name: &str, object: Value, prefix: &str) -> Result<Value> {
    let bucket = velero.bucket();
    let keys = bucket.keys_of(name)?;
    let mut found =
        json!({ "phase": object["status"]["phase"], "backup": without_owned(object), "keys": keys });
    let mut files = Map::new();
    for key in &keys {
        if key.ends_with(".tar.gz") {
            found["archive"] = archive(&bucket.archive(name)?, prefix);
            continue;
        }
        let text = text(&bucket, key)?;
        if key.ends_with("-logs.gz") {
            found["log"] = log(&text);
        } else {
            let content: Value = serde_json::from_str(&text).with_context(|| format!("read {key}"))?;
            let file = key.rsplit('/').next().unwrap_or_default().replace(name, "NAME");
            files.insert(file, without_owned(content));
        }
    }
    found["files"] = Value::Object(files);
    Ok(found)
}

/// The text of an object in the bucket, unpacked.
pub(super) fn text(bucket: &Bucket, key: &str) -> Result<String> {
    let bytes = bucket.read(key)?;
    if key.strip_suffix(".gz").is_none() {
        return String::from_utf8(bytes).with_context(|| format!("read {key}"));
    }
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).with_context(|| format!("unpack {key}"))?;
    Ok(text)
}

/// The entries, and what is in those that are the case's own.
fn archive(entries: &[Entry], prefix: &str) -> Value {
    let content: BTreeMap<&str, &[u8]> =
        entries.iter().map(|entry| (entry.path.as_str(), entry.content.as_slice())).collect();
    let modes: BTreeSet<String> = entries.iter().map(|entry| format!("0o{:o}", entry.mode)).collect();
    let mut shown = Map::new();
    let mut differing = Vec::new();
    for (path, bytes) in &content {
        if let Some(other) = without_version(path).and_then(|path| content.get(path.as_str())) {
            if other != bytes {
                differing.push(path);
            }
            continue;
        }
        let Ok(item) = serde_json::from_slice::<Value>(bytes) else {
            shown.insert((*path).to_owned(), json!(String::from_utf8_lossy(bytes)));
            continue;
        };
        let name = item["metadata"]["name"].as_str().unwrap_or_default();
        let namespace = item["metadata"]["namespace"].as_str().unwrap_or_default();
        // The certificate in it is another one on each cluster.
        if is_own(prefix, namespace, name) && name != "kube-root-ca.crt" {
            shown.insert((*path).to_owned(), item);
        }
    }
    json!({
        "entries": entries.iter().map(|entry| &entry.path).collect::<Vec<_>>(),
        "modes": modes,
        "duplicates": duplicates(entries),
        "preferred_differs": differing,
        "content": shown,
    })
}

fn duplicates(entries: &[Entry]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    entries.iter().map(|entry| entry.path.as_str()).filter(|path| !seen.insert(*path)).collect()
}

/// The path of the entry that the one for the preferred version repeats.
fn without_version(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let place = parts.iter().position(|part| part.ends_with("-preferredversion"))?;
    parts.remove(place);
    Some(parts.join("/"))
}

/// An object of ours without what the API server writes into it.
pub(super) fn without_owned(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept =
                fields.into_iter().filter(|(name, _)| name != "managedFields" && name != "resourceVersion");
            let kept = kept.map(|(name, value)| {
                let mut value = without_owned(value);
                if let ("metadata", Some(metadata)) = (name.as_str(), value.as_object_mut()) {
                    metadata.retain(|name, _| {
                        !["uid", "creationTimestamp", "generation"].contains(&name.as_str())
                    });
                }
                (name, value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(values) => values.into_iter().map(without_owned).collect(),
        other => other,
    }
}

/// What can be said about a log whose words are everybody's own.
pub(super) fn log(text: &str) -> Value {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let level = |line: &str| {
        let rest = line.strip_prefix("time=\"")?.split_once("\" level=")?.1;
        rest.split_once(" msg=").map(|(level, _)| level.to_owned())
    };
    let levels: Vec<Option<String>> = lines.iter().map(|line| level(line)).collect();
    let errors =
        levels.iter().flatten().filter(|level| ["error", "fatal", "panic"].contains(&level.as_str()));
    json!({
        "error": errors.count(),
        "odd_lines": levels.iter().filter(|level| level.is_none()).count(),
        "empty": lines.is_empty(),
    })
}

/// Lines as a person reads them: how far columns are apart depends on what else is in the table.
fn columns(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(squeezed).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// A line in which two blanks stand for two and more; what it is indented by stays.
fn squeezed(line: &str) -> String {
    let indented = line.len() - line.trim_start_matches(' ').len();
    let mut squeezed = line[..indented].to_owned();
    let mut blanks = String::new();
    for letter in line.trim().chars() {
        if letter == ' ' || letter == '\t' {
            blanks.push(letter);
            continue;
        }
        squeezed.push_str(if blanks.len() > 1 { "  " } else { &blanks });
        blanks.clear();
        squeezed.push(letter);
    }
    squeezed.trim_end().to_owned()
}

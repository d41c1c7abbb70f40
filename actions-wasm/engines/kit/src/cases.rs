//! Golden cases of an action, run inside the test process: quick, and without WebAssembly.
//!
//! `lateen actions test` runs the same folders through the real host. A folder of an action holds `action.yaml`, `script.<language>` and `cases`; a case is a
//! folder with `item.yaml`, exactly one of `expected.yaml` (the object after), `unchanged`, `skip.txt` (part of the reason) and `error.txt` (part of the error),
//! and perhaps `run.yaml`, `original.yaml`, `related.yaml`, `log.txt` and `cluster/*.yaml`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    rc::Rc,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    Engine, ObjectRef, Purpose,
    bindings::{
        exports::lateen::item_action::action::{Role, Script, Settings},
        lateen::item_action::types::Change,
    },
    instance::Instance,
    recorded::Recorded,
};

/// What is read of `action.yaml`. A script without one is for restores.
#[derive(Deserialize)]
struct Manifest {
    name: String,
    on: Vec<String>,
    #[serde(default)]
    params: Value,
}

/// `run.yaml`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RunFile {
    purpose: Option<String>,
    name: Option<String>,
    target_namespace: Option<String>,
    features: Vec<String>,
}

/// What came of an item.
struct Answer {
    item: Value,
    skip: Option<String>,
    related: Vec<ObjectRef>,
}

/// Runs the cases of all actions in a folder that have this script, `script.jq` for instance, and counts the actions.
pub fn check_all<E: Engine>(actions: &Path, script: &str) -> Result<usize, String> {
    let folders = entries(actions)?;
    let actions: Vec<&PathBuf> = folders.iter().filter(|folder| folder.join(script).exists()).collect();
    actions.iter().try_for_each(|action| check::<E>(action, script))?;
    Ok(actions.len())
}

/// Runs all cases of an action; the error lists all that failed.
fn check<E: Engine>(action: &Path, script: &str) -> Result<(), String> {
    let folders = entries(&action.join("cases"))?;
    let failed: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            let result = check_case::<E>(action, script, folder);
            result.err().map(|reason| format!("{}: {reason}", folder.display()))
        })
        .collect();
    match (folders.is_empty(), failed.is_empty()) {
        (true, _) => Err(format!("{} has no cases", action.display())),
        (_, true) => Ok(()),
        (_, false) => Err(failed.join("\n")),
    }
}

fn check_case<E: Engine>(action: &Path, script: &str, case: &Path) -> Result<(), String> {
    let without = || Manifest { name: String::new(), on: vec!["restore".to_owned()], params: Value::Null };
    let manifest: Manifest = optional(&action.join("action.yaml"))?.unwrap_or_else(without);
    let run: RunFile = optional(&case.join("run.yaml"))?.unwrap_or_default();
    let item: Value = required(&case.join("item.yaml"))?;
    let purpose = run.purpose.clone().or_else(|| manifest.on.first().cloned()).unwrap_or_default();
    let host = Rc::new(host(case, &item, &run, &purpose)?);
    let instance = Instance::<E>::with(host.clone());
    let answer =
        configure(&instance, &action.join(script), &manifest).and_then(|()| call(&instance, &purpose, &item));
    verify(case, &item, answer)?;
    let lines = host.lines.borrow();
    for wanted in text(&case.join("log.txt"))?.unwrap_or_default().lines() {
        if !lines.iter().any(|(_, line)| line.contains(wanted)) {
            return Err(format!("no line of the log contains {wanted:?}: {lines:?}"));
        }
    }
    Ok(())
}

fn configure<E: Engine>(instance: &Instance<E>, script: &Path, manifest: &Manifest) -> Result<(), String> {
    let name = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let params = if manifest.params.is_null() { "{}".to_owned() } else { manifest.params.to_string() };
    instance.configure(Settings {
        name: manifest.name.clone(),
        entry: String::new(),
        roles: vec![Role::BackupItem],
        params,
        script: Some(Script { name, text: text(script)?.unwrap_or_default() }),
        plugin_config: None,
        extra: String::new(),
    })
}

fn call<E: Engine>(instance: &Instance<E>, purpose: &str, item: &Value) -> Result<Answer, String> {
    let text = item.to_string();
    let answer = |change: Change, skip, related| Ok(Answer { item: applied(item, change)?, skip, related });
    match purpose {
        "backup" => instance.backup(&text).and_then(|out| answer(out.change, out.skip, out.related)),
        "restore" => instance.restore(&text).and_then(|out| answer(out.change, out.skip, out.related)),
        "delete" => instance.delete(&text).and_then(|()| answer(Change::Unchanged, None, Vec::new())),
        "related-items" => {
            instance.related(&text).and_then(|related| answer(Change::Unchanged, None, related))
        }
        other => Err(format!("no role {other:?}")),
    }
}

/// The item after a change.
pub fn applied(item: &Value, change: Change) -> Result<Value, String> {
    let mut item = item.clone();
    match change {
        Change::Unchanged => {}
        Change::MergePatch(patch) => json_patch::merge(&mut item, &json(&patch)?),
        Change::JsonPatch(patch) => {
            let patch: json_patch::Patch = serde_json::from_str(&patch).map_err(|error| error.to_string())?;
            json_patch::patch(&mut item, &patch).map_err(|error| format!("{error} in {patch}"))?;
        }
        Change::Replace(text) => item = json(&text)?,
    }
    Ok(item)
}

fn verify(case: &Path, item: &Value, answer: Result<Answer, String>) -> Result<(), String> {
    let files = ["expected.yaml", "unchanged", "skip.txt", "error.txt"];
    let present: Vec<_> = files.iter().filter(|name| case.join(name).exists()).collect();
    let [wanted] = present[..] else { return Err(format!("exactly one of {files:?} must be there")) };
    if *wanted == "error.txt" {
        return match answer {
            Ok(answer) => Err(format!("no error, but {}", answer.item)),
            Err(error) => contained(&case.join(wanted), &error),
        };
    }
    let answer = answer?;
    if *wanted == "skip.txt" {
        let reason = answer.skip.ok_or_else(|| format!("not skipped, but {}", answer.item))?;
        return contained(&case.join(wanted), &reason);
    }
    if let Some(reason) = answer.skip {
        return Err(format!("skipped: {reason}"));
    }
    let expected = if *wanted == "unchanged" { item.clone() } else { required(&case.join(wanted))? };
    if answer.item != expected {
        return Err(format!("expected {expected}\n     got {}", answer.item));
    }
    let related: Value = optional(&case.join("related.yaml"))?.unwrap_or_else(|| Value::Array(Vec::new()));
    let named: Vec<Value> = answer.related.iter().map(reference).collect();
    if related != Value::Array(named.clone()) {
        return Err(format!("expected related {related}\n     got {named:?}"));
    }
    Ok(())
}

fn reference(object: &ObjectRef) -> Value {
    let mut value =
        serde_json::json!({ "group": object.group, "resource": object.resource, "name": object.name });
    if let Some(namespace) = &object.namespace {
        value["namespace"] = namespace.as_str().into();
    }
    value
}

fn contained(file: &Path, found: &str) -> Result<(), String> {
    let wanted = text(file)?.unwrap_or_default();
    if wanted.trim().is_empty() || !found.contains(wanted.trim()) {
        return Err(format!("expected {:?}\n     got {found:?}", wanted.trim()));
    }
    Ok(())
}

/// The host of a case.
fn host(case: &Path, item: &Value, run: &RunFile, purpose: &str) -> Result<Recorded, String> {
    let mut host = Recorded::default();
    let (group, resource) = resource(item);
    let namespace = item["metadata"]["namespace"].as_str().map(str::to_owned);
    host.subject.version = item["apiVersion"]
        .as_str()
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .map(str::to_owned)
        .unwrap_or_default();
    host.subject.target_namespace = run.target_namespace.clone().or_else(|| namespace.clone());
    let name = item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    host.subject.object = ObjectRef { group, resource, namespace, name };
    host.run.purpose = match purpose {
        "restore" => Purpose::Restore,
        "delete" => Purpose::Delete,
        _ => Purpose::Backup,
    };
    host.run.features.clone_from(&run.features);
    if let Some(name) = &run.name {
        host.run.name.clone_from(name);
    }
    host.original = match (optional(&case.join("original.yaml"))?, purpose) {
        (None, "restore") => Some(item.clone()),
        (original, _) => original,
    };
    if case.join("cluster").exists() {
        for path in entries(&case.join("cluster"))? {
            let object: Value = required(&path)?;
            let (group, resource) = self::resource(&object);
            let resource = if group.is_empty() { resource } else { format!("{resource}.{group}") };
            host.objects.borrow_mut().push((resource, object));
        }
    }
    Ok(host)
}

/// Group and plural of an object, by the English that Kubernetes' own kinds keep to.
fn resource(object: &Value) -> (String, String) {
    let group =
        object["apiVersion"].as_str().unwrap_or_default().rsplit_once('/').map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) if !kind.ends_with("way") => format!("{stem}ies"),
        _ if kind.ends_with("ss") || kind.ends_with('x') => format!("{kind}es"),
        _ if kind.ends_with('s') => kind,
        _ => format!("{kind}s"),
    };
    (group.to_owned(), plural)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read =
        fs::read_dir(folder).and_then(|read| read.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut paths: Vec<PathBuf> =
        read.map_err(|error: io::Error| format!("{}: {error}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn text(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn optional<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, String> {
    let Some(text) = text(path)? else { return Ok(None) };
    serde_yaml_ng::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

fn required<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, String> {
    optional(path)?.ok_or_else(|| format!("{} is missing", path.display()))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text}"))
}

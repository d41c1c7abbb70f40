//! An action as it lies on disk, made into the ConfigMap that a cluster would hold.
//!
//! A folder with `action.yaml` and what it names; the manifest alone; a file of ConfigMaps; or a bare component. What is wrong *in* a manifest is for the
//! host to say, with the same words as in a cluster; here only files are missing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use k8s_openapi::{ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use lateen_actions::{ITEM_ACTION_LABEL, MANIFEST_KEY, limits};
use serde::Deserialize;
use serde_json::Value;

use crate::{KitError, file};

/// A file of ConfigMaps: the largest component in base64, and as much again.
const CONFIGMAPS: usize = 2 * limits::COMPONENT / 3 * 4;

/// A script: what a ConfigMap holds.
const SCRIPT: usize = 1 << 20;

/// How WebAssembly, and what compresses it, begins.
const BINARY: [&[u8]; 3] = [b"\0asm", &[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd]];

/// The namespace that is assumed where none is given.
pub(crate) const NAMESPACE: &str = "velero";

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// A component, plain or compressed, without a manifest.
    Component(Vec<u8>),
    /// One or several actions.
    Actions(Vec<ConfigMap>),
}

/// What the manifest says about files; everything else is for the host to read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) component: Option<String>,
    pub(crate) engine: Option<String>,
    pub(crate) script: Option<String>,
}

impl Named {
    /// As far as the text can be read.
    pub(crate) fn read(manifest: &str) -> Self {
        serde_yaml_ng::from_str(manifest).unwrap_or_default()
    }

    /// The key of the ConfigMap with the component or the script.
    pub(crate) fn key(&self) -> Option<String> {
        let script = |engine: &String| match engine.as_str() {
            _ if self.script.is_some() => self.script.clone().unwrap_or_default(),
            "javascript" => "script.js".to_owned(),
            other => format!("script.{other}"),
        };
        self.component.clone().or_else(|| self.engine.as_ref().map(script))
    }
}

/// Reads what lies at a path. `component` is read instead of the file that the manifest names.
pub(crate) fn read(path: &Path, component: Option<&Path>) -> Result<Delivery, KitError> {
    if path.is_dir() {
        let manifest = path.join(MANIFEST_KEY);
        if !manifest.is_file() {
            return Err(KitError::Content(format!(
                "{} has no {MANIFEST_KEY}; an action is a folder with that file and the component or script it names",
                path.display()
            )));
        }
        return Ok(Delivery::Actions(vec![folder(&manifest, component)?]));
    }
    let bytes = file::bytes(path, CONFIGMAPS)?;
    if BINARY.iter().any(|magic| bytes.starts_with(magic)) || path.extension().is_some_and(|e| e == "wasm") {
        return Ok(Delivery::Component(bytes));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| KitError::Content(format!("{} is neither YAML nor a component", path.display())))?;
    let documents = file::parse(&text, path)?;
    let is_manifest = |document: &Value| document["kind"].is_null() && document.get("match").is_some();
    if let [only] = documents.as_slice()
        && is_manifest(only)
    {
        return Ok(Delivery::Actions(vec![folder(path, component)?]));
    }
    let configmaps =
        documents.into_iter().map(|document| configmap(document, path)).collect::<Result<_, _>>()?;
    Ok(Delivery::Actions(configmaps))
}

fn configmap(document: Value, path: &Path) -> Result<ConfigMap, KitError> {
    if document["kind"] != "ConfigMap" {
        let kind = document["kind"].as_str().unwrap_or("no kind").to_owned();
        let expected = "expected ConfigMaps, or the keys of a manifest (name, on, match, ...)";
        return Err(KitError::Content(format!("{}: found {kind}; {expected}", path.display())));
    }
    let mut configmap: ConfigMap = serde_json::from_value(document)
        .map_err(|error| KitError::Content(format!("{}: not a ConfigMap: {error}", path.display())))?;
    configmap.metadata.namespace.get_or_insert_with(|| NAMESPACE.to_owned());
    let labelled = configmap
        .metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.keys().any(|label| label.starts_with(ITEM_ACTION_LABEL)));
    if !labelled {
        let name = configmap.metadata.name.unwrap_or_default();
        return Err(KitError::Content(format!(
            "{}: ConfigMap {name} lacks the label {ITEM_ACTION_LABEL}, so a server passes it over",
            path.display()
        )));
    }
    Ok(configmap)
}

/// The ConfigMap of a manifest and the file that it names, which lies beside it.
fn folder(manifest: &Path, component: Option<&Path>) -> Result<ConfigMap, KitError> {
    let text = file::text(manifest, limits::MANIFEST)?;
    let named = Named::read(&text);
    let (mut data, mut binary_data) = (BTreeMap::new(), BTreeMap::new());
    if let Some(key) = named.key() {
        let path = component.map_or_else(|| beside(manifest, &key), |path| Ok(path.to_owned()))?;
        let limit = if named.component.is_some() { limits::COMPONENT } else { SCRIPT };
        let bytes = file::bytes(&path, limit).map_err(|error| missing(error, manifest, &key))?;
        // As kubectl does it.
        match String::from_utf8(bytes) {
            Ok(text) => {
                data.insert(key, text);
            }
            Err(error) => {
                binary_data.insert(key, ByteString(error.into_bytes()));
            }
        }
    }
    data.insert(MANIFEST_KEY.to_owned(), text);
    Ok(ConfigMap {
        metadata: ObjectMeta {
            name: Some(object_name(&named.name)),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some([(ITEM_ACTION_LABEL.to_owned(), String::new())].into()),
            ..ObjectMeta::default()
        },
        data: Some(data),
        binary_data: (!binary_data.is_empty()).then_some(binary_data),
        ..ConfigMap::default()
    })
}

/// A key is a file name, never a way out of the folder.
fn beside(manifest: &Path, key: &str) -> Result<PathBuf, KitError> {
    let valid = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !valid || key.starts_with("..") || key.is_empty() {
        return Err(KitError::Content(format!(
            "{}: {key:?} cannot be a key of a ConfigMap, which has letters, digits, `-`, `_` and `.`; for a component that lies elsewhere give --component FILE",
            manifest.display()
        )));
    }
    Ok(manifest.with_file_name(key))
}

fn missing(error: KitError, manifest: &Path, key: &str) -> KitError {
    match error {
        KitError::Read { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            KitError::Content(format!(
                "{} names {key}, but there is no {}; build it, or give --component FILE",
                manifest.display(),
                path.display()
            ))
        }
        other => other,
    }
}

/// A name for the ConfigMap: the part of the action's name after the slash.
pub(crate) fn object_name(action: &str) -> String {
    let short = action.rsplit('/').next().unwrap_or_default();
    if short.is_empty() { "action".to_owned() } else { short.to_owned() }
}

/// The text of the manifest, if the ConfigMap has one.
pub(crate) fn manifest(configmap: &ConfigMap) -> Option<&str> {
    configmap.data.as_ref()?.get(MANIFEST_KEY).map(String::as_str)
}

/// The value of a key, text or binary.
pub(crate) fn value<'a>(configmap: &'a ConfigMap, key: &str) -> Option<&'a [u8]> {
    let binary =
        configmap.binary_data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
    binary.or_else(|| configmap.data.as_ref()?.get(key).map(String::as_bytes))
}

/// Sets parameters in the manifest: `key=value`, where the value is YAML.
pub(crate) fn set_params(configmap: &mut ConfigMap, params: &[String]) -> Result<(), KitError> {
    if params.is_empty() {
        return Ok(());
    }
    let text = configmap.data.as_mut().and_then(|data| data.get_mut(MANIFEST_KEY));
    let Some(text) = text else { return Ok(()) };
    let Ok(mut manifest) = serde_yaml_ng::from_str::<Value>(text) else { return Ok(()) };
    for param in params {
        let usage = |problem: &str| KitError::Usage(format!("--param {param}: {problem}"));
        let (key, value) = param.split_once('=').ok_or_else(|| usage("write it as key=value"))?;
        let value: Value = serde_yaml_ng::from_str(value).map_err(|error| usage(&error.to_string()))?;
        let Some(manifest) = manifest.as_object_mut() else { return Ok(()) };
        let params = manifest.entry("params").or_insert_with(|| Value::Object(serde_json::Map::new()));
        let params = params.as_object_mut().ok_or_else(|| usage("`params` in the manifest is no object"))?;
        params.insert(key.to_owned(), value);
    }
    *text = serde_yaml_ng::to_string(&manifest)
        .map_err(|error| KitError::Usage(format!("--param: cannot write the manifest: {error}")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn only(delivery: Delivery) -> ConfigMap {
        match delivery {
            Delivery::Actions(mut maps) if maps.len() == 1 => maps.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_folder_becomes_a_configmap() {
        let manifest = "name: a.example/drop\nengine: javascript\n";
        let folder = folder_with(&[("action.yaml", manifest), ("script.js", "x => x"), ("other", "")]);
        let configmap = only(read(folder.path(), None).unwrap());
        assert_eq!(configmap.metadata.name.as_deref(), Some("drop"));
        let keys: Vec<String> = configmap.data.unwrap().into_keys().collect();
        assert_eq!(keys, ["action.yaml", "script.js"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |files: &[(&str, &str)]| {
            let folder = folder_with(files);
            let error = read(folder.path(), None).unwrap_err().to_string();
            error.replace(&folder.path().display().to_string(), "DIR")
        };
        assert!(message(&[]).starts_with("DIR has no action.yaml"));
        let lost = message(&[("action.yaml", "component: a.wasm")]);
        assert_eq!(
            lost,
            "DIR/action.yaml names a.wasm, but there is no DIR/a.wasm; build it, or give --component FILE"
        );
        assert!(
            message(&[("action.yaml", "component: ../../etc/shadow")])
                .contains("cannot be a key of a ConfigMap")
        );
    }

    #[test]
    fn files_are_told_apart() {
        let text = "kind: ConfigMap\nmetadata: {name: a, labels: {lateen.dev/item-action: ''}}\n---\nkind: ConfigMap\nmetadata: {name: b}\n";
        let folder = folder_with(&[
            ("maps.yaml", text),
            ("one.yaml", text.split("---").next().unwrap()),
            ("a.wasm", "\0asm"),
            ("pod.yaml", "kind: Pod"),
        ]);
        let open = |name: &str| read(&folder.path().join(name), None);
        assert!(open("maps.yaml").unwrap_err().to_string().contains("ConfigMap b lacks the label"));
        assert_eq!(only(open("one.yaml").unwrap()).metadata.namespace.as_deref(), Some("velero"));
        assert!(matches!(open("a.wasm").unwrap(), Delivery::Component(_)));
        assert!(open("pod.yaml").unwrap_err().to_string().contains("found Pod; expected ConfigMaps"));
    }

    #[test]
    fn parameters_are_yaml() {
        let folder = folder_with(&[("action.yaml", "name: a.example/b\nparams: {a: 1, b: 2}\n")]);
        let mut configmap = only(read(folder.path(), None).unwrap());
        set_params(&mut configmap, &["a=[x, 3]".into(), "c=text".into()]).unwrap();
        let manifest: Value = serde_yaml_ng::from_str(manifest(&configmap).unwrap()).unwrap();
        assert_eq!(manifest["params"], serde_json::json!({"a": ["x", 3], "b": 2, "c": "text"}));
        assert!(set_params(&mut configmap, &["a".into()]).is_err());
    }
}

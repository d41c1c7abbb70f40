//! Items out of files, as a run would hand them to an action.

use std::path::Path;

use lateen_actions::{Role, Subject};
use lateen_core::restore::reset;
use serde_json::{Map, Value};

use crate::{KitError, file, resource::Resource};

/// One item and what the engine would know about it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// What the action is asked about: on restore without what the server takes off first.
    pub(crate) value: Value,
    /// On restore the item as it is in the archive.
    pub(crate) original: Value,
    /// Group, plural, namespaces.
    pub(crate) subject: Subject,
    /// The plural is a guess.
    pub(crate) guessed: bool,
    /// On restore: something was taken off.
    pub(crate) reset: bool,
}

/// What the command line, or `run.yaml` of a case, says about items.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemOptions {
    /// `plural` or `plural.group`.
    pub(crate) resource: Option<String>,
    /// Where a restore would put them.
    pub(crate) target_namespace: Option<String>,
}

/// The objects of a file: one, several documents, or a List.
pub(crate) fn objects(path: &Path) -> Result<Vec<Value>, KitError> {
    let mut objects = Vec::new();
    for document in file::documents(path)? {
        match list_of(document) {
            Ok(items) => objects.extend(items),
            Err(object) => objects.push(object),
        }
    }
    Ok(objects)
}

/// The items of a List, each with its kind; or the object back.
fn list_of(mut document: Value) -> Result<Vec<Value>, Value> {
    let kind = document["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
    let Some(kind) = kind else { return Err(document) };
    let Some(Value::Array(items)) = document.get_mut("items").map(Value::take) else { return Err(document) };
    let complete = |mut item: Value| {
        if let (Value::Object(fields), false) = (&mut item, kind.is_empty()) {
            let api_version = document["apiVersion"].clone();
            fields.entry("apiVersion").or_insert(api_version);
            fields.entry("kind").or_insert_with(|| kind.clone().into());
        }
        item
    };
    Ok(items.into_iter().map(complete).collect())
}

impl Item {
    /// An object in a role. `original` is what the archive holds, where that is not the object itself.
    pub(crate) fn new(
        object: Value,
        original: Option<Value>,
        role: Role,
        options: &ItemOptions,
    ) -> Result<Self, String> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let need = |pointer: &str, field: &str| {
            text(pointer)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("an item needs {field}, as text"))
        };
        let (api_version, kind) = (need("/apiVersion", "apiVersion")?, need("/kind", "kind")?);
        let name = need("/metadata/name", "metadata.name")?;
        let namespace = text("/metadata/namespace").filter(|namespace| !namespace.is_empty());
        let Resource { group, version, plural, guessed } =
            Resource::of(&api_version, &kind, options.resource.as_deref());
        let target = options.target_namespace.clone().filter(|_| role == Role::Restore);
        let subject = Subject {
            group,
            resource: plural,
            version,
            kind,
            target_namespace: target.filter(|_| namespace.is_some()).or_else(|| namespace.clone()),
            namespace,
            name,
            additional: false,
        };
        let mut value = object.clone();
        if role == Role::Restore {
            reset::reset(&mut value).map_err(|error| error.to_string())?;
        }
        let reset = value != object;
        Ok(Self { value, original: original.unwrap_or(object), subject, guessed, reset })
    }
}

/// An integer that is no 64-bit float: 2^53 + 1. Who passes it through one loses the last digit.
pub(crate) const PROBE: u64 = (1 << 53) + 1;

/// What the probe is called, in `spec` or, where there is none, at the top.
const PROBE_FIELD: &str = "lateenProbe";

/// Puts the probe into an object.
pub(crate) fn plant(object: &mut Value) {
    if let Some(fields) = place(object) {
        fields.insert(PROBE_FIELD.to_owned(), PROBE.into());
    }
}

/// Takes it out again; an error says what has become of it.
pub(crate) fn harvest(object: &mut Value) -> Result<(), String> {
    let found = place(object).and_then(|fields| fields.remove(PROBE_FIELD));
    match found {
        Some(value) if value.as_u64() == Some(PROBE) => Ok(()),
        Some(value) => Err(format!("the integer {PROBE} in a field that was added came out as {value}")),
        None => Err(format!("the field {PROBE_FIELD} with the integer {PROBE}, which was added, is gone")),
    }
}

fn place(object: &mut Value) -> Option<&mut Map<String, Value>> {
    if object.get("spec").is_some_and(Value::is_object) {
        return object.get_mut("spec").and_then(Value::as_object_mut);
    }
    object.as_object_mut()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_documents_are_several_items() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n---\nkind: List\nitems: [{kind: Pod}]\n---\nkind: AllowList\n";
        fs::write(file.path(), text).unwrap();
        let kinds: Vec<String> =
            objects(file.path()).unwrap().iter().map(|object| object["kind"].to_string()).collect();
        assert_eq!(kinds, ["\"Deployment\"", "\"Deployment\"", "\"Pod\"", "\"AllowList\""]);
    }

    #[test]
    fn a_restore_takes_off_what_the_server_takes_off() {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "x", "uid": "1"}, "status": {}});
        let options = ItemOptions { target_namespace: Some("y".into()), ..ItemOptions::default() };
        let item = Item::new(object.clone(), None, Role::Restore, &options).unwrap();
        assert_eq!(
            item.value,
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "x"}})
        );
        assert_eq!((&item.original, item.reset), (&object, true));
        assert_eq!(item.subject.target_namespace.as_deref(), Some("y"));

        let item = Item::new(object.clone(), None, Role::Backup, &options).unwrap();
        assert_eq!((item.value, item.reset), (object, false));
        assert_eq!(item.subject.target_namespace.as_deref(), Some("x"));
    }

    #[test]
    fn what_lacks_a_name_is_told() {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ""}});
        let error = Item::new(object, None, Role::Backup, &ItemOptions::default()).unwrap_err();
        assert_eq!(error, "an item needs metadata.name, as text");
    }

    #[test]
    fn the_probe_tells_what_became_of_it() {
        for object in [json!({"spec": {"a": 1}}), json!({"data": {}})] {
            let mut planted = object.clone();
            plant(&mut planted);
            assert_ne!(planted, object);
            assert_eq!(harvest(&mut planted), Ok(()));
            assert_eq!(planted, object);
        }
        let mut damaged = json!({"spec": {"lateenProbe": 9_007_199_254_740_992_u64}});
        assert!(harvest(&mut damaged).unwrap_err().ends_with("came out as 9007199254740992"));
        assert!(harvest(&mut json!({"spec": {}})).unwrap_err().ends_with("is gone"));
    }
}

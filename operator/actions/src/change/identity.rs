//! What a change must leave alone: what the item is, and what the engine has taken away.

use lateen_core::restore::reset::SERVER_METADATA;
use serde_json::Value;

use super::{ChangeError, Identity};
use crate::subject::Role;

/// Where an item says what it is.
const IDENTITY: [(&str, &str); 4] = [
    ("apiVersion", "/apiVersion"),
    ("kind", "/kind"),
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
];

/// On backup the archived object is the one with this uid; on restore the uid is gone anyway.
const IDENTITY_ON_BACKUP: (&str, &str) = ("metadata.uid", "/metadata/uid");

/// Refuses a change that makes another item of it.
pub(super) fn check(before: &Value, after: &Value, role: Role) -> Result<(), ChangeError> {
    if !after.is_object() {
        return Err(ChangeError::WrongType { what: "item after the change", expected: "an object" });
    }
    let on_backup = (role == Role::Backup).then_some(IDENTITY_ON_BACKUP);
    for (field, pointer) in IDENTITY.into_iter().chain(on_backup) {
        let (from, to) = (before.pointer(pointer), after.pointer(pointer));
        if from != to {
            return Err(ChangeError::Identity { field, from: show(from), to: show(to) });
        }
    }
    Ok(())
}

/// Makes the item what the action was granted to make of it.
pub(super) fn set(item: &mut Value, identity: &Identity) {
    let Identity { api_version, kind, name } = identity;
    item["apiVersion"] = api_version.as_str().into();
    item["kind"] = kind.as_str().into();
    item["metadata"]["name"] = name.as_str().into();
}

/// Removes what the engine has removed before.
pub(super) fn remove_resets(before: &Value, after: &mut Value) {
    let Some(metadata) = after.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for key in SERVER_METADATA {
        if before["metadata"].get(key).is_none() {
            metadata.remove(key);
        }
    }
}

/// Short enough for an error, even where it is a whole object.
fn show(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Object(_) | Value::Array(_)) => "an object or a list".to_owned(),
        Some(scalar) => scalar.to_string(),
    }
}

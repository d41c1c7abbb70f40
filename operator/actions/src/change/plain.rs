//! Changes that are made where the item lies: no copy of it, and no look at more of it than they name.
//!
//! Most are of that kind. They set and remove fields, name nothing by which the item is known or the engine is told something, and cannot make more of the
//! item than their own text. A change that is not surely of that kind is none: to find out more is the business of the copy.

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation,
    jsonptr::{Pointer, Token},
};
use lateen_api::labels::annotations::{MUST_INCLUDE_ADDITIONAL_ITEMS, SKIP_FROM_BACKUP};
use serde_json::{Map, Value};

use super::{Applied, ChangeError, depth, json_patch::refused};
use crate::limits;

/// Annotations by which an action tells the engine something.
const TELLING: [&str; 2] = [SKIP_FROM_BACKUP, MUST_INCLUDE_ADDITIONAL_ITEMS];

/// Whether a merge patch, an object, keeps off what is not plain.
pub(super) fn is_merge(item: &Value, patch: &Value) -> bool {
    let harmless = |metadata: &Map<String, Value>| {
        metadata.iter().all(|(key, value)| match key.as_str() {
            "labels" => true,
            "annotations" => value
                .as_object()
                .is_some_and(|annotations| TELLING.iter().all(|key| !annotations.contains_key(*key))),
            _ => false,
        })
    };
    let metadata = patch.get("metadata");
    patch.get("apiVersion").is_none()
        && patch.get("kind").is_none()
        && metadata.is_none_or(|metadata| metadata.as_object().is_some_and(harmless))
        && item["metadata"].is_object()
        && depth(patch, limits::DEPTH).is_some()
}

/// Merges a plain patch into the item.
pub(super) fn merge(item: &mut Value, patch: &Value) -> Applied {
    if !changes(Some(item), patch) {
        return Applied::Unchanged;
    }
    json_patch::merge(item, patch);
    Applied::InPlace
}

/// Whether merging makes another value.
fn changes(value: Option<&Value>, patch: &Value) -> bool {
    match (value, patch) {
        (Some(Value::Object(fields)), Value::Object(patch)) => patch.iter().any(|(key, patch)| {
            if patch.is_null() { fields.contains_key(key) } else { changes(fields.get(key), patch) }
        }),
        (Some(value), patch) => value != patch,
        (None, _) => true,
    }
}

/// Whether the operations keep off what is not plain, and surely make another item.
///
/// They do where the last of them leaves a value that was not there at the beginning, or where all of them remove something.
pub(super) fn is_patch(item: &Value, patch: &Patch) -> bool {
    let keeps_off = |operation: &PatchOperation| match operation {
        PatchOperation::Add(AddOperation { path, value })
        | PatchOperation::Replace(ReplaceOperation { path, value }) => {
            let room = limits::DEPTH.checked_sub(path.count());
            is_harmless(path) && room.is_some_and(|room| depth(value, room).is_some())
        }
        PatchOperation::Remove(RemoveOperation { path }) => is_harmless(path),
        PatchOperation::Move(_) | PatchOperation::Copy(_) | PatchOperation::Test(_) => false,
    };
    let differs = match patch.0.last() {
        Some(
            PatchOperation::Add(AddOperation { path, value })
            | PatchOperation::Replace(ReplaceOperation { path, value }),
        ) => !path.as_str().ends_with("/-") && item.pointer(path.as_str()) != Some(value),
        Some(_) => patch.0.iter().all(|operation| matches!(operation, PatchOperation::Remove(_))),
        None => false,
    };
    differs && patch.0.iter().all(keeps_off)
}

/// Carries out the operations of a plain patch, or none of them.
pub(super) fn patch(item: &mut Value, patch: &Patch) -> Result<Applied, ChangeError> {
    json_patch::patch(item, patch).map_err(|error| refused(error.operation, &error))?;
    Ok(Applied::InPlace)
}

/// Whether a path leads neither to nor above what the item is known by, what the engine resets, or what tells it something.
fn is_harmless(path: &Pointer) -> bool {
    let mut tokens = path.tokens();
    let (first, second, third) = (tokens.next(), tokens.next(), tokens.next());
    let [first, second, third] = [&first, &second, &third].map(|token| token.as_ref().map(Token::decoded));
    match (first.as_deref(), second.as_deref(), third.as_deref()) {
        (Some("metadata"), Some("labels"), _) => true,
        (Some("metadata"), Some("annotations"), Some(key)) => !TELLING.contains(&key),
        (None | Some("apiVersion" | "kind" | "metadata"), ..) => false,
        _ => true,
    }
}

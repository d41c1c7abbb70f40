//! What stands in a patch and is not meant for the object.

use serde_json::Value;

use super::{Fault, Object};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// The value of `$patch`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marker {
    Merge,
    Replace,
    Delete,
}

impl Marker {
    /// Takes it out of an object of a patch.
    pub(super) fn take(patch: &mut Object) -> Result<Option<Self>, Fault> {
        match patch.remove(PATCH) {
            None => Ok(None),
            Some(Value::String(text)) if text == "merge" => Ok(Some(Self::Merge)),
            Some(Value::String(text)) if text == "replace" => Ok(Some(Self::Replace)),
            Some(Value::String(text)) if text == "delete" => Ok(Some(Self::Delete)),
            Some(other) => Err(format!("$patch is {other}, and must be one of merge, replace and delete")),
        }
    }
}

/// The list that elements are to be deleted from.
pub(super) fn delete_key(key: &str) -> Option<&str> {
    key.strip_prefix(DELETE)
}

/// The list that is to be ordered.
pub(super) fn order_key(key: &str) -> Option<&str> {
    key.strip_prefix(ORDER)
}

pub(super) fn is_directive(key: &str) -> bool {
    key == PATCH || key == RETAIN_KEYS || delete_key(key).is_some() || order_key(key).is_some()
}

/// Carries `$retainKeys` out.
pub(super) fn retain_keys(object: &mut Object, patch: &mut Object) -> Result<(), Fault> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keys) = keys else { return Err(format!("{RETAIN_KEYS} must be a list")) };
    let retained = |key: &str| keys.iter().any(|one| one.as_str() == Some(key));
    if let Some((key, _)) =
        patch.iter().find(|(key, value)| !value.is_null() && !is_directive(key) && !retained(key))
    {
        return Err(format!("{RETAIN_KEYS} must name every key of the patch beside it, and lacks {key}"));
    }
    object.retain(|key, _| retained(key));
    Ok(())
}

/// A value of a patch where there is nothing to merge it with: without nulls and directives. None: it says that there is to be nothing.
pub(super) fn fresh(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(mut fields) => {
            if fields.get(PATCH).and_then(Value::as_str) == Some("delete") {
                return None;
            }
            fields.remove(PATCH);
            Some(Value::Object(without_directives(fields)))
        }
        Value::Array(elements) => {
            // The element that says that the others are the list.
            let only_marker = |element: &Value| {
                element.as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key(PATCH))
            };
            let kept = elements.into_iter().filter(|element| !only_marker(element));
            // A null in a list is an element like any other.
            Some(kept.filter_map(|one| if one.is_null() { Some(one) } else { fresh(one) }).collect())
        }
        scalar => Some(scalar),
    }
}

/// An object of a patch that takes the place of another one.
pub(super) fn without_directives(fields: Object) -> Object {
    let kept = fields.into_iter().filter(|(key, _)| !is_directive(key));
    kept.filter_map(|(key, value)| Some((key, fresh(value)?))).collect()
}

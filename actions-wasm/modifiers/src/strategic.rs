//! Strategic merge patches, as the API server applies them: objects key by key, lists by the keys of their elements.
//!
//! A patch may hold directives, which are taken out again:
//!
//! | directive | what |
//! |---|---|
//! | `$patch: replace` | in an object: it takes the place of the one that is there; as an element of a list: the other elements do |
//! | `$patch: delete` | in an object: nothing is left in it; in an element of a list: the element with its key goes |
//! | `$patch: merge` | what happens anyway |
//! | `$retainKeys: [a, b]` | all other keys of the object go |
//! | `$deleteFromPrimitiveList/x: [a]` | these elements of the list `x` go |
//! | `$setElementOrder/x: [...]` | the order of the list `x` |
//!
//! null deletes a key. Where a list is merged, elements of the patch come in its order, and what only the object has keeps its place among them.

mod directive;
mod list;

use serde_json::{Map, Value};

use crate::schema::Schema;
use directive::{Marker, delete_key, is_directive, order_key, without_directives};
use list::{delete_elements, merge_list, set_order};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Why a patch cannot be applied.
pub(crate) type Fault = String;

/// Merges a patch into an object, which may be half changed after an error. Both must be JSON objects.
pub(crate) fn merge(object: &mut Value, patch: &Value, schema: Schema) -> Result<(), Fault> {
    let (Value::Object(fields), Value::Object(patch)) = (&mut *object, patch) else {
        return Err("the object or the patch is no JSON object".to_owned());
    };
    *fields = merge_objects(std::mem::take(fields), patch.clone(), schema)?;
    Ok(())
}

/// One object in another.
fn merge_objects(mut object: Object, mut patch: Object, schema: Schema) -> Result<Object, Fault> {
    match Marker::take(&mut patch)? {
        Some(Marker::Replace) => return Ok(without_directives(patch)),
        Some(Marker::Delete) => return Ok(Object::new()),
        Some(Marker::Merge) | None => {}
    }
    directive::retain_keys(&mut object, &mut patch)?;
    delete_from_lists(&mut object, &mut patch)?;
    order_lists(&mut object, &mut patch, schema)?;
    for (key, value) in patch {
        let (Some(there), false) = (object.remove(&key), value.is_null()) else {
            // Not there, or not to be there.
            if let Some(value) = directive::fresh(value) {
                object.insert(key, value);
            }
            continue;
        };
        let field = schema.field(&key);
        let merged = match (there, value) {
            (Value::Object(there), Value::Object(patch)) if !field.replace => {
                Value::Object(merge_objects(there, patch, field.schema())?)
            }
            (Value::Array(there), Value::Array(patch)) if field.merge.is_some() => {
                Value::Array(merge_list(there, patch, field).map_err(|fault| format!("{key}: {fault}"))?)
            }
            (_, value) => match directive::fresh(value) {
                Some(value) => value,
                None => continue,
            },
        };
        object.insert(key, merged);
    }
    Ok(object)
}

/// All of `$deleteFromPrimitiveList`.
fn delete_from_lists(object: &mut Object, patch: &mut Object) -> Result<(), Fault> {
    for (directive, elements) in take(patch, delete_key)? {
        if let Some(Value::Array(list)) = object.get_mut(&directive) {
            delete_elements(list, &elements);
        }
    }
    Ok(())
}

/// All of `$setElementOrder`, with the patches of their lists.
fn order_lists(object: &mut Object, patch: &mut Object, schema: Schema) -> Result<(), Fault> {
    for (key, order) in take(patch, order_key)? {
        let field = schema.field(&key);
        let list = |fields: &mut Object| match fields.remove(&key) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(format!("{key} is no list, and has an order")),
        };
        let ordered = match (list(object)?, list(patch)?) {
            (None, None) => continue,
            (there, patch) => set_order(there, patch, &order, field),
        };
        object.insert(key.clone(), Value::Array(ordered.map_err(|fault| format!("{key}: {fault}"))?));
    }
    Ok(())
}

/// Takes the directives of a kind out of a patch: the fields that they are for, and their lists.
fn take(patch: &mut Object, field: fn(&str) -> Option<&str>) -> Result<Vec<(String, Vec<Value>)>, Fault> {
    let keys: Vec<String> =
        patch.keys().filter(|key| is_directive(key) && field(key).is_some()).cloned().collect();
    let mut taken = Vec::new();
    for key in keys {
        match (field(&key), patch.remove(&key)) {
            (Some(field), Some(Value::Array(elements))) => taken.push((field.to_owned(), elements)),
            _ => return Err(format!("{key} must be a list")),
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests;

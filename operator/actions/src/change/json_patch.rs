//! JSON patches (RFC 6902) from hostile hands.
//!
//! The crate `json_patch` carries out one operation at a time. Around it stands what it does not do: no operation on the whole document, numbers compared by
//! value, and a budget. Every byte that an operation puts somewhere (added, replaced, copied or moved) is taken from the budget and none comes back,
//! which bounds the memory and the time of a patch at once; and the depth is checked before each operation, not after.

use json_patch::{Patch, PatchError, PatchOperation};
use serde_json::Value;

use super::{ChangeError, depth, size};
use crate::limits;

/// Reads the operations of a patch.
pub(super) fn read(patch: Value) -> Result<Patch, ChangeError> {
    let Value::Array(operations) = &patch else {
        return Err(ChangeError::WrongType { what: "JSON patch", expected: "an array of operations" });
    };
    if operations.len() > limits::PATCH_OPERATIONS {
        return Err(ChangeError::TooManyOperations(operations.len()));
    }
    serde_json::from_value(patch)
        .map_err(|source| ChangeError::NotJson { what: "list of operations", source })
}

/// Carries out all operations, or none.
pub(super) fn apply(item: Value, patch: &Patch, limit: usize) -> Result<Value, ChangeError> {
    let too_large = || ChangeError::ItemTooLarge(limit);
    let own = size(&item, limit).ok_or_else(too_large)?;
    let mut document = item;
    let mut budget = limit - own;
    for (index, operation) in patch.0.iter().enumerate() {
        let refuse = |problem: String| ChangeError::Operation { index, problem };
        let Some(placed) = placed(&document, operation).map_err(refuse)? else { continue };
        let levels = operation.path().count();
        let room = limits::DEPTH.checked_sub(levels).ok_or(ChangeError::TooDeep)?;
        depth(placed, room).ok_or(ChangeError::TooDeep)?;
        budget -= size(placed, budget).ok_or_else(too_large)?;
        json_patch::patch_unsafe(&mut document, std::slice::from_ref(operation))
            .map_err(|error| refused(index, &error))?;
    }
    Ok(document)
}

/// What the crate says of an operation that cannot be carried out.
pub(super) fn refused(index: usize, error: &PatchError) -> ChangeError {
    ChangeError::Operation { index, problem: format!("{} at {:?}", error.kind, error.path.as_str()) }
}

/// The value that an operation puts into the document; `None` for a `test` that holds.
fn placed<'a>(document: &'a Value, operation: &'a PatchOperation) -> Result<Option<&'a Value>, String> {
    let path = operation.path().as_str();
    if let PatchOperation::Test(test) = operation {
        let found = document.pointer(path).ok_or_else(|| format!("there is nothing at {path:?} to test"))?;
        return if equal(found, &test.value) {
            Ok(None)
        } else {
            Err(format!("the test of {path:?} does not hold"))
        };
    }
    if path.is_empty() {
        return Err("the whole item is no operand, except of `test`".to_owned());
    }
    let from = |from: &str| {
        if from.is_empty() {
            return Err("the whole item is no operand, except of `test`".to_owned());
        }
        document.pointer(from).ok_or_else(|| format!("there is nothing at {from:?}"))
    };
    match operation {
        PatchOperation::Add(add) => Ok(Some(&add.value)),
        PatchOperation::Replace(replace) => Ok(Some(&replace.value)),
        PatchOperation::Move(r#move) => from(r#move.from.as_str()).map(Some),
        PatchOperation::Copy(copy) => from(copy.from.as_str()).map(Some),
        PatchOperation::Remove(_) => Ok(Some(&Value::Null)),
        PatchOperation::Test(_) => Ok(None),
    }
}

/// Equality of RFC 6902: numbers by value, so that 1 is 1.0.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.as_f64() == right.as_f64() && left.is_f64() != right.is_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| equal(left, right)))
        }
        _ => left == right,
    }
}

//! JSON patches (RFC 6902), operation by operation: a test that does not hold is told apart from an operation that cannot be carried out.

use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchErrorKind, PatchOperation, RemoveOperation,
    ReplaceOperation, TestOperation,
    jsonptr::{Pointer, PointerBuf},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    text::Text,
    value::{same, typed},
};

/// An operation as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawOperation {
    operation: Text,
    from: Text,
    path: Text,
    value: Text,
}

/// What came of a patch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Patched {
    /// All of it was carried out.
    Done,
    /// One of its tests does not hold, so nothing was.
    TestFailed,
}

impl RawOperation {
    /// The operation, if it is one.
    pub(crate) fn validate(&self) -> Result<PatchOperation, String> {
        let Self { operation, from, path, value } = self;
        if operation.0.is_empty() {
            return Err("operation cannot be empty".to_owned());
        }
        let name = operation.0.to_ascii_lowercase();
        if !["add", "remove", "replace", "test", "move", "copy"].contains(&&*name) {
            return Err(format!("unsupported operation {}", operation.0));
        }
        let path = pointer("path", &path.0)?;
        Ok(match &*name {
            "add" => PatchOperation::Add(AddOperation { path, value: typed(&value.0)? }),
            "replace" => PatchOperation::Replace(ReplaceOperation { path, value: typed(&value.0)? }),
            "test" => PatchOperation::Test(TestOperation { path, value: typed(&value.0)? }),
            "remove" => PatchOperation::Remove(RemoveOperation { path }),
            "move" => PatchOperation::Move(MoveOperation { from: pointer("from", &from.0)?, path }),
            _ => PatchOperation::Copy(CopyOperation { from: pointer("from", &from.0)?, path }),
        })
    }
}

/// Reads a JSON pointer to something inside the object.
pub(crate) fn pointer(field: &str, text: &str) -> Result<PointerBuf, String> {
    if text.is_empty() {
        return Err(format!("{field} cannot be empty"));
    }
    PointerBuf::parse(text).map_err(|_| {
        format!(
            "{field} {text:?} is no JSON pointer; it begins with / and has ~1 for / and ~0 for ~ in a key"
        )
    })
}

/// Applies a patch, all or nothing.
///
/// # Errors
/// An operation cannot be carried out; the object may be half changed then.
pub(crate) fn apply(object: &mut Value, operations: &[PatchOperation]) -> Result<Patched, String> {
    let before = operations.iter().any(|one| matches!(one, PatchOperation::Test(_))).then(|| object.clone());
    for operation in operations {
        if let PatchOperation::Test(test) = operation {
            if !holds(object, &test.path, &test.value) {
                // There is one, since there is a test.
                *object = before.unwrap_or_default();
                return Ok(Patched::TestFailed);
            }
            continue;
        }
        json_patch::patch_unsafe(object, std::slice::from_ref(operation))
            .map_err(|error| failed(operation, &error.kind))?;
    }
    Ok(Patched::Done)
}

/// Whether there is this value at this place. Null is also there where its parent lacks it.
pub(crate) fn holds(object: &Value, path: &Pointer, expected: &Value) -> bool {
    match object.pointer(path.as_str()) {
        Some(found) => same(found, expected),
        None => {
            expected.is_null()
                && path.parent().is_some_and(|parent| object.pointer(parent.as_str()).is_some())
        }
    }
}

fn failed(operation: &PatchOperation, kind: &PatchErrorKind) -> String {
    let path = operation.path();
    let in_operation = |name: &str, why: &str| format!("error in {name} for path: '{path}': {why}");
    match (operation, kind) {
        (PatchOperation::Remove(_), _) => in_operation("remove", "missing value"),
        (PatchOperation::Replace(_), _) => in_operation("replace", "missing value"),
        (PatchOperation::Move(one), PatchErrorKind::InvalidFromPointer) => {
            in_operation("move", &format!("missing value at '{}'", one.from))
        }
        (PatchOperation::Copy(one), PatchErrorKind::InvalidFromPointer) => {
            in_operation("copy", &format!("missing value at '{}'", one.from))
        }
        (PatchOperation::Move(_), PatchErrorKind::CannotMoveInsideItself) => {
            in_operation("move", "a value cannot be moved into itself")
        }
        (other, _) => {
            let name = match other {
                PatchOperation::Move(_) => "move",
                PatchOperation::Copy(_) => "copy",
                _ => "add",
            };
            in_operation(name, "its parent is missing, or there is no such place in the list")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(value: Value) -> Result<PatchOperation, String> {
        RawOperation::deserialize(value).unwrap().validate()
    }

    fn patched(patch: Value) -> Result<Value, String> {
        let mut object = json!({"data": {"k": "v", "n": 1, "a/b": "x"}, "list": [1, 2, 3]});
        let operations: Result<Vec<_>, String> =
            patch.as_array().unwrap().iter().map(|one| operation(one.clone())).collect();
        Ok(match apply(&mut object, &operations?)? {
            Patched::Done => object,
            Patched::TestFailed => json!("test failed"),
        })
    }

    #[test]
    fn operations_are_applied_in_order_whatever_their_case() {
        let patch = json!([
            {"operation": "ADD", "path": "/data/new", "value": "50Gi"},
            {"operation": "Replace", "path": "/data/n", "value": 2},
            {"operation": "copy", "from": "/data/new", "path": "/list/-"},
            {"operation": "move", "from": "/list/0", "path": "/data/a~1b"},
            {"operation": "remove", "path": "/data/k"},
            {"operation": "test", "path": "/data/n", "value": "2.0"},
            {"operation": "test", "path": "/data/k", "value": "null"},
        ]);
        assert_eq!(
            patched(patch).unwrap(),
            json!({"data": {"n": 2, "new": "50Gi", "a/b": 1}, "list": [2, 3, "50Gi"]})
        );
    }

    #[test]
    fn a_test_that_does_not_hold_undoes_all_of_it() {
        for (path, value) in
            [("/data/k", "other"), ("/data/k", "null"), ("/no/such", "null"), ("/list/9", "1")]
        {
            let mut object = json!({"data": {"k": "v"}, "list": [1]});
            let patch = [
                operation(json!({"operation": "remove", "path": "/data/k"})),
                operation(json!({"operation": "add", "path": "/data/k", "value": "v"})),
                operation(json!({"operation": "add", "path": "/x", "value": "1"})),
                operation(json!({"operation": "test", "path": path, "value": value})),
            ];
            let patch: Vec<_> = patch.into_iter().map(Result::unwrap).collect();
            assert_eq!(apply(&mut object, &patch), Ok(Patched::TestFailed), "{path}");
            assert_eq!(object, json!({"data": {"k": "v"}, "list": [1]}));
        }
    }

    #[test]
    fn what_cannot_be_carried_out_names_operation_and_path() {
        let cases = [
            (
                json!({"operation": "remove", "path": "/data/gone"}),
                "error in remove for path: '/data/gone': missing value",
            ),
            (json!({"operation": "replace", "path": "/x"}), "error in replace for path: '/x': missing value"),
            (
                json!({"operation": "add", "path": "/no/such"}),
                "error in add for path: '/no/such': its parent is missing",
            ),
            (
                json!({"operation": "add", "path": "/list/9"}),
                "error in add for path: '/list/9': its parent is missing",
            ),
            (
                json!({"operation": "move", "from": "/x", "path": "/y"}),
                "error in move for path: '/y': missing value at '/x'",
            ),
            (
                json!({"operation": "copy", "from": "/x", "path": "/y"}),
                "error in copy for path: '/y': missing value at '/x'",
            ),
            (
                json!({"operation": "move", "from": "/data", "path": "/data/k"}),
                "error in move for path: '/data/k': a value cannot",
            ),
        ];
        for (one, expected) in cases {
            let error = patched(json!([one])).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn what_is_no_operation_is_told_in_velero_s_words() {
        let cases = [
            (json!({"path": "/a"}), "operation cannot be empty"),
            (json!({"operation": "merge", "path": "/a"}), "unsupported operation merge"),
            (json!({"operation": "add"}), "path cannot be empty"),
            (json!({"operation": "add", "path": "spec"}), "path \"spec\" is no JSON pointer"),
            (json!({"operation": "add", "path": "/a~2"}), "path \"/a~2\" is no JSON pointer"),
            (json!({"operation": "copy", "path": "/a"}), "from cannot be empty"),
            (json!({"operation": "add", "path": "/a", "value": "{a: 1}"}), "value \"{a: 1}\" is not JSON"),
        ];
        for (one, expected) in cases {
            let error = operation(one).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}

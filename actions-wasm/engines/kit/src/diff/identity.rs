//! Who an object is: apiVersion, kind and metadata.name, which the host changes only by a grant of its own and never by a patch.

use super::{Node, Shape};
use crate::{
    Identity,
    patch::{Operation, Step},
};

/// The paths that are no business of a patch.
const IDENTITY: [&str; 3] = ["/apiVersion", "/kind", "/metadata/name"];

/// Takes the operations out that change who the object is.
pub(super) fn taken_from<N: Node>(
    operations: &mut Vec<Operation>,
    after: &[(N::Key, N)],
) -> Result<Option<Identity>, String> {
    let changes = |operation: &Operation| {
        IDENTITY.contains(&&*operation.path)
            && matches!(&operation.step, Step::Replace(value) if value.starts_with('"'))
    };
    if !operations.iter().any(changes) {
        return Ok(None);
    }
    operations.retain(|operation| !changes(operation));
    let metadata = match member(after, "metadata").map(N::shape).transpose()? {
        Some(Shape::Object(entries)) => entries,
        _ => Vec::new(),
    };
    Ok(Some(Identity {
        api_version: text(member(after, "apiVersion"))?,
        kind: text(member(after, "kind"))?,
        name: text(member(&metadata, "name"))?,
    }))
}

fn member<'a, N: Node>(entries: &'a [(N::Key, N)], key: &str) -> Option<&'a N> {
    entries.iter().find(|(name, _)| name.as_ref() == key).map(|(_, value)| value)
}

/// A string's text; what is no string becomes the empty one, which the host refuses by name.
fn text<N: Node>(value: Option<&N>) -> Result<String, String> {
    let mut json = String::new();
    if let Some(value) = value
        && matches!(value.shape()?, Shape::Scalar)
    {
        value.write(&mut json)?;
    }
    Ok(serde_json::from_str(&json).unwrap_or_default())
}

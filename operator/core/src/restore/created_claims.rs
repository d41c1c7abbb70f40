//! Claims that a restore has created, read off its list of resources: their volumes are looked at when the restore ends.
//!
//! The list is all that is left of the items when another server goes on with a restore. It lies in a bucket that others can write to: a
//! line that is none names no claim.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::item_operation::{ItemOperation, OperationPhase, ResourceIdentifier, RestoreOperation};
use crate::kind::ObjectName;

/// The kind of claims, as lists of resources name it.
pub const CLAIMS: &str = "v1/PersistentVolumeClaim";

#[derive(Deserialize)]
struct List {
    #[serde(rename = "v1/PersistentVolumeClaim", default)]
    claims: Option<Vec<String>>,
}

/// The claims that this list of resources, unpacked JSON, says were created, by namespace and name in the cluster.
pub fn read(list: &[u8]) -> Result<BTreeSet<ObjectName>, serde_json::Error> {
    let lines = serde_json::from_slice::<List>(list)?.claims.unwrap_or_default();
    Ok(among(&lines))
}

/// The claims among the lines that a list has for [`CLAIMS`].
pub fn among<'a>(lines: impl IntoIterator<Item = &'a String>) -> BTreeSet<ObjectName> {
    lines.into_iter().filter_map(|line| created(line)).collect()
}

/// Those claims for which no operation failed or still runs: what such an operation was to make ready is not.
pub fn without_unfinished(
    claims: &BTreeSet<ObjectName>,
    operations: &[RestoreOperation],
) -> BTreeSet<ObjectName> {
    let unfinished: BTreeSet<ObjectName> = operations
        .iter()
        .filter(|operation| operation.status.phase != OperationPhase::Completed)
        .map(ItemOperation::item)
        .filter(|item| item.kind().is("persistentvolumeclaims"))
        .map(ResourceIdentifier::object)
        .collect();
    claims.difference(&unfinished).cloned().collect()
}

/// `namespace/name(created)`.
fn created(line: &str) -> Option<ObjectName> {
    let (namespace, name) = line.strip_suffix("(created)")?.split_once('/')?;
    (!namespace.is_empty() && !name.is_empty()).then(|| ObjectName::new(Some(namespace), name))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::item_operation::RunIdentity;
    use crate::kind::GroupResource;

    #[test]
    fn only_claims_that_were_created_are_read() {
        let list = r#"{"v1/Pod":["a/p(created)"],
            "v1/PersistentVolumeClaim":["a/one(created)","a/two(skipped)","three(created)","/x(created)","b/four(failed)","b/five(created)"]}"#;
        let expected = [ObjectName::new(Some("a"), "one"), ObjectName::new(Some("b"), "five")];
        assert_eq!(read(list.as_bytes()).unwrap(), BTreeSet::from(expected));
        assert!(read(b"{}").unwrap().is_empty());
        assert!(read(b"[").is_err());
    }

    #[test]
    fn claims_that_an_operation_did_not_finish_are_left_alone() {
        let claim = |name: &str| ObjectName::new(Some("a"), name);
        let operation = |kind, name: &str, phase| {
            let item = ResourceIdentifier::new(&GroupResource::parse(kind), &claim(name));
            let begun = Timestamp::UNIX_EPOCH;
            let mut operation = RestoreOperation::started(&RunIdentity::default(), "t/a", item, "op", begun);
            operation.status.phase = phase;
            operation
        };
        let operations = [
            operation("persistentvolumeclaims", "done", OperationPhase::Completed),
            operation("persistentvolumeclaims", "failed", OperationPhase::Failed),
            operation("pods", "other", OperationPhase::Failed),
        ];
        let claims = ["done", "failed", "other"].map(claim);
        let left = without_unfinished(&claims.into(), &operations);
        assert_eq!(left, BTreeSet::from([claim("done"), claim("other")]));
    }
}

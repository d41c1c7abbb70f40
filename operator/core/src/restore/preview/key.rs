//! What an item of a preview is known by.

use crate::kind::{GroupResource, ObjectName};
use crate::restore::plan::PlannedItem;

/// A kind, and an item of it by its namespace in the cluster and its name in the backup.
pub(super) type Key = (GroupResource, ObjectName);

/// The key of an item of the plan.
pub(super) fn key(item: &PlannedItem) -> Key {
    (item.kind.clone(), ObjectName::new(item.target_namespace.as_deref(), &item.source.name))
}

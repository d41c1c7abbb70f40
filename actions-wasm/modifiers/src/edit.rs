//! What a rule makes of an item.

use json_patch::PatchOperation;
use serde_json::Value;

use crate::{
    json_patch::{Patched, apply},
    schema, strategic,
};

/// One of the three kinds of patches; of the last two, one after the other.
#[derive(Debug)]
pub(crate) enum Edit {
    /// RFC 6902.
    Json(Vec<PatchOperation>),
    /// RFC 7396.
    Merge(Vec<Value>),
    /// Kubernetes' own.
    Strategic(Vec<Value>),
}

impl Edit {
    /// Applies it.
    ///
    /// # Errors
    /// In Velero's words, as far as it has any. The object may be half changed then.
    pub(crate) fn apply(&self, object: &mut Value) -> Result<Patched, String> {
        match self {
            Self::Json(operations) => {
                apply(object, operations).map_err(|error| format!("error in applying JSON Patch {error}"))
            }
            Self::Merge(patches) => {
                for patch in patches {
                    json_patch::merge(object, patch);
                }
                Ok(Patched::Done)
            }
            Self::Strategic(patches) => {
                let schema = schema::of(object)?;
                for patch in patches {
                    strategic::merge(object, patch, schema)
                        .map_err(|error| format!("error in applying Strategic Patch {error}"))?;
                }
                Ok(Patched::Done)
            }
        }
    }
}

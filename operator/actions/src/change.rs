//! Applies what an action answered to the item it was asked about.
//!
//! All or nothing: the item that comes in is not touched, and what comes out is a whole new one that was checked for size, depth and identity. Patches are
//! hostile input. A kilobyte of `copy` operations would make gigabytes, and a deep enough document would end the process by its stack; so everything is
//! measured before it is built.

mod identity;
mod json_patch;
mod measure;

use serde_json::Value;

use crate::{limits, subject::Role};

pub(crate) use measure::{depth, size};

/// A change in the terms of the contract; texts are JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Change {
    /// None.
    #[default]
    Unchanged,
    /// RFC 7396.
    MergePatch(String),
    /// RFC 6902.
    JsonPatch(String),
    /// The whole object.
    Replace(String),
}

/// What an item is to be from now on; granted, and set after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// Why a change is refused; an error of the action.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The text is longer than the item justifies.
    #[error("the change has {actual} bytes, more than 2 x item + 1 MiB = {limit}")]
    TextTooLarge {
        /// Bytes given.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// It is no JSON.
    #[error("the {what} is not JSON: {source}")]
    NotJson {
        /// Which kind of change.
        what: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// JSON of another type than it has to be.
    #[error("the {what} is not {expected}")]
    WrongType {
        /// Which kind of change.
        what: &'static str,
        /// With its article.
        expected: &'static str,
    },
    /// A JSON patch that is too long.
    #[error("the JSON patch has {0} operations, more than {max}", max = limits::PATCH_OPERATIONS)]
    TooManyOperations(usize),
    /// An operation that cannot be carried out.
    #[error("operation {index} of the JSON patch: {problem}")]
    Operation {
        /// Counted from 0, as in the patch.
        index: usize,
        /// For people.
        problem: String,
    },
    /// The item would become too large.
    #[error("the change makes more than {0} bytes of the item, 2 x item + 1 MiB")]
    ItemTooLarge(usize),
    /// The item would become too deep.
    #[error("the change nests the item deeper than {max} levels", max = limits::DEPTH)]
    TooDeep,
    /// The item would become another one.
    #[error("the change turns {field} from {from} into {to}; an action must not change what an item is")]
    Identity {
        /// `metadata.name`.
        field: &'static str,
        /// As JSON.
        from: String,
        /// As JSON.
        to: String,
    },
}

/// How many bytes an item has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ItemSize {
    /// Before all actions: what limits are worked out from, so that a chain of actions cannot double it again and again.
    pub(crate) original: usize,
    /// Before this one.
    pub(crate) now: usize,
}

/// Applies a change to an item, which is no deeper than an item may be.
///
/// Returns `None` when nothing is to change. On restore, metadata that the engine has reset stays reset.
pub(crate) fn apply(
    item: &Value,
    change: &Change,
    identity: Option<&Identity>,
    role: Role,
    item_size: ItemSize,
) -> Result<Option<Value>, ChangeError> {
    let limit = limits::change(item_size.original);
    let mut measured = false;
    let mut changed = match change {
        Change::Unchanged if identity.is_none() => return Ok(None),
        Change::Unchanged => item.clone(),
        Change::MergePatch(text) => {
            let patch = parse("merge patch", text, limit)?;
            if !patch.is_object() {
                return Err(ChangeError::WrongType { what: "merge patch", expected: "an object" });
            }
            // Merging adds no more than the patch has, in bytes and in levels: most often there is no need to look at all of the item again.
            measured = item_size.now + text.len() <= limit && depth(&patch, limits::DEPTH).is_some();
            let mut changed = item.clone();
            ::json_patch::merge(&mut changed, &patch);
            changed
        }
        Change::JsonPatch(text) => {
            let patch = parse("JSON patch", text, limit)?;
            json_patch::apply(item.clone(), patch, limit)?
        }
        Change::Replace(text) => parse("replacement", text, limit)?,
    };
    if !measured {
        // Depth first: measuring the size walks through all of it.
        depth(&changed, limits::DEPTH).ok_or(ChangeError::TooDeep)?;
        size(&changed, limit).ok_or(ChangeError::ItemTooLarge(limit))?;
    }
    identity::check(item, &changed, role)?;
    if role == Role::Restore {
        identity::remove_resets(item, &mut changed);
    }
    if let Some(identity) = identity {
        identity::set(&mut changed, identity);
    }
    Ok((changed != *item).then_some(changed))
}

fn parse(what: &'static str, text: &str, limit: usize) -> Result<Value, ChangeError> {
    if text.len() > limit {
        return Err(ChangeError::TextTooLarge { actual: text.len(), limit });
    }
    serde_json::from_str(text).map_err(|source| ChangeError::NotJson { what, source })
}

#[cfg(test)]
mod tests;

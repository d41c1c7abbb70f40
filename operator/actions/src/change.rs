//! Applies what an action answered to the item it was asked about.
//!
//! All or nothing. What comes out is no larger, no deeper and no other item than it may be. Patches are hostile input. A kilobyte of `copy` operations would
//! make gigabytes, and a deep enough document would end the process by its stack; so everything is measured before it is built.
//!
//! Most changes are plain ones ([`plain`]), which cost what they touch and not what the item is. All others are made in a copy that is looked at as a whole.

mod identity;
mod json_patch;
mod measure;
mod plain;

use serde_json::Value;

use crate::{limits, subject::Role};

pub(crate) use measure::text;

use measure::{depth, size};

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

/// What has become of an item.
#[derive(Debug, PartialEq)]
pub(crate) enum Applied {
    /// It is as it was.
    Unchanged,
    /// It has been changed where it is, and nowhere that says what it is or tells the engine something.
    InPlace,
    /// It is as it was, and this is to take its place.
    Copy(Value),
}

/// Applies a change to an item, which is no deeper than an item may be. After an error it is as it was.
///
/// On restore, metadata that the engine has reset stays reset.
pub(crate) fn apply(
    item: &mut Value,
    change: &Change,
    identity: Option<&Identity>,
    role: Role,
    item_size: ItemSize,
) -> Result<Applied, ChangeError> {
    let limit = limits::change(item_size.original);
    // What only sets values that stand in its own text makes no more of the item than both are together.
    let fits = |text: &str| item_size.now + text.len() <= limit;
    let changed = match change {
        Change::Unchanged if identity.is_none() => return Ok(Applied::Unchanged),
        Change::Unchanged => item.clone(),
        Change::MergePatch(text) => {
            let patch = parse("merge patch", text, limit)?;
            if !patch.is_object() {
                return Err(ChangeError::WrongType { what: "merge patch", expected: "an object" });
            }
            if identity.is_none() && fits(text) && plain::is_merge(item, &patch) {
                return Ok(plain::merge(item, &patch));
            }
            let mut changed = item.clone();
            ::json_patch::merge(&mut changed, &patch);
            changed
        }
        Change::JsonPatch(text) => {
            let patch = json_patch::read(parse("JSON patch", text, limit)?)?;
            if identity.is_none() && fits(text) && plain::is_patch(item, &patch) {
                return plain::patch(item, &patch);
            }
            json_patch::apply(item.clone(), &patch, limit)?
        }
        Change::Replace(text) => parse("replacement", text, limit)?,
    };
    examined(item, changed, identity, role, limit)
}

/// A copy that was changed, after a look at all of it.
fn examined(
    item: &Value,
    mut changed: Value,
    identity: Option<&Identity>,
    role: Role,
    limit: usize,
) -> Result<Applied, ChangeError> {
    // Depth first: measuring the size walks through all of it.
    depth(&changed, limits::DEPTH).ok_or(ChangeError::TooDeep)?;
    size(&changed, limit).ok_or(ChangeError::ItemTooLarge(limit))?;
    identity::check(item, &changed, role)?;
    if role == Role::Restore {
        identity::remove_resets(item, &mut changed);
    }
    if let Some(identity) = identity {
        identity::set(&mut changed, identity);
    }
    Ok(if changed == *item { Applied::Unchanged } else { Applied::Copy(changed) })
}

fn parse(what: &'static str, text: &str, limit: usize) -> Result<Value, ChangeError> {
    if text.len() > limit {
        return Err(ChangeError::TextTooLarge { actual: text.len(), limit });
    }
    serde_json::from_str(text).map_err(|source| ChangeError::NotJson { what, source })
}

#[cfg(test)]
mod tests;

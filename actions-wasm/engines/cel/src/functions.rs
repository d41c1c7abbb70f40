//! What an expression can call beyond CEL's own functions.

use std::{cell::RefCell, collections::HashMap};

use cel::{
    DeclarationError, Env, ExecutionError,
    common::{
        types::{CelBool, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, STRING_TYPE},
        value::{CowVal, Val},
    },
};
use lateen_engine_kit::{Identity, Level};
use regex_lite::Regex;

use crate::{
    answer::Answer,
    arguments::{Answered, namespace, text},
    cluster,
};

/// Puts a map's keys in order. No author can write this name.
pub(crate) const ORDERED: &str = "@ordered";

/// Regular expressions that are kept compiled; beyond it they are compiled anew. A script has a handful.
const KEPT_PATTERNS: usize = 64;

/// Declares them all.
pub(crate) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    let text = || STRING_TYPE.to_owned();
    let any = || DYN_TYPE.to_owned();
    env.add_overload("skip", "skip", vec![text()], skip)?;
    env.add_overload("info", "info", vec![text()], info)?;
    env.add_overload("warn", "warn", vec![text()], warn)?;
    env.add_overload("also", "also", vec![text(), any(), text()], also)?;
    env.add_overload("mustInclude", "must_include", vec![], must_include)?;
    env.add_overload("identify", "identify", vec![text(), text(), text()], identify)?;
    env.add_overload("matches", "matches", vec![text(), text()], matches)?;
    env.add_member_overload("matches", "matches_string", text(), vec![text()], matches)?;
    env.add_overload("jsonpatch.escapeKey", "jsonpatch_escape_key", vec![text()], escape_key)?;
    env.add_overload("cluster.get", "cluster_get", vec![text(), any(), text()], cluster::get)?;
    env.add_overload("cluster.list", "cluster_list", vec![text(), any()], cluster::list)?;
    env.add_overload("cluster.list", "cluster_list_selector", vec![text(), any(), text()], cluster::list)?;
    env.add_overload(ORDERED, "ordered", vec![any()], ordered)
}

fn skip<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    Ok(CowVal::owned(Answer::Skip(text(&arguments, 0).to_owned())))
}

fn info<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    Ok(CowVal::owned(Answer::Log(Level::Info, text(&arguments, 0).to_owned())))
}

fn warn<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    Ok(CowVal::owned(Answer::Log(Level::Warn, text(&arguments, 0).to_owned())))
}

fn also<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let namespace = namespace(&arguments, "also")?;
    let (resource, name) = (text(&arguments, 0).to_owned(), text(&arguments, 2).to_owned());
    Ok(CowVal::owned(Answer::Also(resource, namespace, name)))
}

fn must_include<'b, 'v>(_: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    Ok(CowVal::owned(Answer::MustInclude))
}

fn identify<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let [api_version, kind, name] = [0, 1, 2].map(|index| text(&arguments, index).to_owned());
    Ok(CowVal::owned(Answer::Identity(Identity { api_version, kind, name })))
}

/// A key as it is written in the path of a JSON patch.
fn escape_key<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let escaped = text(&arguments, 0).replace('~', "~0").replace('/', "~1");
    Ok(CowVal::owned(CelString::from(escaped)))
}

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// CEL's `matches`: RE2's syntax without classes of Unicode, somewhere in the text.
fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let (subject, pattern) = (text(&arguments, 0), text(&arguments, 1));
    let found = PATTERNS.with_borrow_mut(|patterns| {
        if let Some(known) = patterns.get(pattern) {
            return Ok(known.is_match(subject));
        }
        let new = Regex::new(pattern)
            .map_err(|error| ExecutionError::function_error("matches", format!("`{pattern}`: {error}")))?;
        let found = new.is_match(subject);
        if patterns.len() < KEPT_PATTERNS {
            patterns.insert(pattern.to_owned(), new);
        }
        Ok(found)
    })?;
    Ok(CowVal::owned(CelBool::from(found)))
}

/// The keys of a map in order, so that a script which goes through a map answers the same every time; all else as it is.
fn ordered<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let value = arguments.remove(0);
    let Some(map) = value.downcast_ref::<CelMap>() else { return Ok(value) };
    let mut keys: Vec<&CelMapKey<'v>> = map.inner().keys().collect();
    keys.sort_unstable();
    let keys: Vec<Box<dyn Val + 'v>> = keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

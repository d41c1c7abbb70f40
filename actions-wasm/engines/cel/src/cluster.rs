//! `cluster.get` and `cluster.list`: reading the cluster, where the manifest and the server grant it.
//!
//! Within one call of the script a question is asked once, however often the expression is evaluated, so that the answers in it fit together. Writing is not
//! offered: an expression that may be evaluated in part or twice is no place for it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use cel::{
    ExecutionError,
    common::{
        types::{CelList, CelNull},
        value::{CowVal, Val},
    },
};
use lateen_engine_kit::{
    Failure, Host,
    host::{Query, describe},
};

use crate::{
    arguments::{Answered, namespace, text},
    values,
};

/// The host and what it has been asked, during one call.
struct Questions {
    host: Rc<dyn Host>,
    answers: BTreeMap<Vec<String>, Result<Vec<String>, String>>,
}

thread_local! {
    /// CEL's functions are plain `fn`s: they find the host here.
    static QUESTIONS: RefCell<Option<Questions>> = const { RefCell::new(None) };
}

/// Runs `work` with this host for the functions.
pub(crate) fn with<T>(host: &Rc<dyn Host>, work: impl FnOnce() -> T) -> T {
    let questions = Questions { host: Rc::clone(host), answers: BTreeMap::new() };
    QUESTIONS.set(Some(questions));
    let result = work();
    QUESTIONS.set(None);
    result
}

/// An object, or null where there is none.
pub(crate) fn get<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let namespace = namespace(&arguments, "cluster.get")?;
    let (resource, name) = (text(&arguments, 0), text(&arguments, 2));
    let question = ["get", resource, namespace.as_deref().unwrap_or(""), name];
    let mut found = ask("cluster.get", &question, |host| {
        host.get(resource, namespace.as_deref(), name).map(|object| object.into_iter().collect())
    })?;
    Ok(match found.pop() {
        Some(object) => CowVal::Owned(object),
        None => CowVal::owned(CelNull),
    })
}

/// The objects of a kind.
pub(crate) fn list<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answered<'b, 'v> {
    let namespace = namespace(&arguments, "cluster.list")?;
    let (resource, labels) = (text(&arguments, 0), text(&arguments, 2));
    let question = ["list", resource, namespace.as_deref().unwrap_or(""), labels];
    let found = ask("cluster.list", &question, |host| {
        host.list(Query { resource, namespace: namespace.as_deref(), labels, fields: "" })
    })?;
    Ok(CowVal::owned(CelList::from(found)))
}

fn ask<'v>(
    function: &str,
    question: &[&str],
    request: impl FnOnce(&dyn Host) -> Result<Vec<String>, Failure>,
) -> Result<Vec<Box<dyn Val + 'v>>, ExecutionError> {
    let error = |message: &str| ExecutionError::function_error(function, message);
    QUESTIONS.with_borrow_mut(|questions| {
        let questions = questions.as_mut().ok_or_else(|| error("there is no cluster here"))?;
        let question: Vec<String> = question.iter().map(|&part| part.to_owned()).collect();
        let host = Rc::clone(&questions.host);
        let answer = questions
            .answers
            .entry(question)
            .or_insert_with(|| request(&*host).map_err(|failure| describe(&failure)));
        let objects = answer.as_ref().map_err(|message| error(message))?;
        objects
            .iter()
            .map(|object| values::parse(object).map(|value| value as Box<dyn Val + 'v>))
            .collect::<Result<_, _>>()
            .map_err(|wrong| error(&format!("the answer is no JSON: {wrong}")))
    })
}

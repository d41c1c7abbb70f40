//! What scripts can call beside jq's own functions.

use jaq_core::{
    Cv, Error, Native, ValR,
    native::{Fun, bome, v},
};
use jaq_json::{Map, Val};
use lateen_engine_kit::{
    Failure, Level,
    host::{Query, describe},
    resource,
};

use crate::{
    call::{Call, Jq},
    value,
};

/// The value that a function got as input, and its arguments.
struct Arguments<'a> {
    call: &'a Call<'a>,
    input: Val,
    given: Vec<Val>,
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Fun<Jq>> {
    macro_rules! function {
        ($name:literal, $arity:literal, $work:path) => {
            ($name, v($arity), Native::new(|cv| bome($work(&arguments(cv, $arity)))))
        };
    }
    [
        function!("skip", 1, skip),
        function!("info", 1, info),
        function!("warn", 1, warn),
        function!("debug", 0, debug),
        function!("debug", 1, debug_message),
        function!("now", 0, now),
        function!("also", 2, also_here),
        function!("also", 3, also),
        function!("must_include", 0, must_include),
        function!("cluster_get", 3, cluster_get),
        function!("cluster_list", 2, cluster_list),
        function!("cluster_list", 3, cluster_list),
        function!("cluster_create", 1, cluster_create),
        function!("cluster_patch", 4, cluster_patch),
        function!("cluster_delete", 3, cluster_delete),
    ]
    .into_iter()
}

fn arguments(mut cv: Cv<'_, Jq>, arity: usize) -> Arguments<'_> {
    let mut given: Vec<Val> = (0..arity).map(|_| cv.0.pop_var()).collect();
    given.reverse();
    Arguments { call: cv.0.data().call, input: cv.1, given }
}

impl Arguments<'_> {
    /// A string that must be one.
    fn string(&self, index: usize, what: &str) -> Result<String, Error<Val>> {
        match &self.given[index] {
            value @ Val::TStr(_) => Ok(value::text(value)),
            other => Err(Error::str(format!("{what} must be a string, but is {}", value::json(other)))),
        }
    }

    /// A namespace; null is none.
    fn namespace(&self, index: usize) -> Result<Option<String>, Error<Val>> {
        match &self.given[index] {
            Val::Null => Ok(None),
            _ => self.string(index, "the namespace").map(Some),
        }
    }

    /// Resource, namespace and name, which come first everywhere.
    fn address(&self) -> Result<(String, Option<String>, String), Error<Val>> {
        Ok((self.string(0, "the resource")?, self.namespace(1)?, self.string(2, "the name")?))
    }

    fn input(&self) -> ValR<Val> {
        Ok(self.input.clone())
    }
}

fn skip(arguments: &Arguments<'_>) -> ValR<Val> {
    let reason = arguments.string(0, "the reason")?;
    arguments.call.skip.borrow_mut().get_or_insert(reason);
    arguments.input()
}

fn info(arguments: &Arguments<'_>) -> ValR<Val> {
    arguments.call.host.log(Level::Info, &value::text(&arguments.given[0]));
    arguments.input()
}

fn warn(arguments: &Arguments<'_>) -> ValR<Val> {
    arguments.call.host.log(Level::Warn, &value::text(&arguments.given[0]));
    arguments.input()
}

fn debug(arguments: &Arguments<'_>) -> ValR<Val> {
    arguments.call.host.log(Level::Debug, &value::text(&arguments.input));
    arguments.input()
}

fn debug_message(arguments: &Arguments<'_>) -> ValR<Val> {
    arguments.call.host.log(Level::Debug, &value::text(&arguments.given[0]));
    arguments.input()
}

/// Seconds since 1970 as the host tells them.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds stay below 2^53 for a quarter of a million years"
)]
fn now(arguments: &Arguments<'_>) -> ValR<Val> {
    Ok(Val::from(arguments.call.host.now_ms() as f64 / 1000.0))
}

fn also_here(arguments: &Arguments<'_>) -> ValR<Val> {
    let namespace = arguments.call.host.subject().object.namespace;
    relate(arguments, namespace.as_deref(), &arguments.string(1, "the name")?)
}

fn also(arguments: &Arguments<'_>) -> ValR<Val> {
    relate(arguments, arguments.namespace(1)?.as_deref(), &arguments.string(2, "the name")?)
}

fn relate(arguments: &Arguments<'_>, namespace: Option<&str>, name: &str) -> ValR<Val> {
    let object = resource::object_ref(&arguments.string(0, "the resource")?, namespace, name);
    arguments.call.related.borrow_mut().push(object);
    arguments.input()
}

fn must_include(arguments: &Arguments<'_>) -> ValR<Val> {
    arguments.call.must_include.set(true);
    arguments.input()
}

fn cluster_get(arguments: &Arguments<'_>) -> ValR<Val> {
    let (resource, namespace, name) = arguments.address()?;
    let object = arguments.call.host.get(&resource, namespace.as_deref(), &name).map_err(failed)?;
    object.map_or(Ok(Val::Null), |object| parsed(&object))
}

fn cluster_list(arguments: &Arguments<'_>) -> ValR<Val> {
    let (resource, namespace) = (arguments.string(0, "the resource")?, arguments.namespace(1)?);
    let labels = match arguments.given.get(2) {
        Some(_) => arguments.string(2, "the label selector")?,
        None => String::new(),
    };
    let query = Query { resource: &resource, namespace: namespace.as_deref(), labels: &labels, fields: "" };
    let objects = arguments.call.host.list(query).map_err(failed)?;
    objects.iter().map(|object| parsed(object)).collect()
}

fn cluster_create(arguments: &Arguments<'_>) -> ValR<Val> {
    arguments.call.host.create(&value::json(&arguments.given[0])).map_err(failed)?;
    arguments.input()
}

fn cluster_patch(arguments: &Arguments<'_>) -> ValR<Val> {
    let (resource, namespace, name) = arguments.address()?;
    let merge = value::json(&arguments.given[3]);
    arguments.call.host.patch(&resource, namespace.as_deref(), &name, &merge).map_err(failed)?;
    arguments.input()
}

fn cluster_delete(arguments: &Arguments<'_>) -> ValR<Val> {
    let (resource, namespace, name) = arguments.address()?;
    arguments.call.host.delete(&resource, namespace.as_deref(), &name).map_err(failed)?;
    arguments.input()
}

fn parsed(object: &str) -> ValR<Val> {
    value::parse(object).map_err(|error| Error::str(format!("the host's answer is no JSON: {error}")))
}

/// An error that `try ... catch` gets as `{reason, message}`, to decide by the reason.
fn failed(failure: Failure) -> Error<Val> {
    let text = |text: &str| Val::from(text.to_owned());
    let entries =
        [("reason", text(lateen_engine_kit::host::reason(&failure))), ("message", text(&describe(&failure)))];
    Error::new(Val::obj(entries.map(|(key, value)| (text(key), value)).into_iter().collect::<Map>()))
}

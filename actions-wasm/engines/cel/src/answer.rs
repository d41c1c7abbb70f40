//! What an expression's value means for the item.
//!
//! CEL has no statements and no effects: a part of an expression may be left out or evaluated twice. So all that a script wants done is in its value, and what is not
//! in the value does not happen:
//!
//! | value | meaning |
//! |---|---|
//! | `null`, `{}`, `[]` | no change |
//! | a map, or `Object{...}` | merge patch, RFC 7396 |
//! | `JSONPatch{op: ..., path: ..., value: ...}` | one operation, RFC 6902; in a list also the map of that form |
//! | `skip("why")`, `also(resource, namespace, name)`, `mustInclude()`, `info("...")`, `warn("...")` | what their names say |
//! | `identify(apiVersion, kind, name)` | the object becomes another one |
//! | a list | all of these together, in order; lists in it count as if their elements stood there |
//!
//! One answer has operations or one merge patch, never both: their order would not be clear.

use cel::common::{
    types::{CelMap, CelNull, CelOptional, CelStruct, Type},
    value::{StaticVal, Val},
};
use lateen_engine_kit::{Change, Host, Identity, Level, Verdict, resource};
use serde_json::{Map, Value};

use crate::{literals, values};

/// The type that `skip` and its like have in the language.
pub(crate) static TYPE: Type = Type::new_unspecified_type("answer");

/// A part of the answer that is no change.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Leave the item out, for this reason.
    Skip(String),
    /// A line for the log.
    Log(Level, String),
    /// An object that comes along: resource, namespace, name.
    Also(String, Option<String>, String),
    /// What comes along passes the backup's filters.
    MustInclude,
    /// The object becomes another one.
    Identity(Identity),
}

impl Val for Answer {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        &TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl StaticVal for Answer {}

/// Reads the value of an expression; lines go to the log here.
pub(crate) fn verdict(value: &dyn Val, host: &dyn Host) -> Result<Verdict, String> {
    let mut parts = Parts::default();
    match value.downcast_ref::<CelMap>() {
        Some(map) if !map.inner().is_empty() => parts.merge_map(value)?,
        Some(_) => {}
        None => parts.take(value)?,
    }
    for (level, line) in &parts.lines {
        host.log(*level, line);
    }
    let change = match (parts.merge, parts.operations.is_empty()) {
        (None, true) => Change::Unchanged,
        (None, false) => Change::Json(Value::Array(parts.operations).to_string()),
        (Some(patch), true) => Change::Merge(patch.to_string()),
        (Some(_), false) => {
            return Err("a merge patch and operations in one answer, of which the order would not be clear: write it all as one or the other".into());
        }
    };
    Ok(Verdict { change, ..parts.verdict })
}

/// What has been read.
#[derive(Default)]
struct Parts {
    operations: Vec<Value>,
    merge: Option<Value>,
    lines: Vec<(Level, String)>,
    verdict: Verdict,
}

impl Parts {
    /// A value that stands in a list, or is the whole answer.
    fn take(&mut self, value: &dyn Val) -> Result<(), String> {
        if value.downcast_ref::<CelNull>().is_some() {
            return Ok(());
        }
        if let Some(answer) = value.downcast_ref::<Answer>() {
            return self.answer(answer);
        }
        if let Some(optional) = value.downcast_ref::<CelOptional>() {
            return optional.option().map_or(Ok(()), |value| self.take(value));
        }
        if let Some(literal) = value.downcast_ref::<CelStruct>() {
            return if literal.name() == literals::OPERATION {
                self.operation(value)
            } else {
                self.merge(value)
            };
        }
        if value.downcast_ref::<CelMap>().is_some() {
            return self.operation(value);
        }
        let Some(list) = value.as_iterable() else {
            let name = value.get_type().name();
            return Err(format!(
                "the result has a {name} where only null, a map, JSONPatch{{}}, Object{{}}, skip(), also(), mustInclude(), identify(), info(), warn() or a list of them means something"
            ));
        };
        let mut elements = list.iter();
        while let Some(element) = elements.next() {
            self.take(element)?;
        }
        Ok(())
    }

    fn answer(&mut self, answer: &Answer) -> Result<(), String> {
        match answer {
            Answer::Skip(reason) => {
                self.verdict.skip.get_or_insert_with(|| reason.clone());
            }
            Answer::Log(level, line) => self.lines.push((*level, line.clone())),
            Answer::Also(kind, namespace, name) => {
                self.verdict.related.push(resource::object_ref(kind, namespace.as_deref(), name));
            }
            Answer::MustInclude => self.verdict.must_include = true,
            Answer::Identity(identity) => {
                if self.verdict.identity.replace(identity.clone()).is_some_and(|first| first != *identity) {
                    return Err("the answer has two identities: call `identify` once".into());
                }
            }
        }
        Ok(())
    }

    /// A map that is the whole answer.
    fn merge_map(&mut self, value: &dyn Val) -> Result<(), String> {
        let patch = values::to_json(value)?;
        if patch.get("op").is_some() && patch.get("path").is_some() {
            return Err("one operation of a JSON patch belongs in a list: [{\"op\": ...}]".into());
        }
        self.merge = Some(patch);
        Ok(())
    }

    fn merge(&mut self, value: &dyn Val) -> Result<(), String> {
        match self.merge.replace(values::to_json(value)?) {
            None => Ok(()),
            Some(_) => Err("two merge patches in one answer: make them one Object{}".into()),
        }
    }

    fn operation(&mut self, value: &dyn Val) -> Result<(), String> {
        let Value::Object(operation) = values::to_json(value)? else {
            return Err("an operation of a JSON patch is a map".into());
        };
        check(&operation).map_err(|wrong| {
            format!(
                "{wrong} in an operation of a JSON patch; a merge patch in a list is written as Object{{...}}"
            )
        })?;
        self.operations.push(Value::Object(operation));
        Ok(())
    }
}

/// Members that are not known would be ignored by the host, and a misspelt `value` with them.
fn check(operation: &Map<String, Value>) -> Result<(), String> {
    if let Some(unknown) = operation.keys().find(|key| !literals::MEMBERS.contains(&key.as_str())) {
        return Err(format!("unknown member `{unknown}`"));
    }
    match ["op", "path"].into_iter().find(|member| !operation.get(*member).is_some_and(Value::is_string)) {
        Some(missing) => Err(format!("no text as `{missing}`")),
        None => Ok(()),
    }
}

//! What came out of a script, beside what went in.
//!
//! The two are compared where they are: the item as it was parsed for this, and QuickJS' own objects. What is equal in JavaScript's eyes, where numbers are doubles,
//! is not written down at all: what went in stands for it, with its numbers as they were. What differs, and all that is more than plain data (dates,
//! classes, `toJSON`), is written by QuickJS, as `JSON.stringify` does.

use rquickjs::{Ctx, Object, Type, Value, atom::PredefinedAtom, object::Filter};
use serde_json::{Map, Value as Json};

/// A value after the script.
#[derive(Debug)]
pub(crate) enum After<'a> {
    /// Equal to what went in at this place.
    Same(&'a Json),
    /// A list, unequal.
    List(Vec<After<'a>>),
    /// An object, unequal.
    Object(Vec<(String, After<'a>)>),
    /// As QuickJS writes it.
    Written(Json),
}

/// Why there is no form in JSON.
pub(crate) enum Failure {
    /// Something was thrown.
    Thrown(rquickjs::Error),
    /// What QuickJS wrote cannot be read.
    Unreadable(serde_json::Error),
}

impl From<rquickjs::Error> for Failure {
    fn from(error: rquickjs::Error) -> Self {
        Self::Thrown(error)
    }
}

/// `None` stands for what JSON leaves out, such as `undefined` and functions.
type Seen<'a> = Result<Option<After<'a>>, Failure>;

/// Compares values of a call with what went in.
pub(crate) struct Comparison<'js> {
    ctx: Ctx<'js>,
    /// What plain objects inherit from.
    model: Option<Object<'js>>,
}

impl<'js> Comparison<'js> {
    /// Takes an object that was just parsed, and so is a plain one.
    pub(crate) fn new(ctx: &Ctx<'js>, parsed: &Value<'js>) -> Self {
        Self { ctx: ctx.clone(), model: parsed.as_object().and_then(Object::get_prototype) }
    }

    /// A value, and what went in at its place.
    pub(crate) fn seen<'a>(&self, before: &'a Json, value: Value<'js>) -> Seen<'a> {
        let same = match (before, value.type_of()) {
            (Json::Null, Type::Null) => true,
            (Json::Bool(before), Type::Bool) => value.as_bool() == Some(*before),
            (Json::Number(before), Type::Int | Type::Float) => before.as_f64() == value.as_number(),
            (Json::String(before), Type::String) => text(&value).is_some_and(|text| text == *before),
            (Json::Array(elements), Type::Array) if !writes_itself(&value)? => {
                return self.list(elements, &value).map(|after| Some(after.unwrap_or(After::Same(before))));
            }
            (Json::Object(fields), Type::Object) if self.is_plain(&value) && !writes_itself(&value)? => {
                return self.object(fields, &value).map(|after| Some(after.unwrap_or(After::Same(before))));
            }
            _ => false,
        };
        if same { Ok(Some(After::Same(before))) } else { self.written(value) }
    }

    /// `None` where all elements are the same.
    fn list<'a>(&self, before: &'a [Json], value: &Value<'js>) -> Result<Option<After<'a>>, Failure> {
        let Some(array) = value.as_array() else { return Ok(None) };
        let mut after = Vec::with_capacity(before.len());
        for index in 0..array.len() {
            let element = array.get(index)?;
            let seen = match before.get(index) {
                Some(before) => self.seen(before, element)?,
                None => self.written(element)?,
            };
            after.push(seen.unwrap_or(After::Written(Json::Null)));
        }
        let same = after.len() == before.len() && after.iter().all(After::is_same);
        Ok((!same).then_some(After::List(after)))
    }

    /// `None` where all fields are the same.
    fn object<'a>(
        &self,
        before: &'a Map<String, Json>,
        value: &Value<'js>,
    ) -> Result<Option<After<'a>>, Failure> {
        let Some(object) = value.as_object() else { return Ok(None) };
        let mut after = Vec::with_capacity(before.len());
        for property in object.own_props::<String, Value<'js>>(Filter::default()) {
            let (key, field) = property?;
            let seen = match before.get(&key) {
                Some(before) => self.seen(before, field)?,
                None => self.written(field)?,
            };
            after.extend(seen.map(|seen| (key, seen)));
        }
        let same = after.len() == before.len() && after.iter().all(|(_, field)| field.is_same());
        Ok((!same).then_some(After::Object(after)))
    }

    fn written<'a>(&self, value: Value<'js>) -> Seen<'a> {
        let Some(text) = self.ctx.json_stringify(value)? else { return Ok(None) };
        serde_json::from_str(&text.to_string()?)
            .map(|json| Some(After::Written(json)))
            .map_err(Failure::Unreadable)
    }

    fn is_plain(&self, value: &Value<'js>) -> bool {
        value.as_object().and_then(Object::get_prototype) == self.model
    }
}

impl After<'_> {
    fn is_same(&self) -> bool {
        matches!(self, Self::Same(_))
    }
}

/// Whether `JSON.stringify` would ask the value how it is to be written.
fn writes_itself(value: &Value<'_>) -> rquickjs::Result<bool> {
    let Some(object) = value.as_object() else { return Ok(false) };
    object.get(PredefinedAtom::ToJSON).map(|method: Value<'_>| method.is_function())
}

/// A string; `None` for one that is no Unicode.
fn text(value: &Value<'_>) -> Option<String> {
    value.as_string()?.to_string().ok()
}

//! Between jaq's values, JSON and the kit.
//!
//! Integers are exact whatever their size, decimals keep their digits as long as nobody calculates with them. A calculated number without a fraction is
//! written as an integer, as jq does: half of 4 is 2 and not 2.0.

use jaq_json::{Num, Rc, Val, read};
use lateen_engine_kit::{Node, Shape, patch};

/// Reads JSON.
pub(crate) fn parse(json: &str) -> Result<Val, String> {
    read::parse_single(json.as_bytes()).map_err(|error| error.to_string())
}

/// The text of a string, and the JSON of everything else.
pub(crate) fn text(value: &Val) -> String {
    match value {
        Val::TStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.to_string(),
    }
}

/// A value as JSON text, for the host.
pub(crate) fn json(value: &Val) -> String {
    value.to_string()
}

/// A value in the sight of the kit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a>(pub(crate) &'a Val);

impl<'a> Node for Seen<'a> {
    type Key = &'a str;

    fn same(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Val::Arr(old), Val::Arr(new)) => Rc::ptr_eq(old, new),
            (Val::Obj(old), Val::Obj(new)) => Rc::ptr_eq(old, new),
            _ => false,
        }
    }

    fn shape(&self) -> Result<Shape<Self>, String> {
        match self.0 {
            Val::Arr(elements) => Ok(Shape::List(elements.iter().map(Seen).collect())),
            Val::Obj(entries) => {
                let entry = |(key, value): (&'a Val, &'a Val)| Ok((self::key(key)?, Seen(value)));
                Ok(Shape::Object(entries.iter().map(entry).collect::<Result<_, String>>()?))
            }
            _ => Ok(Shape::Scalar),
        }
    }

    fn equal(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(old), Val::Bool(new)) => old == new,
            (Val::TStr(old), Val::TStr(new)) => old == new,
            (Val::Num(old), Val::Num(new)) => equal_numbers(old, new),
            _ => false,
        }
    }

    fn write(&self, out: &mut String) -> Result<(), String> {
        match self.0 {
            Val::Null => out.push_str("null"),
            Val::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Val::Num(number) => out.push_str(&decimal(number)?),
            Val::TStr(bytes) => patch::write_string(out, &String::from_utf8_lossy(bytes)),
            Val::BStr(_) => return Err("bytes have no form in JSON; use @base64".to_owned()),
            Val::Arr(_) | Val::Obj(_) => return Err("not a scalar".to_owned()),
        }
        Ok(())
    }
}

fn key(key: &Val) -> Result<&str, String> {
    match key {
        Val::TStr(bytes) => std::str::from_utf8(bytes).map_err(|_| "a key is not UTF-8".to_owned()),
        other => Err(format!("the key {other} is no string")),
    }
}

/// jaq compares integers with other numbers as floats, which is not exact; here those are equal only when they are written alike.
fn equal_numbers(old: &Num, new: &Num) -> bool {
    match (old, new) {
        (Num::Int(_) | Num::BigInt(_), Num::Int(_) | Num::BigInt(_)) => old == new,
        _ => match (decimal(old), decimal(new)) {
            (Ok(old), Ok(new)) => old == new,
            _ => false,
        },
    }
}

/// Where floats begin to skip integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn decimal(number: &Num) -> Result<String, String> {
    match number {
        Num::Float(float) if !float.is_finite() => Err(format!("{number} is no number in JSON")),
        Num::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT => Ok(format!("{float:.0}")),
        number => Ok(number.to_string()),
    }
}

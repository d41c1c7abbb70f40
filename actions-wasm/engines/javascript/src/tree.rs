//! The item before and after a script, for the kit's comparison.

use lateen_engine_kit::{Node, Shape, patch::write_string};
use serde_json::Value as Json;

use crate::{after::After, numbers::Numbers};

/// A value of either side, and the table of what JavaScript cannot write.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a> {
    value: Side<'a>,
    numbers: &'a Numbers,
}

#[derive(Clone, Copy)]
enum Side<'a> {
    Json(&'a Json),
    After(&'a After<'a>),
}

impl<'a> Tree<'a> {
    pub(crate) fn before(value: &'a Json, numbers: &'a Numbers) -> Self {
        Self { value: Side::Json(value), numbers }
    }

    pub(crate) fn after(value: &'a After<'a>, numbers: &'a Numbers) -> Self {
        let value = match value {
            After::Same(value) => Side::Json(value),
            After::Written(value) => Side::Json(value),
            unequal => Side::After(unequal),
        };
        Self { value, numbers }
    }

    fn scalar(&self) -> Option<&'a Json> {
        match self.value {
            Side::Json(value) => Some(value),
            Side::After(_) => None,
        }
    }
}

impl<'a> Node for Tree<'a> {
    type Key = &'a str;

    fn same(&self, other: &Self) -> bool {
        match (self.value, other.value) {
            (Side::Json(value), Side::Json(other)) => std::ptr::eq(value, other),
            _ => false,
        }
    }

    fn shape(&self) -> Result<Shape<Self>, String> {
        let numbers = self.numbers;
        Ok(match self.value {
            Side::Json(Json::Array(elements)) => {
                Shape::List(elements.iter().map(|element| Self::before(element, numbers)).collect())
            }
            Side::Json(Json::Object(entries)) => Shape::Object(
                entries.iter().map(|(key, value)| (key.as_str(), Self::before(value, numbers))).collect(),
            ),
            Side::After(After::List(elements)) => {
                Shape::List(elements.iter().map(|element| Self::after(element, numbers)).collect())
            }
            Side::After(After::Object(entries)) => Shape::Object(
                entries.iter().map(|(key, value)| (key.as_str(), Self::after(value, numbers))).collect(),
            ),
            Side::Json(_) | Side::After(_) => Shape::Scalar,
        })
    }

    fn equal(&self, other: &Self) -> bool {
        match (self.scalar(), other.scalar()) {
            // Two integers that are one double are one number to the script.
            (Some(Json::Number(number)), Some(Json::Number(other))) => number.as_f64() == other.as_f64(),
            (value, other) => value == other,
        }
    }

    fn write(&self, out: &mut String) -> Result<(), String> {
        match self.scalar() {
            Some(Json::String(text)) => write_string(out, text),
            Some(Json::Number(number)) => out.push_str(&self.numbers.restored(number)?.to_string()),
            Some(scalar) => out.push_str(&scalar.to_string()),
            None => {}
        }
        Ok(())
    }
}

//! What came out of JavaScript, for the comparison with what went in.

use lateen_engine_kit::{Node, Shape, patch::write_string};
use serde_json::Value;

use crate::numbers::Numbers;

/// A value as JavaScript wrote it, and the table of what it cannot write.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a> {
    value: &'a Value,
    numbers: &'a Numbers,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(value: &'a Value, numbers: &'a Numbers) -> Self {
        Self { value, numbers }
    }
}

impl<'a> Node for Tree<'a> {
    type Key = &'a str;

    fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self.value, other.value)
    }

    fn shape(&self) -> Result<Shape<Self>, String> {
        let numbers = self.numbers;
        Ok(match self.value {
            Value::Array(elements) => {
                Shape::List(elements.iter().map(|value| Self { value, numbers }).collect())
            }
            Value::Object(entries) => Shape::Object(
                entries.iter().map(|(key, value)| (key.as_str(), Self { value, numbers })).collect(),
            ),
            _ => Shape::Scalar,
        })
    }

    fn equal(&self, other: &Self) -> bool {
        self.value == other.value
    }

    fn write(&self, out: &mut String) -> Result<(), String> {
        match self.value {
            Value::String(text) => write_string(out, text),
            Value::Number(number) => out.push_str(&self.numbers.restored(number)?.to_string()),
            scalar => out.push_str(&scalar.to_string()),
        }
        Ok(())
    }
}

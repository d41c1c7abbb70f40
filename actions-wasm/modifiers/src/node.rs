//! JSON values in the sight of the kit, which works out the difference.

use lateen_engine_kit::{Node, Shape};
use serde_json::Value;

/// A value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a>(pub(crate) &'a Value);

impl<'a> Node for Seen<'a> {
    type Key = &'a str;

    fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    fn shape(&self) -> Result<Shape<Self>, String> {
        Ok(match self.0 {
            Value::Array(elements) => Shape::List(elements.iter().map(Seen).collect()),
            Value::Object(entries) => {
                Shape::Object(entries.iter().map(|(key, value)| (key.as_str(), Seen(value))).collect())
            }
            _ => Shape::Scalar,
        })
    }

    fn equal(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn write(&self, out: &mut String) -> Result<(), String> {
        out.push_str(&self.0.to_string());
        Ok(())
    }
}

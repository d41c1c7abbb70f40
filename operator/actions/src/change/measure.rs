//! Depth and size of a value, measured only as far as is allowed.

use std::io;

use serde::Serialize;
use serde_json::{
    Serializer, Value,
    ser::{CompactFormatter, Formatter},
};

/// Levels of nesting: 0 for a scalar, 1 for `{}`. `None` above `max`; never goes deeper than that.
pub(super) fn depth(value: &Value, max: usize) -> Option<usize> {
    match value {
        Value::Array(items) => deepest(items, max),
        Value::Object(map) => deepest(map.values(), max),
        _ => Some(0),
    }
}

fn deepest<'a>(children: impl IntoIterator<Item = &'a Value>, max: usize) -> Option<usize> {
    let max = max.checked_sub(1)?;
    let mut deepest = 0;
    for child in children {
        deepest = deepest.max(depth(child, max)?);
    }
    Some(deepest + 1)
}

/// A value as compact JSON. `None` if it is nested deeper than `max` levels; never goes deeper than that.
pub(crate) fn text(value: &Value, max: usize, expected: usize) -> Option<String> {
    let mut text = Vec::with_capacity(expected);
    let levels = Levels { left: max };
    // Writing to memory does not fail, and a value has neither keys nor numbers that JSON does not know: the depth is all that can be wrong.
    value.serialize(&mut Serializer::with_formatter(&mut text, levels)).ok()?;
    Some(String::from_utf8(text).expect("JSON is written as UTF-8"))
}

/// Bytes as compact JSON. `None` above `max`, without going on to the end.
pub(super) fn size(value: &Value, max: usize) -> Option<usize> {
    let mut counter = Counter { bytes: 0, max };
    serde_json::to_writer(&mut counter, value).ok()?;
    Some(counter.bytes)
}

/// Counts what is written, and fails when it is too much.
struct Counter {
    bytes: usize,
    max: usize,
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        if self.bytes > self.max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes compact JSON, and fails where it goes too deep.
struct Levels {
    left: usize,
}

impl Levels {
    fn enter(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(())
    }
}

impl Formatter for Levels {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_array(writer)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.left += 1;
        CompactFormatter.end_array(writer)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.left += 1;
        CompactFormatter.end_object(writer)
    }
}

//! Depth and size of a value, measured only as far as is allowed.

use std::io;

use serde_json::Value;

/// Levels of nesting: 0 for a scalar, 1 for `{}`. `None` above `max`; never goes deeper than that.
pub(crate) fn depth(value: &Value, max: usize) -> Option<usize> {
    let deepest = |children: &mut dyn Iterator<Item = &Value>| {
        let max = max.checked_sub(1)?;
        let mut deepest = 0;
        for child in children {
            deepest = deepest.max(depth(child, max)?);
        }
        Some(deepest + 1)
    };
    match value {
        Value::Array(items) => deepest(&mut items.iter()),
        Value::Object(map) => deepest(&mut map.values()),
        _ => Some(0),
    }
}

/// Bytes as compact JSON. `None` above `max`, without going on to the end.
pub(crate) fn size(value: &Value, max: usize) -> Option<usize> {
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

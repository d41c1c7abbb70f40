//! Files with a limit, and the YAML or JSON documents in them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{KitError, measure};

/// Items, expectations and clusters: five of the largest items.
pub(crate) const DOCUMENTS: usize = 16 << 20;

/// Documents in one file.
const DOCUMENT_COUNT: usize = 10_000;

/// Reads a file of at most `limit` bytes; `-` is standard input.
pub(crate) fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, KitError> {
    let failed = |source: io::Error| KitError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let most = limit as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() > limit {
        return Err(KitError::TooLarge { path: path.to_owned(), limit: measure::bytes(limit) });
    }
    Ok(bytes)
}

/// The same for text.
pub(crate) fn text(path: &Path, limit: usize) -> Result<String, KitError> {
    String::from_utf8(bytes(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        KitError::Content(format!("{} is not UTF-8 after {at} bytes", path.display()))
    })
}

/// All documents of a file, empty ones left out.
pub(crate) fn documents(path: &Path) -> Result<Vec<Value>, KitError> {
    parse(&text(path, DOCUMENTS)?, path)
}

/// The one document of a file.
pub(crate) fn document(path: &Path) -> Result<Value, KitError> {
    let mut all = documents(path)?;
    match (all.pop(), all.is_empty()) {
        (Some(value), true) => Ok(value),
        (None, _) => Err(KitError::Content(format!("{} is empty", path.display()))),
        (Some(_), false) => Err(KitError::Content(format!("{} has more than one document", path.display()))),
    }
}

/// The documents of a text; `path` is for messages.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Vec<Value>, KitError> {
    let many = || KitError::Content(format!("{} has more than {DOCUMENT_COUNT} documents", path.display()));
    let mut values = Vec::new();
    // JSON is read as such: it is faster, and a stream of it needs no separators.
    if text.trim_start().starts_with('{') {
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            values.push(value.map_err(|error| at(path, error.line(), error.column(), &error.to_string()))?);
            if values.len() > DOCUMENT_COUNT {
                return Err(many());
            }
        }
        return Ok(values);
    }
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Value::deserialize(document).map_err(|error| match error.location() {
            Some(place) => at(path, place.line(), place.column(), &error.to_string()),
            None => KitError::Content(format!("{}: {error}", path.display())),
        })?;
        if !value.is_null() {
            values.push(value);
        }
        if values.len() > DOCUMENT_COUNT {
            return Err(many());
        }
    }
    Ok(values)
}

/// A message with its place in front, which editors understand, and not once more at its end.
pub(crate) fn at(path: &Path, line: usize, column: usize, message: &str) -> KitError {
    let place = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&place).unwrap_or(message);
    KitError::Content(format!("{}:{line}:{column}: {message}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_are_read_to_the_digit() {
        let path = Path::new("x.yaml");
        let big = "a: 9007199254740993\n---\n---\nb: 1.5\n";
        assert_eq!(parse(big, path).unwrap(), [json!({"a": 9_007_199_254_740_993_u64}), json!({"b": 1.5})]);
        assert_eq!(parse("{\"a\": 9007199254740993}\n{}", path).unwrap().len(), 2);
    }

    #[test]
    fn errors_begin_with_their_place() {
        let message = |text: &str| parse(text, Path::new("x.yaml")).unwrap_err().to_string();
        let yaml = message("a: 1\nb: [\n");
        assert!(yaml.starts_with("x.yaml:3:1: "), "{yaml}");
        let json = message("{\"a\": 1,\n\"b\" 2}");
        assert_eq!(json, "x.yaml:2:5: expected `:`");
    }

    #[test]
    fn files_have_a_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(text(file.path(), 5).unwrap(), "12345");
        assert!(bytes(file.path(), 4).unwrap_err().to_string().ends_with(" is larger than 4 bytes"));
    }
}

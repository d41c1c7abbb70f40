//! The files beside an archive, as JSON before compression: one value and a line break, as readers of Velero's files expect them.
//!
//! Volumes' data is not taken yet, so the lists of volume backups and snapshots are empty; `null` and `[]` are what the original
//! writes for an empty list in the file in question.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use super::tally::Tally;
use crate::results::Results;

/// Compact JSON with `<`, `>`, `&` and the two line separators of Unicode escaped, ended by a line break.
pub fn document(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    write_document(&mut text, value)?;
    Ok(text)
}

/// As [`document`], to wherever it goes: a list of all items of a run is not in memory as a text.
pub fn write_document<W: io::Write>(mut to: W, value: &impl Serialize) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut to, Escaping))?;
    to.write_all(b"\n").map_err(serde_json::Error::io)
}

/// Compact JSON whose strings can stand in a web page.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, to: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            to.write_all(plain.as_bytes())?;
            let mut characters = special.chars();
            if let Some(character) = characters.next() {
                write!(to, "\\u{:04x}", character as u32)?;
            }
            rest = characters.as_str();
        }
        to.write_all(rest.as_bytes())
    }
}

/// `<backup>-resource-list.json.gz`.
pub fn resource_list(tally: &Tally) -> Result<Vec<u8>, serde_json::Error> {
    document(&tally.resource_list())
}

/// `<backup>-results.gz`.
pub fn results(results: &Results) -> Result<Vec<u8>, serde_json::Error> {
    document(results)
}

/// An empty list as `podvolumebackups` and `volumesnapshots` have it.
pub const NULL_LIST: &[u8] = b"null\n";

/// An empty list as `itemoperations` and `volumeinfo` have it.
pub const EMPTY_LIST: &[u8] = b"[]\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_lines_end() {
        assert_eq!(document(&["<a&b>"]).unwrap(), b"[\"\\u003ca\\u0026b\\u003e\"]\n");
        let map = std::collections::BTreeMap::from([("a\u{2028}\"", "\u{e4}&")]);
        assert_eq!(document(&map).unwrap(), "{\"a\\u2028\\\"\":\"\u{e4}\\u0026\"}\n".as_bytes());
    }
}

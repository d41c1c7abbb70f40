//! The files beside an archive, as JSON before compression: one value and a line break, as readers of Velero's files expect them.
//!
//! Volumes' data is not taken yet, so the lists of volume backups and snapshots are empty; `null` and `[]` are what the original
//! writes for an empty list in the file in question.

use serde::Serialize;

use super::tally::Tally;
use crate::results::Results;

/// Compact JSON with `<`, `>`, `&` and the two line separators of Unicode escaped, ended by a line break.
pub fn document(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let text = serde_json::to_string(value)?;
    let mut escaped = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped.push_str(&format!("\\u{:04x}", c as u32)),
            c => escaped.push(c),
        }
    }
    escaped.push('\n');
    Ok(escaped.into_bytes())
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
    }
}

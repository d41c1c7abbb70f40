//! The text of a log line: `time="…" level=info msg="…"` and the other fields in order of their keys, as Velero's logs have it, or one
//! JSON object a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Entry;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `key=value` pairs.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The line for `entry` at `time` (RFC 3339), with `run` as a field of its own (`backup` or `restore`, and `namespace/name`). Ends in a
/// line break.
pub fn render(format: Format, time: &str, run: (&'static str, &str), entry: &Entry) -> String {
    let mut fields: BTreeMap<&str, &str> = entry.fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    fields.insert(run.0, run.1);
    match format {
        Format::Text => text(time, entry, &fields),
        Format::Json => json(time, entry, &fields),
    }
}

fn text(time: &str, entry: &Entry, fields: &BTreeMap<&str, &str>) -> String {
    let mut line = format!("time={} level={}", quoted(time), entry.level.as_str());
    if !entry.message.is_empty() {
        let _ = write!(line, " msg={}", quoted(&entry.message));
    }
    for (key, value) in fields {
        let _ = write!(line, " {key}={}", quoted(value));
    }
    line.push('\n');
    line
}

fn json(time: &str, entry: &Entry, fields: &BTreeMap<&str, &str>) -> String {
    let mut object: BTreeMap<&str, &str> = fields.clone();
    if let Some(error) = object.remove("error") {
        object.insert("error.message", error);
    }
    object.insert("time", time);
    object.insert("level", entry.level.as_str());
    object.insert("msg", &entry.message);
    let mut line = serde_json::to_string(&object).expect("a map of strings has no value that JSON lacks");
    line.push('\n');
    line
}

/// The value as it stands behind `=`: bare where it is made of harmless characters, quoted and escaped elsewhere.
fn quoted(value: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if value.chars().all(bare) {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && (c as u32) < 0x80 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_line_reads_as_veleros() {
        let entry = Entry::info("Backed up 1 items").about("pods", Some("app"), "web-0");
        assert_eq!(
            render(Format::Text, "2026-05-21T10:00:00Z", ("backup", "velero/b1"), &entry),
            "time=\"2026-05-21T10:00:00Z\" level=info msg=\"Backed up 1 items\" backup=velero/b1 name=web-0 namespace=app resource=pods\n"
        );
    }

    #[test]
    fn a_line_stays_one_line_whatever_it_says() {
        let entry = Entry::error("a\nb \"c\" \u{7}").with("error", "");
        let line = render(Format::Text, "t", ("restore", "velero/r"), &entry);
        assert_eq!(line, "time=t level=error msg=\"a\\nb \\\"c\\\" \\x07\" error= restore=velero/r\n");
        assert_eq!(render(Format::Json, "t", ("restore", "velero/r"), &entry).lines().count(), 1);
    }
}

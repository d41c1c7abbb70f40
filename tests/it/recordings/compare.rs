//! Where a value is not what was recorded.
//!
//! A recording holds placeholders for what is another thing each time: `<TIME>`, `<UUID>`, `<GEN>` (the end of a name that the API
//! server made) and so on. Text with placeholders is a pattern. Lists are compared without regard to their order, except for the
//! lines that a program has printed.

use std::fmt;
use std::net::Ipv4Addr;

use serde_json::{Map, Value};

/// Lists in which the order counts.
const IN_ORDER: [&str; 2] = ["stdout", "stderr"];

/// How much of a value a report shows.
const SHOWN: usize = 400;

/// One place, and what is there.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// The way to it: `backup x: status.phase`.
    pub(super) at: String,
    /// What was recorded there, if anything.
    pub(super) recorded: Option<Value>,
    /// What is there now, if anything.
    pub(super) here: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "  {}", self.at)?;
        for (sign, value) in [("recorded: ", &self.recorded), ("here:     ", &self.here)] {
            if let Some(value) = value {
                let text = value.to_string();
                let end = text.floor_char_boundary(SHOWN);
                let dots = if end < text.len() { " ..." } else { "" };
                writeln!(formatter, "    {sign}{}{dots}", &text[..end])?;
            }
        }
        Ok(())
    }
}

/// All differences below `at`.
pub(super) fn differences(at: &str, recorded: &Value, here: &Value) -> Vec<Difference> {
    let field = at.rsplit(['.', ' ']).next().unwrap_or_default();
    match (recorded, here) {
        _ if fits_below(field, recorded, here) => Vec::new(),
        (Value::Object(recorded), Value::Object(here)) => in_maps(at, recorded, here),
        (Value::Array(recorded), Value::Array(here)) => in_lists(at, recorded, here),
        _ => vec![difference(at, Some(recorded), Some(here))],
    }
}

fn difference(at: &str, recorded: Option<&Value>, here: Option<&Value>) -> Difference {
    Difference { at: at.to_owned(), recorded: recorded.cloned(), here: here.cloned() }
}

/// Keys may be patterns as well: they are paths and names of objects.
fn in_maps(at: &str, recorded: &Map<String, Value>, here: &Map<String, Value>) -> Vec<Difference> {
    let mut left: Vec<(&String, &Value)> = here.iter().collect();
    let mut found = Vec::new();
    for (pattern, recorded) in recorded {
        let at = format!("{at}.{pattern}");
        match left.iter().position(|(key, _)| is_like(pattern, key)) {
            Some(place) => found.extend(differences(&at, recorded, left.remove(place).1)),
            None => found.push(difference(&at, Some(recorded), None)),
        }
    }
    found.extend(left.into_iter().map(|(key, value)| difference(&format!("{at}.{key}"), None, Some(value))));
    found
}

fn in_lists(at: &str, recorded: &[Value], here: &[Value]) -> Vec<Difference> {
    let mut left: Vec<&Value> = here.iter().collect();
    let mut missing = Vec::new();
    for value in recorded {
        match left.iter().position(|other| fits(value, other)) {
            Some(place) => _ = left.remove(place),
            None => missing.push(value),
        }
    }
    if missing.is_empty() && left.is_empty() {
        let (recorded, here) = (Value::from(recorded), Value::from(here));
        return vec![difference(&format!("{at} (order)"), Some(&recorded), Some(&here))];
    }
    let is_container = |value: &&Value| value.is_object() || value.is_array();
    if missing.len() == left.len() && missing.iter().all(is_container) && left.iter().all(is_container) {
        let pairs = missing.into_iter().zip(left).enumerate();
        return pairs
            .flat_map(|(number, (one, other))| differences(&format!("{at}[{number}]"), one, other))
            .collect();
    }
    let at = format!("{at}[]");
    let missing = missing.into_iter().map(|value| difference(&at, Some(value), None));
    missing.chain(left.into_iter().map(|value| difference(&at, None, Some(value)))).collect()
}

/// Whether a value is what was recorded.
pub(super) fn fits(recorded: &Value, here: &Value) -> bool {
    fits_below("", recorded, here)
}

fn fits_below(field: &str, recorded: &Value, here: &Value) -> bool {
    match (recorded, here) {
        (Value::String(pattern), Value::String(text)) => is_like(pattern, text),
        (Value::String(pattern), Value::Number(number)) => {
            pattern == "<NODEPORT>" && number.as_u64().is_some_and(|port| port > 0)
        }
        (Value::String(pattern), Value::Array(_)) => pattern == "<managedFields>",
        (Value::Object(recorded), Value::Object(here)) => {
            recorded.len() == here.len()
                && recorded.iter().all(|(pattern, value)| {
                    let mut like = here.iter().filter(|(key, _)| is_like(pattern, key));
                    like.any(|(_, other)| fits_below(pattern, value, other))
                })
        }
        (Value::Array(recorded), Value::Array(here)) if IN_ORDER.contains(&field) => {
            recorded.len() == here.len() && recorded.iter().zip(here).all(|(one, other)| fits(one, other))
        }
        (Value::Array(recorded), Value::Array(here)) => {
            let mut left: Vec<&Value> = here.iter().collect();
            recorded.len() == here.len()
                && recorded.iter().all(|value| {
                    let place = left.iter().position(|other| fits(value, other));
                    place.map(|place| left.remove(place)).is_some()
                })
        }
        _ => recorded == here,
    }
}

/// Whether a text is what a text with placeholders stands for.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((before, kind, after)) = next_placeholder(pattern) else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    // The longest first: a placeholder stands for all of a thing, not for its beginning.
    let ends = (0..=rest.len()).rev().filter(|end| rest.is_char_boundary(*end));
    ends.into_iter().any(|end| kind(&rest[..end]) && is_like(after, &rest[end..]))
}

type Kind = fn(&str) -> bool;

/// The text before the first placeholder, what that one stands for, and the text after it.
fn next_placeholder(pattern: &str) -> Option<(&str, Kind, &str)> {
    let mut from = 0;
    loop {
        let start = from + pattern[from..].find('<')?;
        let end = start + pattern[start..].find('>')?;
        if let Some(kind) = stands_for(&pattern[start + 1..end]) {
            return Some((&pattern[..start], kind, &pattern[end + 1..]));
        }
        from = start + 1;
    }
}

fn stands_for(name: &str) -> Option<Kind> {
    Some(match name {
        // As JSON has it, and as the CLI prints it.
        "TIME" => |text| text.starts_with("20") && consists_of(text, "0123456789-:.+ TZUC"),
        "UUID" => |text| text.len() == 36 && consists_of(text, "0123456789abcdef-"),
        "RV" | "STAMP" | "NODEPORT" | "PORT" => |text| consists_of(text, "0123456789"),
        "AGE" => |text| consists_of(text, "0123456789dhms"),
        "GEN" => |text| consists_of(text, "0123456789abcdefghijklmnopqrstuvwxyz"),
        "CLUSTERIP" => |text| text.parse::<Ipv4Addr>().is_ok(),
        _ => return None,
    })
}

fn consists_of(text: &str, of: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| of.contains(it))
}

#[test]
fn a_recording_is_a_pattern() {
    use serde_json::json;

    let fits_all = [
        (json!("at <TIME>, for <AGE>"), json!("at 2026-01-02T03:04:05Z, for 29d")),
        (json!("<none>"), json!("<none>")),
        (
            json!({ "pods/web-<GEN>": "<UUID>" }),
            json!({ "pods/web-x7k2p": "8c7c4a2e-55a3-4d6e-9f6b-0a4f9f3e8d11" }),
        ),
        (json!(["a", "b"]), json!(["b", "a"])),
        (
            json!({ "port": "<NODEPORT>", "managedFields": "<managedFields>" }),
            json!({ "port": 31000, "managedFields": [] }),
        ),
    ];
    for (recorded, here) in fits_all {
        assert_eq!(differences("", &recorded, &here), [], "{recorded} {here}");
    }
    let recorded =
        json!({ "stdout": ["a", "b"], "list": [{ "x": 1 }, { "y": 2 }, 3], "gone": null, "time": "<TIME>" });
    let here = json!({ "stdout": ["b", "a"], "list": [3, { "y": 2 }, { "x": 0 }], "new": 1, "time": "soon" });
    let found: Vec<String> = differences("x", &recorded, &here).into_iter().map(|it| it.at).collect();
    assert_eq!(found, ["x.gone", "x.list[0].x", "x.stdout (order)", "x.time", "x.new"]);
}

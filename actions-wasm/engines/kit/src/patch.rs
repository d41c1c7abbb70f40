//! A JSON patch (RFC 6902) as a list of operations, and its text.

use std::fmt::Write;

use crate::Identity;

/// What turns one object into another, as the host wants it: operations, and apart from them a new identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Patch {
    /// In this order, all or nothing.
    pub operations: Vec<Operation>,
    /// Where apiVersion, kind or metadata.name differ: no operation names them.
    pub identity: Option<Identity>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// JSON pointer, escaped.
    pub path: String,
    /// What happens there.
    pub step: Step,
}

/// What happens at a path; values are JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new key, or an element before the one that is there now.
    Add(String),
    /// Another value in the place of the one that is there now.
    Replace(String),
    /// Nothing is there any more; elements behind move up.
    Remove,
}

/// The patch as JSON text.
pub fn text(operations: &[Operation]) -> String {
    let mut out = String::from("[");
    for (index, Operation { path, step }) in operations.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let (op, value) = match step {
            Step::Add(value) => ("add", Some(value)),
            Step::Replace(value) => ("replace", Some(value)),
            Step::Remove => ("remove", None),
        };
        out.push_str("{\"op\":\"");
        out.push_str(op);
        out.push_str("\",\"path\":");
        write_string(&mut out, path);
        if let Some(value) = value {
            out.push_str(",\"value\":");
            out.push_str(value);
        }
        out.push('}');
    }
    out.push(']');
    out
}

/// Appends a string as JSON.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        let (clean, tail) = rest.split_at(at);
        out.push_str(clean);
        let mut tail = tail.chars();
        match tail.next() {
            Some('\n') => out.push_str("\\n"),
            Some('\t') => out.push_str("\\t"),
            Some('\r') => out.push_str("\\r"),
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            // Writing to a string does not fail.
            Some(control) => drop(write!(out, "\\u{:04x}", u32::from(control))),
            None => {}
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Appends a key to a JSON pointer.
pub(crate) fn push_key(path: &mut String, key: &str) {
    path.push('/');
    if !key.contains(['~', '/']) {
        path.push_str(key);
        return;
    }
    for c in key.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}

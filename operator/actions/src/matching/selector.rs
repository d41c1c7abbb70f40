//! Label selectors in the notation of `kubectl -l`: `app=web,tier in (a,b),!canary`.
//!
//! kube evaluates selectors and writes them, but does not read them; this reads them into its type.

use std::collections::BTreeSet;

use kube_core::{Expression, Selector};

use super::PatternError;

/// Reads a selector; the empty text selects everything.
pub fn parse_selector(text: &str) -> Result<Selector, PatternError> {
    requirements(text).map(str::trim).filter(|_| !text.trim().is_empty()).map(expression).collect()
}

/// The parts between the commas that are not inside parentheses.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

fn expression(text: &str) -> Result<Expression, PatternError> {
    let refuse = |problem| PatternError { pattern: text.to_owned(), problem };
    let pair = |key: &str, value: &str| {
        let (key, value) = (key.trim(), value.trim());
        if !is_key(key) {
            return Err(refuse("does not begin with a label key"));
        }
        if !is_value(value) {
            return Err(refuse("does not end with a label value"));
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    if let Some((key, value)) = text.split_once("!=") {
        return pair(key, value).map(|(key, value)| Expression::NotEqual(key, value));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return pair(key, value).map(|(key, value)| Expression::Equal(key, value));
    }
    if let Some(key) = text.strip_prefix('!') {
        return pair(key, "").map(|(key, _)| Expression::DoesNotExist(key));
    }
    let Some((key, rest)) = text.split_once(char::is_whitespace) else {
        return pair(text, "").map(|(key, _)| Expression::Exists(key));
    };
    let rest = rest.trim_start();
    let (negated, list) = match (rest.strip_prefix("notin"), rest.strip_prefix("in")) {
        (Some(list), _) => (true, list),
        (None, Some(list)) => (false, list),
        (None, None) => return Err(refuse("has no operator: use =, !=, in, notin, or the key alone")),
    };
    let list = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')'));
    let list = list.ok_or_else(|| refuse("needs its values in parentheses: tier in (a, b)"))?;
    let values: BTreeSet<String> =
        list.split(',').map(|value| pair(key, value).map(|(_, value)| value)).collect::<Result<_, _>>()?;
    let key = key.to_owned();
    Ok(if negated { Expression::NotIn(key, values) } else { Expression::In(key, values) })
}

/// `app`, `app.kubernetes.io/name`.
fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    !name.is_empty()
        && is_value(name)
        && prefix.is_none_or(|prefix| {
            !prefix.is_empty()
                && prefix.len() <= 253
                && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        })
}

/// At most 63 characters of letters, digits, `-`, `_` and `.`; may be empty.
fn is_value(value: &str) -> bool {
    value.len() <= 63 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

//! Integers that JavaScript cannot hold.
//!
//! A number of JavaScript is a double: 9007199254740993 becomes 9007199254740992 when it is parsed. Where the script leaves it alone that cancels out. Where it is
//! moved, the patch would carry the damaged one, so it is put back by this table: a double above 2^53 that comes out is the integer that went in as this
//! double. Two integers that became the same double cannot be told apart; moving one of them is an error, never a guess.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

/// Digits from which a number can be above 2^53 = 9007199254740992.
const SUSPICIOUS_DIGITS: usize = 16;

/// The largest double up to which every integer is one.
const SAFE: f64 = 9_007_199_254_740_992.0;

/// From a double to the integer that it was; none where there were several.
#[derive(Debug, Default)]
pub(crate) struct Numbers(BTreeMap<u64, Option<Number>>);

impl Numbers {
    /// Remembers the large integers of a JSON text. Most texts have none, and cost no more than a look at their digits.
    pub(crate) fn remember(&mut self, text: &str) {
        let mut run = 0;
        let suspicious = |byte: u8| {
            run = if byte.is_ascii_digit() { run + 1 } else { 0 };
            run >= SUSPICIOUS_DIGITS
        };
        if text.bytes().any(suspicious)
            && let Ok(value) = serde_json::from_str(text)
        {
            self.add(&value);
        }
    }

    /// Remembers the large integers of a value.
    pub(crate) fn add(&mut self, value: &Value) {
        match value {
            Value::Number(number) if !number.is_f64() => {
                let Some(double) = number.as_f64().filter(|double| double.abs() >= SAFE) else { return };
                let known = self.0.entry(double.to_bits()).or_insert_with(|| Some(number.clone()));
                if known.as_ref() != Some(number) {
                    *known = None;
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.add(element)),
            Value::Object(entries) => entries.values().for_each(|entry| self.add(entry)),
            _ => {}
        }
    }

    /// A number as it was before JavaScript had it.
    pub(crate) fn restored(&self, number: &Number) -> Result<Number, String> {
        let known = number.as_f64().and_then(|double| self.0.get(&double.to_bits()));
        match known {
            None => Ok(number.clone()),
            Some(Some(exact)) => Ok(exact.clone()),
            Some(None) => Err(format!(
                "{number} stands for several integers of the item, which JavaScript cannot tell apart above 2^53: leave them where they are"
            )),
        }
    }
}

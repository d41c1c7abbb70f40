//! The interval of `@every`: a duration as Go writes it.
//!
//! A duration is one or more numbers with a unit each, in any order (`1h30m`, `1.5h`, `90s`). An interval is never shorter than
//! a second and has no fraction of one, both as in Velero: `@every 500ms` means every second, `@every 1.9s` too.

use jiff::SignedDuration;

/// Why the text behind `@every` is no interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// Nothing there.
    #[error("the duration is missing")]
    Missing,
    /// A unit without a number before it.
    #[error("expected a number at {0:?}")]
    NumberExpected(String),
    /// A number without a unit. Only `0` may stand alone.
    #[error("the number {0} has no unit (ns, us, ms, s, m, h)")]
    UnitExpected(String),
    /// Something else than the six units.
    #[error("unknown unit {0:?} (ns, us, ms, s, m and h are known)")]
    UnknownUnit(String),
    /// More than 2^63 nanoseconds, some 292 years.
    #[error("the duration is longer than 292 years")]
    TooLong,
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// Digits behind the point that count. Ten to the 18th, times the nanoseconds of an hour, is 3.6e30: an `i128` has room.
const MAX_FRACTION_DIGITS: usize = 18;

/// Reads an interval, in whole seconds, at least one.
pub(crate) fn parse(text: &str) -> Result<SignedDuration, IntervalError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return Err(IntervalError::Missing);
    }
    let mut nanos: i128 = 0;
    // Go's one exception: zero needs no unit.
    while !rest.is_empty() && rest != "0" {
        let (part, tail) = component(rest)?;
        nanos += part;
        if nanos > i128::from(i64::MAX) {
            return Err(IntervalError::TooLong);
        }
        rest = tail;
    }
    let seconds = if negative { 1 } else { (nanos / NANOS_PER_SECOND).max(1) };
    Ok(SignedDuration::from_secs(seconds as i64))
}

/// The first number with its unit, in nanoseconds, and what follows.
fn component(text: &str) -> Result<(i128, &str), IntervalError> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(IntervalError::NumberExpected(text.to_owned()));
    }
    let (unit, tail) =
        rest.split_at(rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len()));
    let scale: i128 = match unit {
        "" => return Err(IntervalError::UnitExpected(text.to_owned())),
        "ns" => 1,
        // Both characters that look like a micro sign, as Go reads them.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        _ => return Err(IntervalError::UnknownUnit(unit.to_owned())),
    };
    // Neither an absent part nor a long one is an error: the first is zero, of the second only the fraction may be cut.
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| IntervalError::TooLong)? };
    let fraction = &fraction[..fraction.len().min(MAX_FRACTION_DIGITS)];
    let part: i128 = fraction.parse().unwrap_or(0);
    let nanos = i128::from(whole) * scale + part * scale / 10_i128.pow(fraction.len() as u32);
    Ok((nanos, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_reads_them() {
        for (text, seconds) in [
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("30m1h", 5400),
            (".5h", 1800),
            ("1.h", 3600),
            ("90s", 90),
            ("2562047h", 2_562_047 * 3600),
            ("1500ms", 1),
            ("1.9s", 1),
            ("500\u{b5}s", 1),
            ("0", 1),
            ("-1h", 1),
            ("+2s", 2),
            ("0.000000000000000000000000000001h2s", 2),
        ] {
            assert_eq!(parse(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, error) in [
            ("", IntervalError::Missing),
            ("-", IntervalError::Missing),
            ("h", IntervalError::NumberExpected("h".into())),
            (".s", IntervalError::NumberExpected(".s".into())),
            ("1h -5m", IntervalError::UnknownUnit("h -".into())),
            ("90", IntervalError::UnitExpected("90".into())),
            ("2d", IntervalError::UnknownUnit("d".into())),
            ("2562048h", IntervalError::TooLong),
            ("99999999999999999999s", IntervalError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}

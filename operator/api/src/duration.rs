//! Durations in Go's notation, as `metav1.Duration` has them in JSON: `720h0m0s`, `1.5s`, `0s`.
//!
//! Reading accepts all that Go's `time.ParseDuration` accepts and nothing else (no days: `30d` is an error in a CR); writing gives what
//! Go's `Duration.String` gives. kube's own duration type is not used because it writes Rust's debug form (`2592000s`), which clients
//! in Go would read but people would not recognise, and panics on numbers that do not fit.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The units that Go knows, each with its length in nanoseconds. Micro comes as `u` and as both signs that Unicode has for it.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A signed length of time in nanoseconds, up to about 292 years either way. The default is zero, which in most fields means "not set".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// Empty, without a number, or with something between the parts.
    #[error("invalid duration {0:?}")]
    Invalid(String),
    /// A number that is not followed by a unit.
    #[error("missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that Go does not have, such as `d`.
    #[error("unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// What stands where the unit should be.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than fits into 64 bits of nanoseconds.
    #[error("duration {0:?} is out of range")]
    OutOfRange(String),
}

impl GoDuration {
    /// No time at all; what a field holds that was not set.
    pub const ZERO: Self = Self(0);

    /// A number of seconds, capped at the range of the type.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SECOND as i64))
    }

    /// A number of minutes, capped at the range of the type.
    pub const fn from_mins(mins: i64) -> Self {
        Self::from_secs(mins.saturating_mul(60))
    }

    /// A number of hours, capped at the range of the type.
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_mins(hours.saturating_mul(60))
    }

    /// A number of nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The length in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whether it is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The same length for the standard library, with everything below zero as zero.
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// The same length for arithmetic on timestamps.
    pub fn to_signed(self) -> SignedDuration {
        SignedDuration::from_nanos(self.0)
    }

    /// This one, or the other if this one is zero (that is: not set).
    #[must_use]
    pub fn or(self, default: Self) -> Self {
        if self.is_zero() { default } else { self }
    }
}

impl From<Duration> for GoDuration {
    /// Capped at the range of the type.
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl From<GoDuration> for SignedDuration {
    fn from(duration: GoDuration) -> Self {
        duration.to_signed()
    }
}

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let out_of_range = || ParseDurationError::OutOfRange(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(ParseDurationError::Invalid(text.to_owned()));
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (nanos, after) = part(rest, text)?;
            total = total.checked_add(nanos).ok_or_else(out_of_range)?;
            rest = after;
        }
        let limit = i64::MAX.unsigned_abs() + u64::from(negative);
        if total > limit {
            return Err(out_of_range());
        }
        // The magnitude of the smallest value has no positive counterpart; wrapping maps exactly that one onto itself.
        let total = total as i64;
        Ok(Self(if negative { total.wrapping_neg() } else { total }))
    }
}

/// One number with its unit from the front of `rest`: its nanoseconds, and what follows it. `text` is for the error.
fn part<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let out_of_range = || ParseDurationError::OutOfRange(text.to_owned());

    let (whole, rest) = split_digits(rest);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    if unit.is_empty() {
        return Err(ParseDurationError::MissingUnit(text.to_owned()));
    }
    let (_, length) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| ParseDurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;

    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| out_of_range())? };
    let nanos = whole.checked_mul(*length).ok_or_else(out_of_range)?;
    let nanos = nanos.checked_add(fraction_of(fraction, *length)).ok_or_else(out_of_range)?;
    Ok((nanos, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The part of a unit that decimal digits stand for, in whole nanoseconds, rounded down.
fn fraction_of(digits: &str, length: u64) -> u64 {
    // 18 digits after the point of an hour (3.6e12 ns) are far below a nanosecond and fit into 128 bits: 1e18 * 3.6e12 < 3.4e38.
    const MAX_DIGITS: usize = 18;
    let digits = &digits[..digits.len().min(MAX_DIGITS)];
    let scale = 10_u128.pow(digits.len() as u32);
    let value = digits.bytes().fold(0_u128, |value, digit| value * 10 + u128::from(digit - b'0'));
    (value * u128::from(length) / scale) as u64
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}\u{b5}s", Decimal(nanos, 1_000)),
            1_000_000..NANOS_PER_SECOND => write!(f, "{}ms", Decimal(nanos, 1_000_000)),
            _ => {
                let minutes = nanos / (60 * NANOS_PER_SECOND);
                let seconds = Decimal(nanos % (60 * NANOS_PER_SECOND), NANOS_PER_SECOND);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => write!(f, "{seconds}s"),
                    (0, minutes) => write!(f, "{minutes}m{seconds}s"),
                    (hours, minutes) => write!(f, "{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

/// A number of the first in units of the second (a power of ten), without zeros at the end.
struct Decimal(u64, u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, unit) = *self;
        write!(f, "{}", value / unit)?;
        if value % unit == 0 {
            return Ok(());
        }
        let fraction = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
        write!(f, ".{}", fraction.trim_end_matches('0'))
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_go_accepts() {
        let cases = [
            ("0", 0, "0s"),
            ("-0", 0, "0s"),
            ("+0", 0, "0s"),
            ("0s", 0, "0s"),
            ("1ns", 1, "1ns"),
            ("1100ns", 1_100, "1.1\u{b5}s"),
            ("11us", 11_000, "11\u{b5}s"),
            ("12\u{b5}s", 12_000, "12\u{b5}s"),
            ("12\u{3bc}s", 12_000, "12\u{b5}s"),
            ("2200us", 2_200_000, "2.2ms"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("1.s", 1_000_000_000, "1s"),
            (".5s", 500_000_000, "500ms"),
            ("5m", 300_000_000_000, "5m0s"),
            ("10m0s", 600_000_000_000, "10m0s"),
            ("-2m3.4s", -123_400_000_000, "-2m3.4s"),
            ("720h", 2_592_000_000_000_000, "720h0m0s"),
            ("3h30m", 12_600_000_000_000, "3h30m0s"),
            ("1h1m1s1ms1us1ns", 3_661_001_001_001, "1h1m1.001001001s"),
            ("1h1h", 7_200_000_000_000, "2h0m0s"),
            ("0.100000000000000000000h", 360_000_000_000, "6m0s"),
            ("9223372036854775807ns", i64::MAX, "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (text, nanos, written) in cases {
            let duration: GoDuration = text.parse().unwrap();
            assert_eq!(duration.as_nanos(), nanos, "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
        }
    }

    #[test]
    fn texts_that_go_refuses() {
        for text in [
            "",
            "3",
            "-",
            "s",
            ".",
            "-.",
            ".s",
            "+.s",
            "1d",
            "30d",
            "1 h",
            " 1h",
            "1h ",
            "--1s",
            "+-1s",
            "1e3s",
            "\u{ff11}s",
            "9223372036854775808ns",
            "-9223372036854775809ns",
            "3000000h",
            "99999999999999999999s",
        ] {
            assert!(text.parse::<GoDuration>().is_err(), "{text:?} was accepted");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_the_same(nanos: i64) {
            let duration = GoDuration::from_nanos(nanos);
            proptest::prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "[-+]?([0-9]{0,25}(\\.[0-9]{0,25})?(ns|us|ms|s|m|h|d|\u{b5}s)?){0,4}") {
            let _ = text.parse::<GoDuration>();
        }
    }
}

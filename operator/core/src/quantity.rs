//! Amounts as Kubernetes writes them (`10Gi`, `500m`, `1.5e3`), for comparison.
//!
//! Exact: a value is a whole number of billionths, the finest step that Kubernetes keeps, and what is finer is rounded up as Kubernetes does.
//! No input overflows or takes long; what does not fit is an error.

use std::str::FromStr;

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Quantity {
    nanos: i128,
}

/// Text that is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the form.
    #[error("{0:?} is not a quantity; write a number with a unit, for instance 10Gi or 500M")]
    Form(String),
    /// A number that no volume has.
    #[error("the quantity {0:?} is too large")]
    TooLarge(String),
}

/// Digits of a number at most: 39 are all that an i128 has, and leading zeros are nobody's need.
const MAX_DIGITS: usize = 39;

/// Digits behind the point of what is kept.
const NANO_DIGITS: i32 = 9;

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0 };

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let form = || QuantityError::Form(text.to_owned());
        let too_large = || QuantityError::TooLarge(text.to_owned());
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(form());
        }
        if whole.len() + fraction.len() > MAX_DIGITS {
            return Err(too_large());
        }
        let digits: i128 = format!("{whole}{fraction}").parse().map_err(|_| too_large())?;
        let (factor, exponent) = unit(suffix).ok_or_else(form)?;
        // The number has at most 39 digits behind its point and units are at most 10^18, so this cannot overflow.
        let power = exponent + NANO_DIGITS - fraction.len() as i32;
        let scaled = digits.checked_mul(factor).ok_or_else(too_large)?;
        let nanos = if power >= 0 {
            let by = 10_i128.checked_pow(power.unsigned_abs());
            // Zero times anything is zero, however large the exponent.
            if scaled == 0 { Some(0) } else { by.and_then(|by| scaled.checked_mul(by)) }
        } else {
            Some(match 10_i128.checked_pow(power.unsigned_abs()) {
                Some(by) => scaled / by + i128::from(scaled % by != 0),
                None => i128::from(scaled != 0),
            })
        };
        let nanos = nanos.ok_or_else(too_large)?;
        Ok(Self { nanos: if negative { -nanos } else { nanos } })
    }
}

/// A unit as a factor and a power of ten.
fn unit(suffix: &str) -> Option<(i128, i32)> {
    let decimal = |exponent| Some((1, exponent));
    let binary = |steps: u32| Some((1_i128 << (10 * steps), 0));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i16 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            decimal(exponent.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(text: &str) -> i128 {
        text.parse::<Quantity>().unwrap().nanos
    }

    #[test]
    fn units_are_those_of_kubernetes() {
        const ONE: i128 = 1_000_000_000;
        let cases = [
            ("1", ONE),
            ("1n", 1),
            ("1u", 1_000),
            ("100m", ONE / 10),
            ("1k", 1_000 * ONE),
            ("1Ki", 1_024 * ONE),
            ("10Gi", 10 * (1 << 30) * ONE),
            ("1E", 1_000_000_000_000_000_000 * ONE),
            ("1Ei", (1 << 60) * ONE),
            ("1e3", 1_000 * ONE),
            ("1.5E3", 1_500 * ONE),
            ("12e-1", 1_200_000_000),
            ("1.5Gi", 3 * (1 << 29) * ONE),
            (".5", ONE / 2),
            ("5.", 5 * ONE),
            ("-2", -2 * ONE),
            ("+2", 2 * ONE),
            // Finer than what is kept: rounded up.
            ("0.1n", 1),
            ("0e32767", 0),
            ("1e-32768", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_told() {
        for text in ["", "Gi", "1.2.3", "1GiB", "1 Gi", "ten", "1e", "1ee3", "--1", "1K", "٣", "1e99999"] {
            assert!(matches!(text.parse::<Quantity>(), Err(QuantityError::Form(_))), "{text}");
        }
        let long = "9".repeat(40);
        for text in ["1e30", "99999999999999999999999999999Ei", &long] {
            assert!(matches!(text.parse::<Quantity>(), Err(QuantityError::TooLarge(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,60}") {
            let _ = text.parse::<Quantity>();
        }

        #[test]
        fn order_is_that_of_the_numbers(a in 0_u32.., b in 0_u32..) {
            let binary = |n: u32| format!("{n}Mi").parse::<Quantity>().unwrap();
            let plain = |n: u32| format!("{}", u64::from(n) << 20).parse::<Quantity>().unwrap();
            prop_assert_eq!(binary(a).cmp(&plain(b)), a.cmp(&b));
        }
    }
}

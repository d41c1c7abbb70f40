//! One of the five fields of an expression: a comma list of numbers, names, ranges and steps.
//!
//! A field becomes a set of values plus the mark of the star, which decides later how the two day fields are joined. The
//! grammar follows the parser that Velero uses, including what it lets pass: an expression that works there has to work here,
//! because a team that switches servers must not lose its backups over a trailing comma. So `1,` is `1`, `*-5` is `*`, `?` is
//! `*` in every field. What that parser refuses is refused too: `7` as a day of the week, `L`, `W`, `#`.

/// Why one field of an expression cannot be used. The texts name the offending item of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Neither a number nor a name that this field knows.
    #[error("{found:?} is neither a number nor a name of this field: {item}")]
    NotANumber {
        /// What stands where a number is expected.
        found: String,
        /// The item of the list it is part of.
        item: String,
    },
    /// A range of three or more parts, like `1-5-9`.
    #[error("too many hyphens: {0}")]
    TooManyHyphens(String),
    /// More than one step, like `*/5/2`.
    #[error("too many slashes: {0}")]
    TooManySlashes(String),
    /// A value below what the field allows.
    #[error("beginning of range ({value}) below minimum ({minimum}): {item}")]
    BelowMinimum {
        /// The value as written.
        value: u64,
        /// The least that the field allows.
        minimum: u8,
        /// The item of the list it is part of.
        item: String,
    },
    /// A value above what the field allows.
    #[error("end of range ({value}) above maximum ({maximum}): {item}")]
    AboveMaximum {
        /// The value as written.
        value: u64,
        /// The most that the field allows.
        maximum: u8,
        /// The item of the list it is part of.
        item: String,
    },
    /// A range that runs backwards, like `5-2`.
    #[error("beginning of range ({start}) beyond end of range ({end}): {item}")]
    Reversed {
        /// Where the range begins.
        start: u64,
        /// Where it ends.
        end: u64,
        /// The item of the list it is part of.
        item: String,
    },
    /// A step of nothing, which would never arrive.
    #[error("step of range must be at least 1: {0}")]
    ZeroStep(String),
    /// Commas and nothing between them.
    #[error("the list has no items")]
    NoItems,
}

/// What one of the five fields allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The field's name in messages.
    pub(crate) name: &'static str,
    /// The least value.
    pub(crate) min: u8,
    /// The greatest value, below 64.
    pub(crate) max: u8,
    /// Names for values, lower case; the first stands for `min`.
    names: &'static [&'static str],
}

pub(crate) const MINUTE: Bounds = Bounds { name: "minute", min: 0, max: 59, names: &[] };
pub(crate) const HOUR: Bounds = Bounds { name: "hour", min: 0, max: 23, names: &[] };
pub(crate) const DAY_OF_MONTH: Bounds = Bounds { name: "day of month", min: 1, max: 31, names: &[] };
pub(crate) const MONTH: Bounds = Bounds {
    name: "month",
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
pub(crate) const DAY_OF_WEEK: Bounds =
    Bounds { name: "day of week", min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// The values that a field allows, and whether it was left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Bit `n` is set when the value `n` is in the set. All values are below 64.
    bits: u64,
    /// Whether an item was `*` or `?` with no step above 1. With it, the days of the month and of the week are joined with AND.
    pub(crate) star: bool,
}

impl Field {
    /// Reads one field.
    pub(crate) fn parse(text: &str, bounds: Bounds) -> Result<Self, FieldError> {
        text.split(',')
            .filter(|item| !item.is_empty())
            .map(|item| Self::item(item, bounds))
            .reduce(|all, item| {
                let (all, item) = (all?, item?);
                Ok(Self { bits: all.bits | item.bits, star: all.star || item.star })
            })
            .unwrap_or(Err(FieldError::NoItems))
    }

    /// Every value that the bounds allow, marked as a star.
    pub(crate) fn all(bounds: Bounds) -> Self {
        Self { bits: range(bounds.min, bounds.max, 1), star: true }
    }

    /// The values, ascending.
    pub(crate) fn values(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |&value| self.contains(value))
    }

    /// Whether the value is in the set.
    pub(crate) fn contains(self, value: u8) -> bool {
        self.bits & (1 << value) != 0
    }

    /// Whether the set holds everything that the bounds allow, however it was written.
    pub(crate) fn is_full(self, bounds: Bounds) -> bool {
        self.bits == Self::all(bounds).bits
    }

    /// One item of the list: a value, a range or a star, each with an optional step.
    fn item(item: &str, bounds: Bounds) -> Result<Self, FieldError> {
        let (span, step) = match item.split_once('/') {
            None => (item, None),
            Some((_, rest)) if rest.contains('/') => return Err(FieldError::TooManySlashes(item.to_owned())),
            Some((span, step)) => (span, Some(number(step, item)?)),
        };
        if step == Some(0) {
            return Err(FieldError::ZeroStep(item.to_owned()));
        }
        let (low, high) = match span.split_once('-') {
            None => (span, None),
            Some((low, high)) => (low, Some(high)),
        };
        if low == "*" || low == "?" {
            let step = step.unwrap_or(1);
            return Ok(Self { bits: range(bounds.min, bounds.max, step), star: step == 1 });
        }
        if high.is_some_and(|high| high.contains('-')) {
            return Err(FieldError::TooManyHyphens(item.to_owned()));
        }
        let start = bounds.value(low, item)?;
        let end = match (high, step) {
            (Some(high), _) => bounds.value(high, item)?,
            // `n/s` runs to the end of the field, a lone `n` is itself.
            (None, Some(_)) => u64::from(bounds.max),
            (None, None) => start,
        };
        let (start, end) = bounds.check(start, end, item)?;
        Ok(Self { bits: range(start, end, step.unwrap_or(1)), star: false })
    }
}

impl Bounds {
    /// A number, or a name in any case.
    fn value(self, text: &str, item: &str) -> Result<u64, FieldError> {
        match (self.min..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            Some((value, _)) => Ok(u64::from(value)),
            None => number(text, item),
        }
    }

    /// Holds a range against the bounds.
    fn check(self, start: u64, end: u64, item: &str) -> Result<(u8, u8), FieldError> {
        let item = || item.to_owned();
        if start < u64::from(self.min) {
            return Err(FieldError::BelowMinimum { value: start, minimum: self.min, item: item() });
        }
        if end > u64::from(self.max) {
            return Err(FieldError::AboveMaximum { value: end, maximum: self.max, item: item() });
        }
        if start > end {
            return Err(FieldError::Reversed { start, end, item: item() });
        }
        // Both lie between two `u8` now.
        Ok((start as u8, end as u8))
    }
}

fn number(text: &str, item: &str) -> Result<u64, FieldError> {
    text.parse().map_err(|_| FieldError::NotANumber { found: text.to_owned(), item: item.to_owned() })
}

/// The bits from `start` to `end`, every `step`th of them.
fn range(start: u8, end: u8, step: u64) -> u64 {
    // A step beyond the field leaves only its first value; 64 is beyond every field.
    let step = step.min(64) as usize;
    (start..=end).step_by(step).fold(0, |bits, value| bits | 1 << value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, bounds: Bounds) -> Vec<u8> {
        Field::parse(text, bounds).unwrap().values().collect()
    }

    #[test]
    fn items_become_values() {
        assert_eq!(values("5", MINUTE), [5]);
        assert_eq!(values("05,+7", MINUTE), [5, 7]);
        assert_eq!(values("40/5", MINUTE), [40, 45, 50, 55]);
        assert_eq!(values("10-20/4", MINUTE), [10, 14, 18]);
        assert_eq!(values("*/20", MINUTE), [0, 20, 40]);
        assert_eq!(values("*/18446744073709551615", HOUR), [0]);
        assert_eq!(values("DEC,jan-Mar", MONTH), [1, 2, 3, 12]);
        assert_eq!(values("sun,FRI/1", DAY_OF_WEEK), [0, 5, 6]);
    }

    #[test]
    fn what_velero_lets_pass_passes() {
        assert_eq!(values("3,,4,", MINUTE), [3, 4]);
        assert!(Field::parse("*-5", HOUR).unwrap().is_full(HOUR));
    }

    #[test]
    fn only_an_open_star_is_a_star() {
        for (text, star) in [
            ("*", true),
            ("?", true),
            ("*/1", true),
            ("5,*", true),
            ("*/2", false),
            ("1-31", false),
            ("1/1", false),
        ] {
            assert_eq!(Field::parse(text, DAY_OF_MONTH).unwrap().star, star, "{text}");
        }
    }
}

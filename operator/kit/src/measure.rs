//! Sizes and times as people read them.

use std::time::Duration;

/// `25.2 KiB`, `128 MiB`.
pub(crate) fn bytes(bytes: usize) -> String {
    const KIB: f64 = 1024.0;
    let size = bytes as f64;
    if size < KIB {
        format!("{bytes} bytes")
    } else if size < KIB * KIB {
        number(size / KIB, 1, "KiB")
    } else {
        number(size / KIB / KIB, 1, "MiB")
    }
}

/// With its decimals, unless they say nothing.
fn number(value: f64, decimals: usize, unit: &str) -> String {
    let text = format!("{value:.decimals$}");
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
    format!("{} {unit}", whole.map_or(text.as_str(), |(whole, _)| whole))
}

/// `85 us`, `1.2 ms`, `2.53 s`, `1 s`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1e-3 {
        number(seconds * 1e6, 0, "us")
    } else if seconds < 1.0 {
        number(seconds * 1e3, 1, "ms")
    } else {
        number(seconds, 2, "s")
    }
}

/// `1 item`, `3 items`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_their_numbers() {
        assert_eq!([bytes(1023), bytes(1024), bytes(3 << 20)], ["1023 bytes", "1 KiB", "3 MiB"]);
        assert_eq!(
            [7, 1_200, 2_500_000].map(|micros| time(Duration::from_micros(micros))),
            ["7 us", "1.2 ms", "2.50 s"]
        );
        assert_eq!([count(1, "item"), count(0, "item")], ["1 item", "0 items"]);
    }
}

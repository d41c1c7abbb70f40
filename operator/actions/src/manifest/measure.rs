//! Sizes and times in a manifest.

use std::{str::FromStr, time::Duration};

use jiff::SignedDuration;

use super::ManifestError;
use crate::limits;

/// An amount of memory, written as in Kubernetes: `64Mi`, `1Gi`, or a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

/// It is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size such as 64Mi")]
pub struct InvalidBytes(String);

impl FromStr for Bytes {
    type Err = InvalidBytes;

    fn from_str(text: &str) -> Result<Self, InvalidBytes> {
        let unit = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)]
            .into_iter()
            .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)));
        let (digits, factor) = unit.unwrap_or((text, 1));
        let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(factor));
        bytes.filter(|&bytes| bytes > 0).map(Self).ok_or_else(|| InvalidBytes(text.to_owned()))
    }
}

/// What a manifest asks for.
pub(super) fn memory(text: Option<&str>, ceiling: usize) -> Result<usize, ManifestError> {
    let Some(text) = text else { return Ok(limits::MEMORY.min(ceiling)) };
    let Bytes(bytes) = text.parse().map_err(|_| ManifestError::Measure {
        field: "memory",
        value: text.to_owned(),
        expected: "a size such as 64Mi",
    })?;
    if bytes > ceiling {
        return Err(ManifestError::AboveCeiling {
            field: "memory",
            value: text.to_owned(),
            ceiling: format!("{} MiB", ceiling >> 20),
        });
    }
    Ok(bytes)
}

/// `500ms`, `2s`.
pub(super) fn time(text: Option<&str>, ceiling: Duration) -> Result<Duration, ManifestError> {
    let Some(text) = text else { return Ok(limits::CALL_TIME.min(ceiling)) };
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    let time = time.filter(|time| *time >= limits::TICK).ok_or_else(|| ManifestError::Measure {
        field: "time",
        value: text.to_owned(),
        expected: "a time such as 500ms, 10ms or more",
    })?;
    if time > ceiling {
        return Err(ManifestError::AboveCeiling {
            field: "time",
            value: text.to_owned(),
            ceiling: format!("{ceiling:?}"),
        });
    }
    Ok(time)
}

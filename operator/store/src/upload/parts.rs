//! How large the parts of an upload are.
//!
//! S3 takes at most 10,000 parts of 5 MiB to 5 GiB. Equal parts for the largest possible file would need 525 MiB of memory each from
//! the first byte on, so parts grow: 8 MiB for the first 2,000 (15.6 GiB, which covers almost every archive, with equal parts as
//! some stores insist on them), then twice as much every 1,000 parts, up to 256 MiB:
//!
//! | parts | size | sum so far |
//! | --- | --- | --- |
//! | 0 to 1,999 | 8 MiB | 15.6 GiB |
//! | 2,000 to 2,999 | 16 MiB | 31.3 GiB |
//! | 3,000 to 3,999 | 32 MiB | 62.5 GiB |
//! | 4,000 to 4,999 | 64 MiB | 125 GiB |
//! | 5,000 to 5,999 | 128 MiB | 250 GiB |
//! | 6,000 to 9,999 | 256 MiB | 1,250 GiB |
//!
//! The 5 TiB that S3 allows are given up for memory: an archive of 1.2 TiB would hold some 2 * 10^9 objects.

/// The longest file that can be uploaded: the sum of the table, 1,250 GiB.
pub const MAX_UPLOAD_BYTES: u64 = 1_250 << 30;

/// The size of the first parts.
const FIRST_BYTES: usize = 8 << 20;

/// Parts of the first size.
const FIRST_PARTS: usize = 2_000;

/// Parts after which the size doubles.
const DOUBLED_AFTER: usize = 1_000;

/// How often the size doubles at most: 8 MiB * 2^5 = 256 MiB.
const MAX_DOUBLINGS: usize = 5;

/// The size in bytes of the part with this index (from 0).
pub(super) fn size(index: usize) -> usize {
    let doublings = match index.checked_sub(FIRST_PARTS) {
        None => 0,
        Some(beyond) => (beyond / DOUBLED_AFTER + 1).min(MAX_DOUBLINGS),
    };
    FIRST_BYTES << doublings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What S3 allows.
    const S3_PARTS: usize = 10_000;
    const S3_SMALLEST: usize = 5 << 20;

    #[test]
    fn the_parts_that_s3_allows_are_enough_for_the_longest_upload() {
        let sum: u64 = (0..S3_PARTS).map(|index| size(index) as u64).sum();
        assert_eq!(sum, MAX_UPLOAD_BYTES);
        assert!((0..S3_PARTS).all(|index| size(index) >= S3_SMALLEST && size(index) <= size(index + 1)));
        assert_eq!([size(0), size(1_999), size(2_000), size(9_999)], [8 << 20, 8 << 20, 16 << 20, 256 << 20]);
    }
}

//! Lists of a bucket, read entry by entry.
//!
//! Whoever can write to the bucket can write these files. A few bytes unpack to millions of entries, so entries are counted while they
//! come, and only what is wanted of each is kept. `null` is an empty list, as it stands for one in many files.

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, SeqAccess, Visitor};

/// Entries of a file at most: ten for each volume of the largest clusters. Some 500 bytes of each are kept: 500 MB at the very worst.
const MAX_ENTRIES: usize = 1_000_000;

/// Reads a list and hands over its entries one by one.
pub(super) fn read<T: DeserializeOwned>(
    json: impl Read,
    take: impl FnMut(T),
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(json);
    Entries { take, limit: MAX_ENTRIES, of: PhantomData }.deserialize(&mut json)?;
    json.end()
}

struct Entries<T, F> {
    take: F,
    limit: usize,
    of: PhantomData<fn() -> T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T)> DeserializeSeed<'de> for Entries<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T)> Visitor<'de> for Entries<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut entries = 0;
        while let Some(entry) = list.next_element()? {
            entries += 1;
            if entries > self.limit {
                return Err(A::Error::custom(format!("it has more than {} entries", self.limit)));
            }
            (self.take)(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(json: &str, limit: usize) -> Result<u32, serde_json::Error> {
        let mut sum = 0;
        let take = |number: u32| sum += number;
        let mut deserializer = serde_json::Deserializer::from_reader(json.as_bytes());
        Entries { take, limit, of: PhantomData }.deserialize(&mut deserializer)?;
        Ok(sum)
    }

    #[test]
    fn lists_are_read_and_nothing_else_is() {
        assert_eq!(sum("[1,2,3]", 3).unwrap(), 6);
        assert_eq!((sum("null", 3).unwrap(), sum("[]", 3).unwrap()), (0, 0));
        assert!(sum("[1,2,3]", 2).unwrap_err().to_string().starts_with("it has more than 2 entries"));
        assert!(sum("{}", 3).is_err() && sum("[1,", 3).is_err());
        assert!(read("[1] [2]".as_bytes(), |_: u32| ()).is_err(), "one list and no more");
    }
}

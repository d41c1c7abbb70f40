//! The stream against readers, and against itself made by another number of threads.

use std::io::Read;

use proptest::prelude::*;

use super::*;

fn threads(threads: usize) -> NonZeroUsize {
    NonZeroUsize::new(threads).unwrap()
}

fn compress(parts: &[&[u8]], compressors: usize) -> Vec<u8> {
    let mut gzip = GzipWriter::new(Vec::new(), threads(compressors)).unwrap();
    for part in parts {
        gzip.write_all(part).unwrap();
        gzip.flush().unwrap();
    }
    gzip.finish().unwrap()
}

fn read_one_member(stream: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    // The decoder that knows of one member only; it has to find the stream's end where it is.
    let mut decoder = flate2::bufread::GzDecoder::new(stream);
    decoder.read_to_end(&mut content).unwrap();
    assert!(decoder.into_inner().is_empty(), "nothing follows the first member");
    content
}

/// Bytes that repeat themselves now and then.
fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut text: Vec<u8> = Vec::with_capacity(length + 64);
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (back, run) = ((state >> 33) as usize % (40 << 10), (state >> 20) as usize % 60);
        if state >> 62 == 0 && back > run && back < text.len() {
            text.extend_from_within(text.len() - back..text.len() - back + run);
        } else {
            text.extend_from_slice(&state.to_be_bytes());
        }
    }
    text.truncate(length);
    text
}

#[test]
fn nothing_is_a_stream_too() {
    let stream = compress(&[], 1);
    assert_eq!(stream, compress(&[], 3));
    assert_eq!(stream[..10], HEADER);
    assert!(read_one_member(&stream).is_empty());
}

#[test]
fn lengths_around_the_borders_come_back() {
    for length in [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 5 * CHUNK_BYTES + 77] {
        let content = text(length as u64, length);
        let one = compress(&[&content], 1);
        assert_eq!(read_one_member(&one), content, "{length}");
        assert!(one == compress(&[&content], 2), "{length}: two threads make other bytes");
    }
}

#[test]
fn a_second_copy_behind_a_border_costs_almost_nothing() {
    // Hexadecimal digits halve; a copy has to be found in the dictionary.
    let item: Vec<u8> = text(5, 6_000).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let front = vec![b' '; CHUNK_BYTES - item.len()];
    let once = compress(&[&front, &item], 1).len();
    let twice = compress(&[&front, &item, &item], 1).len();
    assert!(twice - once < item.len() / 50, "{once} and {twice}");
}

#[test]
fn a_sink_that_fails_says_so() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("full"))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for compressors in [1, 2] {
        let mut gzip = GzipWriter::new(Full(CHUNK_BYTES), threads(compressors)).unwrap();
        let error = (0..).find_map(|seed| gzip.write_all(&text(seed, CHUNK_BYTES)).err()).unwrap();
        assert_eq!(error.to_string(), "full");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// However the bytes come in and however many threads work: the same stream, and what was written is read.
    #[test]
    fn the_stream_depends_on_the_bytes_only(
        seed in any::<u64>(),
        cuts in prop::collection::vec(0usize..3 * CHUNK_BYTES, 0..6),
        compressors in 2usize..5,
    ) {
        let content = text(seed, 3 * CHUNK_BYTES);
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut from = 0;
        let mut parts = Vec::new();
        for cut in cuts.into_iter().chain([content.len()]) {
            parts.push(&content[from..cut]);
            from = cut;
        }
        let whole = compress(&[&content], 1);
        prop_assert!(whole == compress(&parts, compressors));
        prop_assert!(read_one_member(&whole) == content);
    }
}

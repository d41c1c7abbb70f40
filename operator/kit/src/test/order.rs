//! An order made by chance that repeats itself.

/// The same elements in an order that depends on the seed alone (Fisher and Yates; chance by SplitMix64).
pub(super) fn shuffled(elements: &[usize], seed: u64) -> Vec<usize> {
    let mut shuffled = elements.to_vec();
    let mut state = seed;
    for last in (1..shuffled.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut chance = state;
        chance = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        chance = (chance ^ (chance >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chance ^= chance >> 31;
        shuffled.swap(last, (chance % (last as u64 + 1)) as usize);
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_repeats_itself_and_depends_on_the_seed() {
        let elements: Vec<usize> = (0..20).collect();
        let orders: Vec<Vec<usize>> = [1, 1, 2].iter().map(|seed| shuffled(&elements, *seed)).collect();
        assert_eq!(orders[0], orders[1]);
        assert_ne!(orders[0], orders[2]);
        assert_ne!(orders[0], elements);
        let mut sorted = orders[0].clone();
        sorted.sort_unstable();
        assert_eq!(sorted, elements);
    }
}

//! Where a kind is listed: once over the whole cluster, or once in each namespace of the backup.
//!
//! A backup of some namespaces can be made either way, and either way can waste time: thousands of lists of one object each, or one list of
//! a million objects of which a hundred are wanted. From some number of namespaces on, the first page of the whole cluster is read; it says
//! how many objects there are, and then the cheaper way is taken. What that wastes is one page, or as many objects as cost no more than
//! the lists that it saves.
//!
//! The order of the objects is the same in both ways, so the choice does not show in the archive.

use crate::namespaces::ListTargets;

/// What a list of its own costs, counted in objects that could be listed in the same time. On a busy machine with two cores an empty list
/// took 1.3 ms and a page of 500 objects of 3 KB 14 ms, which is 28 us each: 46 objects. Lists of one kind go one after the other besides,
/// and each waits for its answer, while a long list is read ahead: about as much again.
pub const OBJECTS_PER_LIST: u64 = 100;

/// From this number of namespaces on it is worth a look at the whole cluster: a page of 500 objects costs less than so many lists (10).
pub const WORTH_A_LOOK: usize = 16;

/// Where to list a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// Once for the whole cluster.
    Everywhere,
    /// Once in each of these, in this order; not at all if there are none.
    Each(Vec<String>),
    /// As [`look_pays`] says after the first page of the whole cluster; if not, in each of these.
    LookFirst(Vec<String>),
}

impl Places {
    /// For a kind that lives in namespaces or not, with the namespaces that the backup is about.
    pub fn new(namespaced: bool, targets: &ListTargets) -> Self {
        match targets {
            ListTargets::Names(names) if namespaced => {
                let mut names = names.clone();
                // As a store sorts the keys `namespace/name`, in which `a-b/x` comes before `a/x`.
                names.sort_by(|a, b| a.bytes().chain(*b"/").cmp(b.bytes().chain(*b"/")));
                if names.len() < WORTH_A_LOOK { Self::Each(names) } else { Self::LookFirst(names) }
            }
            ListTargets::Names(_) | ListTargets::Everywhere => Self::Everywhere,
        }
    }
}

/// Whether a list of the whole cluster, of which the first page had `listed` objects, costs less than lists in so many namespaces. The
/// server says how many objects come after the page; it does not where a label selector is used, and then nobody knows.
pub fn look_pays(namespaces: usize, listed: usize, remaining: Option<u64>) -> bool {
    let bearable = namespaces as u64 * OBJECTS_PER_LIST;
    remaining.is_some_and(|remaining| remaining.saturating_add(listed as u64) <= bearable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_namespaces_are_listed_one_by_one_and_many_after_a_look() {
        let names = |count: usize| (0..count).map(|n| format!("n{n:02}")).collect::<Vec<_>>();
        let places = |count| Places::new(true, &ListTargets::Names(names(count)));
        assert_eq!(places(0), Places::Each(vec![]));
        assert_eq!(places(WORTH_A_LOOK - 1), Places::Each(names(WORTH_A_LOOK - 1)));
        assert_eq!(places(WORTH_A_LOOK), Places::LookFirst(names(WORTH_A_LOOK)));
        assert_eq!(Places::new(false, &ListTargets::Names(names(99))), Places::Everywhere);
        assert_eq!(Places::new(true, &ListTargets::Everywhere), Places::Everywhere);
    }

    #[test]
    fn namespaces_come_as_the_objects_of_a_whole_list_do() {
        let names = ["a", "a-b", "a0", "b"].map(String::from).to_vec();
        let Places::Each(sorted) = Places::new(true, &ListTargets::Names(names)) else { panic!() };
        assert_eq!(sorted, ["a-b", "a", "a0", "b"]);
        let mut keys: Vec<String> = sorted.iter().map(|name| format!("{name}/x")).collect();
        let listed = keys.clone();
        keys.sort();
        assert_eq!(keys, listed);
    }

    #[test]
    fn the_whole_cluster_pays_while_its_objects_are_few_for_so_many_lists() {
        assert!(look_pays(2500, 500, Some(60_000)));
        assert!(!look_pays(2500, 500, Some(1_000_000)));
        assert!(look_pays(20, 500, Some(1500)));
        assert!(!look_pays(20, 500, Some(1501)));
        assert!(!look_pays(2500, 500, None), "nobody knows how many");
        assert!(!look_pays(20, 500, Some(u64::MAX)));
    }
}

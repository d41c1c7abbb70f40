//! Objects that somebody wants first: `spec.orderedResources` names objects of a kind, and they come in that order before all others.
//!
//! Nothing is added and nothing lost: the result is the list as it was, in another order, with the others as they stood.

use std::collections::{BTreeMap, HashMap};

use crate::kind::{GroupResource, ObjectName, ServedKind};

/// The list in its new order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ordered {
    /// Every position of the list once.
    pub places: Vec<Place>,
    /// Wanted names that the list does not have, as they were written. Each is a warning of the backup, see [`not_found`].
    pub missing: Vec<String>,
}

/// Where an object of the list stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its position in the list as it was.
    pub index: usize,
    /// Somebody wanted it here. Neighbours of one kind that were both wanted are taken one after the other, not side by side.
    pub ordered: bool,
}

/// The names of this kind's objects that are wanted first; none for most kinds. The keys of `lists` are plurals, which stand for every
/// group that has such a kind, or `plural.group`, which stands for itself and wins.
pub fn names_in_order<'a>(lists: &'a BTreeMap<String, Vec<String>>, kind: &ServedKind) -> &'a [String] {
    let name = &kind.group_resource;
    lists.get(&name.to_string()).or_else(|| lists.get(&name.resource)).map_or(&[], Vec::as_slice)
}

/// Puts the wanted objects of a kind first. `keys`: what was listed, in list order; an object may stand there more than once, if it was
/// found by several selectors or in several versions. `wanted`: `namespace/name`, or `name` for cluster-scoped kinds; of a name that is
/// wanted twice the first place counts.
pub fn put_in_order<'a>(keys: impl IntoIterator<Item = &'a ObjectName>, wanted: &[String]) -> Ordered {
    let mut ranks: HashMap<ObjectName, usize> = HashMap::with_capacity(wanted.len());
    for (rank, name) in wanted.iter().enumerate() {
        ranks.entry(object_name(name)).or_insert(rank);
    }
    let mut first: Vec<Vec<usize>> = vec![Vec::new(); wanted.len()];
    let mut others = Vec::new();
    for (index, key) in keys.into_iter().enumerate() {
        match ranks.get(key) {
            Some(rank) => first[*rank].push(index),
            None => others.push(index),
        }
    }
    let missing = wanted
        .iter()
        .enumerate()
        .filter(|(rank, name)| first[*rank].is_empty() && ranks.get(&object_name(name)) == Some(rank));
    let missing = missing.map(|(_, name)| name.clone()).collect();
    let first = first.into_iter().flatten().map(|index| Place { index, ordered: true });
    let others = others.into_iter().map(|index| Place { index, ordered: false });
    Ordered { places: first.chain(others).collect(), missing }
}

/// Keys of `lists` that stand for none of the `listed` kinds: nobody will look for the names in them, so each is a warning.
pub fn keys_in_vain<'a>(lists: &'a BTreeMap<String, Vec<String>>, listed: &[&ServedKind]) -> Vec<&'a str> {
    let stands_for = |key: &str, kind: &ServedKind| {
        key == kind.group_resource.resource || kind.group_resource == GroupResource::parse(key)
    };
    let keys = lists.keys().filter(|key| !listed.iter().any(|kind| stands_for(key, kind)));
    keys.map(String::as_str).collect()
}

/// The warning about a wanted object that is not there.
pub fn not_found(name: &str) -> String {
    format!("Cannot find resource '{name}'.")
}

fn object_name(text: &str) -> ObjectName {
    match text.split_once('/') {
        Some((namespace, name)) => ObjectName::new(Some(namespace), name),
        None => ObjectName::new(None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::served;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn wanted_objects_come_first_and_the_others_stay() {
        let keys: Vec<ObjectName> =
            ["a", "b", "c", "b"].map(|name| ObjectName::new(Some("app"), name)).into();
        let ordered = put_in_order(&keys, &names(&["app/c", "app/gone", "app/b", "app/c"]));
        let places: Vec<_> = ordered.places.iter().map(|place| (place.index, place.ordered)).collect();
        assert_eq!(places, [(2, true), (1, true), (3, true), (0, false)]);
        assert_eq!(ordered.missing, ["app/gone"]);
        assert_eq!(not_found("app/gone"), "Cannot find resource 'app/gone'.");
    }

    #[test]
    fn a_key_with_a_group_comes_before_one_without() {
        let lists = BTreeMap::from([
            ("deployments".to_owned(), names(&["app/any"])),
            ("deployments.apps".to_owned(), names(&["app/web"])),
            ("nodes".to_owned(), names(&["n1"])),
        ]);
        let apps = served("deployments.apps", "v1", "Deployment", true);
        let old = served("deployments.extensions", "v1beta1", "Deployment", true);
        assert_eq!(names_in_order(&lists, &apps), ["app/web"]);
        assert_eq!(names_in_order(&lists, &old), ["app/any"]);
        assert_eq!(keys_in_vain(&lists, &[&apps, &old]), ["nodes"]);
    }
}

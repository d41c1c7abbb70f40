//! Discovery as a value, however it was asked for, and the choice of versions: pure.

use std::collections::BTreeMap;

use lateen_core::catalog::Catalog;
use lateen_core::kind::ServedKind;

/// An API group, in the server's order.
#[derive(Debug)]
pub(super) struct Group {
    /// Empty for the core group.
    pub(super) name: String,
    /// The version that the group prefers; the first one where it does not say.
    pub(super) preferred: Option<String>,
    /// Versions in the server's order.
    pub(super) versions: Vec<Version>,
}

/// A version of a group: its kinds, or why they are not known.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) name: String,
    pub(super) kinds: Result<Vec<ServedKind>, String>,
}

/// One version of every kind: the group's preferred version where it has the kind, else the first that has it.
pub(super) fn catalog(groups: Vec<Group>) -> Catalog {
    let mut kinds = Vec::new();
    let mut versions = Vec::new();
    let mut unavailable = BTreeMap::new();
    for group in groups {
        let preferred = group.preferred.clone().or_else(|| group.versions.first().map(|v| v.name.clone()));
        let mut of_group: Vec<ServedKind> = Vec::new();
        let mut others: Vec<ServedKind> = Vec::new();
        for version in group.versions {
            match version.kinds {
                Ok(served) => {
                    others.extend(served.iter().cloned());
                    for kind in served {
                        take(&mut of_group, kind, preferred.as_deref());
                    }
                }
                Err(reason) => {
                    let name = if group.name.is_empty() {
                        version.name
                    } else {
                        format!("{}/{}", group.name, version.name)
                    };
                    unavailable.insert(name, reason);
                }
            }
        }
        others.retain(|kind| !of_group.contains(kind));
        versions.extend(of_group.iter().cloned().chain(others));
        kinds.extend(of_group);
    }
    Catalog::new(kinds, unavailable).with_versions(versions)
}

fn take(taken: &mut Vec<ServedKind>, kind: ServedKind, preferred: Option<&str>) {
    match taken.iter().position(|k| k.group_resource == kind.group_resource) {
        None => taken.push(kind),
        Some(index) if preferred == Some(&kind.version) && taken[index].version != kind.version => {
            // It moves to the place that it has in the preferred version's list.
            taken.remove(index);
            taken.push(kind);
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use lateen_core::kind::GroupResource;

    use super::*;

    fn version(name: &str, plurals: &[&str]) -> Version {
        let kind = |plural: &&str| ServedKind {
            group_resource: GroupResource::new("g.example", *plural),
            version: name.into(),
            kind: plural.to_uppercase(),
            singular: String::new(),
            short_names: vec![],
            namespaced: true,
            verbs: ["create", "delete", "get", "list"].map(String::from).to_vec(),
        };
        Version { name: name.into(), kinds: Ok(plurals.iter().map(kind).collect()) }
    }

    fn chosen(preferred: Option<&str>, versions: Vec<Version>) -> (Vec<String>, Catalog) {
        let group = Group { name: "g.example".into(), preferred: preferred.map(String::from), versions };
        let catalog = catalog(vec![group]);
        let lines = catalog.kinds().iter().map(|k| format!("{} {}", k.group_resource.resource, k.version));
        (lines.collect(), catalog)
    }

    #[test]
    fn the_first_version_that_has_a_kind_serves_it() {
        let (lines, _) = chosen(None, vec![version("v1", &["a"]), version("v2", &["a", "b"])]);
        assert_eq!(lines, ["a v1", "b v2"]);
    }

    #[test]
    fn the_preferred_version_wins_where_it_has_the_kind() {
        let versions =
            || vec![version("v1", &["a", "b", "c"]), version("v2", &["b", "a"]), version("v3", &["c"])];
        let (lines, catalog) = chosen(Some("v2"), versions());
        assert_eq!(lines, ["c v1", "b v2", "a v2"]);
        let all: Vec<String> = catalog
            .served("g.example")
            .map(|k| format!("{} {}", k.group_resource.resource, k.version))
            .collect();
        assert_eq!(all, ["c v1", "b v2", "a v2", "a v1", "b v1", "c v3"]);
    }

    #[test]
    fn a_version_that_cannot_be_asked_leaves_the_others() {
        let broken = Version { name: "v2".into(), kinds: Err("no answer".into()) };
        let (lines, catalog) = chosen(None, vec![broken, version("v1", &["a"])]);
        assert_eq!(lines, ["a v1"]);
        assert_eq!(catalog.unavailable()["g.example/v2"], "no answer");
    }
}

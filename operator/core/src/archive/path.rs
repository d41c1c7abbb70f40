//! Paths in an archive: `resources/<plural.group>[/<version>]/(namespaces/<namespace>|cluster)/<name>.json`.
//!
//! Paths that are read are hostile: they are taken apart, never joined to a directory.

use crate::kind::{GroupResource, ObjectName};

/// Suffix of the version folder that holds the preferred version.
pub const PREFERRED_SUFFIX: &str = "-preferredversion";

/// The paths of one item, in the order in which they are written: for the preferred version the plain path and the one with the version,
/// for any other version only the latter.
pub fn item_paths(kind: &GroupResource, version: &str, preferred: bool, object: &ObjectName) -> Vec<String> {
    let place = match &object.namespace {
        Some(namespace) => format!("namespaces/{namespace}/{}.json", object.name),
        None => format!("cluster/{}.json", object.name),
    };
    if preferred {
        vec![
            format!("resources/{kind}/{place}"),
            format!("resources/{kind}/{version}{PREFERRED_SUFFIX}/{place}"),
        ]
    } else {
        vec![format!("resources/{kind}/{version}/{place}")]
    }
}

/// Whether an object of this name can stand in an archive, and in a request: namespace and name are each one segment of a path. API
/// servers hold to this; what an aggregated one calls its objects is its own doing, and one name that leads elsewhere makes a reader
/// refuse the whole archive.
pub fn is_nameable(object: &ObjectName) -> bool {
    let segment = |name: &str| {
        !name.is_empty()
            && name != "."
            && name != ".."
            && !name.contains(['/', '\\', '%'])
            && !name.contains(char::is_control)
    };
    segment(&object.name) && object.namespace.as_deref().is_none_or(segment)
}

/// Whether an item can stand in an archive under its own name, where a reader finds it again. What cannot is an error of that item.
pub fn is_archivable(kind: &GroupResource, version: &str, object: &ObjectName) -> bool {
    let found_again = |path: &String| match parse(path) {
        Ok(Entry::Item { kind: read, version: Some(folder), object: named }) => {
            read == *kind
                && !kind.resource.is_empty()
                && !folder.is_empty()
                && folder == version
                && named == *object
        }
        _ => false,
    };
    is_nameable(object) && item_paths(kind, version, false, object).iter().all(found_again)
}

/// What a path in an archive stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// `metadata/version`.
    FormatVersion,
    /// An item.
    Item {
        /// Group and plural.
        kind: GroupResource,
        /// The version folder, without its suffix; none for the plain copy.
        version: Option<String>,
        /// Namespace and name.
        object: ObjectName,
    },
    /// Anything else: ignored, as other files may be added by other programs.
    Other,
}

/// Why a path is refused: it could name something outside the archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid archive path {0:?}: escapes target directory")]
pub struct UnsafePath(pub String);

/// Reads a path. A leading `./` is accepted, as tar programs write it.
pub fn parse(path: &str) -> Result<Entry, UnsafePath> {
    let clean = path.strip_prefix("./").unwrap_or(path);
    let parts: Vec<&str> = clean.split('/').collect();
    let hostile = clean.starts_with('/')
        || clean.contains(['\\', '\0'])
        || parts.iter().any(|p| *p == ".." || *p == ".");
    if hostile {
        return Err(UnsafePath(path.to_owned()));
    }
    Ok(match parts.as_slice() {
        ["metadata", "version"] => Entry::FormatVersion,
        ["resources", kind, rest @ ..] => item(kind, rest).unwrap_or(Entry::Other),
        _ => Entry::Other,
    })
}

fn item(kind: &str, rest: &[&str]) -> Option<Entry> {
    let (version, place) = match rest {
        ["cluster" | "namespaces", ..] => (None, rest),
        [version, place @ ..] => {
            (Some(version.strip_suffix(PREFERRED_SUFFIX).unwrap_or(version).to_owned()), place)
        }
        [] => return None,
    };
    let (namespace, file) = match place {
        ["cluster", file] => (None, file),
        ["namespaces", namespace, file] if !namespace.is_empty() => (Some(*namespace), file),
        _ => return None,
    };
    let name = file.strip_suffix(".json").filter(|name| !name.is_empty())?;
    let kind = GroupResource::parse(kind);
    (!kind.resource.is_empty()).then(|| Entry::Item {
        kind,
        version,
        object: ObjectName::new(namespace, name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let kind = GroupResource::parse("deployments.apps");
        for object in [ObjectName::new(Some("app"), "web"), ObjectName::new(None, "system:node")] {
            for (preferred, versions) in [(true, vec![None, Some("v1")]), (false, vec![Some("v1")])] {
                let paths = item_paths(&kind, "v1", preferred, &object);
                assert_eq!(paths.len(), versions.len());
                for (path, version) in paths.iter().zip(versions) {
                    let expected = Entry::Item {
                        kind: kind.clone(),
                        version: version.map(str::to_owned),
                        object: object.clone(),
                    };
                    assert_eq!(parse(path), Ok(expected), "{path}");
                }
            }
        }
    }

    #[test]
    fn what_leads_elsewhere_is_not_archivable() {
        let roles = GroupResource::parse("roles.rbac.authorization.k8s.io");
        let good = ObjectName::new(Some("app"), "system:controller:ünï");
        assert!(is_archivable(&roles, "v1", &good));
        for name in ["", ".", "..", "../x", "a/b", "a%2fb", "a\\b", "a\0", "a\n"] {
            assert!(!is_archivable(&roles, "v1", &ObjectName::new(Some("app"), name)), "{name:?}");
            assert!(!is_archivable(&roles, "v1", &ObjectName::new(Some(name), "a")), "{name:?}");
        }
        for version in ["", "..", "v1/x", "cluster", "namespaces", "v1-preferredversion"] {
            assert!(!is_archivable(&roles, version, &good), "{version:?}");
        }
        for kind in ["", "../x", "a/b", ".."] {
            assert!(!is_archivable(&GroupResource::new("", kind), "v1", &good), "{kind:?}");
        }
    }

    #[test]
    fn paths_that_escape_are_refused() {
        for path in [
            "/etc/passwd",
            "resources/../../etc/passwd",
            "../x",
            "resources/pods/namespaces/../cluster/x.json",
            "resources\\pods",
            "a/./b",
        ] {
            assert!(parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_no_item_is_ignored() {
        for path in [
            "resources/pods/",
            "resources/pods/cluster/",
            "resources/pods/x",
            "README",
            "resources/pods/cluster/a.yaml",
        ] {
            assert_eq!(parse(path), Ok(Entry::Other), "{path}");
        }
        assert_eq!(parse("./metadata/version"), Ok(Entry::FormatVersion));
    }
}

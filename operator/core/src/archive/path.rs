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
            read == *kind && folder.version == version && !folder.preferred && named == *object
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
        /// The version folder; none for the plain copy.
        version: Option<VersionFolder>,
        /// Namespace and name.
        object: ObjectName,
    },
    /// Anything else: ignored, as other files may be added by other programs.
    Other,
}

/// The folder of one version of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFolder {
    /// `v1`, without the suffix.
    pub version: String,
    /// It has the suffix: the backup's cluster preferred this version.
    pub preferred: bool,
}

/// Why a path is refused: it could name something outside the archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid archive path {0:?}: escapes target directory")]
pub struct UnsafePath(pub String);

/// Reads a path. `./` and doubled slashes, as tar programs write them, mean nothing; anything that leads upwards or begins at a root is
/// refused, wherever it would end.
pub fn parse(path: &str) -> Result<Entry, UnsafePath> {
    let hostile =
        path.starts_with('/') || path.contains(['\\', '\0']) || path.split('/').any(|part| part == "..");
    if hostile {
        return Err(UnsafePath(path.to_owned()));
    }
    let mut parts = segments(path);
    Ok(match (parts.next(), parts.next()) {
        (Some("metadata"), Some("version")) if parts.next().is_none() => Entry::FormatVersion,
        (Some("resources"), Some(kind)) if !path.ends_with('/') => {
            item(kind, &parts.take(MOST_PARTS).collect::<Vec<_>>()).unwrap_or(Entry::Other)
        }
        _ => Entry::Other,
    })
}

/// The parts of a path that mean something.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

/// One more than an item's path has behind its kind: version, `namespaces`, namespace, file.
const MOST_PARTS: usize = 5;

fn item(kind: &str, rest: &[&str]) -> Option<Entry> {
    let (version, place) = match rest {
        ["cluster" | "namespaces", ..] => (None, rest),
        [version, place @ ..] => (Some(VersionFolder::read(version)?), place),
        [] => return None,
    };
    let (namespace, file) = match place {
        ["cluster", file] => (None, file),
        ["namespaces", namespace, file] => (Some(*namespace), file),
        _ => return None,
    };
    let name = file.strip_suffix(".json").filter(|name| !name.is_empty())?;
    // Folders are told to people line by line. What no cluster has as a kind or a namespace is not taken for one.
    if [kind, namespace.unwrap_or_default()].iter().any(|folder| folder.contains(char::is_control)) {
        return None;
    }
    let kind = GroupResource::parse(kind);
    (!kind.resource.is_empty()).then(|| Entry::Item {
        kind,
        version,
        object: ObjectName::new(namespace, name),
    })
}

impl VersionFolder {
    fn read(folder: &str) -> Option<Self> {
        let version = folder.strip_suffix(PREFERRED_SUFFIX);
        let (version, preferred) = version.map_or((folder, false), |version| (version, true));
        let named = !version.is_empty() && !version.contains(char::is_control);
        named.then(|| Self { version: version.to_owned(), preferred })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let kind = GroupResource::parse("deployments.apps");
        for object in [ObjectName::new(Some("app"), "web"), ObjectName::new(None, "system:node")] {
            let folder = |preferred| Some(VersionFolder { version: "v1".into(), preferred });
            for (preferred, versions) in [(true, vec![None, folder(true)]), (false, vec![folder(false)])] {
                let paths = item_paths(&kind, "v1", preferred, &object);
                assert_eq!(paths.len(), versions.len());
                for (path, version) in paths.iter().zip(versions) {
                    let expected = Entry::Item { kind: kind.clone(), version, object: object.clone() };
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
            "./..",
            "/",
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
            "resources/pods/cluster/a.json/",
            "resources/pods/cluster/deep/a.json",
            "resources/pods/v1/v2/namespaces/n/a.json",
            "resources/pods/-preferredversion/cluster/a.json",
            "resources/pods\n/cluster/a.json",
            "resources/pods/namespaces/\u{1b}[2J/a.json",
            "metadata/version/x",
            "",
            ".",
            "./",
        ] {
            assert_eq!(parse(path), Ok(Entry::Other), "{path:?}");
        }
    }

    #[test]
    fn what_tar_programs_add_to_a_path_means_nothing() {
        assert_eq!(parse("./metadata/version"), Ok(Entry::FormatVersion));
        let plain = parse("resources/pods/namespaces/a/p.json").unwrap();
        for path in ["./resources/pods/namespaces/a/p.json", "resources//pods/./namespaces/a/p.json"] {
            assert_eq!(parse(path), Ok(plain.clone()), "{path}");
        }
    }
}

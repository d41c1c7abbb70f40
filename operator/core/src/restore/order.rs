//! In which order kinds are restored: those that others need first, those that drive others last, all the rest by name in between.

use std::fmt;
use std::str::FromStr;

/// What every kind that comes later may need.
const FIRST: [&str; 23] = [
    "customresourcedefinitions",
    "namespaces",
    "storageclasses",
    "volumesnapshotclass.snapshot.storage.k8s.io",
    "volumesnapshotcontents.snapshot.storage.k8s.io",
    "volumesnapshots.snapshot.storage.k8s.io",
    "datauploads.velero.io",
    "persistentvolumes",
    "persistentvolumeclaims",
    "clusterroles",
    "roles",
    "serviceaccounts",
    "clusterrolebindings",
    "rolebindings",
    "secrets",
    "configmaps",
    "limitranges",
    "priorityclasses",
    "pods",
    "replicasets.apps",
    "clusterclasses.cluster.x-k8s.io",
    "endpoints",
    "services",
];

/// What starts to act on other objects as soon as it is there.
const LAST: [&str; 5] = [
    "clusterbootstraps.run.tanzu.vmware.com",
    "clusters.cluster.x-k8s.io",
    "clusterresourcesets.addons.cluster.x-k8s.io",
    "apps.kappctrl.k14s.io",
    "packageinstalls.packaging.carvel.dev",
];

/// The two lists of kinds, by any name that people use for a kind. What is in neither stands between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priorities {
    /// Restored first, in this order.
    pub first: Vec<String>,
    /// Restored last, in this order.
    pub last: Vec<String>,
}

impl Default for Priorities {
    fn default() -> Self {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self { first: own(&FIRST), last: own(&LAST) }
    }
}

/// Why a text is not a pair of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "multiple `-` separators in the restore resource priorities: one separates the kinds to restore first from those to restore last"
)]
pub struct ParsePrioritiesError;

impl FromStr for Priorities {
    type Err = ParsePrioritiesError;

    /// Reads `first,second,-,last`: an entry `-` separates the lists. An empty text is two empty lists.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lists = text.split(',').map(str::trim).collect::<Vec<_>>();
        lists.retain(|entry| !entry.is_empty());
        let mut parts = lists.split(|entry| *entry == "-");
        let own =
            |part: Option<&[&str]>| part.unwrap_or_default().iter().map(|name| (*name).to_owned()).collect();
        let (first, last) = (own(parts.next()), own(parts.next()));
        if parts.next().is_some() { Err(ParsePrioritiesError) } else { Ok(Self { first, last }) }
    }
}

impl fmt::Display for Priorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.last.is_empty() { None } else { Some("-") };
        let entries = self
            .first
            .iter()
            .map(String::as_str)
            .chain(separator)
            .chain(self.last.iter().map(String::as_str));
        f.write_str(&entries.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_reads_what_it_prints() {
        let default = Priorities::default();
        assert_eq!(default.to_string().parse(), Ok(default));
        let only_first: Priorities = "a, b".parse().unwrap();
        assert_eq!((only_first.first.len(), only_first.last.len()), (2, 0));
        assert_eq!(only_first.to_string(), "a,b");
        let only_last: Priorities = "-,z".parse().unwrap();
        assert_eq!((only_last.first.len(), only_last.to_string().as_str()), (0, "-,z"));
        assert_eq!("".parse(), Ok(Priorities { first: vec![], last: vec![] }));
        assert_eq!("a,-,b,-,c".parse::<Priorities>(), Err(ParsePrioritiesError));
    }
}

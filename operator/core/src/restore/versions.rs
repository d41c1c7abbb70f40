//! In which API version the items of a kind are restored, where the archive holds several and the server was told to use them
//! (`EnableAPIGroupVersions`).
//!
//! Without it, and for every kind that nothing is chosen for, the plain copies count, which are in the version that the backup's cluster
//! preferred. Versions are compared kind by kind: that a cluster serves a version of a group says nothing about a kind in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::archive::index::{ArchiveIndex, Versions};
use crate::backup::collection::ALL_VERSIONS_FEATURE;
use crate::catalog::Catalog;
use crate::kind::{GroupResource, ServedKind};

/// The ConfigMap, in the server's namespace, in which an administrator says which versions come first.
pub const PRIORITIES_CONFIG_MAP: &str = "enableapigroupversions";

/// The key in it.
pub const PRIORITIES_KEY: &str = "restoreResourcesVersionPriority";

/// First format of backups that holds kinds in several versions.
const FIRST_FORMAT: [u64; 3] = [1, 1, 0];

/// Bytes of priorities that are read: a ConfigMap has no more.
const PRIORITIES_LIMIT: usize = 1 << 20;

/// Which copies of items a restore with these features needs of a backup in this format.
pub fn needed(features: &[String], format_version: &str) -> Versions {
    let asked = features.iter().any(|feature| feature == ALL_VERSIONS_FEATURE);
    let numbers: Vec<u64> = format_version.split('.').map_while(|part| part.parse().ok()).collect();
    if asked && numbers.as_slice() >= FIRST_FORMAT.as_slice() { Versions::All } else { Versions::Preferred }
}

/// Which versions an administrator wants for which kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPriorities {
    wanted: BTreeMap<GroupResource, Vec<String>>,
    ignored: Vec<String>,
}

impl UserPriorities {
    /// Reads lines `plural.group=version,version`. Blanks do not count; of two lines for one kind the last counts; lines of another form
    /// are ignored, and told by [`UserPriorities::ignored`].
    pub fn parse(text: &str) -> Self {
        let mut priorities = Self::default();
        if text.len() > PRIORITIES_LIMIT {
            priorities
                .ignored
                .push(format!("all {} bytes: they are more than {PRIORITIES_LIMIT}", text.len()));
            return priorities;
        }
        for line in text.lines() {
            let plain: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            if plain.is_empty() {
                continue;
            }
            match plain.split_once('=') {
                Some((kind, versions))
                    if !kind.is_empty() && !versions.is_empty() && !versions.contains('=') =>
                {
                    let versions = versions.split(',').filter(|version| !version.is_empty());
                    let versions = versions.map(str::to_owned).collect();
                    priorities.wanted.insert(GroupResource::parse(&kind.to_lowercase()), versions);
                }
                _ => priorities.ignored.push(line.trim().to_owned()),
            }
        }
        priorities
    }

    /// The lines that say nothing, for a warning.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    fn of(&self, kind: &GroupResource) -> &[String] {
        self.wanted.get(kind).map_or(&[], Vec::as_slice)
    }
}

/// Why a version was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The administrator wants it.
    User,
    /// The cluster prefers it.
    Cluster,
    /// The backup's cluster preferred it, and this one serves it.
    Backup,
    /// It is the first that both have.
    Common,
    /// There is no other choice: the backup's cluster preferred it.
    Default,
}

impl Because {
    fn text(self) -> &'static str {
        match self {
            Self::User => "wanted by the ConfigMap enableapigroupversions",
            Self::Cluster => "preferred by this cluster",
            Self::Backup => "preferred by the backup's cluster and served here",
            Self::Common => "the first that the backup and this cluster have",
            Self::Default => {
                "preferred by the backup's cluster; this cluster serves none of the backup's versions"
            }
        }
    }
}

/// The version of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// `v1beta1`.
    pub version: String,
    /// Why.
    pub because: Because,
}

/// The versions of all kinds that there is a choice for. Without any, plain copies are restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionChoice {
    chosen: BTreeMap<GroupResource, Chosen>,
}

impl VersionChoice {
    /// Chooses for every kind that the archive holds in several versions.
    pub fn new(index: &ArchiveIndex, catalog: &Catalog, priorities: &UserPriorities) -> Self {
        let mut served: BTreeMap<&GroupResource, Vec<&ServedKind>> = BTreeMap::new();
        for kind in catalog.all_versions() {
            served.entry(&kind.group_resource).or_default().push(kind);
        }
        let mut chosen = BTreeMap::new();
        for kind in index.kinds().keys() {
            let Some(versions) = index.versions(kind).filter(|versions| versions.all().len() > 1) else {
                continue;
            };
            let Some(preferred) = versions.preferred() else { continue };
            let served = served.get(kind).map_or(&[][..], Vec::as_slice);
            let target = Target {
                versions: served.iter().map(|kind| kind.version.as_str()).collect(),
                preferred: served
                    .iter()
                    .find(|kind| catalog.is_preferred(kind))
                    .map(|kind| kind.version.as_str()),
            };
            let source = Source { versions: versions.all(), preferred };
            chosen.insert(kind.clone(), choose(&source, &target, priorities.of(kind)));
        }
        Self { chosen }
    }

    /// The version in which items of this kind are restored. None: that of their plain copies.
    pub fn of(&self, kind: &GroupResource) -> Option<&str> {
        self.chosen.get(kind).map(|chosen| chosen.version.as_str())
    }

    /// Lines for the log, one per kind that there was a choice for.
    pub fn describe(&self) -> Vec<String> {
        let line = |(kind, Chosen { version, because }): (&GroupResource, &Chosen)| {
            format!("Restoring {kind} in version {version}: {}", because.text())
        };
        self.chosen.iter().map(line).collect()
    }
}

/// What the archive has of a kind.
struct Source<'a> {
    versions: BTreeSet<&'a str>,
    preferred: &'a str,
}

/// What the cluster has of it.
struct Target<'a> {
    versions: Vec<&'a str>,
    preferred: Option<&'a str>,
}

fn choose(source: &Source, target: &Target, wanted: &[String]) -> Chosen {
    let in_both = |version: &&str| source.versions.contains(version) && target.versions.contains(version);
    let mut by_priority = target.versions.clone();
    by_priority.sort_by_key(|version| Reverse(priority(version)));
    let by_user = wanted.iter().map(String::as_str).find(in_both);
    let rules = [
        (by_user, Because::User),
        (target.preferred.filter(in_both), Because::Cluster),
        (Some(source.preferred).filter(in_both), Because::Backup),
        (by_priority.into_iter().find(in_both), Because::Common),
    ];
    let mut found = rules.into_iter().filter_map(|(version, because)| Some((version?, because)));
    let (version, because) = found.next().unwrap_or((source.preferred, Because::Default));
    Chosen { version: version.to_owned(), because }
}

/// Kubernetes' order of versions: stable ones before beta before alpha, higher numbers first, anything else at the end by name.
fn priority(version: &str) -> (u8, u64, u64, Reverse<&str>) {
    let known = || {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major = rest[..digits].parse().ok()?;
        let (level, minor) = match &rest[digits..] {
            "" => (3, "0"),
            stage => match (stage.strip_prefix("beta"), stage.strip_prefix("alpha")) {
                (Some(minor), _) => (2, minor),
                (_, Some(minor)) => (1, minor),
                _ => return None,
            },
        };
        Some((level, major, if minor.is_empty() { 0 } else { minor.parse().ok()? }))
    };
    match known() {
        Some((level, major, minor)) => (level, major, minor, Reverse(version)),
        None => (0, 0, 0, Reverse(version)),
    }
}

#[cfg(test)]
mod tests;

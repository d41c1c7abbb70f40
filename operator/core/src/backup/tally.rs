//! What a backup has taken so far: the only thing in a run that grows with the number of objects.
//!
//! An object is claimed once, by whoever comes first: a list, a block, or an action that names it. Per object the tally holds its name once,
//! as a boxed `namespace/name` in a hash set: with typical names of 46 bytes some 100 bytes, measured.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::kind::{GroupResource, ObjectName, ServedKind};

/// Who claims an object, and so where it stands in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Its own list, or the block of a listed object: it stands where that is.
    Listed,
    /// An action of another object: it stands where its list comes upon it, or at the end where none does.
    Related,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody was here before: the claimant takes the object.
    First,
    /// Somebody was, in this lane.
    Taken(Lane),
}

/// Keys of what was taken, and counts.
#[derive(Debug, Default)]
pub struct Tally {
    claimed: BTreeMap<String, Names>,
    kinds: BTreeSet<GroupResource>,
    namespaces: BTreeSet<String>,
    taken: u64,
    seen: u64,
}

/// Names of one kind. All but the first set are small.
#[derive(Debug, Default)]
struct Names {
    claimed: HashSet<Box<str>>,
    related: HashSet<Box<str>>,
    /// Claimed and not in the backup after all. They stay claimed: what failed once is not tried again by the next who names it.
    dropped: HashSet<Box<str>>,
}

impl Tally {
    /// Claims an object: the first claimant takes it, all others leave it alone. What is claimed is written by the claimant or, if that
    /// fails, dropped.
    pub fn claim(&mut self, kind: &ServedKind, object: &ObjectName, lane: Lane) -> Claim {
        let names = self.claimed.entry(kind.resource_key()).or_default();
        let name = object.to_string().into_boxed_str();
        if names.claimed.contains(&name) {
            let related = names.related.contains(&name);
            return Claim::Taken(if related { Lane::Related } else { Lane::Listed });
        }
        if lane == Lane::Related {
            names.related.insert(name.clone());
        }
        names.claimed.insert(name);
        self.taken += 1;
        Claim::First
    }

    /// The lane in which somebody has claimed an object, if anybody has.
    pub fn lane_of(&self, kind: &ServedKind, object: &ObjectName) -> Option<Lane> {
        let names = self.claimed.get(&kind.resource_key())?;
        let name = object.to_string();
        let related = names.related.contains(name.as_str());
        names.claimed.contains(name.as_str()).then_some(if related { Lane::Related } else { Lane::Listed })
    }

    /// An object that was claimed is not in the backup after all.
    pub fn drop_claim(&mut self, kind: &ServedKind, object: &ObjectName) {
        let Some(names) = self.claimed.get_mut(&kind.resource_key()) else { return };
        let name = object.to_string().into_boxed_str();
        if names.claimed.contains(&name) && names.dropped.insert(name) {
            self.taken -= 1;
        }
    }

    /// An object of this kind is in the archive.
    pub fn written(&mut self, kind: &ServedKind, object: &ObjectName) {
        // Asked first, because nearly always they are known, and a copy for every object would be thrown away.
        if !self.kinds.contains(&kind.group_resource) {
            self.kinds.insert(kind.group_resource.clone());
        }
        if let Some(namespace) = &object.namespace
            && !self.namespaces.contains(namespace)
        {
            self.namespaces.insert(namespace.clone());
        }
    }

    /// Objects that lists have shown, whether taken or not; the estimate of the total while the run lasts.
    pub fn see(&mut self, objects: u64) {
        self.seen += objects;
    }

    /// How far the run is: what was taken, of what lists have shown so far.
    pub fn progress(&self) -> Progress {
        Progress { total: self.seen.max(self.taken), done: self.taken }
    }

    /// Objects taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Kinds of which at least one object is in the archive.
    pub fn kinds(&self) -> &BTreeSet<GroupResource> {
        &self.kinds
    }

    /// Whether an object of this namespace is in the archive.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// The resource list: `apps/v1/Deployment` -> sorted `namespace/name`.
    pub fn resource_list(&self) -> BTreeMap<&str, Vec<&str>> {
        let lists = self.claimed.iter().map(|(key, names)| {
            let mut taken: Vec<&str> = names.claimed.difference(&names.dropped).map(AsRef::as_ref).collect();
            taken.sort_unstable();
            (key.as_str(), taken)
        });
        lists.filter(|(_, names)| !names.is_empty()).collect()
    }
}

/// For status.progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Objects known so far.
    pub total: u64,
    /// Objects taken so far.
    pub done: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::served;

    #[test]
    fn a_key_is_claimed_once_and_what_is_dropped_stays_claimed() {
        let pods = served("pods", "v1", "Pod", true);
        let web = ObjectName::new(Some("app"), "web");
        let mut tally = Tally::default();
        assert_eq!(tally.claim(&pods, &web, Lane::Listed), Claim::First);
        assert_eq!(tally.claim(&pods, &web, Lane::Related), Claim::Taken(Lane::Listed));
        assert_eq!(tally.resource_list()["v1/Pod"], ["app/web"]);
        tally.drop_claim(&pods, &web);
        tally.drop_claim(&pods, &web);
        assert!(tally.resource_list().is_empty());
        assert_eq!(tally.taken(), 0);
        assert_eq!(tally.claim(&pods, &web, Lane::Listed), Claim::Taken(Lane::Listed));
    }

    #[test]
    fn a_claim_remembers_its_lane() {
        let volumes = served("persistentvolumes", "v1", "PersistentVolume", false);
        let disk = ObjectName::new(None, "disk");
        let mut tally = Tally::default();
        assert_eq!(tally.lane_of(&volumes, &disk), None);
        assert_eq!(tally.claim(&volumes, &disk, Lane::Related), Claim::First);
        assert_eq!(tally.lane_of(&volumes, &disk), Some(Lane::Related));
        assert_eq!(tally.claim(&volumes, &disk, Lane::Listed), Claim::Taken(Lane::Related));
    }
}

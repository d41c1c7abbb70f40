//! The index of an archive that is being restored: which items it holds, and where their bytes were put.
//!
//! An archive is read once, from front to back, and its paths are hostile: [`builder`] decides about each entry. No path is ever joined to a
//! directory: kept bytes go one behind the other into one spool file, and the index only knows offsets.
//!
//! Memory: 16 bytes and the name for each item ([`Items`]), some 12 MB for 300,000 items; a plan shares it.

pub mod builder;
mod content;
mod items;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use builder::{EntryType, IndexBuilder, KeptItem, Verdict, Versions};
pub use content::{Definition, VOLUME_DATA};
pub use items::Items;

use crate::kind::{GroupResource, ObjectName};

/// Kind of the definitions that make other kinds known.
pub const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Where the bytes of an item are, and what was seen of them as they passed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Offset in the spool file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u32,
    /// The run's label selector matches.
    pub selected: bool,
    /// The bytes are an object with the name of its file.
    pub readable: bool,
}

/// Items of one kind by namespace; cluster-scoped items stand under `None`.
pub type Namespaces = BTreeMap<Option<Box<str>>, Arc<Items>>;

/// The versions of one kind in the archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindVersions {
    preferred: Option<Box<str>>,
    copies: BTreeMap<Box<str>, Namespaces>,
}

impl KindVersions {
    /// The version that the backup's cluster preferred, which is that of the plain copies.
    pub fn preferred(&self) -> Option<&str> {
        self.preferred.as_deref()
    }

    /// All versions, by name.
    pub fn all(&self) -> BTreeSet<&str> {
        self.copies.keys().chain(&self.preferred).map(AsRef::as_ref).collect()
    }

    /// The items in another version than the preferred one, by namespace. There are some only if the index was built with
    /// [`Versions::All`].
    pub fn copies(&self, version: &str) -> Option<&Namespaces> {
        self.copies.get(version)
    }
}

/// What an archive holds besides items. It harms nobody, and tells that something else than a backup has written it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Besides {
    /// Files at places that no item has.
    pub files: u64,
    /// Links and devices.
    pub links: u64,
    /// Items that stood there again further on: the last one counts.
    pub duplicates: u64,
}

/// The items of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveIndex {
    kinds: BTreeMap<GroupResource, Namespaces>,
    versions: BTreeMap<GroupResource, KindVersions>,
    definitions: BTreeMap<GroupResource, Definition>,
    data_of: BTreeMap<(GroupResource, ObjectName), Box<str>>,
    faults: BTreeMap<(u64, u32), Box<str>>,
    besides: Besides,
    has_resources: bool,
    items: u64,
    spool_bytes: u64,
}

impl ArchiveIndex {
    /// The kinds with their items, sorted.
    pub fn kinds(&self) -> &BTreeMap<GroupResource, Namespaces> {
        &self.kinds
    }

    /// The namespaces that hold items or have a Namespace object of their own, sorted.
    pub fn namespaces(&self) -> Vec<String> {
        let of_items = self.kinds.values().flat_map(|kind| kind.keys().flatten());
        let objects = self.kinds.get(&GroupResource::new("", "namespaces")).and_then(|kind| kind.get(&None));
        let named = objects.into_iter().flat_map(|items| items.names());
        let all: BTreeSet<&str> = of_items.map(AsRef::as_ref).chain(named).collect();
        all.into_iter().map(str::to_owned).collect()
    }

    /// Where one item is.
    pub fn find(&self, kind: &GroupResource, object: &ObjectName) -> Option<Location> {
        find(self.kinds.get(kind)?, object)
    }

    /// Where the copy of an item in this version is. The plain copy is the one of the preferred version.
    pub fn find_version(&self, kind: &GroupResource, version: &str, object: &ObjectName) -> Option<Location> {
        match self.versions.get(kind) {
            Some(versions) if versions.preferred() != Some(version) => {
                find(versions.copies(version)?, object)
            }
            _ => self.find(kind, object),
        }
    }

    /// The versions of a kind. None: the archive does not say, as those of old backups.
    pub fn versions(&self, kind: &GroupResource) -> Option<&KindVersions> {
        self.versions.get(kind)
    }

    /// The custom kinds whose definitions are in the archive.
    pub fn definitions(&self) -> &BTreeMap<GroupResource, Definition> {
        &self.definitions
    }

    /// The namespace of the claim that an object of one of the kinds [`VOLUME_DATA`] holds the data of, if it says so.
    pub fn data_of(&self, kind: &GroupResource, object: &ObjectName) -> Option<&str> {
        self.data_of.get(&(kind.clone(), object.clone())).map(AsRef::as_ref)
    }

    /// Why an item is not readable.
    pub fn fault(&self, location: &Location) -> &str {
        let known = self.faults.get(&(location.offset, location.len));
        known.map_or("it is no object of this name", AsRef::as_ref)
    }

    /// What there is besides items.
    pub fn besides(&self) -> Besides {
        self.besides
    }

    /// Whether there is anything below `resources/`: without it, it is not the archive of a backup.
    pub fn has_resources(&self) -> bool {
        self.has_resources
    }

    /// Items, each counted once.
    pub fn len(&self) -> u64 {
        self.items
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Bytes in the spool file.
    pub fn spool_bytes(&self) -> u64 {
        self.spool_bytes
    }

    /// Bytes of memory that the places of all items take.
    pub fn memory(&self) -> usize {
        let copies = self.versions.values().flat_map(|versions| versions.copies.values());
        let folders = self.kinds.values().chain(copies).flat_map(BTreeMap::values);
        folders.map(|items| items.memory()).sum()
    }
}

fn find(namespaces: &Namespaces, object: &ObjectName) -> Option<Location> {
    let namespace = object.namespace.as_deref().map(Box::from);
    namespaces.get(&namespace)?.get(&object.name)
}

#[cfg(test)]
mod tests;

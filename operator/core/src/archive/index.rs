//! The index of an archive that is being restored: which items it holds, and where their bytes were put.
//!
//! An archive is read once, from front to back, and its paths are hostile. [`IndexBuilder::entry`] decides about each entry before its
//! bytes are read: the plain copy of an item is kept, everything else (the copies in version folders, files of other programs,
//! directories, links) is skipped, and a path that could name something outside the archive refuses the whole archive. No path is ever
//! joined to a directory: kept bytes go one behind the other into one spool file, and the index only knows offsets.
//!
//! Memory: 16 bytes of place and a name of its own length per item, some 80 bytes with the tree around it; 100,000 items are 8 MB.

use std::collections::BTreeMap;

use crate::archive::limits::{ArchiveError, Limits, Meter};
use crate::archive::path::{self, Entry};
use crate::item::Facts;
use crate::kind::{GroupResource, ObjectName};
use crate::selector::Selection;

/// What an entry of the archive is, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// A regular file.
    File,
    /// A directory, a link, a device: nothing that holds an item.
    Other,
}

/// What to do with the bytes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Read them, append them to the spool and hand them to [`IndexBuilder::keep`].
    Keep(KeptItem),
    /// Read past them.
    Skip,
}

/// An item whose bytes are to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptItem {
    kind: GroupResource,
    object: ObjectName,
}

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

/// Items of one kind and namespace, by name.
pub type Items = BTreeMap<Box<str>, Location>;

/// Items of one kind by namespace; cluster-scoped items stand under `None`.
pub type Namespaces = BTreeMap<Option<Box<str>>, Items>;

/// The items of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveIndex {
    kinds: BTreeMap<GroupResource, Namespaces>,
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
        let named = objects.into_iter().flat_map(|items| items.keys());
        let all: std::collections::BTreeSet<&str> = of_items.chain(named).map(AsRef::as_ref).collect();
        all.into_iter().map(str::to_owned).collect()
    }

    /// Where one item is.
    pub fn find(&self, kind: &GroupResource, object: &ObjectName) -> Option<Location> {
        let namespace = object.namespace.as_deref().map(Box::from);
        self.kinds.get(kind)?.get(&namespace)?.get(object.name.as_str()).copied()
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
}

/// Builds an [`ArchiveIndex`] from the entries of an archive, in their order.
#[derive(Debug)]
pub struct IndexBuilder {
    index: ArchiveIndex,
    selection: Selection,
    limits: Limits,
    meter: Meter,
}

impl IndexBuilder {
    /// For a run that selects items by `selection`.
    pub fn new(selection: Selection, limits: Limits) -> Self {
        Self { index: ArchiveIndex::default(), selection, limits, meter: Meter::new(limits) }
    }

    /// Decides about the next entry by its header. An error refuses the archive; nothing that was read before may then be used.
    pub fn entry(&mut self, path: &[u8], size: u64, entry_type: EntryType) -> Result<Verdict, ArchiveError> {
        let parsed = self.meter.entry(path, size)?;
        let text = String::from_utf8_lossy(path);
        self.index.has_resources |= text.trim_start_matches("./").starts_with("resources/");
        let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
        match (parsed, entry_type) {
            (Entry::Item { kind, version: None, object }, EntryType::File) if is_text => {
                self.check_size(&text, size)?;
                Ok(Verdict::Keep(KeptItem { kind, object }))
            }
            _ => Ok(Verdict::Skip),
        }
    }

    /// Takes note of an item whose bytes were appended to the spool. Of several copies of one item the last counts, as it would on a
    /// disk. What is no object, has another name than its file, or a name that could not stand in a request, is noted as unreadable: that
    /// is an error of the item.
    pub fn keep(&mut self, item: KeptItem, bytes: &[u8]) -> Result<(), ArchiveError> {
        let KeptItem { kind, object } = item;
        let facts = std::str::from_utf8(bytes).ok().and_then(|json| Facts::read(json).ok());
        let facts = facts.filter(|facts| facts.object.name == object.name && path::is_nameable(&object));
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.check_size(&object.name, bytes.len() as u64)?;
        let location = Location {
            offset: self.index.spool_bytes,
            len,
            selected: facts.as_ref().is_some_and(|facts| self.selection.matches(&facts.labels)),
            readable: facts.is_some(),
        };
        self.index.spool_bytes += u64::from(len);
        let namespaces = self.index.kinds.entry(kind).or_default();
        let items = namespaces.entry(object.namespace.map(String::into_boxed_str)).or_default();
        if items.insert(object.name.into_boxed_str(), location).is_none() {
            self.index.items += 1;
        }
        Ok(())
    }

    /// The index of what was kept.
    pub fn finish(self) -> ArchiveIndex {
        self.index
    }

    fn check_size(&self, path: &str, bytes: u64) -> Result<(), ArchiveError> {
        let Limits { item_bytes, spool_bytes, .. } = self.limits;
        if bytes > item_bytes || bytes > u64::from(u32::MAX) {
            return Err(ArchiveError::LargeItem { path: path.to_owned(), bytes, limit: item_bytes });
        }
        if self.index.spool_bytes + bytes > spool_bytes {
            return Err(ArchiveError::LargeArchive { limit: spool_bytes });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

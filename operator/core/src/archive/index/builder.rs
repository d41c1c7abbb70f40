//! Builds an index from the entries of an archive as they come by.
//!
//! [`IndexBuilder::entry`] decides about each entry before its bytes are read. The plain copy of an item is kept. The copy in the folder of
//! the preferred version has the same bytes and is read past, unless the plain one is not there: archives that were packed again by another
//! tool may lack it. Copies in other versions are kept for a run that asks for them. Everything else (files of other programs, directories,
//! links) is counted and skipped, and a path that could name something outside the archive refuses the whole archive.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::content::{self, Definition, VOLUME_DATA};
use super::items::{Copy, Gathered};
use super::{ArchiveIndex, Besides, DEFINITIONS, KindVersions, Location, Namespaces};
use crate::archive::limits::{ArchiveError, Limits, Meter, shown};
use crate::archive::path::{self, Entry, VersionFolder};
use crate::item::Facts;
use crate::kind::{GroupResource, ObjectName};
use crate::selector::Selection;

/// What an entry of the archive is, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a device: nothing that holds an item.
    Other,
}

/// Which copies of items a run needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// In the version that the backup's cluster preferred.
    #[default]
    Preferred,
    /// In every version that the archive has.
    All,
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
    pub(super) kind: GroupResource,
    pub(super) place: Kept,
    pub(super) object: ObjectName,
}

/// As what an item is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    Plain,
    StandIn,
    Version(String),
}

/// What a folder takes in memory beside its name: an entry of a tree and an empty list.
const FOLDER_BYTES: u64 = 160;

/// Reasons for unreadable items that are kept word by word. An archive that has more of them is broken as a whole.
const FAULTS: usize = 1000;

/// Most characters of such a reason: some quote what they complain about.
const FAULT_LENGTH: usize = 300;

/// What a definition takes: three names and some short ones.
const DEFINITION_BYTES: u64 = 1000;

/// Builds an [`ArchiveIndex`] from the entries of an archive, in their order.
#[derive(Debug)]
pub struct IndexBuilder {
    index: ArchiveIndex,
    kinds: BTreeMap<GroupResource, KindBuilder>,
    versions: Versions,
    selection: Selection,
    limits: Limits,
    meter: Meter,
    /// Bytes of memory that names take.
    index_bytes: u64,
}

type Folders = BTreeMap<Option<Box<str>>, Gathered>;

#[derive(Debug, Default)]
struct KindBuilder {
    plain: Folders,
    preferred: Option<Box<str>>,
    others: BTreeMap<Box<str>, Folders>,
}

impl IndexBuilder {
    /// For a run that selects items by `selection` and needs them in the preferred version.
    pub fn new(selection: Selection, limits: Limits) -> Self {
        Self {
            index: ArchiveIndex::default(),
            kinds: BTreeMap::new(),
            versions: Versions::Preferred,
            selection,
            limits,
            meter: Meter::new(limits),
            index_bytes: 0,
        }
    }

    /// The same for a run that needs items in these versions.
    #[must_use]
    pub fn with_versions(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// What the archive is held against.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Decides about the next entry by its header. An error refuses the archive; nothing that was read before may then be used.
    pub fn entry(&mut self, path: &[u8], size: u64, entry_type: EntryType) -> Result<Verdict, ArchiveError> {
        let parsed = self.meter.entry(path, size)?;
        let text = std::str::from_utf8(path).ok();
        self.index.has_resources |=
            path::segments(&String::from_utf8_lossy(path)).next().is_some_and(|top| top == "resources");
        let besides = &mut self.index.besides;
        let (kind, version, object) = match (parsed, entry_type) {
            (Entry::Item { kind, version, object }, EntryType::File) if text.is_some() => {
                (kind, version, object)
            }
            (Entry::FormatVersion, EntryType::File) | (_, EntryType::Directory) => return Ok(Verdict::Skip),
            (_, EntryType::File) => {
                besides.files += 1;
                return Ok(Verdict::Skip);
            }
            (_, EntryType::Other) => {
                besides.links += 1;
                return Ok(Verdict::Skip);
            }
        };
        let place = match version {
            None => Kept::Plain,
            Some(folder) => match self.copy(&kind, folder, &object, path)? {
                Some(place) => place,
                None => return Ok(Verdict::Skip),
            },
        };
        self.check_size(path, size)?;
        Ok(Verdict::Keep(KeptItem { kind, place, object }))
    }

    /// Takes note of a version, and says what its copy of an item is good for.
    fn copy(
        &mut self,
        kind: &GroupResource,
        folder: VersionFolder,
        object: &ObjectName,
        path: &[u8],
    ) -> Result<Option<Kept>, ArchiveError> {
        let known = self.kinds.contains_key(kind);
        let builder = self.kinds.entry(kind.clone()).or_default();
        let version = folder.version.as_str();
        let mut taken = if known { 0 } else { FOLDER_BYTES + kind.to_string().len() as u64 };
        // The first folder with the mark has it; of a second one nobody can say what it means.
        if folder.preferred && builder.preferred.as_deref().is_none_or(|preferred| preferred == version) {
            builder.preferred.get_or_insert_with(|| version.into());
            let group = builder.plain.get(&object.namespace.as_deref().map(Box::from));
            let just_read = group.is_some_and(|items| items.ends_with(&object.name));
            self.charge(taken, path)?;
            return Ok((!just_read).then_some(Kept::StandIn));
        }
        if !builder.others.contains_key(version) {
            builder.others.insert(version.into(), Folders::new());
            taken += FOLDER_BYTES + version.len() as u64;
        }
        self.charge(taken, path)?;
        Ok((self.versions == Versions::All).then_some(Kept::Version(folder.version)))
    }

    /// Takes note of an item whose bytes were appended to the spool. Of several copies of one item the last counts, as it would on a
    /// disk. What is no object, has another name than its file, or a name that could not stand in a request, is noted as unreadable: that
    /// is an error of the item.
    pub fn keep(&mut self, item: KeptItem, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.check_size(object_path(&item).as_bytes(), bytes.len() as u64)?;
        let read = self.read(&item, bytes);
        let location = Location {
            offset: self.index.spool_bytes,
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            selected: read.as_ref().is_ok_and(|facts| self.selection.matches(&facts.labels)),
            readable: read.is_ok(),
        };
        if let Err(fault) = read
            && self.index.faults.len() < FAULTS
        {
            let fault: String = fault.chars().take(FAULT_LENGTH).collect();
            self.index.faults.insert((location.offset, location.len), fault.into());
        }
        self.index.spool_bytes += u64::from(location.len);
        let KeptItem { kind, place, object } = item;
        let mut taken = Gathered::ITEM_BYTES + object.name.len() as u64;
        if !self.kinds.contains_key(&kind) {
            taken += FOLDER_BYTES + kind.to_string().len() as u64;
        }
        let builder = self.kinds.entry(kind).or_default();
        let (folders, copy) = match place {
            Kept::Plain => (&mut builder.plain, Copy::Plain),
            Kept::StandIn => (&mut builder.plain, Copy::StandIn),
            Kept::Version(version) => (builder.others.entry(version.into()).or_default(), Copy::Plain),
        };
        let namespace = object.namespace.map(String::into_boxed_str);
        if !folders.contains_key(&namespace) {
            taken += FOLDER_BYTES + namespace.as_ref().map_or(0, |namespace| namespace.len() as u64);
        }
        folders.entry(namespace).or_default().push(&object.name, location, copy);
        self.charge(taken, object.name.as_bytes())
    }

    /// What the bytes say, or why they are no item.
    fn read(&mut self, item: &KeptItem, bytes: &[u8]) -> Result<Facts, String> {
        let KeptItem { kind, object, .. } = item;
        if !path::is_nameable(object) {
            return Err("no object can have this name".into());
        }
        let json = std::str::from_utf8(bytes).map_err(|error| format!("it is no text: {error}"))?;
        let facts = Facts::read(json).map_err(|error| fault_of(&error))?;
        let named = &facts.object;
        if named.name != object.name || (named.namespace.is_some() && named.namespace != object.namespace) {
            return Err(format!("the file holds another object, {:?}", named.to_string()));
        }
        if kind.is(DEFINITIONS)
            && let Some(definition) = Definition::read(json)
        {
            self.index_bytes += DEFINITION_BYTES;
            self.index.definitions.insert(definition.kind.clone(), definition);
        }
        if VOLUME_DATA.iter().any(|name| kind.is(name))
            && let Some(namespace) = content::data_namespace(json)
        {
            self.index_bytes += FOLDER_BYTES + (namespace.len() + object.name.len()) as u64;
            self.index.data_of.insert((kind.clone(), object.clone()), namespace.into());
        }
        Ok(facts)
    }

    /// The index of what was kept.
    pub fn finish(self) -> ArchiveIndex {
        let mut index = self.index;
        for (kind, builder) in self.kinds {
            let plain = sorted(builder.plain, &mut index.besides);
            index.items += plain.values().map(|items| items.len() as u64).sum::<u64>();
            let others = builder.others.into_iter();
            let copies: BTreeMap<_, _> = others
                .map(|(version, folders)| (version, sorted(folders, &mut Besides::default())))
                .collect();
            if builder.preferred.is_some() || !copies.is_empty() {
                let versions = KindVersions { preferred: builder.preferred, copies };
                index.versions.insert(kind.clone(), versions);
            }
            if !plain.is_empty() {
                index.kinds.insert(kind, plain);
            }
        }
        index
    }

    fn check_size(&self, path: &[u8], bytes: u64) -> Result<(), ArchiveError> {
        let Limits { item_bytes, spool_bytes, .. } = self.limits;
        if bytes > item_bytes || bytes > u64::from(u32::MAX) {
            return Err(ArchiveError::LargeItem { path: shown(path), bytes, limit: item_bytes });
        }
        if self.index.spool_bytes + bytes > spool_bytes {
            return Err(ArchiveError::LargeArchive { path: shown(path), limit: spool_bytes });
        }
        Ok(())
    }

    fn charge(&mut self, bytes: u64, path: &[u8]) -> Result<(), ArchiveError> {
        // The names of one folder are one text, which counts in 32 bits.
        let limit = self.limits.index_bytes.min(u64::from(u32::MAX));
        self.index_bytes += bytes;
        if self.index_bytes > limit {
            return Err(ArchiveError::LargeIndex { path: shown(path), limit });
        }
        Ok(())
    }
}

/// Why JSON is no item, with the place in it.
fn fault_of(error: &crate::item::ItemError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn object_path(item: &KeptItem) -> String {
    format!("{} {}", item.kind, item.object)
}

fn sorted(folders: Folders, besides: &mut Besides) -> Namespaces {
    let sort = |(namespace, gathered): (Option<Box<str>>, Gathered)| {
        let (items, twice) = gathered.sorted();
        besides.duplicates += twice;
        (namespace, Arc::new(items))
    };
    folders.into_iter().map(sort).collect()
}

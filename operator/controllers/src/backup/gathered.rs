//! What blocks are made of: every object of the kinds that belong together, read before the first block is formed.
//!
//! Texts go to a file without a name, names stay in memory (some 150 bytes each). When the file is full, only names are kept, and the
//! object is read from the cluster again when its turn comes: more requests, not more disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use lateen_core::item::Facts;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};

use super::chosen::{Text, typed};

/// Bytes of texts on disk: pods of 10 KB, a hundred thousand of them.
const LIMIT: u64 = 1 << 30;

/// The objects of the kinds that blocks are made of, kind by kind in the order of their lists.
#[derive(Debug)]
pub(super) struct Gathered {
    file: Arc<File>,
    length: u64,
    limit: u64,
    kinds: Vec<GatheredKind>,
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct GatheredKind {
    /// Which.
    pub kind: Arc<ServedKind>,
    objects: IndexMap<ObjectName, Option<Place>>,
}

/// Where a text is in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
}

/// An object as it was gathered.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Its text.
    Text(Text),
    /// Only its name: the file was full.
    Name,
}

impl Gathered {
    /// Nothing yet; the file is in `scratch` and gone when this is.
    pub(super) fn new(scratch: &Path) -> io::Result<Self> {
        Self::with_limit(scratch, LIMIT)
    }

    fn with_limit(scratch: &Path, limit: u64) -> io::Result<Self> {
        Ok(Self { file: Arc::new(tempfile::tempfile_in(scratch)?), length: 0, limit, kinds: Vec::new() })
    }

    /// Gives a kind its place among the kinds, whether there are objects of it or not; gives back which place that is.
    pub(super) fn expect(&mut self, kind: &Arc<ServedKind>) -> usize {
        self.kinds.iter().position(|known| known.kind == *kind).unwrap_or_else(|| {
            self.kinds.push(GatheredKind { kind: Arc::clone(kind), objects: IndexMap::new() });
            self.kinds.len() - 1
        })
    }

    /// Takes in a part of a kind's list: objects with what was read of them. An object that is there already stays as it was.
    pub(super) async fn take_in(
        &mut self,
        kind: &Arc<ServedKind>,
        objects: Vec<(Facts, &str)>,
    ) -> io::Result<()> {
        let begin = self.length;
        let mut texts = Vec::new();
        let known = self.expect(kind);
        let (length, limit, known) = (&mut self.length, self.limit, &mut self.kinds[known]);
        for (facts, json) in objects {
            let indexmap::map::Entry::Vacant(vacant) = known.objects.entry(facts.object.clone()) else {
                continue;
            };
            let text = typed(kind, &facts, json);
            let size = u32::try_from(text.len()).ok().filter(|size| *length + u64::from(*size) <= limit);
            vacant.insert(size.map(|size| Place { offset: *length, length: size }));
            if let Some(size) = size {
                *length += u64::from(size);
                texts.extend_from_slice(&text);
            }
        }
        let file = Arc::clone(&self.file);
        let write = move || file.write_all_at(&texts, begin);
        tokio::task::spawn_blocking(write).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }

    /// The kinds, in the order in which they came.
    pub(super) fn kinds(&self) -> &[GatheredKind] {
        &self.kinds
    }

    /// An object of a kind, in its preferred version where there are several. None: it was not gathered.
    pub(super) fn find(&self, kind: &GroupResource, object: &ObjectName) -> Option<Found> {
        let known = self.kinds.iter().find(|known| known.kind.group_resource == *kind)?;
        known.objects.get(object).map(|place| self.found(*place))
    }

    /// An object by its place in [`GatheredKind::names`].
    pub(super) fn at(&self, kind: usize, position: usize) -> Option<(&ObjectName, Found)> {
        let (name, place) = self.kinds.get(kind)?.objects.get_index(position)?;
        Some((name, self.found(*place)))
    }

    fn found(&self, place: Option<Place>) -> Found {
        match place {
            Some(Place { offset, length }) => {
                Found::Text(Text::Spooled { file: Arc::clone(&self.file), offset, length })
            }
            None => Found::Name,
        }
    }
}

impl GatheredKind {
    /// Names of the objects, in the order of the lists.
    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &ObjectName> {
        self.objects.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods() -> Arc<ServedKind> {
        Arc::new(ServedKind {
            group_resource: GroupResource::parse("pods"),
            version: "v1".into(),
            kind: "Pod".into(),
            singular: "pod".into(),
            short_names: vec![],
            namespaced: true,
            verbs: vec![],
        })
    }

    #[tokio::test]
    async fn texts_come_back_until_the_file_is_full_and_names_always() {
        let scratch = tempfile::tempdir().unwrap();
        let mut gathered = Gathered::with_limit(scratch.path(), 100).unwrap();
        let pods = pods();
        let json = |name: &str| format!(r#"{{"metadata":{{"name":"{name}","namespace":"app"}}}}"#);
        let texts = [json("one"), json("two"), json("one")];
        let objects = texts.iter().map(|text| (Facts::read(text).unwrap(), text.as_str())).collect();
        gathered.take_in(&pods, objects).await.unwrap();
        assert_eq!(gathered.kinds()[0].names().len(), 2);
        let one = gathered.find(&pods.group_resource, &ObjectName::new(Some("app"), "one"));
        let Some(Found::Text(text)) = one else { panic!("{one:?}") };
        let typed = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"one","namespace":"app"}}"#;
        assert_eq!(text.read().await.unwrap(), typed);
        assert!(matches!(gathered.at(0, 1), Some((name, Found::Name)) if name.name == "two"));
    }
}

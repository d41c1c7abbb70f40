//! An object that was chosen for a backup, on its way to the archive.
//!
//! Its text stays where it is until a worker takes it up: in memory if it came from a page or was read by name, on disk if it was gathered
//! for the blocks. Blocks can be long, and what waits in them must cost no memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use lateen_actions::ObjectRef;
use lateen_core::backup::verdict::Origin;
use lateen_core::item::{Facts, with_type};
use lateen_core::journal::Entry;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};

/// Bytes that are read without leaving the task. What was written a moment ago is in the page cache, and copying 64 KiB out of it takes some
/// 10 us; handing the read to another thread and back takes longer, and each object is read two or three times.
const READ_HERE: usize = 64 << 10;

/// Chosen, claimed and not yet taken.
#[derive(Debug)]
pub(super) struct Chosen {
    /// What it is.
    pub kind: Arc<ServedKind>,
    /// Its name, labels and so on.
    pub facts: Facts,
    /// Its JSON, with `apiVersion` and `kind`.
    pub text: Text,
    /// How it came to the engine.
    pub origin: Origin,
}

/// Where the JSON of an object is.
#[derive(Debug, Clone)]
pub(super) enum Text {
    /// In memory.
    Here(Bytes),
    /// In a file without a name.
    Spooled {
        /// The file.
        file: Arc<File>,
        /// Where it begins.
        offset: u64,
        /// Bytes.
        length: u32,
    },
}

impl Text {
    /// The bytes.
    pub(super) async fn read(&self) -> io::Result<Bytes> {
        match self {
            Self::Here(bytes) => Ok(bytes.clone()),
            Self::Spooled { file, offset, length } => {
                let (file, offset, length) = (Arc::clone(file), *offset, *length as usize);
                let read = move || {
                    let mut bytes = vec![0; length];
                    file.read_exact_at(&mut bytes, offset).map(|()| Bytes::from(bytes))
                };
                if length <= READ_HERE {
                    return read();
                }
                tokio::task::spawn_blocking(read).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
            }
        }
    }
}

impl Chosen {
    /// An object as the API server gave it.
    pub(super) fn of(kind: Arc<ServedKind>, facts: Facts, json: &str, origin: Origin) -> Self {
        let text = Text::Here(typed(&kind, &facts, json));
        Self { kind, facts, text, origin }
    }

    /// A line about the object.
    pub(super) fn line(&self, entry: Entry) -> Entry {
        about(entry, &self.kind, &self.facts)
    }
}

/// A line about an object.
pub(super) fn about(entry: Entry, kind: &ServedKind, facts: &Facts) -> Entry {
    entry.about(&kind.group_resource, facts.object.namespace.as_deref(), &facts.object.name)
}

/// The JSON of an object with `apiVersion` and `kind`, which lists leave out.
pub(super) fn typed(kind: &ServedKind, facts: &Facts, json: &str) -> Bytes {
    with_type(json, facts, &kind.api_version(), &kind.kind).into_owned().into()
}

/// The kind and the name of an object that an action has named.
pub(super) fn place_of(named: &ObjectRef) -> (GroupResource, ObjectName) {
    let kind = GroupResource::new(&named.group, &named.resource);
    (kind, ObjectName::new(named.namespace.as_deref(), &named.name))
}

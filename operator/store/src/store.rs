//! An open location: one small set of operations over a bucket or a directory.
//!
//! Every operation says in its error what it tried. "There is nothing" is always [`StoreError::NotFound`] (or `None` where a
//! function says so) and never confused with "could not look". A location that is read-only takes no backups and loses none;
//! what restores leave behind is written to it nevertheless, as Velero does.

mod conditional;
mod delete;
mod directory;
mod read;
mod signed;
mod validity;
mod write;

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, TagSet, UpdateVersion};

use crate::layout::RESTORES;
use crate::location::aws::{self, AwsLocation};
use crate::location::file::{self, FileLocation};
use crate::location::{Provider, parse_name, parse_prefix};
use crate::{ConfigError, Key, LocationConfig, StoreEnvironment, StoreError};

pub use read::{Object, ObjectStream};

/// An open location. Cloning is cheap, and all clones share their connections.
#[derive(Debug, Clone)]
pub struct BackupStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    location: String,
    prefix: Path,
    read_only: bool,
    backend: Backend,
}

#[derive(Debug)]
pub(crate) enum Backend {
    Aws(AwsLocation),
    File(FileLocation),
}

/// Which state of a file somebody saw, to be given back to [`BackupStore::put_if_unchanged`]. Only valid for the same key of the
/// same location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    e_tag: Option<String>,
    version: Option<String>,
}

impl Version {
    pub(crate) fn new(e_tag: Option<String>, version: Option<String>) -> Self {
        Self { e_tag, version }
    }

    fn update(&self) -> UpdateVersion {
        UpdateVersion { e_tag: self.e_tag.clone(), version: self.version.clone() }
    }
}

impl BackupStore {
    /// Opens a location: parses its configuration, prepares clients or finds the directory.
    ///
    /// Assumes nothing about the bucket: whether it exists and can be read is what [`Self::validate`] asks. Only a bucket on AWS
    /// without a region makes a request here.
    pub async fn open(
        location: &LocationConfig,
        environment: &StoreEnvironment,
    ) -> Result<Self, ConfigError> {
        let name = parse_name(&location.name)?;
        let prefix = parse_prefix(&location.prefix)?;
        let backend = match Provider::parse(&location.provider)? {
            Provider::Aws => Backend::Aws(aws::open(location, environment).await?),
            Provider::File => Backend::File(file::open(location, environment)?),
        };
        let inner = Inner { location: name, prefix, read_only: location.read_only, backend };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The location's name.
    pub fn location(&self) -> &str {
        &self.inner.location
    }

    /// Whether backups can only be read.
    pub fn read_only(&self) -> bool {
        self.inner.read_only
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        match self.backend() {
            Backend::Aws(aws) => &aws.client,
            Backend::File(file) => &file.files,
        }
    }

    pub(crate) fn tags(&self) -> TagSet {
        match self.backend() {
            Backend::Aws(aws) => aws.tags.clone(),
            Backend::File(_) => TagSet::default(),
        }
    }

    /// Where a key is in the bucket, after making sure that a directory has no link there that leads out of it.
    pub(crate) async fn locate(&self, key: &Key) -> Result<Path, StoreError> {
        let path = match self.inner.prefix.as_ref() {
            "" => key.as_str().to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        let path =
            Path::parse(path).expect("the segments of prefixes and keys were checked when they were made");
        if let Backend::File(file) = self.backend() {
            file.stays_inside(&path).await?;
        }
        Ok(path)
    }

    /// The key of a path of the bucket, if it is one.
    fn key_of(&self, path: &Path) -> Option<Key> {
        let prefix = self.inner.prefix.as_ref();
        let rest = if prefix.is_empty() {
            path.as_ref()
        } else {
            path.as_ref().strip_prefix(prefix)?.strip_prefix('/')?
        };
        Key::parse(rest).ok()
    }

    /// Refuses to change backups of a read-only location.
    pub(crate) fn writable(&self, key: &Key) -> Result<(), StoreError> {
        if self.inner.read_only && key.first_level() != RESTORES {
            return Err(StoreError::ReadOnly { location: self.inner.location.clone() });
        }
        Ok(())
    }
}

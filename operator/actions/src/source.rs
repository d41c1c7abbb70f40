//! From a ConfigMap to a manifest and the bytes of a component.
//!
//! What can go wrong has two kinds, and the difference matters: without a manifest nobody knows which items the action was for, so every run has to say
//! so; with one, only what it matches fails.

mod unpack;

use k8s_openapi::api::core::v1::ConfigMap;
use sha2::{Digest, Sha256};

use crate::{
    MANIFEST_KEY,
    manifest::{Ceiling, Manifest, ManifestError},
};

pub(crate) use unpack::{UnpackError, unpack};

/// SHA-256.
pub(crate) type Sha = [u8; 32];

/// A ConfigMap whose manifest can be read.
pub(crate) struct Source<'a> {
    pub(crate) manifest: Manifest,
    /// As it lies in the ConfigMap, perhaps compressed.
    pub(crate) packed: Result<&'a [u8], SourceError>,
    /// Of everything that makes the action what it is.
    pub(crate) fingerprint: Sha,
}

/// What is wrong with a ConfigMap. The text is for its author.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("there is no key {MANIFEST_KEY} in data")]
    NoManifest,
    #[error("{MANIFEST_KEY}: {0}")]
    Manifest(#[from] ManifestError),
    #[error("the manifest says `component: {key}`, but there is no such key in binaryData; there is {found}")]
    NoComponent { key: String, found: String },
    #[error("component: {0}")]
    Unpack(#[from] UnpackError),
}

/// `namespace/name`, which tells the ConfigMaps of a cluster apart.
pub(crate) fn source_name(configmap: &ConfigMap) -> String {
    let metadata = &configmap.metadata;
    format!(
        "{}/{}",
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default()
    )
}

impl<'a> Source<'a> {
    /// Reads a ConfigMap. An error means that there is no manifest to go by.
    pub(crate) fn read(configmap: &'a ConfigMap, ceiling: Ceiling) -> Result<Self, SourceError> {
        let data = configmap.data.as_ref();
        let text = data.and_then(|data| data.get(MANIFEST_KEY)).ok_or(SourceError::NoManifest)?;
        let manifest = Manifest::parse(text, ceiling)?;
        let packed = component(configmap, &manifest.component);
        let mut fingerprint = Sha256::new();
        fingerprint.update(text.len().to_le_bytes());
        fingerprint.update(text);
        if let Ok(packed) = &packed {
            fingerprint.update(packed);
        }
        Ok(Self { manifest, packed, fingerprint: fingerprint.finalize().into() })
    }
}

/// The value of the component's key. kubectl puts a file into `data` if it happens to be UTF-8, which costs nothing to accept.
fn component<'a>(configmap: &'a ConfigMap, key: &str) -> Result<&'a [u8], SourceError> {
    let binary = configmap.binary_data.as_ref();
    let text = configmap.data.as_ref();
    if let Some(bytes) = binary.and_then(|data| data.get(key)) {
        return Ok(&bytes.0);
    }
    if let Some(text) = text.and_then(|data| data.get(key)) {
        return Ok(text.as_bytes());
    }
    let found: Vec<&str> = binary.into_iter().flat_map(|data| data.keys()).map(String::as_str).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Err(SourceError::NoComponent { key: key.to_owned(), found })
}

//! From a ConfigMap to a manifest and the code that goes with it.
//!
//! What can go wrong has three kinds, and the difference matters: without a manifest nobody knows which items the action was for, so every run has to say
//! so; with one, only what it matches fails; and a component of which parts are still missing changes nothing as long as there is an older one.
//!
//! # How code is delivered
//!
//! A ConfigMap with the label `lateen.dev/item-action` is an action. Its key `action.yaml` is the manifest, which names the key that holds the component
//! (`component: action.wasm.zst`, in `binaryData`; plain, gzip or zstd, told by the first bytes) or the script (`engine: jq`, key `script.jq`, in `data`).
//!
//! A component that is too large for one ConfigMap comes in chunks:
//!
//! ```yaml
//! component: action.wasm.zst
//! chunks: {count: 3, sha256: <of the unpacked component, 64 hexadecimal digits>}
//! ```
//!
//! The packed bytes are cut in `count` pieces of any size, and piece *n* is the value of `<component>.<n>`, with three digits from 001, in `binaryData` of
//! the action's ConfigMap itself or of another one in the same namespace that has both labels:
//!
//! ```yaml
//! lateen.dev/item-action: chunk
//! lateen.dev/item-action-chunk: <name of the action's ConfigMap>   # shortened like Velero's labels where it has more than 63 bytes
//! ```
//!
//! The first label lets one watch see chunks and actions in the order in which they are written: who writes the chunks first and the action's ConfigMap last
//! is never seen half way. One ConfigMap may hold several chunks; two that hold the same one are an error until one of them is gone.

mod chunks;
mod unpack;

use k8s_openapi::api::core::v1::ConfigMap;
use sha2::{Digest, Sha256};

use crate::{
    MANIFEST_KEY,
    configuration::Script,
    limits,
    manifest::{
        Ceiling, Code, ComponentKey, Declaration, Manifest, ManifestError, ScriptEngine, SwitchedOff,
    },
};

pub(crate) use chunks::{Chunks, is_chunk};
pub(crate) use unpack::{UnpackError, unpack};

/// SHA-256.
pub(crate) type Sha = [u8; 32];

/// A ConfigMap whose manifest can be read.
pub(crate) struct Source<'a> {
    pub(crate) declared: Declared<'a>,
    /// Of everything in ConfigMaps that makes the action what it is.
    pub(crate) fingerprint: Sha,
}

/// What a ConfigMap declares.
pub(crate) enum Declared<'a> {
    /// An action, and what its manifest points to.
    Action(Box<Manifest>, Result<Supplied<'a>, SourceError>),
    SwitchedOff(SwitchedOff),
}

/// The code of an action, as ConfigMaps hold it.
pub(crate) enum Supplied<'a> {
    /// Perhaps compressed, and in one or several pieces.
    Component {
        packed: Vec<&'a [u8]>,
        digest: Option<Sha>,
        chunked: bool,
    },
    Script {
        engine: ScriptEngine,
        script: Script,
    },
}

/// What is wrong with a ConfigMap. The text is for its author.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("there is no key {MANIFEST_KEY} in data")]
    NoManifest,
    #[error("{MANIFEST_KEY} is not UTF-8 text; save it as UTF-8, PowerShell for one writes UTF-16")]
    ManifestNotText,
    #[error("{MANIFEST_KEY}: {0}")]
    Manifest(#[from] ManifestError),
    #[error("the manifest says `component: {key}`, but there is no such key in binaryData; there is {found}")]
    NoComponent { key: String, found: String },
    #[error(
        "`component: builtin` is the component inside the server, which only the server's own actions use; name a key of binaryData, or use an `engine`"
    )]
    BuiltIn,
    #[error("component: {0}")]
    Unpack(#[from] UnpackError),
    #[error("component: packed it is larger than {} KiB", limits::PACKED / 1024)]
    PackedTooLarge,
    #[error("component: it has the digest sha256:{found}, and the manifest says sha256:{expected}")]
    Digest { found: String, expected: String },
    #[error(
        "the component is not complete: {missing} of {count} chunks are missing, the first is {first}; it belongs into binaryData of a ConfigMap with the \
         labels lateen.dev/item-action: chunk and lateen.dev/item-action-chunk: {label}"
    )]
    MissingChunks { missing: usize, count: u32, first: String, label: String },
    #[error(
        "the component is not complete: the chunk {key} is in both ConfigMaps {one} and {other}; delete one of them"
    )]
    ChunkTwice { key: String, one: String, other: String },
    #[error(
        "the component is not complete: its chunks together have the digest sha256:{found}, and the manifest says sha256:{expected}"
    )]
    ChunkedDigest { found: String, expected: String },
    #[error("the chunks cannot be put together: {0}")]
    ChunkedUnpack(UnpackError),
    #[error("the engine {engine} needs its script under the key {key} in data; there is {found}")]
    NoScript { engine: ScriptEngine, key: String, found: String },
    #[error("this build of the server does not contain the engine {0}")]
    NoEngine(ScriptEngine),
    #[error("the component could not be unpacked: {0}")]
    Unpacking(tokio::task::JoinError),
    #[error("{0} is not UTF-8 text")]
    ScriptNotText(String),
    #[error("{0} is empty")]
    ScriptEmpty(String),
    #[error("{key} is larger than {} KiB", limits::SCRIPT / 1024)]
    ScriptTooLarge { key: String },
}

impl SourceError {
    /// Whether what is there may be the middle of a delivery.
    pub(crate) fn is_incomplete(&self) -> bool {
        matches!(
            self,
            Self::MissingChunks { .. }
                | Self::ChunkTwice { .. }
                | Self::ChunkedDigest { .. }
                | Self::ChunkedUnpack(_)
        )
    }
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
    pub(crate) fn read(
        configmap: &'a ConfigMap,
        chunks: &Chunks<'a>,
        ceiling: Ceiling,
    ) -> Result<Self, SourceError> {
        let bytes = value(configmap, MANIFEST_KEY).ok_or(SourceError::NoManifest)?;
        let text = std::str::from_utf8(bytes).map_err(|_| SourceError::ManifestNotText)?;
        let mut fingerprint = Sha256::new();
        part(&mut fingerprint, text.as_bytes());
        let declared = match Declaration::parse(text, ceiling)? {
            Declaration::SwitchedOff(off) => Declared::SwitchedOff(off),
            Declaration::Action(manifest) => {
                let code = match &manifest.code {
                    Code::Component(wanted) => component(configmap, chunks, wanted),
                    Code::BuiltIn => Err(SourceError::BuiltIn),
                    Code::Script { engine, key } => script(configmap, *engine, key),
                };
                match &code {
                    Ok(Supplied::Component { packed, .. }) => {
                        for piece in packed {
                            part(&mut fingerprint, piece);
                        }
                    }
                    Ok(Supplied::Script { script, .. }) => part(&mut fingerprint, script.text.as_bytes()),
                    Err(_) => {}
                }
                Declared::Action(manifest, code)
            }
        };
        Ok(Self { declared, fingerprint: fingerprint.finalize().into() })
    }
}

/// Adds something with its length, so that what follows cannot be taken for a part of it.
pub(crate) fn part(fingerprint: &mut Sha256, bytes: &[u8]) {
    fingerprint.update(bytes.len().to_le_bytes());
    fingerprint.update(bytes);
}

fn component<'a>(
    configmap: &'a ConfigMap,
    chunks: &Chunks<'a>,
    wanted: &ComponentKey,
) -> Result<Supplied<'a>, SourceError> {
    let ComponentKey { key, chunks: count, digest } = wanted;
    let packed = match count {
        Some(count) => chunks.of(configmap, key, *count)?,
        None => vec![value(configmap, key).ok_or_else(|| SourceError::NoComponent {
            key: key.clone(),
            found: found(configmap.binary_data.iter().flat_map(|data| data.keys())),
        })?],
    };
    if packed.iter().map(|piece| piece.len()).sum::<usize>() > limits::PACKED {
        return Err(SourceError::PackedTooLarge);
    }
    Ok(Supplied::Component { packed, digest: *digest, chunked: count.is_some() })
}

/// The value of a key. kubectl puts a file into `data` if it happens to be UTF-8, else into `binaryData`, which costs nothing to accept.
fn value<'a>(configmap: &'a ConfigMap, key: &str) -> Option<&'a [u8]> {
    let binary = configmap.binary_data.as_ref().and_then(|data| data.get(key));
    let text = || configmap.data.as_ref().and_then(|data| data.get(key));
    binary.map(|bytes| bytes.0.as_slice()).or_else(|| text().map(String::as_bytes))
}

fn script(configmap: &ConfigMap, engine: ScriptEngine, key: &str) -> Result<Supplied<'static>, SourceError> {
    let bytes = value(configmap, key).ok_or_else(|| SourceError::NoScript {
        engine,
        key: key.to_owned(),
        found: found(configmap.data.iter().flat_map(|data| data.keys()).filter(|key| *key != MANIFEST_KEY)),
    })?;
    if bytes.len() > limits::SCRIPT {
        return Err(SourceError::ScriptTooLarge { key: key.to_owned() });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| SourceError::ScriptNotText(key.to_owned()))?;
    if text.trim().is_empty() {
        return Err(SourceError::ScriptEmpty(key.to_owned()));
    }
    Ok(Supplied::Script { engine, script: Script { name: key.to_owned(), text: text.to_owned() } })
}

fn found<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    let keys: Vec<&str> = keys.map(String::as_str).collect();
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

/// Puts a component together, unpacks it and holds it against its digest. Takes up to some ten milliseconds.
pub(crate) fn assemble(
    packed: &[u8],
    digest: Option<Sha>,
    chunked: bool,
) -> Result<(Vec<u8>, Sha), SourceError> {
    let unpacked = unpack(packed);
    let bytes = unpacked.map_err(|error| {
        if chunked { SourceError::ChunkedUnpack(error) } else { SourceError::Unpack(error) }
    })?;
    let bytes = bytes.into_owned();
    let sha: Sha = Sha256::digest(&bytes).into();
    match digest {
        Some(expected) if expected != sha => {
            let (found, expected) = (hex::encode(sha), hex::encode(expected));
            Err(if chunked {
                SourceError::ChunkedDigest { found, expected }
            } else {
                SourceError::Digest { found, expected }
            })
        }
        _ => Ok((bytes, sha)),
    }
}

#[cfg(test)]
mod tests;

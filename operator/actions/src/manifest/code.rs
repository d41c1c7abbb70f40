//! Where an action's code comes from: a component of its own, or a script and the engine that runs it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ManifestError;
use crate::limits;

/// What `component` says in the manifests of the server's own actions.
const BUILT_IN: &str = "builtin";

/// Where the code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A component that comes with the manifest.
    Component(ComponentKey),
    /// The component with the server's own actions. Means something in the server's own manifests only.
    BuiltIn,
    /// A script that comes with the manifest.
    Script {
        /// What runs it.
        engine: ScriptEngine,
        /// The key of the ConfigMap that holds it.
        key: String,
    },
}

/// Where a component lies, and which one it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentKey {
    /// The key of the ConfigMap. With chunks the beginning of their keys: `<key>.001`.
    pub key: String,
    /// In how many parts it comes; `None`: whole.
    pub chunks: Option<u32>,
    /// SHA-256 of the unpacked component. Always there with chunks.
    pub digest: Option<[u8; 32]>,
}

/// A language for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScriptEngine {
    /// jq.
    Jq,
    /// The Common Expression Language.
    Cel,
    /// JavaScript.
    Javascript,
}

impl ScriptEngine {
    /// In manifests, and the name of its component in the server's library.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jq => "jq",
            Self::Cel => "cel",
            Self::Javascript => "javascript",
        }
    }

    /// The key that holds the script unless the manifest names another.
    pub fn script_key(self) -> &'static str {
        match self {
            Self::Jq => "script.jq",
            Self::Cel => "script.cel",
            Self::Javascript => "script.js",
        }
    }
}

impl fmt::Display for ScriptEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawChunks {
    count: u32,
    sha256: String,
}

/// Exactly one source of code, with the keys that belong to it.
pub(super) fn validate(
    component: Option<String>,
    chunks: Option<RawChunks>,
    digest: Option<String>,
    engine: Option<ScriptEngine>,
    script: Option<String>,
) -> Result<Code, ManifestError> {
    let misplaced = |key, with| Err(ManifestError::Misplaced { key, with });
    match (component, engine) {
        (None, None) => Err(ManifestError::NoCode),
        (Some(_), Some(_)) => Err(ManifestError::TwoCodes),
        (None, Some(_)) if chunks.is_some() => misplaced("chunks", "component"),
        (None, Some(_)) if digest.is_some() => misplaced("digest", "component"),
        (None, Some(engine)) => {
            Ok(Code::Script { engine, key: script.unwrap_or_else(|| engine.script_key().to_owned()) })
        }
        (Some(_), None) if script.is_some() => misplaced("script", "engine"),
        (Some(component), None) if component == BUILT_IN && chunks.is_none() && digest.is_none() => {
            Ok(Code::BuiltIn)
        }
        (Some(key), None) => component_key(key, chunks, digest).map(Code::Component),
    }
}

fn component_key(
    key: String,
    chunks: Option<RawChunks>,
    digest: Option<String>,
) -> Result<ComponentKey, ManifestError> {
    let whole = digest.map(|text| sha256("digest", &text)).transpose()?;
    let Some(RawChunks { count, sha256: text }) = chunks else {
        return Ok(ComponentKey { key, chunks: None, digest: whole });
    };
    if whole.is_some() {
        return Err(ManifestError::TwoDigests);
    }
    if !(1..=limits::CHUNKS).contains(&count) {
        return Err(ManifestError::Chunks { count });
    }
    let digest = Some(sha256("chunks.sha256", &text)?);
    Ok(ComponentKey { key, chunks: Some(count), digest })
}

/// `sha256:<hexadecimal>`, or the digits alone.
fn sha256(field: &'static str, text: &str) -> Result<[u8; 32], ManifestError> {
    let mut digest = [0; 32];
    match hex::decode_to_slice(text.strip_prefix("sha256:").unwrap_or(text), &mut digest) {
        Ok(()) => Ok(digest),
        Err(_) => Err(ManifestError::Digest { field, value: text.chars().take(100).collect() }),
    }
}

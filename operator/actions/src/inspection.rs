//! A look at a component without a manifest: what its author wants to know before there is a ConfigMap.
//!
//! It is held to the same rules as at load, so what can be inspected can be loaded; only `configure` is not called.

use std::{error::Error, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use crate::{
    host::{ActionHost, Compiled, Failure},
    source::unpack,
    subject::Role,
};

/// What a component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of the unpacked component, in hexadecimal.
    pub digest: String,
    /// Bytes of the unpacked component.
    pub size: usize,
    /// Interfaces that it imports, with their versions.
    pub imports: Vec<String>,
    /// Interfaces that it exports, with their versions.
    pub exports: Vec<String>,
    /// The roles that a manifest may give it.
    pub roles: Vec<Role>,
    /// What it says about the actions in it; empty where it has no catalog, an error where asking for it failed.
    pub catalog: Result<Vec<CatalogEntry>, String>,
}

/// One action of a component, in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogEntry {
    /// The value for `entry` in a manifest.
    pub name: String,
    /// One line.
    pub summary: String,
    /// Proposed `action.yaml`.
    pub manifest: String,
}

/// Why a component could not be loaded, with what its author can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InspectionError(String);

impl ActionHost {
    /// Examines a component, plain or compressed. Compiles it, on tokio's threads for blocking work, and asks for its catalog.
    pub async fn inspect(self: &Arc<Self>, packed: &[u8]) -> Result<Inspection, InspectionError> {
        let bytes = unpack(packed).map_err(refused)?.into_owned();
        let (digest, size) = (hex::encode(Sha256::digest(&bytes)), bytes.len());
        let compiled = self.compiled(bytes).await?;
        Ok(Inspection {
            digest,
            size,
            imports: compiled.imports(),
            exports: compiled.exports(),
            roles: Role::ALL.into_iter().filter(|role| compiled.has(*role)).collect(),
            catalog: compiled.catalog().await.map_err(reason),
        })
    }

    /// How long it takes to make so many instances of a component, plain or compressed, one after the other: without compiling it, which comes first, and
    /// without `configure`.
    pub async fn time_instances(
        self: &Arc<Self>,
        packed: &[u8],
        times: u64,
    ) -> Result<Duration, InspectionError> {
        let bytes = unpack(packed).map_err(refused)?.into_owned();
        let compiled = self.compiled(bytes).await?;
        compiled.instantiate(times).await.map_err(|failure| InspectionError(reason(failure)))
    }

    async fn compiled(self: &Arc<Self>, bytes: Vec<u8>) -> Result<Arc<Compiled>, InspectionError> {
        let host = Arc::clone(self);
        tokio::task::spawn_blocking(move || host.compile(&bytes)).await.map_err(refused)?.map_err(refused)
    }
}

fn refused(error: impl Error) -> InspectionError {
    InspectionError(error.to_string())
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Refused(reason) | Failure::Trapped(reason) => reason,
        // There is no run that could be cancelled.
        Failure::Cancelled => "cancelled".to_owned(),
    }
}

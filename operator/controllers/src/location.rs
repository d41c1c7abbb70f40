//! From a BackupStorageLocation to an open store: Secrets are read here, at every opening, so that changed credentials count at once.

use std::time::Duration;

use lateen_api::v1::{AccessMode, BackupStorageLocation};
use lateen_cluster::secret::{self, SecretError};
use lateen_store::{BackupStore, ConfigError, LocationConfig};

use crate::context::Context;

/// How long a run waits for the first check of a location. One that takes longer is judged as not available.
const FIRST_CHECK: Duration = Duration::from_secs(30);

/// Between two looks whether it was checked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// All locations, once each of them was checked. A server that has just started, or a location that was just made, must not be the
/// reason why a run is refused.
pub async fn all_checked(context: &Context) -> Result<Vec<BackupStorageLocation>, kube::Error> {
    let unchecked = |location: &BackupStorageLocation| {
        location.status.as_ref().is_none_or(|status| status.phase.is_none())
    };
    let end = tokio::time::Instant::now() + FIRST_CHECK;
    loop {
        let locations = context.list::<BackupStorageLocation>("").await?;
        let over = tokio::time::Instant::now() >= end || context.shutdown.is_cancelled();
        if over || !locations.iter().any(unchecked) {
            return Ok(locations);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Why a location cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// Both forms of a CA are given.
    #[error("spec.objectStorage.caCert and spec.objectStorage.caCertRef cannot both be set")]
    TwoCas,
    /// A Secret that the location names cannot be read.
    #[error("cannot read what the location names")]
    Secret(#[from] SecretError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Opens the store of a location.
pub async fn open(context: &Context, location: &BackupStorageLocation) -> Result<BackupStore, LocationError> {
    let config = config_of(context, location).await?;
    Ok(BackupStore::open(&config, &context.stores).await?)
}

async fn config_of(
    context: &Context,
    location: &BackupStorageLocation,
) -> Result<LocationConfig, LocationError> {
    let spec = &location.spec;
    let storage = &spec.object_storage;
    let read = async |selector: &k8s_openapi::api::core::v1::SecretKeySelector| {
        secret::value(&context.client, &context.namespace, &selector.name, &selector.key).await
    };
    let credentials = match &spec.credential {
        Some(selector) => Some(String::from_utf8_lossy(&read(selector).await?).into_owned()),
        None => None,
    };
    let ca_pem = match (&storage.ca_cert_ref, &storage.ca_cert) {
        (Some(_), Some(_)) => return Err(LocationError::TwoCas),
        (Some(selector), None) => Some(read(selector).await?),
        (None, Some(inline)) => Some(inline.0.clone()),
        (None, None) => None,
    };
    Ok(LocationConfig {
        name: location.metadata.name.clone().unwrap_or_default(),
        provider: spec.provider.clone(),
        bucket: storage.bucket.clone(),
        prefix: storage.prefix.clone(),
        config: spec.config.clone(),
        credentials,
        ca_pem,
        read_only: spec.access_mode == Some(AccessMode::ReadOnly),
    })
}

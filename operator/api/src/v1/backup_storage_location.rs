//! BackupStorageLocation: a place that backups are put into and read from.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::SecretKeySelector, apimachinery::pkg::apis::meta::v1::Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    GoDuration,
    encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default},
    schema::shapes::{BytesShape, SecretKeySelectorShape},
};

/// Where the location is and how it is used.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["objectStorage", "provider"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "BackupStorageLocation",
    namespaced,
    shortname = "bsl",
    status = "BackupStorageLocationStatus",
    derive = "Default",
    derive = "PartialEq",
    printcolumn(name = "Phase", json_path = ".status.phase", type_ = "string"),
    printcolumn(name = "Last Validated", json_path = ".status.lastValidationTime", type_ = "date"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(name = "Default", json_path = ".spec.default", type_ = "boolean"),
    doc = "A place that backups are put into and read from: a bucket, or part of one."
)]
pub struct BackupStorageLocationSpec {
    /// What kind of storage it is, such as `aws`. A name without `/` means `velero.io/` and that name.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub provider: String,
    /// Settings that the provider knows, such as the region or the URL.
    pub config: BTreeMap<String, String>,
    /// Secret and key in it that hold the credentials. Not set: those that the server was started with.
    #[schemars(with = "SecretKeySelectorShape")]
    pub credential: Option<SecretKeySelector>,
    /// The bucket.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub object_storage: ObjectStorageLocation,
    /// Whether backups that name no location go here.
    pub default: bool,
    /// Whether backups may be written here. Not set: `ReadWrite`.
    pub access_mode: Option<AccessMode>,
    /// How often backups that others put into the location are looked for. Not set: the server's default; zero: never.
    #[schemars(extend("nullable" = true))]
    pub backup_sync_period: Option<GoDuration>,
    /// How often it is checked that the location can be used. Not set: the server's default; zero: only once.
    #[schemars(extend("nullable" = true))]
    pub validation_frequency: Option<GoDuration>,
}

absent_spec_is_default!(BackupStorageLocationSpec);

/// A bucket, or part of one.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["bucket"]))]
pub struct ObjectStorageLocation {
    /// Name of the bucket, or of what the provider calls a container.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub bucket: String,
    /// Path inside the bucket below which everything is kept. Empty: the bucket itself.
    pub prefix: String,
    /// Certificates, in PEM, of authorities that the storage's own certificate may be from. Better kept in a Secret: see `caCertRef`.
    #[schemars(with = "BytesShape")]
    pub ca_cert: Option<ByteString>,
    /// Secret in the namespace of the location, and key in it, with certificates as in `caCert`. Not together with that one.
    #[schemars(with = "SecretKeySelectorShape")]
    pub ca_cert_ref: Option<SecretKeySelector>,
}

/// Whether backups may be written to a location.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// Backups can be restored from here, but neither made nor deleted.
    ReadOnly,
    /// Backups can be made, restored and deleted.
    ReadWrite,
    /// A value that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

/// Whether a location could be used when it was last checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum BackupStorageLocationPhase {
    /// It answered, and it looked like a place for backups.
    Available,
    /// It did not answer, refused the credentials, or holds something else.
    Unavailable,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(AccessMode, BackupStorageLocationPhase);

/// What a server found out about a location.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupStorageLocationStatus {
    /// Whether the location could be used when it was last checked. Not set before the first check.
    pub phase: Option<BackupStorageLocationPhase>,
    /// When backups of others were last looked for.
    #[schemars(extend("nullable" = true))]
    pub last_synced_time: Option<Time>,
    /// When the location was last checked.
    #[schemars(extend("nullable" = true))]
    pub last_validation_time: Option<Time>,
    /// Why the location is not available.
    pub message: String,
    /// No longer used.
    pub last_synced_revision: String,
    /// No longer used; what counts is the spec's.
    pub access_mode: Option<AccessMode>,
}

impl BackupStorageLocation {
    /// Whether the last check found it usable. One that was never checked is not.
    pub fn is_available(&self) -> bool {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_ref());
        phase == Some(&BackupStorageLocationPhase::Available)
    }

    /// Whether nothing may be written or deleted here. A mode that this version does not know counts as read-only, to be safe.
    pub fn is_read_only(&self) -> bool {
        !matches!(self.spec.access_mode, None | Some(AccessMode::ReadWrite))
    }

    /// The provider with its domain: `aws` is `velero.io/aws`.
    pub fn provider(&self) -> String {
        if self.spec.provider.contains('/') {
            self.spec.provider.clone()
        } else {
            format!("velero.io/{}", self.spec.provider)
        }
    }
}

//! VolumeSnapshotLocation: where a storage provider keeps its native volume snapshots.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::SecretKeySelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default},
    schema::shapes::SecretKeySelectorShape,
};

/// Which provider takes the snapshots, and its settings.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[schemars(extend("required" = ["provider"]))]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "VolumeSnapshotLocation",
    namespaced,
    shortname = "vsl",
    status = "VolumeSnapshotLocationStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A place where a storage provider keeps the native snapshots of volumes."
)]
pub struct VolumeSnapshotLocationSpec {
    /// Which provider takes the snapshots. A name without `/` means `velero.io/` and that name.
    #[serde_with(skip_apply)]
    #[serde(deserialize_with = "null_as_default")]
    pub provider: String,
    /// Settings that the provider knows.
    pub config: BTreeMap<String, String>,
    /// Secret and key in it that hold the credentials. Not set: those that the server was started with.
    #[schemars(with = "SecretKeySelectorShape")]
    pub credential: Option<SecretKeySelector>,
}

absent_spec_is_default!(VolumeSnapshotLocationSpec);

/// Whether the place can be used. No server writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum VolumeSnapshotLocationPhase {
    /// It can be used.
    Available,
    /// It cannot be used.
    Unavailable,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(VolumeSnapshotLocationPhase);

/// What is known about the place. No server writes it.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeSnapshotLocationStatus {
    /// Whether the place can be used.
    pub phase: Option<VolumeSnapshotLocationPhase>,
}

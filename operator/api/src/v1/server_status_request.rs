//! ServerStatusRequest: asks a server for its version and what it can do.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{absent_spec_is_default, display_as_written, is_default, null_as_default};

/// Nothing: there is only one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(default, remote = "Self", rename_all = "camelCase")]
#[kube(
    group = "velero.io",
    version = "v1",
    kind = "ServerStatusRequest",
    namespaced,
    shortname = "ssr",
    status = "ServerStatusRequestStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "Asks the server of a namespace for its version and its item actions."
)]
pub struct ServerStatusRequestSpec {}

absent_spec_is_default!(ServerStatusRequestSpec);

/// Whether there is an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ServerStatusRequestPhase {
    /// Not yet looked at. An empty phase is the same.
    #[default]
    #[serde(alias = "")]
    New,
    /// Answered.
    Processed,
    /// A phase that this version does not know, kept as it was written.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(String),
}

display_as_written!(ServerStatusRequestPhase);

/// The answer.
#[serde_with::apply(_ => #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_default")])]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerStatusRequestStatus {
    /// Whether there is an answer.
    pub phase: Option<ServerStatusRequestPhase>,
    /// When it was given; the request is removed some time after that.
    #[schemars(extend("nullable" = true))]
    pub processed_timestamp: Option<Time>,
    /// Version of the server.
    pub server_version: String,
    /// What the server has been extended with.
    #[schemars(extend("nullable" = true))]
    pub plugins: Vec<PluginInfo>,
}

/// One thing that a server has been extended with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct PluginInfo {
    /// Its name: a domain, `/`, and a name below it.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// What it is for, such as `RestoreItemAction`.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
}

impl ServerStatusRequest {
    /// The phase, where no status and no phase yet are `New`.
    pub fn phase(&self) -> &ServerStatusRequestPhase {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_ref());
        phase.unwrap_or(&ServerStatusRequestPhase::New)
    }
}

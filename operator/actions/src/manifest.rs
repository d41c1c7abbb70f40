//! `action.yaml`: what a ConfigMap says about its action.
//!
//! Parsing is validation: a [`Manifest`] that exists is one that the host can serve. Keys that nobody knows are errors, because a misspelt limit or
//! grant must not be ignored. Nothing here looks at the component or at a cluster.

mod capabilities;
mod measure;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    limits,
    matching::{Matcher, NamespaceGlobs, PatternError, ResourcePatterns, parse_selector},
    subject::Role,
};

pub use capabilities::{Capabilities, RelatedGrant};

/// A valid manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// `<dns>/<name>`.
    pub name: String,
    /// The roles it is called in, without repetition.
    pub roles: Vec<Role>,
    /// Which items it is called for.
    pub matcher: Matcher,
    /// The key of the ConfigMap that holds the component.
    pub component: String,
    /// Which of the component's actions it is.
    pub entry: String,
    /// The parameters, handed to `configure`.
    pub params: Map<String, Value>,
    /// Actions are called in this order, then by name.
    pub order: i32,
    /// What a failure means.
    pub failure_policy: FailurePolicy,
    /// Linear memory in bytes.
    pub memory: usize,
    /// Guest code per call.
    pub time: Duration,
    /// What it may do beyond changing the item it is given.
    pub capabilities: Capabilities,
    /// A new instance for every call.
    pub fresh_instance: bool,
}

/// What it means when an action fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailurePolicy {
    /// The item fails, the run goes on and becomes PartiallyFailed.
    #[default]
    FailItem,
    /// The failure becomes a warning, and the item goes on as it was before the action.
    Warn,
    /// The run fails.
    FailRun,
}

/// Most that manifests may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Ceiling {
    /// Linear memory in bytes.
    pub memory: usize,
    /// Guest code per call.
    pub time: Duration,
}

/// Why a manifest is refused. The text is for its author.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is larger than any manifest should be.
    #[error("the manifest is larger than {} KiB", limits::MANIFEST / 1024)]
    TooLarge,
    /// It is not YAML, or not of this shape.
    #[error("cannot read the manifest: {0}")]
    Shape(#[from] serde_yaml_ng::Error),
    /// The name is not of the form that Velero uses.
    #[error(
        "name {0:?} must be <dns>/<name>, for instance example.com/scale-down, in lower case letters, digits, `-` and `.`"
    )]
    Name(String),
    /// No role.
    #[error("`on` must name at least one of backup and restore")]
    NoRole,
    /// No resource.
    #[error("`match.resources` must name at least one resource; [\"*\"] stands for all but Secrets")]
    NoResources,
    /// A pattern in `match` or in a grant.
    #[error("{field}: {source}")]
    Pattern {
        /// Where it stands.
        field: &'static str,
        /// What is wrong with it.
        source: PatternError,
    },
    /// Secrets without the grant.
    #[error("`match.resources` names secrets; that needs `capabilities: {{secrets: true}}`")]
    SecretsNotGranted,
    /// A size or a time that cannot be read.
    #[error("limits.{field}: {value:?} is not {expected}")]
    Measure {
        /// Which one.
        field: &'static str,
        /// As written.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// More than this server allows.
    #[error("limits.{field}: {value} is more than this server allows ({ceiling})")]
    AboveCeiling {
        /// Which one.
        field: &'static str,
        /// As written.
        value: String,
        /// For people.
        ceiling: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawManifest {
    name: String,
    on: Vec<Role>,
    r#match: RawMatch,
    component: String,
    entry: Option<String>,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    order: i32,
    #[serde(default)]
    failure_policy: FailurePolicy,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    capabilities: capabilities::RawCapabilities,
    #[serde(default)]
    fresh_instance: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawMatch {
    resources: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    label_selector: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawLimits {
    memory: Option<String>,
    time: Option<String>,
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn parse(text: &str, ceiling: Ceiling) -> Result<Self, ManifestError> {
        if text.len() > limits::MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        let raw: RawManifest = serde_yaml_ng::from_str(text)?;
        let capabilities = raw.capabilities.validate()?;
        let matcher = raw.r#match.validate(&capabilities)?;
        let memory = measure::memory(raw.limits.memory.as_deref(), ceiling.memory)?;
        let time = measure::time(raw.limits.time.as_deref(), ceiling.time)?;
        let short_name = short_name(&raw.name).ok_or_else(|| ManifestError::Name(raw.name.clone()))?;
        let mut roles = raw.on;
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            return Err(ManifestError::NoRole);
        }
        Ok(Self {
            entry: raw.entry.unwrap_or_else(|| short_name.to_owned()),
            name: raw.name,
            roles,
            matcher,
            component: raw.component,
            params: raw.params,
            order: raw.order,
            failure_policy: raw.failure_policy,
            memory,
            time,
            capabilities,
            fresh_instance: raw.fresh_instance,
        })
    }
}

impl RawMatch {
    fn validate(self, capabilities: &Capabilities) -> Result<Matcher, ManifestError> {
        if self.resources.is_empty() {
            return Err(ManifestError::NoResources);
        }
        let resources = ResourcePatterns::parse(&self.resources)
            .map_err(|source| ManifestError::Pattern { field: "match.resources", source })?;
        if resources.names_secrets() && !capabilities.secrets {
            return Err(ManifestError::SecretsNotGranted);
        }
        let namespaces = NamespaceGlobs::parse(&self.namespaces)
            .map_err(|source| ManifestError::Pattern { field: "match.namespaces", source })?;
        let selector = parse_selector(&self.label_selector)
            .map_err(|source| ManifestError::Pattern { field: "match.labelSelector", source })?;
        Ok(Matcher { resources, namespaces, selector })
    }
}

/// The part after the slash, if the name is `<dns>/<name>`.
fn short_name(name: &str) -> Option<&str> {
    let (domain, short) = name.split_once('/')?;
    let valid = |part: &str| {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        // The longest subdomain that Kubernetes takes.
        part.len() <= 253
            && edge(part.as_bytes().first())
            && edge(part.as_bytes().last())
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
            })
    };
    (valid(domain) && valid(short)).then_some(short)
}

#[cfg(test)]
mod tests;

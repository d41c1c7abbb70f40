//! `action.yaml`: what a ConfigMap says about its action.
//!
//! Parsing is validation: a [`Manifest`] that exists is one that the host can serve. Keys that nobody knows are errors, because a misspelt limit or
//! grant must not be ignored. Nothing here looks at the component or at a cluster.

mod capabilities;
mod cluster_rules;
mod code;
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
pub use cluster_rules::{
    ClusterCeiling, ClusterRule, ClusterRules, ITEM_ACTIONS, RuleError, Verb, check_ceiling,
};
pub use code::{Code, ComponentKey, ScriptEngine};
pub use measure::{Bytes, InvalidBytes};

/// What a valid `action.yaml` declares.
#[derive(Debug, Clone)]
pub enum Declaration {
    /// An action.
    Action(Box<Manifest>),
    /// `disabled: true`: there is to be no action of this name, whoever else brings one.
    SwitchedOff(SwitchedOff),
}

/// An action that is not to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedOff {
    /// `<dns>/<name>`.
    pub name: String,
    /// In which roles, without repetition.
    pub roles: Vec<Role>,
}

/// A valid manifest of an action.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// `<dns>/<name>`.
    pub name: String,
    /// The roles it is called in, without repetition.
    pub roles: Vec<Role>,
    /// Which items it is called for.
    pub matcher: Matcher,
    /// Where its code is.
    pub code: Code,
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
    /// Nothing that could be called.
    #[error("it says `disabled: true`: it switches {0} off and is no action itself")]
    SwitchedOff(String),
    /// No role.
    #[error("`on` must name at least one of backup, restore, delete and related-items")]
    NoRole,
    /// An action that does not say what it is for.
    #[error(
        "`match` is missing; say which items the action is for: match: {{resources: [deployments.apps]}}"
    )]
    NoMatch,
    /// An action without code.
    #[error(
        "the manifest does not say where the code is; it needs one of `component: <key of binaryData>`, `engine: jq|cel|javascript` \
         with a script, and `disabled: true`"
    )]
    NoCode,
    /// A component and a script engine.
    #[error("`component` and `engine` exclude each other: a script runs in the component of its engine")]
    TwoCodes,
    /// A key that means nothing beside the others.
    #[error("`{key}` goes with `{with}` only")]
    Misplaced {
        /// Which one.
        key: &'static str,
        /// What it belongs to.
        with: &'static str,
    },
    /// Not a SHA-256.
    #[error("{field}: {value:?} is not a digest such as sha256:<64 hexadecimal digits>")]
    Digest {
        /// Where it stands.
        field: &'static str,
        /// As written.
        value: String,
    },
    /// Two of them.
    #[error("`digest` and `chunks` exclude each other: `chunks.sha256` is the digest of the component")]
    TwoDigests,
    /// Too many or no chunks.
    #[error("chunks.count: {count} is not a number from 1 to {}", limits::CHUNKS)]
    Chunks {
        /// As written.
        count: u32,
    },
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
    /// A rule of access to the cluster.
    #[error("capabilities.cluster[{index}]: {source}")]
    ClusterRule {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        source: RuleError,
    },
    /// Secrets in a rule without the grant.
    #[error("`capabilities.cluster` names secrets; that needs `secrets: true` beside it")]
    ClusterSecrets,
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
    r#match: Option<RawMatch>,
    component: Option<String>,
    chunks: Option<code::RawChunks>,
    digest: Option<String>,
    engine: Option<ScriptEngine>,
    script: Option<String>,
    #[serde(default)]
    disabled: bool,
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
    /// Reads and checks the manifest of something that can be called.
    pub fn parse(text: &str, ceiling: Ceiling) -> Result<Self, ManifestError> {
        match Declaration::parse(text, ceiling)? {
            Declaration::Action(manifest) => Ok(*manifest),
            Declaration::SwitchedOff(off) => Err(ManifestError::SwitchedOff(off.name)),
        }
    }
}

impl Declaration {
    /// Reads and checks a manifest. With `disabled: true` only the name and the roles are looked at, so that one line switches an action off and
    /// taking it away switches it on again.
    pub fn parse(text: &str, ceiling: Ceiling) -> Result<Self, ManifestError> {
        if text.len() > limits::MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        let mut raw: RawManifest = serde_yaml_ng::from_str(text)?;
        if short_name(&raw.name).is_none() {
            return Err(ManifestError::Name(raw.name));
        }
        raw.on.sort_unstable();
        raw.on.dedup();
        if raw.on.is_empty() {
            return Err(ManifestError::NoRole);
        }
        if raw.disabled {
            return Ok(Self::SwitchedOff(SwitchedOff { name: raw.name, roles: raw.on }));
        }
        raw.validate(ceiling).map(|manifest| Self::Action(Box::new(manifest)))
    }

    /// `<dns>/<name>`.
    pub fn name(&self) -> &str {
        match self {
            Self::Action(manifest) => &manifest.name,
            Self::SwitchedOff(off) => &off.name,
        }
    }

    /// The roles that it is about.
    pub fn roles(&self) -> &[Role] {
        match self {
            Self::Action(manifest) => &manifest.roles,
            Self::SwitchedOff(off) => &off.roles,
        }
    }
}

impl RawManifest {
    /// What an action needs beyond a name and roles, which have been looked at.
    fn validate(self, ceiling: Ceiling) -> Result<Manifest, ManifestError> {
        let code = code::validate(self.component, self.chunks, self.digest, self.engine, self.script)?;
        let capabilities = self.capabilities.validate()?;
        let matcher = self.r#match.ok_or(ManifestError::NoMatch)?.validate(&capabilities)?;
        let memory = measure::memory(self.limits.memory.as_deref(), ceiling.memory)?;
        let time = measure::time(self.limits.time.as_deref(), ceiling.time)?;
        let entry = self.entry.unwrap_or_else(|| short_name(&self.name).unwrap_or_default().to_owned());
        Ok(Manifest {
            entry,
            name: self.name,
            roles: self.on,
            matcher,
            code,
            params: self.params,
            order: self.order,
            failure_policy: self.failure_policy,
            memory,
            time,
            capabilities,
            fresh_instance: self.fresh_instance,
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

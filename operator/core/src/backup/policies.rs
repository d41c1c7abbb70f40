//! Resource policies: a ConfigMap that says for volumes by their properties what becomes of their data, and names kinds to take or leave.
//!
//! The first policy whose conditions all hold decides. What is written in an unknown way is refused as a whole, with the place in the text:
//! a policy that is misread would leave data out. Matching is pure and never fails.

mod conditions;
mod volume_facts;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml_ng::Mapping;

use self::conditions::Conditions;
pub use self::volume_facts::{ClaimFacts, NfsShare, VolumeDriver, VolumeFacts};
use crate::include_exclude::check_lists;
use crate::quantity::QuantityError;

/// The only version there is.
pub const VERSION: &str = "v1";

/// Bytes of the text at most: what the API server takes in a ConfigMap.
pub const TEXT_LIMIT: usize = 1 << 20;

/// Why policies are refused. The text is for their author.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not exactly one key.
    #[error("illegal resource policies ConfigMap: it has {0} keys in `data` and must have exactly one")]
    Keys(usize),
    /// More than a ConfigMap can hold.
    #[error("the policies are larger than {} KiB", TEXT_LIMIT / 1024)]
    TooLarge,
    /// Not YAML, or not of this shape.
    #[error("failed to decode yaml data into resource policies: {0}")]
    Shape(#[from] serde_yaml_ng::Error),
    /// Another version.
    #[error("incompatible version number {0:?} with supported version {VERSION:?}")]
    Version(String),
    /// An action that does not exist.
    #[error(
        "volumePolicies[{policy}]: invalid action type {action:?}, only skip, fs-backup, snapshot and custom are possible"
    )]
    Action {
        /// Place in the list, from 0.
        policy: usize,
        /// As written.
        action: String,
    },
    /// Not `lower,upper`.
    #[error(
        "volumePolicies[{policy}]: wrong format of capacity {capacity:?}: it must be two quantities with a comma between, of which one may be missing"
    )]
    CapacityForm {
        /// Place in the list, from 0.
        policy: usize,
        /// As written.
        capacity: String,
    },
    /// A bound that is no quantity.
    #[error("volumePolicies[{policy}]: wrong format of capacity: {source}")]
    CapacityBound {
        /// Place in the list, from 0.
        policy: usize,
        /// Which, and what is wrong with it.
        source: QuantityError,
    },
    /// No volume is in such a range.
    #[error(
        "volumePolicies[{policy}]: illegal values for capacity {capacity:?}: the lower bound is above the upper one"
    )]
    CapacityOrder {
        /// Place in the list, from 0.
        policy: usize,
        /// As written.
        capacity: String,
    },
    /// Attributes mean nothing without the driver that they belong to.
    #[error("volumePolicies[{policy}]: csi.driver must be given with csi.volumeAttributes")]
    AttributesWithoutDriver {
        /// Place in the list, from 0.
        policy: usize,
    },
    /// The lists of kinds do not go together.
    #[error("includeExcludePolicy: {scope}: {fault}")]
    Lists {
        /// `cluster-scoped` or `namespace-scoped`.
        scope: &'static str,
        /// What is wrong.
        fault: String,
    },
}

/// What becomes of a volume's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionType {
    /// Nothing.
    Skip,
    /// Its files are copied.
    FsBackup,
    /// A snapshot of it is taken.
    Snapshot,
    /// Something outside of the engine takes care of it.
    Custom,
}

/// The action of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What to do.
    pub kind: ActionType,
    /// For `custom`: whatever its author and the action agreed on.
    pub parameters: Mapping,
}

/// Kinds that policies take or leave, beside what the Backup's scoped filters say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IncludeExcludePolicy {
    /// Cluster-scoped kinds to take.
    #[serde(deserialize_with = "conditions::list")]
    pub included_cluster_scoped_resources: Vec<String>,
    /// Cluster-scoped kinds to leave.
    #[serde(deserialize_with = "conditions::list")]
    pub excluded_cluster_scoped_resources: Vec<String>,
    /// Namespaced kinds to take.
    #[serde(deserialize_with = "conditions::list")]
    pub included_namespace_scoped_resources: Vec<String>,
    /// Namespaced kinds to leave.
    #[serde(deserialize_with = "conditions::list")]
    pub excluded_namespace_scoped_resources: Vec<String>,
}

/// Policies that were read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcePolicies {
    volume_policies: Vec<(Conditions, Action)>,
    include_exclude: Option<IncludeExcludePolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawPolicies {
    #[serde(default, deserialize_with = "conditions::text")]
    version: String,
    #[serde(default)]
    volume_policies: Option<Vec<RawPolicy>>,
    #[serde(default)]
    include_exclude_policy: Option<IncludeExcludePolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    #[serde(default)]
    conditions: Option<conditions::Raw>,
    #[serde(default)]
    action: RawAction,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawAction {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Option<Mapping>,
}

impl ResourcePolicies {
    /// Reads and checks the `data` of a ConfigMap: one key of any name, with YAML.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, PolicyError> {
        let mut texts = data.values();
        let (Some(text), None) = (texts.next(), texts.next()) else {
            return Err(PolicyError::Keys(data.len()));
        };
        if text.len() > TEXT_LIMIT {
            return Err(PolicyError::TooLarge);
        }
        let raw: RawPolicies = serde_yaml_ng::from_str(text)?;
        if raw.version != VERSION {
            return Err(PolicyError::Version(raw.version));
        }
        let policies = raw.volume_policies.unwrap_or_default().into_iter().enumerate();
        let volume_policies = policies.map(|(at, policy)| policy.check(at)).collect::<Result<_, _>>()?;
        if let Some(lists) = &raw.include_exclude_policy {
            lists.check()?;
        }
        Ok(Self { volume_policies, include_exclude: raw.include_exclude_policy })
    }

    /// The action of the first policy that the volume fits; None if there is none.
    pub fn volume_action(&self, volume: &VolumeFacts) -> Option<&Action> {
        let fitting = self.volume_policies.iter().find(|(conditions, _)| conditions.hold_for(volume));
        fitting.map(|(_, action)| action)
    }

    /// The lists of kinds, where the policies have some.
    pub fn include_exclude(&self) -> Option<&IncludeExcludePolicy> {
        self.include_exclude.as_ref()
    }
}

impl RawPolicy {
    fn check(self, policy: usize) -> Result<(Conditions, Action), PolicyError> {
        let kind = match self.action.kind.as_str() {
            "skip" => ActionType::Skip,
            "fs-backup" => ActionType::FsBackup,
            "snapshot" => ActionType::Snapshot,
            "custom" => ActionType::Custom,
            _ => return Err(PolicyError::Action { policy, action: self.action.kind }),
        };
        let conditions = self.conditions.unwrap_or_default().check(policy)?;
        Ok((conditions, Action { kind, parameters: self.action.parameters.unwrap_or_default() }))
    }
}

impl IncludeExcludePolicy {
    fn check(&self) -> Result<(), PolicyError> {
        let scopes = [
            (
                "cluster-scoped",
                &self.included_cluster_scoped_resources,
                &self.excluded_cluster_scoped_resources,
            ),
            (
                "namespace-scoped",
                &self.included_namespace_scoped_resources,
                &self.excluded_namespace_scoped_resources,
            ),
        ];
        for (scope, included, excluded) in scopes {
            if included.iter().any(|kind| kind == "*") {
                return Err(PolicyError::Lists { scope, fault: "includes list cannot contain '*'".into() });
            }
            if let Some(fault) = check_lists(included, excluded).into_iter().next() {
                return Err(PolicyError::Lists { scope, fault });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

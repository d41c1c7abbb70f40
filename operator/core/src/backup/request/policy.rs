//! The resource policies of a backup: the ConfigMap that it names, and what can be wrong with it.

use std::collections::BTreeMap;

use lateen_api::v1::{Backup, BackupSpec};

use super::Observed;
use crate::backup::filter::ResourceLists;
use crate::backup::policies::ResourcePolicies;

/// The only kind of object that policies can be in, in any case of letters.
const KIND: &str = "configmap";

/// What a Backup says about its policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyReference {
    /// It has none.
    None,
    /// They are in the ConfigMap of this name, in the Backup's namespace.
    ConfigMap(String),
    /// They are said to be in an object of this kind, which nobody can read them from.
    Other(String),
}

impl PolicyReference {
    /// As the spec has it.
    pub fn of(spec: &BackupSpec) -> Self {
        match &spec.resource_policy {
            None => Self::None,
            Some(reference) if reference.kind.eq_ignore_ascii_case(KIND) => {
                Self::ConfigMap(reference.name.clone())
            }
            Some(reference) => Self::Other(reference.kind.clone()),
        }
    }
}

/// What became of the look-up of the ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyConfigMap {
    /// It is there, with these data.
    Found(BTreeMap<String, String>),
    /// There is none of that name.
    NotFound,
    /// The API server refused, for this reason.
    Refused(String),
}

/// The policies, read; what they say about kinds joins `resources`. A reference that leads nowhere is a fault: a run without the policies would take and leave what nobody asked for.
pub(super) fn read(
    backup: &Backup,
    observed: &Observed,
    resources: &mut ResourceLists,
    faults: &mut Vec<String>,
) -> Option<ResourcePolicies> {
    let name = match PolicyReference::of(&backup.spec) {
        PolicyReference::None => return None,
        PolicyReference::ConfigMap(name) => name,
        PolicyReference::Other(kind) => {
            faults.push(format!(
                "resource policies are read from a ConfigMap, not from an object of kind {kind:?}"
            ));
            return None;
        }
    };
    let place = format!("{}/{name}", backup.metadata.namespace.as_deref().unwrap_or_default());
    let data = match &observed.policy {
        Some(PolicyConfigMap::Found(data)) => data,
        Some(PolicyConfigMap::Refused(reason)) => {
            faults.push(format!("fail to get ResourcePolicies {place} ConfigMap with error {reason}"));
            return None;
        }
        Some(PolicyConfigMap::NotFound) | None => {
            faults.push(format!(
                "fail to get ResourcePolicies {place} ConfigMap with error configmaps {name:?} not found"
            ));
            return None;
        }
    };
    let policies = match ResourcePolicies::parse(data) {
        Ok(policies) => policies,
        Err(error) => {
            faults.push(format!("fail to validate ResourcePolicies in ConfigMap {place}: {error}"));
            return None;
        }
    };
    if let Some(lists) = policies.include_exclude() {
        match resources {
            ResourceLists::Scoped { policy, .. } => *policy = Some(lists.clone()),
            ResourceLists::Global { .. } => faults.push(format!(
                "include-resources, exclude-resources and include-cluster-resources are old filter parameters.\nThey cannot be used with include-exclude policies, which are in ConfigMap {place}"
            )),
        }
    }
    Some(policies)
}

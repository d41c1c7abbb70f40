//! Changes without which the API server refuses a restored object of a built-in kind, or a controller fights it.
//!
//! One function per kind, over plain JSON, deciding from its arguments alone: it changes the object, names others that it needs, or says
//! that the object must not be restored. That is the shape of an item action, and these functions are to move into action components;
//! nothing else in the engine may come to depend on them being here.
//!
//! They run before the actions that people install. They see the object after [`super::reset`], still in the namespace of the backup.

// All rules have one signature, also those that cannot fail.
#![allow(clippy::unnecessary_wraps)]

mod access;
mod claim;
mod extension;
mod pod;
mod service;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kind::{GroupResource, ObjectName};

/// What a rule may know besides the object.
#[derive(Debug, Clone, Copy)]
pub struct KindContext<'a> {
    /// The object as it is in the backup, status and all.
    pub pristine: &'a Value,
    /// Other names for namespaces.
    pub namespace_mapping: &'a BTreeMap<String, String>,
    /// Services keep all their node ports.
    pub preserve_node_ports: bool,
}

/// What a rule made of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindOutcome {
    /// The object is not restored, for this reason.
    pub skip: Option<&'static str>,
    /// Objects that have to be there first.
    pub needs: Vec<Need>,
}

/// An object that another one needs, by its place in the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Group and plural.
    pub kind: GroupResource,
    /// Namespace and name.
    pub object: ObjectName,
}

impl KindOutcome {
    fn skip(reason: &'static str) -> Self {
        Self { skip: Some(reason), needs: Vec::new() }
    }
}

/// Why a rule cannot tell what to do.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// The record of what was applied is no JSON, so nobody knows which ports were chosen.
    #[error("annotation {annotation} is not readable")]
    Annotation {
        /// Its key.
        annotation: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// A rule for one kind.
pub type KindRule = fn(&mut Value, &KindContext<'_>) -> Result<KindOutcome, KindError>;

/// The rule for a kind, if it has one.
pub fn rule(kind: &GroupResource) -> Option<KindRule> {
    let rule: KindRule = match kind.to_string().as_str() {
        "pods" => pod::pod,
        "jobs.batch" => pod::job,
        "services" => service::service,
        "persistentvolumeclaims" => claim::claim,
        "persistentvolumes" => claim::volume,
        "serviceaccounts" => access::service_account,
        "secrets" => access::secret,
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            access::role_binding
        }
        "apiservices.apiregistration.k8s.io" => extension::api_service,
        "customresourcedefinitions.apiextensions.k8s.io" => extension::definition,
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => extension::webhooks,
        "datauploads.velero.io" => extension::data_upload,
        _ => return None,
    };
    Some(rule)
}

/// Applies the rule for the kind; an object of any other kind stays as it is.
pub fn apply(
    kind: &GroupResource,
    object: &mut Value,
    context: &KindContext<'_>,
) -> Result<KindOutcome, KindError> {
    rule(kind).map_or_else(|| Ok(KindOutcome::default()), |rule| rule(object, context))
}

/// A text somewhere in an object, empty where there is none.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The objects of a list somewhere in an object.
fn list<'a>(object: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    object.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests;

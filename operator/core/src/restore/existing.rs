//! An object that is in the cluster already: is it what the backup has, and if not, what is done about it.
//!
//! Objects are compared by what people set. Everything that an API server or a controller gives makes no difference: status, uids,
//! managed fields, finalizers, addresses and ports that were allocated, notes of controllers. What is not compared is not patched
//! either. An object that a controller makes and keeps by itself is never different: nobody could set anything in it that lasts.

mod normal;
mod service_account;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::GroupResource;

/// `spec.existingResourcePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingPolicy {
    /// Nothing said: as `none`, with another wording of the warning.
    Unset,
    /// Objects that exist are left alone.
    None,
    /// Objects that exist are made what the backup has.
    Update,
}

impl ExistingPolicy {
    /// Reads the field. None: no such policy.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Unset),
            "none" => Some(Self::None),
            "update" => Some(Self::Update),
            _ => None,
        }
    }
}

/// An object of the restore and the one that is in its place.
#[derive(Debug, Clone, Copy)]
pub struct Existing<'a> {
    /// Group and plural.
    pub kind: &'a GroupResource,
    /// What would have been created: reset, changed, in its namespace, with the labels of the restore.
    pub desired: &'a Value,
    /// What the API server has.
    pub in_cluster: &'a Value,
    /// The labels of the restore.
    pub labels: &'a [(&'static str, String); 2],
    /// What the restore says about objects that exist.
    pub policy: ExistingPolicy,
    /// When the Restore was created, by the API server's clock.
    pub restore_created: Option<Timestamp>,
}

/// What to do. Patches are merge patches (RFC 7386).
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// This run created it, and what follows a creation may still have to be done.
    CreatedByThisRun,
    /// Nothing: it is what the backup has.
    Same,
    /// It is what the backup has; it is to carry the labels of the restore as well. A failure is an error.
    Label(Value),
    /// It differs and stays as it is: this warning tells so.
    Keep(String),
    /// A service account is added to, whatever the policy. A failure is a warning.
    Extend(Value),
    /// It is made what the backup has. A failure is a warning, and [`label_patch`] is tried instead.
    Update(Value),
}

/// Decides about an object that exists.
pub fn decide(existing: &Existing<'_>) -> Decision {
    let Existing { kind, desired, in_cluster, labels, policy, restore_created } = *existing;
    if is_created_by_this_run(in_cluster, labels, restore_created) {
        return Decision::CreatedByThisRun;
    }
    if normal::is_kept_by_the_cluster(kind, in_cluster) {
        return Decision::Same;
    }
    let (wanted, there) = normal::both(kind, desired, in_cluster);
    if wanted == there {
        return match policy {
            ExistingPolicy::Update => Decision::Label(label_patch(labels)),
            ExistingPolicy::Unset | ExistingPolicy::None => Decision::Same,
        };
    }
    if kind.is("serviceaccounts") {
        return service_account::extend(desired, in_cluster, labels).map_or(Decision::Same, Decision::Extend);
    }
    let (object, name) = (text(desired, "/kind"), text(desired, "/metadata/name"));
    let differs = "already exists. Warning: the in-cluster version is different than the backed-up version";
    match policy {
        ExistingPolicy::Unset => Decision::Keep(format!("could not restore, {object}:{name} {differs}")),
        ExistingPolicy::None => Decision::Keep(format!("could not restore, {object} \"{name}\" {differs}")),
        ExistingPolicy::Update => {
            let mut patch = lateen_api::patch_between(&there, &wanted).unwrap_or_else(|| json!({}));
            json_patch::merge(&mut patch, &label_patch(labels));
            Decision::Update(patch)
        }
    }
}

/// Both objects as they are compared, `(desired, in_cluster)`: what people set in them.
pub fn compared(kind: &GroupResource, desired: &Value, in_cluster: &Value) -> (Value, Value) {
    normal::both(kind, desired, in_cluster)
}

/// The patch that writes nothing but the labels of the restore.
pub fn label_patch(labels: &[(&'static str, String); 2]) -> Value {
    let [(first_key, first), (second_key, second)] = labels;
    json!({"metadata": {"labels": {*first_key: first, *second_key: second}}})
}

/// It carries the label of this restore and is younger than it. The label alone would also be on what an older restore of the same
/// name left behind. Both times are the API server's.
fn is_created_by_this_run(
    in_cluster: &Value,
    labels: &[(&'static str, String); 2],
    restore_created: Option<Timestamp>,
) -> bool {
    let [_, (key, value)] = labels;
    let carried =
        in_cluster.pointer("/metadata/labels").and_then(|labels| labels.get(*key)).and_then(Value::as_str);
    let created: Option<Timestamp> = text(in_cluster, "/metadata/creationTimestamp").parse().ok();
    carried == Some(value)
        && matches!((created, restore_created), (Some(created), Some(restore)) if created >= restore)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;

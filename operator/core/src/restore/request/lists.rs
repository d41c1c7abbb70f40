//! The lists of a Restore: kinds, namespaces, and the names that namespaces get.

use std::collections::BTreeMap;

use lateen_api::v1::RestoreSpec;

use crate::include_exclude::{check_lists, check_patterns};
use crate::namespaces::{check_name, check_pattern};

/// Kinds that describe a cluster or a run and not what runs in it: restoring them would do harm.
pub const NON_RESTORABLE: [&str; 9] = [
    "nodes",
    "events",
    "events.events.k8s.io",
    "backups.velero.io",
    "restores.velero.io",
    "resticrepositories.velero.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "backuprepositories.velero.io",
];

/// Writes down which kinds are left out without being named.
pub(super) fn complete(spec: &mut RestoreSpec) {
    for kind in NON_RESTORABLE {
        if !spec.excluded_resources.iter().any(|excluded| excluded == kind) {
            spec.excluded_resources.push(kind.to_owned());
        }
    }
}

/// What is wrong with the lists of a completed spec.
pub(super) fn check(spec: &RestoreSpec, faults: &mut Vec<String>) {
    let in_vain =
        NON_RESTORABLE.iter().filter(|kind| spec.included_resources.iter().any(|included| included == *kind));
    faults.extend(in_vain.map(|kind| format!("{kind} are non-restorable resources")));
    let mut tell = |prefix: &str, found: Vec<String>| {
        faults.extend(found.into_iter().map(|fault| format!("{prefix}: {fault}")));
    };
    tell(
        "Invalid included/excluded resource lists",
        kinds(&spec.included_resources, &spec.excluded_resources),
    );
    tell(
        "Invalid included/excluded namespace lists",
        namespaces(&spec.included_namespaces, &spec.excluded_namespaces),
    );
    if let Some(lists) = &spec.restore_status {
        tell(
            "Invalid included/excluded lists of kinds to restore with their status",
            check_patterns(&lists.included_resources, &lists.excluded_resources),
        );
    }
    tell("Invalid namespace mapping", mapping(&spec.namespace_mapping));
}

fn kinds(included: &[String], excluded: &[String]) -> Vec<String> {
    [check_lists(included, excluded), check_patterns(included, excluded)].concat()
}

/// Patterns have to be readable. Names may be any text: one that no namespace of the backup has selects nothing.
fn namespaces(included: &[String], excluded: &[String]) -> Vec<String> {
    let mut faults = check_lists(included, excluded);
    for entry in included.iter().chain(excluded) {
        match check_pattern(entry) {
            Ok(()) => faults.extend(check_patterns(std::slice::from_ref(entry), &[])),
            Err(fault) => faults.push(format!("invalid namespace {entry:?}: {fault}")),
        }
    }
    faults
}

/// Both sides are names of namespaces. That two of them get the same name is fine: their objects go into one namespace.
fn mapping(names: &BTreeMap<String, String>) -> Vec<String> {
    let faults = names.iter().flat_map(|(from, to)| [from, to]).filter_map(|name| {
        let fault = match name.as_str() {
            "" => "it is empty".to_owned(),
            pattern if pattern.contains(['*', '?', '[', ']']) => "it is a pattern".to_owned(),
            name => check_name(name).err()?,
        };
        Some(format!("{name:?} cannot be the name of a namespace: {fault}"))
    });
    faults.collect()
}

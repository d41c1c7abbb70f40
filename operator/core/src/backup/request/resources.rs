//! The filter by kind: which of the two generations of filters a Backup uses, and whether its lists make sense.

use lateen_api::v1::BackupSpec;

use crate::backup::filter::{ResourceLists, SNAPSHOT_CONTENT_KIND, SNAPSHOT_KIND};
use crate::include_exclude::{check_lists, check_patterns, check_scoped_lists};

/// Decides between the two generations of filters, leaves the snapshot kinds out, and checks the lists.
pub(super) fn check(spec: &mut BackupSpec, faults: &mut Vec<String>) -> ResourceLists {
    let old = spec.include_cluster_resources.is_some()
        || !spec.included_resources.is_empty()
        || !spec.excluded_resources.is_empty();
    let new = [
        &spec.included_cluster_scoped_resources,
        &spec.excluded_cluster_scoped_resources,
        &spec.included_namespace_scoped_resources,
        &spec.excluded_namespace_scoped_resources,
    ];
    if old && new.iter().any(|list| !list.is_empty()) {
        faults.push(
            "include-resources, exclude-resources and include-cluster-resources are old filter parameters.\ninclude-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.\nThey cannot be used together"
                .into(),
        );
    }
    if old { check_global(spec, faults) } else { check_scoped(spec, faults) }
}

fn check_global(spec: &mut BackupSpec, faults: &mut Vec<String>) -> ResourceLists {
    let (included, excluded) = (&mut spec.included_resources, &mut spec.excluded_resources);
    let prefix = "Invalid included/excluded resource lists";
    let found = [check_lists(included, excluded), check_patterns(included, excluded)].concat();
    if tell(faults, prefix, found) {
        leave_out(&[SNAPSHOT_KIND, SNAPSHOT_CONTENT_KIND], (included, excluded), prefix, faults);
    }
    ResourceLists::Global {
        included: spec.included_resources.clone(),
        excluded: spec.excluded_resources.clone(),
        cluster_resources: spec.include_cluster_resources,
    }
}

fn check_scoped(spec: &mut BackupSpec, faults: &mut Vec<String>) -> ResourceLists {
    let (included, excluded) =
        (&mut spec.included_cluster_scoped_resources, &mut spec.excluded_cluster_scoped_resources);
    let prefix = "Invalid cluster-scoped included/excluded resource lists";
    if tell(faults, prefix, check_scope(included, excluded, SNAPSHOT_CONTENT_KIND)) {
        leave_out(&[SNAPSHOT_CONTENT_KIND], (included, excluded), prefix, faults);
    }
    let (included, excluded) =
        (&mut spec.included_namespace_scoped_resources, &mut spec.excluded_namespace_scoped_resources);
    let prefix = "Invalid namespace-scoped included/excluded resource lists";
    if tell(faults, prefix, check_scope(included, excluded, SNAPSHOT_KIND)) {
        leave_out(&[SNAPSHOT_KIND], (included, excluded), prefix, faults);
    }
    ResourceLists::Scoped {
        cluster_included: spec.included_cluster_scoped_resources.clone(),
        cluster_excluded: spec.excluded_cluster_scoped_resources.clone(),
        namespaced_included: spec.included_namespace_scoped_resources.clone(),
        namespaced_excluded: spec.excluded_namespace_scoped_resources.clone(),
        policy: None,
    }
}

/// The faults of one scope's lists. A star that has got the automatic entry beside it, as in a Backup that was prepared before, stands
/// alone still.
fn check_scope(included: &[String], excluded: &[String], automatic: &str) -> Vec<String> {
    let star = excluded.iter().any(|entry| entry == "*");
    let of_author: Vec<String> =
        excluded.iter().filter(|entry| !star || *entry != automatic).cloned().collect();
    [check_scoped_lists(included, &of_author), check_patterns(included, excluded)].concat()
}

fn tell(faults: &mut Vec<String>, prefix: &str, found: Vec<String>) -> bool {
    let valid = found.is_empty();
    faults.extend(found.into_iter().map(|fault| format!("{prefix}: {fault}")));
    valid
}

/// Adds kinds that every backup leaves out. They need not stand among the included; a list that includes nothing else is a fault, since
/// the empty list that it becomes would include everything.
fn leave_out(
    kinds: &[&str],
    (included, excluded): (&mut Vec<String>, &mut Vec<String>),
    prefix: &str,
    faults: &mut Vec<String>,
) {
    for kind in kinds {
        if !excluded.iter().any(|e| e == kind) {
            excluded.push((*kind).to_owned());
        }
    }
    let asked = !included.is_empty();
    included.retain(|i| !excluded.contains(i));
    if asked && included.is_empty() {
        let kinds = kinds.join(" and ");
        faults.push(format!("{prefix}: the included ones are {kinds} only, which every backup leaves out"));
    }
}

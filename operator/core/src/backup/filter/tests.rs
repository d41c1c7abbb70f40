//! Which kinds a filter takes, in a small cluster.

use super::*;
use crate::catalog::tests::small_cluster;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn scoped(cluster: (&[&str], &[&str]), namespaced: (&[&str], &[&str])) -> ResourceLists {
    ResourceLists::Scoped {
        cluster_included: names(cluster.0),
        cluster_excluded: names(cluster.1),
        namespaced_included: names(namespaced.0),
        namespaced_excluded: names(namespaced.1),
        policy: None,
    }
}

fn included(lists: &ResourceLists, all_namespaces: bool) -> Vec<String> {
    let catalog = small_cluster();
    let filter = ResourceFilter::new(lists, &catalog, all_namespaces);
    let kinds = catalog.kinds().iter().filter(|k| filter.includes(k));
    kinds.map(|k| k.group_resource.to_string()).collect()
}

#[test]
fn a_backup_of_everything_holds_cluster_scoped_kinds_and_one_of_a_namespace_does_not() {
    let none = scoped((&[], &[SNAPSHOT_CONTENT_KIND]), (&[], &[SNAPSHOT_KIND]));
    assert_eq!(included(&none, true).len(), small_cluster().kinds().len());
    let of_one = included(&none, false);
    assert!(of_one.contains(&"namespaces".into()) && of_one.contains(&"pods".into()));
    assert!(!of_one.contains(&"clusterroles.rbac.authorization.k8s.io".into()));
}

#[test]
fn an_old_filter_takes_cluster_kinds_by_its_switch() {
    let lists = |switch| ResourceLists::Global {
        included: names(&["deploy", "clusterroles", "persistentvolumes"]),
        excluded: names(&["pv", "persistentvolumes"]),
        cluster_resources: switch,
    };
    let roles = "clusterroles.rbac.authorization.k8s.io".to_owned();
    assert_eq!(
        included(&lists(Some(true)), false),
        [roles.clone(), "deployments.apps".into()]
            .map(String::from)
            .iter()
            .rev()
            .cloned()
            .collect::<Vec<_>>()
    );
    assert_eq!(included(&lists(Some(false)), true), ["deployments.apps"]);
    assert_eq!(included(&lists(None), false), ["deployments.apps"]);
    assert!(included(&lists(None), true).contains(&roles));
}

#[test]
fn a_typo_includes_nothing() {
    assert!(
        included(
            &ResourceLists::Global {
                included: names(&["deploymnts"]),
                excluded: vec![],
                cluster_resources: None
            },
            true
        )
        .is_empty()
    );
    let lists = scoped((&[], &[]), (&["deploymnts"], &[]));
    assert_eq!(included(&lists, true), ["namespaces"]);
}

#[test]
fn lists_of_one_scope_do_not_touch_the_other() {
    let lists =
        scoped((&["clusterroles", "pods"], &["namespaces"]), (&["configmaps", "clusterroles"], &["secrets"]));
    assert_eq!(included(&lists, true), ["configmaps", "clusterroles.rbac.authorization.k8s.io"]);
}

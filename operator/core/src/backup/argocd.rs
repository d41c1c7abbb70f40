//! Namespaces that Argo CD manages: a backup of them gets a warning, because a restore and Argo CD would work against each other.

use crate::item::Facts;
use crate::namespaces::NamespaceFilter;

/// The label by which Argo CD marks a namespace, with the name of what manages it.
const MANAGED_BY: &str = "argocd.argoproj.io/managed-by";

/// Names in the warning at most; what is more is counted.
const NAMES: usize = 20;

/// Whether Argo CD manages this namespace.
pub fn manages(namespace: &Facts) -> bool {
    namespace.labels.get(MANAGED_BY).is_some_and(|manager| !manager.is_empty())
}

/// The warning of a backup, None if it takes none of the `managed` namespaces.
pub fn warning(managed: &[String], namespaces: &NamespaceFilter) -> Option<String> {
    let taken = namespaces.among(managed);
    if taken.is_empty() {
        return None;
    }
    let mut names = taken.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    if taken.len() > NAMES {
        names.push_str(&format!(" and {} more", taken.len() - NAMES));
    }
    Some(format!(
        "namespaces that ArgoCD manages are in the backup: {names}. Objects restored from it can be changed back or removed by ArgoCD"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_included_namespaces_are_told_of() {
        let facts = |label: &str| {
            Facts::read(&format!(r#"{{"metadata":{{"name":"a","labels":{{"{MANAGED_BY}":"{label}"}}}}}}"#))
                .unwrap()
        };
        assert!(manages(&facts("argocd")) && !manages(&facts("")));
        let managed: Vec<String> = (0..25).map(|n| format!("app-{n:02}")).collect();
        let filter = |include: &str| NamespaceFilter::new(&[include.to_owned()], &[], &managed).unwrap();
        assert_eq!(warning(&managed, &filter("other")), None);
        assert!(warning(&managed, &filter("app-07")).unwrap().contains("in the backup: app-07. Objects"));
        assert!(warning(&managed, &filter("*")).unwrap().contains("app-19 and 5 more."));
    }
}

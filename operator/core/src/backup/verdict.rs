//! Whether one item belongs to the backup.

use super::filter::ResourceFilter;
use crate::item::Facts;
use crate::kind::ServedKind;
use crate::namespaces::NamespaceFilter;
use crate::selector::Selection;

/// The label by which its owner keeps an object out of backups.
pub use lateen_api::labels::EXCLUDE_FROM_BACKUP;

/// How an item came to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By the run's own lists.
    Listed,
    /// An action asked for it.
    Related,
    /// An action asked for it and the run's filters do not count.
    MustInclude,
}

/// Why an item is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Its owner labelled it so.
    Label,
    /// Its namespace is not part of the backup.
    Namespace,
    /// Its kind is not part of the backup.
    Kind,
    /// It is going away.
    Deleting,
}

impl LeftOut {
    /// For the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Label => "Excluding item because it has label velero.io/exclude-from-backup=true",
            Self::Namespace => "Excluding item because namespace is excluded",
            Self::Kind => "Excluding item because resource is excluded",
            Self::Deleting => "Skipping item because it's being deleted",
        }
    }
}

/// None: the item is taken. Namespaces are never left out by the namespace filter here: they were chosen by name or content.
pub fn left_out(
    facts: &Facts,
    kind: &ServedKind,
    origin: Origin,
    namespaces: &NamespaceFilter,
    resources: &ResourceFilter,
) -> Option<LeftOut> {
    if origin != Origin::MustInclude {
        if facts.labels.get(EXCLUDE_FROM_BACKUP).is_some_and(|value| value == "true") {
            return Some(LeftOut::Label);
        }
        match &facts.object.namespace {
            Some(namespace) if !namespaces.includes(namespace) => return Some(LeftOut::Namespace),
            Some(_) if !resources.includes(kind) => return Some(LeftOut::Kind),
            None if !kind.group_resource.is("namespaces") && resources.excludes(kind) => {
                return Some(LeftOut::Kind);
            }
            _ => {}
        }
    }
    facts.deleting.then_some(LeftOut::Deleting)
}

/// Whether a Namespace object belongs to the backup: because something in it was taken, or because its namespace is part of the backup and
/// it was chosen by name or by label. `active`: it is not on its way out. A namespace that is left out can still be there for an item that
/// had to come, which could not be restored without it.
pub fn takes_namespace(
    facts: &Facts,
    active: bool,
    namespaces: &NamespaceFilter,
    selection: &Selection,
    has_items: bool,
) -> bool {
    // In a backup of all namespaces that selects by label, a namespace's name says nothing.
    let by_name = *selection == Selection::All || !namespaces.is_everything();
    let chosen = namespaces.includes(&facts.object.name) && (by_name || selection.matches(&facts.labels));
    active && (chosen || has_items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::filter::ResourceLists;
    use crate::catalog::tests::small_cluster;
    use crate::kind::GroupResource;

    fn verdict(json: &str, kind: &str, origin: Origin) -> Option<LeftOut> {
        let catalog = small_cluster();
        let lists = ResourceLists::Scoped {
            cluster_included: vec![],
            cluster_excluded: vec!["persistentvolumes".into()],
            namespaced_included: vec![],
            namespaced_excluded: vec!["secrets".into()],
            policy: None,
        };
        let resources = ResourceFilter::new(&lists, &catalog, false);
        let namespaces = NamespaceFilter::new(&["app".into()], &[], &["app".into(), "other".into()]).unwrap();
        let kind = catalog.get(&GroupResource::parse(kind)).unwrap();
        left_out(&Facts::read(json).unwrap(), kind, origin, &namespaces, &resources)
    }

    #[test]
    fn filters_hold_for_related_items_and_not_for_those_that_must_come() {
        let secret = r#"{"metadata":{"name":"s","namespace":"app"}}"#;
        assert_eq!(verdict(secret, "secrets", Origin::Related), Some(LeftOut::Kind));
        assert_eq!(verdict(secret, "secrets", Origin::MustInclude), None);
        let elsewhere = r#"{"metadata":{"name":"c","namespace":"other"}}"#;
        assert_eq!(verdict(elsewhere, "configmaps", Origin::Listed), Some(LeftOut::Namespace));
        assert_eq!(
            verdict(r#"{"metadata":{"name":"v"}}"#, "persistentvolumes", Origin::Related),
            Some(LeftOut::Kind)
        );
        assert_eq!(
            verdict(
                r#"{"metadata":{"name":"r"}}"#,
                "clusterroles.rbac.authorization.k8s.io",
                Origin::Related
            ),
            None
        );
    }

    #[test]
    fn what_is_going_away_is_never_taken() {
        let going =
            r#"{"metadata":{"name":"c","namespace":"app","deletionTimestamp":"2026-01-01T00:00:00Z"}}"#;
        assert_eq!(verdict(going, "configmaps", Origin::MustInclude), Some(LeftOut::Deleting));
        let labelled = r#"{"metadata":{"name":"c","namespace":"app","labels":{"velero.io/exclude-from-backup":"true"}}}"#;
        assert_eq!(verdict(labelled, "configmaps", Origin::Listed), Some(LeftOut::Label));
    }

    #[test]
    fn a_namespace_is_taken_by_name_label_or_content() {
        let filter = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            NamespaceFilter::new(&names, &[], &["app".into()]).unwrap()
        };
        let selection =
            Selection::parse(Some(&serde_json::from_str(r#"{"matchLabels":{"a":"b"}}"#).unwrap()), None)
                .unwrap();
        let app = Facts::read(r#"{"metadata":{"name":"app"}}"#).unwrap();
        assert!(takes_namespace(&app, true, &filter(&["app"]), &Selection::All, false));
        assert!(takes_namespace(&app, true, &filter(&["app"]), &selection, false));
        assert!(!takes_namespace(&app, true, &filter(&["*"]), &selection, false));
        let labelled = Facts::read(r#"{"metadata":{"name":"app","labels":{"a":"b"}}}"#).unwrap();
        assert!(takes_namespace(&labelled, true, &filter(&["*"]), &selection, false));
        assert!(!takes_namespace(&labelled, true, &filter(&["other"]), &selection, false));
        assert!(takes_namespace(&app, true, &filter(&["*"]), &selection, true));
        assert!(!takes_namespace(&app, false, &filter(&["app"]), &Selection::All, true));
    }
}

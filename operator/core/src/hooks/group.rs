//! A group of hooks in a spec and the pods that it is for: by namespace, by kind, by label. Backups and restores have the same form.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::include_exclude::IncludesExcludes;
use crate::selector::{Selector, SelectorError};

/// The only kind whose objects can have hooks.
const PODS: &str = "pods";

/// Why the hooks of a spec cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the label selector of the hooks {name:?} cannot be used")]
pub struct SpecHooksError {
    /// Name of the group.
    pub name: String,
    /// What is wrong with its selector.
    #[source]
    pub source: SelectorError,
}

/// The lists of a group by which it chooses pods, as its spec has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists<'a> {
    /// Name of the group, for messages.
    pub(super) name: &'a str,
    /// Namespaces, perhaps with `*` and `?`: those included, and those not.
    pub(super) namespaces: (&'a [String], &'a [String]),
    /// Kinds: those included, and those not.
    pub(super) kinds: (&'a [String], &'a [String]),
    /// Labels.
    pub(super) selector: Option<&'a LabelSelector>,
}

/// Which pods a group is for.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    namespaces: IncludesExcludes,
    selector: Selector,
}

impl Chosen {
    /// Reads the lists of a group; `None` for a group that is for other kinds than pods, because nothing else has hooks. `names_pods` says
    /// whether a name of a kind means pods: one that means nothing is left as it is, so that a list of such names selects nothing.
    pub(super) fn read(
        lists: &Lists<'_>,
        names_pods: impl Fn(&str) -> bool,
    ) -> Result<Option<Self>, SpecHooksError> {
        let (included, excluded) = lists.kinds;
        let plural = |name: &String| if names_pods(name) { PODS.to_owned() } else { name.clone() };
        if !IncludesExcludes::new(included.iter().map(plural), excluded.iter().map(plural)).includes(PODS) {
            return Ok(None);
        }
        let selector = lists.selector.map(Selector::parse).transpose();
        let selector = selector.map_err(|source| SpecHooksError { name: lists.name.to_owned(), source })?;
        let (included, excluded) = lists.namespaces;
        let namespaces = IncludesExcludes::new(included.iter().cloned(), excluded.iter().cloned());
        Ok(Some(Self { namespaces, selector: selector.unwrap_or_default() }))
    }

    /// Whether a pod in this namespace and with these labels is one of them.
    pub(super) fn has(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.namespaces.includes(namespace) && self.selector.matches(labels)
    }
}

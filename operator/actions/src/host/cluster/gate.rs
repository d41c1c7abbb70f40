//! Whether a request may be made, and in whose name: the manifest's rules, the server's ceiling, and names that are names and nothing else.
//!
//! What passes names its kind by a version that the cluster serves, and has a namespace exactly where the kind has namespaces: a rule for some namespaces
//! cannot be stretched to what lies in none.

use std::sync::Arc;

use super::super::{
    bindings::lateen::item_action::{
        cluster::Query,
        cluster_types::{Address, KindOf},
    },
    state::State,
};
use crate::{
    cluster_access::{
        Account, Asker, ClusterAccess, ClusterAddress, ClusterFailure, ClusterKind, ClusterQuery,
        ClusterServed, Reason,
    },
    limits,
    manifest::Verb,
};

/// A request that may be made.
pub(super) struct Admitted {
    pub(super) access: Arc<dyn ClusterAccess>,
    pub(super) asker: Asker,
    pub(super) kind: ClusterKind,
    pub(super) served: ClusterServed,
}

impl Admitted {
    /// `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        let ClusterKind { group, version, resource: _ } = &self.kind;
        if group.is_empty() { version.clone() } else { format!("{group}/{version}") }
    }

    pub(super) fn is_secrets(&self) -> bool {
        self.kind.group.is_empty() && self.kind.resource == "secrets"
    }

    pub(super) fn is_configmaps(&self) -> bool {
        self.kind.group.is_empty() && self.kind.resource == "configmaps"
    }
}

impl State {
    /// The way to the cluster, while a call of a run is under way.
    pub(super) fn access(&self) -> Result<Arc<dyn ClusterAccess>, ClusterFailure> {
        let refuse = |message: &str| Err(ClusterFailure::new(Reason::NotGranted, message));
        let Some(run) = self.run.as_ref().filter(|_| self.cluster.in_call) else {
            return refuse("the cluster cannot be asked in `configure`, which must not depend on it");
        };
        match &run.cluster {
            Some(access) => Ok(Arc::clone(access)),
            None => refuse("there is no cluster to ask in this run"),
        }
    }

    /// Checks a request about one object that has a name.
    pub(super) fn admit_address(
        &self,
        verb: Verb,
        object: Address,
    ) -> Result<(Admitted, ClusterAddress), ClusterFailure> {
        let Address { kind, namespace, name } = object;
        check_segment("the name", &name)?;
        let admitted = self.admit(verb, kind, namespace.as_deref(), true)?;
        let address = ClusterAddress { kind: admitted.kind.clone(), namespace, name };
        Ok((admitted, address))
    }

    /// Checks a list.
    pub(super) fn admit_query(&self, query: Query) -> Result<(Admitted, ClusterQuery), ClusterFailure> {
        let Query { kind, namespace, label_selector, field_selector, limit, after, extra: _ } = query;
        for text in [&label_selector, &field_selector].into_iter().chain(&after) {
            if text.len() > limits::CLUSTER_TEXT {
                let message = format!("a selector or `after` has more than {} bytes", limits::CLUSTER_TEXT);
                return Err(ClusterFailure::new(Reason::Invalid, message));
            }
        }
        let limit = match limit {
            0 => limits::CLUSTER_PAGE,
            1..=limits::CLUSTER_PAGE => limit,
            _ => {
                let message = format!("a page has at most {} objects, not {limit}", limits::CLUSTER_PAGE);
                return Err(ClusterFailure::new(Reason::Invalid, message));
            }
        };
        let admitted = self.admit(Verb::List, kind, namespace.as_deref(), false)?;
        let kind = admitted.kind.clone();
        let after = after.filter(|token| !token.is_empty());
        Ok((admitted, ClusterQuery { kind, namespace, label_selector, field_selector, limit, after }))
    }

    /// Checks kind, scope and grants. With `one` the request is about one object, which has a namespace if its kind has any.
    pub(super) fn admit(
        &self,
        verb: Verb,
        kind: KindOf,
        namespace: Option<&str>,
        one: bool,
    ) -> Result<Admitted, ClusterFailure> {
        let access = self.access()?;
        let KindOf { group, version, resource } = kind;
        if resource.contains('/') {
            let message = format!("{resource} is a subresource, and those are never granted");
            return Err(ClusterFailure::new(Reason::NotGranted, message));
        }
        check_segment("the resource", &resource)?;
        for (what, text) in [
            ("the group", Some(group.as_str()).filter(|group| !group.is_empty())),
            ("the namespace", namespace),
        ] {
            text.map_or(Ok(()), |text| check_segment(what, text))?;
        }
        if !self.cluster.rules.allow_somewhere(verb, &group, &resource) {
            return Err(not_granted(verb, &group, &resource, namespace));
        }
        let served = access.serves(&group).into_iter().find(|served| {
            served.resource == resource
                && version.as_ref().map_or(served.preferred, |version| served.version == *version)
        });
        let kind = ClusterKind { group, version: version.unwrap_or_default(), resource };
        let Some(served) = served else {
            let version =
                if kind.version.is_empty() { String::new() } else { format!(" in {}", kind.version) };
            let message = format!("the cluster does not serve {kind}{version}");
            return Err(ClusterFailure::new(Reason::NotFound, message));
        };
        let kind = ClusterKind { version: served.version.clone(), ..kind };
        check_scope(&kind, &served, namespace, one)?;
        self.check_grant(verb, &kind, namespace)?;
        let asker = Asker {
            account: self.account(),
            field_manager: self.cluster.field_manager.clone(),
            dry_run: self.run.as_ref().is_some_and(|run| run.dry_run),
            answer_limit: limits::CLUSTER_RAW_ANSWER,
        };
        Ok(Admitted { access, asker, kind, served })
    }

    /// Built-in actions are the server's own code: no flag has to allow what they ask for.
    fn account(&self) -> Account {
        match &self.cluster.ceiling.service_account {
            Some(name) if !self.cluster.built_in => Account::ServiceAccount { name: name.clone() },
            _ => Account::Server,
        }
    }

    fn check_grant(
        &self,
        verb: Verb,
        kind: &ClusterKind,
        namespace: Option<&str>,
    ) -> Result<(), ClusterFailure> {
        let ClusterKind { group, resource, version: _ } = kind;
        if !self.cluster.rules.allow(verb, group, resource, namespace) {
            return Err(not_granted(verb, group, resource, namespace));
        }
        if !self.cluster.built_in && !self.cluster.ceiling.allows(verb, group, resource, namespace) {
            return Err(not_allowed(verb, &kind.to_string(), namespace));
        }
        Ok(())
    }
}

/// The line that the manifest lacks.
fn not_granted(verb: Verb, group: &str, resource: &str, namespace: Option<&str>) -> ClusterFailure {
    let kind = ClusterKind { group: group.into(), version: String::new(), resource: resource.into() };
    let place = namespace.map(|namespace| format!(", namespaces: [{namespace}]")).unwrap_or_default();
    let secrets = if group.is_empty() && resource == "secrets" { "secrets: true, " } else { "" };
    ClusterFailure::new(
        Reason::NotGranted,
        format!(
            "to {verb} {kind} is not granted; it needs `capabilities: {{{secrets}cluster: [{{verbs: [{verb}], resources: [{kind}]{place}}}]}}` in the manifest"
        ),
    )
}

/// The flag that the server lacks.
pub(super) fn not_allowed(verb: Verb, kind: &str, namespace: Option<&str>) -> ClusterFailure {
    let place = namespace.map(|namespace| format!(":{namespace}")).unwrap_or_default();
    ClusterFailure::new(
        Reason::NotGranted,
        format!(
            "the server's flags do not allow to {verb} {kind}; it takes --action-cluster-access '{verb}:{kind}{place}' beside what there is"
        ),
    )
}

fn check_scope(
    kind: &ClusterKind,
    served: &ClusterServed,
    namespace: Option<&str>,
    one: bool,
) -> Result<(), ClusterFailure> {
    match namespace {
        Some(namespace) if !served.namespaced => {
            let message = format!("{kind} are not in namespaces, and {namespace} was given");
            Err(ClusterFailure::new(Reason::Invalid, message))
        }
        None if served.namespaced && one => {
            Err(ClusterFailure::new(Reason::Invalid, format!("{kind} are in namespaces, and none was given")))
        }
        _ => Ok(()),
    }
}

/// What becomes a segment of a path must not be able to become two.
pub(super) fn check_segment(what: &str, text: &str) -> Result<(), ClusterFailure> {
    let is_name = !matches!(text, "" | "." | "..")
        && text.len() <= limits::CLUSTER_TEXT
        && !text.contains(['/', '\\', '%', '?', '#'])
        && !text.contains(char::is_control);
    if is_name {
        Ok(())
    } else {
        Err(ClusterFailure::new(Reason::Invalid, format!("{what} cannot be that of an object")))
    }
}

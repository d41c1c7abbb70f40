//! The way from item actions to the API server: what the host of actions has checked is sent, and what comes back is told in the contract's words.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use kube::Client;
use kube::core::response::reason;
use lateen_actions::ClusterAccess;
use lateen_actions::cluster_access::{
    Account, Asker, ClusterAddress, ClusterDelete, ClusterFailure, ClusterKind, ClusterPage, ClusterPatch,
    ClusterQuery, ClusterServed, Propagation, Reason,
};
use lateen_cluster::item_action_access::{ActionRequests, PatchForm, Selection};
use lateen_cluster::request::RequestError;
use lateen_core::catalog::Catalog;
use lateen_core::kind::{ObjectName, ServedKind};

/// The cluster, as a run has discovered it.
pub(crate) struct RunCluster {
    client: Client,
    /// Where service accounts for actions live: the server's namespace.
    namespace: String,
    catalog: Arc<Catalog>,
    /// Everything is asked in the caller's own name, and nothing is kept.
    rehearsal: bool,
}

impl RunCluster {
    pub(crate) fn new(client: Client, namespace: String, catalog: Arc<Catalog>) -> Self {
        Self { client, namespace, catalog, rehearsal: false }
    }

    /// For somebody who is no server: nobody is impersonated, so that no action reaches further than its user, and every write is a dry run,
    /// whatever the host says.
    pub(crate) fn rehearsal(client: Client, namespace: String, catalog: Arc<Catalog>) -> Self {
        Self { client, namespace, catalog, rehearsal: true }
    }

    fn requests(&self, asker: &Asker) -> ActionRequests {
        let Asker { account, field_manager, dry_run, answer_limit } = asker;
        ActionRequests {
            client: self.client.clone(),
            service_account: match account {
                Account::Server => None,
                Account::ServiceAccount { .. } if self.rehearsal => None,
                Account::ServiceAccount { name } => Some((self.namespace.clone(), name.clone())),
            },
            field_manager: field_manager.clone(),
            dry_run: *dry_run || self.rehearsal,
            answer_limit: *answer_limit,
        }
    }

    fn kind(&self, kind: &ClusterKind) -> Result<&ServedKind, ClusterFailure> {
        let ClusterKind { group, version, resource } = kind;
        self.catalog
            .served(group)
            .find(|served| served.group_resource.resource == *resource && served.version == *version)
            .ok_or_else(|| {
                ClusterFailure::new(Reason::NotFound, format!("the cluster does not serve {kind}"))
            })
    }

    async fn patched(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        status: bool,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        let (form, text) = match patch {
            ClusterPatch::Merge(text) => (PatchForm::Merge, text),
            ClusterPatch::Json(text) => (PatchForm::Json, text),
            ClusterPatch::Apply(text) => (PatchForm::Apply, text),
        };
        let kind = self.kind(&object.kind)?;
        let answer = self.requests(asker).patch(kind, &name(object), status, form, text.clone()).await;
        answer.map_err(failure)
    }
}

#[async_trait::async_trait]
impl ClusterAccess for RunCluster {
    fn serves(&self, group: &str) -> Vec<ClusterServed> {
        let mut seen = BTreeSet::new();
        let served = |kind: &ServedKind| ClusterServed {
            version: kind.version.clone(),
            resource: kind.group_resource.resource.clone(),
            kind: kind.kind.clone(),
            namespaced: kind.namespaced,
            // The preferred version comes first.
            preferred: seen.insert(kind.group_resource.resource.clone()),
        };
        self.catalog.served(group).map(served).collect()
    }

    async fn get(&self, asker: &Asker, object: &ClusterAddress) -> Result<String, ClusterFailure> {
        self.requests(asker).get(self.kind(&object.kind)?, &name(object)).await.map_err(failure)
    }

    async fn list(&self, asker: &Asker, query: &ClusterQuery) -> Result<ClusterPage, ClusterFailure> {
        let ClusterQuery { kind, namespace, label_selector, field_selector, limit, after } = query;
        let selection = Selection {
            namespace: namespace.clone(),
            labels: label_selector.clone(),
            fields: field_selector.clone(),
            limit: *limit,
            after: after.clone().unwrap_or_default(),
        };
        let page = self.requests(asker).list(self.kind(kind)?, &selection).await.map_err(failure)?;
        let next = Some(page.continue_token().to_owned()).filter(|token| !token.is_empty());
        Ok(ClusterPage { items: page.items().map(str::to_owned).collect(), next })
    }

    async fn create(
        &self,
        asker: &Asker,
        kind: &ClusterKind,
        namespace: Option<&str>,
        object: &str,
    ) -> Result<String, ClusterFailure> {
        let answer = self.requests(asker).create(self.kind(kind)?, namespace, object.to_owned()).await;
        answer.map_err(failure)
    }

    async fn patch(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        self.patched(asker, object, false, patch).await
    }

    async fn patch_status(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        self.patched(asker, object, true, patch).await
    }

    async fn delete(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        options: &ClusterDelete,
    ) -> Result<(), ClusterFailure> {
        let propagation = match options.propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        };
        let kind = self.kind(&object.kind)?;
        let answer =
            self.requests(asker).delete(kind, &name(object), propagation, options.uid.as_deref()).await;
        answer.map_err(failure)
    }
}

impl fmt::Debug for RunCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunCluster").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

fn name(object: &ClusterAddress) -> ObjectName {
    ObjectName::new(object.namespace.as_deref(), &object.name)
}

/// What went wrong, in the contract's words.
fn failure(error: RequestError) -> ClusterFailure {
    let (reason, code) = match &error {
        RequestError::Status(status) if is_webhook(&status.message) => (Reason::Invalid, status.code),
        RequestError::Status(status) => (reason_of(status.code, &status.reason), status.code),
        RequestError::TooLarge { .. } => (Reason::TooLarge, 0),
        RequestError::Name(_) | RequestError::Form(_) => (Reason::Invalid, 0),
        // Whether the API server has seen the request is not known.
        RequestError::Transport(_) => (Reason::TimedOut, 0),
        RequestError::NotText(_) | RequestError::Unexpected { .. } => (Reason::Other, 0),
    };
    ClusterFailure { reason, code, message: error.line() }
}

/// Webhooks refuse with a code of their own choice, also with 403, which is not about the account then.
fn is_webhook(message: &str) -> bool {
    message.starts_with("admission webhook ")
}

fn reason_of(code: u16, word: &str) -> Reason {
    match code {
        400 | 413 | 415 | 422 => Reason::Invalid,
        // Not 401: that is about the server's own credentials.
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        409 if word == reason::ALREADY_EXISTS => Reason::AlreadyExists,
        409 | 412 => Reason::Conflict,
        410 => Reason::Expired,
        429 | 502 | 503 => Reason::Unavailable,
        504 => Reason::TimedOut,
        _ => Reason::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_reasons() {
        for (code, word, expected) in [
            (400, "BadRequest", Reason::Invalid),
            (401, "Unauthorized", Reason::Other),
            (403, "Forbidden", Reason::Forbidden),
            (409, "AlreadyExists", Reason::AlreadyExists),
            (409, "Conflict", Reason::Conflict),
            (410, "Expired", Reason::Expired),
            (422, "Invalid", Reason::Invalid),
            (429, "TooManyRequests", Reason::Unavailable),
            (504, "Timeout", Reason::TimedOut),
        ] {
            assert_eq!(reason_of(code, word), expected, "{code} {word}");
        }
    }
}

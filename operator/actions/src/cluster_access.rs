//! The cluster as actions may ask for it: what a request says, what its answer is, and who makes it.
//!
//! The host checks every request before it gets here (grants, the server's ceiling, limits) and looks through every answer behind it; whoever
//! implements [`ClusterAccess`] sends it and reports what came back. The server does that over its connection, tests and the author's kit out
//! of files.
//!
//! Nothing here decides whether a request is allowed, and nothing here is part of the contract with guests.

use std::fmt;

use async_trait::async_trait;

/// A kind, by group and plural.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterKind {
    /// API group, `""` for the core group.
    pub group: String,
    /// API version without the group: always one that [`ClusterAccess::serves`] has named.
    pub version: String,
    /// Plural, lower case, never with a subresource.
    pub resource: String,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterAddress {
    /// What it is.
    pub kind: ClusterKind,
    /// Where it is; `None` exactly if the kind is cluster-scoped.
    pub namespace: Option<String>,
    /// `metadata.name`. Can be a segment of a path.
    pub name: String,
}

/// Which objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterQuery {
    /// One kind.
    pub kind: ClusterKind,
    /// `None`: all namespaces, or a cluster-scoped kind.
    pub namespace: Option<String>,
    /// As for `kubectl -l`; empty for everything.
    pub label_selector: String,
    /// As for `kubectl --field-selector`; empty for everything.
    pub field_selector: String,
    /// Objects per page, 1 to 500.
    pub limit: u32,
    /// [`ClusterPage::next`] of the page before.
    pub after: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterPage {
    /// Objects as JSON, as the API server writes them: `apiVersion` and `kind` may be missing.
    pub items: Vec<String>,
    /// `None`: this was the last page.
    pub next: Option<String>,
}

/// One way in which the cluster serves a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterServed {
    /// `v1`.
    pub version: String,
    /// `deployments`.
    pub resource: String,
    /// `Deployment`.
    pub kind: String,
    /// Its objects live in namespaces.
    pub namespaced: bool,
    /// It is the version that the cluster prefers for the kind.
    pub preferred: bool,
}

/// A change to an object. The texts are JSON that was parsed and written by the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterPatch {
    /// RFC 7396.
    Merge(String),
    /// RFC 6902.
    Json(String),
    /// Server-side apply, without force.
    Apply(String),
}

/// What becomes of the dependents of an object that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay.
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDelete {
    /// What becomes of dependents.
    pub propagation: Propagation,
    /// Only the object with this `metadata.uid`.
    pub uid: Option<String>,
}

/// In whose name a request is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// The server's own: for actions that come with the server.
    Server,
    /// A service account in the server's namespace.
    ServiceAccount {
        /// Its name.
        name: String,
    },
}

/// Who asks, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// In whose name.
    pub account: Account,
    /// The manager of fields that are written: `lateen/<name of the action>`.
    pub field_manager: String,
    /// Writes change nothing: `dryRun=All`.
    pub dry_run: bool,
    /// Most bytes of an answer that are of use; what is longer is [`Reason::TooLarge`], and need not be read to its end.
    pub answer_limit: usize,
}

/// Why a request was not fulfilled; the contract's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not asked for in the manifest, or not allowed by the server's flags. Nothing was sent.
    NotGranted,
    /// The API server refused the account.
    Forbidden,
    /// No such object, or no such kind.
    NotFound,
    /// On create.
    AlreadyExists,
    /// It changed meanwhile, or a precondition failed.
    Conflict,
    /// Not accepted: the object or the query.
    Invalid,
    /// The `next` of a list is too old.
    Expired,
    /// More bytes than an answer may have.
    TooLarge,
    /// Requests or bytes of the call are used up.
    Exhausted,
    /// No answer in time; a write may have happened.
    TimedOut,
    /// The run is being cancelled.
    Cancelled,
    /// The API server has no time, after retries.
    Unavailable,
    /// Anything else.
    Other,
}

/// A request that was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClusterFailure {
    /// To decide by.
    pub reason: Reason,
    /// HTTP status, 0 where the API server was not asked.
    pub code: u16,
    /// For people.
    pub message: String,
}

impl ClusterFailure {
    /// A failure without an answer of the API server.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, code: 0, message: message.into() }
    }
}

/// Sends requests. Every method but [`Self::serves`] may take as long as it likes and may be dropped in the middle: the host has a limit for
/// each request.
#[async_trait]
pub trait ClusterAccess: fmt::Debug + Send + Sync {
    /// What the cluster serves in a group, every version of every kind; nothing where there is no such group. No request: what the run knows.
    fn serves(&self, group: &str) -> Vec<ClusterServed>;

    /// An object as JSON, as the API server has it now.
    async fn get(&self, asker: &Asker, object: &ClusterAddress) -> Result<String, ClusterFailure>;

    /// A page of a list.
    async fn list(&self, asker: &Asker, query: &ClusterQuery) -> Result<ClusterPage, ClusterFailure>;

    /// Creates an object (JSON) of this kind, in this namespace unless the kind is cluster-scoped. The object as created.
    async fn create(
        &self,
        asker: &Asker,
        kind: &ClusterKind,
        namespace: Option<&str>,
        object: &str,
    ) -> Result<String, ClusterFailure>;

    /// Changes an object. The object as changed.
    async fn patch(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure>;

    /// Changes the status of an object. The object as changed.
    async fn patch_status(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure>;

    /// Deletes an object; returns when the API server has accepted it.
    async fn delete(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        options: &ClusterDelete,
    ) -> Result<(), ClusterFailure>;
}

impl fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, resource, version: _ } = self;
        if group.is_empty() { f.write_str(resource) } else { write!(f, "{resource}.{group}") }
    }
}

impl fmt::Display for ClusterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
            None => write!(f, "{kind} {name}"),
        }
    }
}

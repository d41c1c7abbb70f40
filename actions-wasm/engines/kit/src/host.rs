//! The host as an engine sees it: plain arguments, whole answers.
//!
//! [`Imports`] is the real one. Resources are written as authors write them ([`resource`]); an empty namespace is none.

use crate::{
    Failure, Level, Reason, Run, Subject,
    bindings::lateen::item_action::{
        cluster, cluster_types::Address, cluster_write, context, environment, journal,
    },
    resource,
};

/// What the host offers. Who is asked when, and what is granted, is told in the contract (`wit/`).
pub trait Host {
    /// One line for the log of the run.
    fn log(&self, level: Level, message: &str);
    /// The run; constant for the life of an instance.
    fn run(&self) -> Run;
    /// The Backup or Restore, a JSON object.
    fn run_object(&self) -> String;
    /// The Backup that a Restore restores from, a JSON object.
    fn source_backup(&self) -> Option<String>;
    /// The item of the present call as Lateen sees it.
    fn subject(&self) -> Subject;
    /// Restore: the item as it is in the archive, a JSON object; none in the other roles.
    fn original(&self) -> Option<String>;
    /// Milliseconds since 1970 UTC.
    fn now_ms(&self) -> u64;
    /// 1 to 256 unpredictable bytes.
    fn random(&self, length: u32) -> Vec<u8>;
    /// An object of the cluster as JSON; none: there is no such object.
    fn get(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<Option<String>, Failure>;
    /// All objects of a kind as JSON, page by page until the last. The selectors are those of kubectl, "" for everything.
    fn list(&self, query: Query<'_>) -> Result<Vec<String>, Failure>;
    /// Creates an object, and answers it as created.
    fn create(&self, object: &str) -> Result<String, Failure>;
    /// Changes an object of the cluster by a merge patch (RFC 7396), and answers it as patched.
    fn patch(
        &self,
        resource: &str,
        namespace: Option<&str>,
        name: &str,
        merge: &str,
    ) -> Result<String, Failure>;
    /// Deletes an object, dependents in the background; false: there was none.
    fn delete(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<bool, Failure>;
}

/// Which objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// `pods`, `deployments.apps`.
    pub resource: &'a str,
    /// none: all namespaces, or a cluster-scoped kind.
    pub namespace: Option<&'a str>,
    /// As for `kubectl -l`.
    pub labels: &'a str,
    /// As for `kubectl --field-selector`.
    pub fields: &'a str,
}

/// The text for a script's author. It names the object, and what the manifest lacks.
pub fn describe(failure: &Failure) -> String {
    failure.message.clone()
}

/// One word for the reason, for languages whose errors carry a value to decide by: `not-found`, `already-exists`.
pub fn reason(failure: &Failure) -> &'static str {
    match failure.reason {
        Reason::NotGranted => "not-granted",
        Reason::Forbidden => "forbidden",
        Reason::NotFound => "not-found",
        Reason::AlreadyExists => "already-exists",
        Reason::Conflict => "conflict",
        Reason::Invalid => "invalid",
        Reason::Expired => "expired",
        Reason::TooLarge => "too-large",
        Reason::Exhausted => "exhausted",
        Reason::TimedOut => "timed-out",
        Reason::Cancelled => "cancelled",
        Reason::Unavailable => "unavailable",
        Reason::Other => "other",
    }
}

/// The host that calls the component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Imports;

impl Host for Imports {
    fn log(&self, level: Level, message: &str) {
        journal::log(level, message);
    }

    fn run(&self) -> Run {
        context::this_run()
    }

    fn run_object(&self) -> String {
        context::run_object()
    }

    fn source_backup(&self) -> Option<String> {
        context::source_backup()
    }

    fn subject(&self) -> Subject {
        context::this_item()
    }

    fn original(&self) -> Option<String> {
        context::item_from_backup()
    }

    fn now_ms(&self) -> u64 {
        environment::now_ms()
    }

    fn random(&self, length: u32) -> Vec<u8> {
        environment::random(length)
    }

    fn get(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<Option<String>, Failure> {
        match cluster::get(&address(resource, namespace, name)) {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.reason == Reason::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn list(&self, query: Query<'_>) -> Result<Vec<String>, Failure> {
        let mut wanted = cluster::Query {
            kind: resource::kind(query.resource),
            namespace: resource::some(query.namespace),
            label_selector: query.labels.to_owned(),
            field_selector: query.fields.to_owned(),
            limit: 0,
            after: None,
            extra: String::new(),
        };
        let mut items = Vec::new();
        // Ends at the latest when the host's requests per call are used up.
        loop {
            let page = cluster::list_page(&wanted)?;
            items.extend(page.items);
            if page.next.is_none() {
                return Ok(items);
            }
            wanted.after = page.next;
        }
    }

    fn create(&self, object: &str) -> Result<String, Failure> {
        cluster_write::create(object)
    }

    fn patch(
        &self,
        resource: &str,
        namespace: Option<&str>,
        name: &str,
        merge: &str,
    ) -> Result<String, Failure> {
        let patch = cluster_write::ClusterPatch::Merge(merge.to_owned());
        cluster_write::patch(&address(resource, namespace, name), &patch)
    }

    fn delete(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<bool, Failure> {
        let options =
            cluster_write::DeleteOptions { propagation: cluster_write::Propagation::Background, uid: None };
        match cluster_write::remove(&address(resource, namespace, name), &options) {
            Ok(()) => Ok(true),
            Err(failure) if failure.reason == Reason::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

fn address(resource: &str, namespace: Option<&str>, name: &str) -> Address {
    Address { kind: resource::kind(resource), namespace: resource::some(namespace), name: name.to_owned() }
}

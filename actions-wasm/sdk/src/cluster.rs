//! Reading the cluster, where `capabilities.cluster` in the manifest asks for it and the server's flags allow it. For writing see
//! [`cluster_write`](crate::cluster_write).
//!
//! Everything is generic over what the caller wants to see of an object: a [`Value`](crate::Value), or a struct with a few fields. A [`Failure`] becomes the text
//! of an `Err` with `?`.

use serde::de::DeserializeOwned;

use crate::bindings::lateen::item_action::cluster as host;
pub use crate::bindings::lateen::item_action::{
    cluster::Served,
    cluster_types::{Address, Failure, KindOf, Reason},
};

/// Objects per page, unless [`Query::page`] says otherwise. An answer may have 4 MiB, and an object rarely has more than 20 KiB.
const PAGE: u32 = 200;

impl KindOf {
    /// In the version that the cluster prefers. The core group is "".
    pub fn new(group: &str, resource: &str) -> Self {
        Self { group: group.to_owned(), version: None, resource: resource.to_owned() }
    }

    /// In this version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        failure.message
    }
}

/// One object as the API server has it now; none where there is no such object, or no such kind.
pub fn get<T: DeserializeOwned>(
    kind: KindOf,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<T>, Failure> {
    let address = Address { kind, namespace: namespace.map(Into::into), name: name.to_owned() };
    match host::get(&address) {
        Ok(text) => read(&text).map(Some),
        Err(failure) if failure.reason == Reason::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What the cluster serves in a group, from the run's discovery. Empty: no such group. Needs no grant.
pub fn serves(group: &str) -> Result<Vec<Served>, Failure> {
    host::serves(group)
}

/// Which objects to list.
#[derive(Debug, Clone)]
#[must_use]
pub struct Query(host::Query);

impl Query {
    /// All of a kind, in all namespaces.
    pub fn new(kind: KindOf) -> Self {
        Self(host::Query {
            kind,
            namespace: None,
            label_selector: String::new(),
            field_selector: String::new(),
            limit: PAGE,
            after: None,
            extra: String::new(),
        })
    }

    /// In this namespace only.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.0.namespace = Some(namespace.to_owned());
        self
    }

    /// As for `kubectl -l`.
    pub fn labels(mut self, selector: impl Into<String>) -> Self {
        self.0.label_selector = selector.into();
        self
    }

    /// As for `kubectl --field-selector`.
    pub fn fields(mut self, selector: impl Into<String>) -> Self {
        self.0.field_selector = selector.into();
        self
    }

    /// Objects per page, 1 to 500. A page that turns out too large is asked for again with half as many.
    pub fn page(mut self, objects: u32) -> Self {
        self.0.limit = objects;
        self
    }

    /// The objects, page by page as they are wanted. Ends after the first failure.
    pub fn list<T: DeserializeOwned>(self) -> List<T> {
        List { query: self.0, page: Vec::new().into_iter(), finished: false, item: std::marker::PhantomData }
    }
}

/// The answer to a [`Query`]; collect it into a `Result<Vec<T>, Failure>`, or look at one object after the other.
pub struct List<T> {
    query: host::Query,
    page: std::vec::IntoIter<String>,
    finished: bool,
    item: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Iterator for List<T> {
    type Item = Result<T, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(text) = self.page.next() {
                return Some(read(&text));
            }
            if self.finished {
                return None;
            }
            match host::list_page(&self.query) {
                Ok(page) => {
                    self.page = page.items.into_iter();
                    self.finished = page.next.is_none();
                    self.query.after = page.next;
                }
                Err(failure) if failure.reason == Reason::TooLarge && self.query.limit > 1 => {
                    self.query.limit /= 2;
                }
                Err(failure) => {
                    self.finished = true;
                    return Some(Err(failure));
                }
            }
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure {
        reason: Reason::Other,
        code: 0,
        message: format!("cannot read an object of the cluster: {error}"),
    })
}

//! A cluster that a test has written down, and that counts what it is asked for.

use std::cell::Cell;

use lateen_action::{Value, cluster::KindOf};
use serde::de::DeserializeOwned;

use super::{Cluster, Listing};

/// The objects, by what they are, and the number of lists so far.
#[derive(Default)]
pub(crate) struct Recorded {
    /// Group, version, plural, objects. The first of a group and plural is preferred.
    pub(crate) kinds: Vec<(&'static str, &'static str, &'static str, Vec<Value>)>,
    /// How often something was listed.
    pub(crate) lists: Cell<usize>,
    /// What every request fails with.
    pub(crate) failure: Option<&'static str>,
}

impl Recorded {
    fn objects(&self, group: &str, version: Option<&str>, resource: &str) -> Result<&[Value], String> {
        if let Some(failure) = self.failure {
            return Err(failure.to_owned());
        }
        let found = self.kinds.iter().find(|(g, v, r, _)| {
            (*g, *r) == (group, resource) && version.is_none_or(|version| version == *v)
        });
        Ok(found.map(|(_, _, _, objects)| objects.as_slice()).unwrap_or_default())
    }
}

impl Cluster for Recorded {
    fn get<T: DeserializeOwned>(
        &self,
        kind: KindOf,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<T>, String> {
        let objects = self.objects(&kind.group, kind.version.as_deref(), &kind.resource)?;
        let found = objects.iter().find(|object| {
            object["metadata"]["name"] == name && object["metadata"]["namespace"].as_str() == namespace
        });
        Ok(found.map(|object| T::deserialize(object).expect("the object is of the kind asked for")))
    }

    fn list<T: DeserializeOwned>(&self, listing: Listing<'_>) -> Result<Vec<T>, String> {
        self.lists.set(self.lists.get() + 1);
        let wanted = listing.labels.split_once('=');
        let objects = self.objects(listing.group, None, listing.resource)?.iter().filter(|object| {
            object["metadata"]["namespace"].as_str() == listing.namespace
                && wanted.is_none_or(|(key, value)| object["metadata"]["labels"][key] == value)
        });
        Ok(objects.map(|object| T::deserialize(object).expect("the object is of the kind listed")).collect())
    }

    fn serves(&self, group: &str, resource: &str, version: Option<&str>) -> Result<bool, String> {
        Ok(self
            .kinds
            .iter()
            .any(|(g, v, r, _)| (*g, *r) == (group, resource) && version.is_none_or(|version| version == *v)))
    }
}

//! The objects of one kind as a watch has told them: what a controller decides on.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;
use lateen_cluster::watch::Watched;

/// Objects by name. What it holds may be older than what the API server has: writes carry the resource version that they were decided
/// on, and a conflict brings the newer state here soon.
#[derive(Debug)]
pub struct Known<T> {
    objects: BTreeMap<String, Arc<T>>,
    listing: Option<BTreeMap<String, Arc<T>>>,
    complete: bool,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), listing: None, complete: false }
    }
}

impl<T: ResourceExt> Known<T> {
    /// Takes in what the watch tells.
    pub fn take_in(&mut self, told: Watched<T>) {
        match told {
            Watched::Listing => self.listing = Some(BTreeMap::new()),
            Watched::Applied(object) => {
                let objects = self.listing.as_mut().unwrap_or(&mut self.objects);
                objects.insert(object.name_any(), object);
            }
            Watched::Deleted(object) => {
                if let Some(listing) = self.listing.as_mut() {
                    listing.remove(&object.name_any());
                }
                self.objects.remove(&object.name_any());
            }
            Watched::Listed => {
                if let Some(objects) = self.listing.take() {
                    self.objects = objects;
                }
                self.complete = true;
            }
        }
    }

    /// Takes in the answer to a patch, before the watch tells it.
    pub fn patched(&mut self, object: Arc<T>) {
        self.objects.insert(object.name_any(), object);
    }

    /// Whether a whole list was seen: before that, what is missing may only not have been told yet.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<T>> {
        self.objects.values()
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<T>> {
        self.objects.get(name)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn named(name: &str) -> Arc<ConfigMap> {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        Arc::new(object)
    }

    #[test]
    fn what_a_new_list_does_not_bring_is_gone() {
        let mut known = Known::default();
        for told in
            [Watched::Listing, Watched::Applied(named("a")), Watched::Applied(named("b")), Watched::Listed]
        {
            known.take_in(told);
        }
        known.take_in(Watched::Listing);
        known.take_in(Watched::Applied(named("b")));
        assert_eq!(known.all().count(), 2, "the old list counts until the new one is complete");
        known.take_in(Watched::Listed);
        assert!(known.get("a").is_none() && known.get("b").is_some());
        known.take_in(Watched::Deleted(named("b")));
        assert_eq!(known.all().count(), 0);
    }
}

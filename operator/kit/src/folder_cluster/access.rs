//! The folder as the host asks it. Writes are dry runs: they answer with what would be, and nothing is kept.
//!
//! Whether a request is allowed has been decided before it gets here.

use async_trait::async_trait;
use lateen_actions::cluster_access::{
    Asker, ClusterAccess, ClusterAddress, ClusterDelete, ClusterFailure, ClusterKind, ClusterPage,
    ClusterPatch, ClusterQuery, ClusterServed, Reason,
};
use serde_json::Value;

use super::{FolderCluster, FolderQuery};

#[async_trait]
impl ClusterAccess for FolderCluster {
    fn serves(&self, group: &str) -> Vec<ClusterServed> {
        let kinds = self.kinds(group);
        let newest = |resource: &str| {
            kinds.iter().filter(|kind| kind.resource == resource).map(|kind| &kind.version).max()
        };
        let served = kinds.iter().map(|kind| ClusterServed {
            preferred: newest(&kind.resource) == Some(&kind.version),
            version: kind.version.clone(),
            resource: kind.resource.clone(),
            kind: kind.kind.clone(),
            namespaced: kind.namespaced,
        });
        served.collect()
    }

    async fn get(&self, asker: &Asker, object: &ClusterAddress) -> Result<String, ClusterFailure> {
        let text = self.find(object)?.to_string();
        if text.len() > asker.answer_limit {
            return Err(ClusterFailure::new(
                Reason::TooLarge,
                format!("{object} is too large for an answer"),
            ));
        }
        Ok(text)
    }

    async fn list(&self, asker: &Asker, query: &ClusterQuery) -> Result<ClusterPage, ClusterFailure> {
        let invalid = |message: String| ClusterFailure { reason: Reason::Invalid, code: 400, message };
        let first = match &query.after {
            None => 0,
            Some(after) => {
                after.parse::<usize>().map_err(|_| invalid(format!("{after:?} is no `next` of a page")))?
            }
        };
        let asked = FolderQuery {
            group: &query.kind.group,
            resource: &query.kind.resource,
            namespace: query.namespace.as_deref(),
            label_selector: &query.label_selector,
            field_selector: &query.field_selector,
        };
        let found = self.select(&asked).map_err(invalid)?;
        let last = found.len().min(first.saturating_add(query.limit as usize));
        let items: Vec<String> =
            found.get(first..last).unwrap_or_default().iter().map(ToString::to_string).collect();
        if items.iter().map(String::len).sum::<usize>() > asker.answer_limit {
            return Err(ClusterFailure::new(Reason::TooLarge, "the page is too large for an answer"));
        }
        Ok(ClusterPage { items, next: (last < found.len()).then(|| last.to_string()) })
    }

    async fn create(
        &self,
        _asker: &Asker,
        kind: &ClusterKind,
        namespace: Option<&str>,
        object: &str,
    ) -> Result<String, ClusterFailure> {
        let value: Value = serde_json::from_str(object)
            .map_err(|error| ClusterFailure::new(Reason::Invalid, error.to_string()))?;
        let name = value["metadata"]["name"].as_str().unwrap_or_default();
        if self.object(&kind.group, &kind.resource, namespace, name).is_some() {
            let message = format!("{kind} {name:?} already exists");
            return Err(ClusterFailure { reason: Reason::AlreadyExists, code: 409, message });
        }
        Ok(object.to_owned())
    }

    async fn patch(
        &self,
        _asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        let invalid = |message: String| ClusterFailure { reason: Reason::Invalid, code: 422, message };
        let mut value = self.find(object)?.clone();
        match patch {
            // Without the managers of fields an apply is a merge.
            ClusterPatch::Merge(text) | ClusterPatch::Apply(text) => {
                let patch: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
                json_patch::merge(&mut value, &patch);
            }
            ClusterPatch::Json(text) => {
                let patch: json_patch::Patch =
                    serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
                json_patch::patch(&mut value, &patch).map_err(|error| invalid(error.to_string()))?;
            }
        }
        Ok(value.to_string())
    }

    async fn patch_status(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        ClusterAccess::patch(self, asker, object, patch).await
    }

    async fn delete(
        &self,
        _asker: &Asker,
        object: &ClusterAddress,
        _options: &ClusterDelete,
    ) -> Result<(), ClusterFailure> {
        self.find(object).map(drop)
    }
}

impl FolderCluster {
    fn find(&self, object: &ClusterAddress) -> Result<&Value, ClusterFailure> {
        let ClusterAddress { kind, namespace, name } = object;
        let found = self.object(&kind.group, &kind.resource, namespace.as_deref(), name);
        found.ok_or_else(|| ClusterFailure {
            reason: Reason::NotFound,
            code: 404,
            message: format!("{object} is not in the folder of the cluster"),
        })
    }
}

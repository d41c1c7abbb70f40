//! A cluster out of a table, which remembers what it was asked. There is no API server in it: what one does is tested on a real one.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use lateen_actions::{
    ClusterAccess,
    cluster_access::{
        Account, Asker, ClusterAddress, ClusterDelete, ClusterFailure, ClusterKind, ClusterPage,
        ClusterPatch, ClusterQuery, ClusterServed, Reason,
    },
};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// By `resource namespace/name`.
    objects: BTreeMap<String, Value>,
    requests: Mutex<Vec<String>>,
    silent: AtomicBool,
}

impl Recorded {
    pub(crate) fn new(objects: &[(&str, Value)]) -> Self {
        let objects = objects.iter().map(|(key, object)| ((*key).to_owned(), object.clone())).collect();
        Self { objects, ..Self::default() }
    }

    /// From now on it never answers.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// What it was asked.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn record(&self, asker: &Asker, request: String) {
        let who = match &asker.account {
            Account::Server => "server".to_owned(),
            Account::ServiceAccount { name } => name.clone(),
        };
        let dry = if asker.dry_run { " dry" } else { "" };
        self.requests.lock().unwrap().push(format!("{who}{dry}: {request}"));
        if self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        // As long as it takes others to come along.
        tokio::task::yield_now().await;
    }

    fn find(&self, address: &ClusterAddress) -> Result<String, ClusterFailure> {
        match self.objects.get(&address.to_string()) {
            Some(object) => Ok(object.to_string()),
            None => {
                Err(ClusterFailure { reason: Reason::NotFound, code: 404, message: "none such".to_owned() })
            }
        }
    }
}

#[async_trait]
impl ClusterAccess for Recorded {
    fn serves(&self, group: &str) -> Vec<ClusterServed> {
        let kind = |version: &str, resource: &str, kind: &str, namespaced, preferred| ClusterServed {
            version: version.to_owned(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            namespaced,
            preferred,
        };
        match group {
            "" => vec![
                kind("v1", "configmaps", "ConfigMap", true, true),
                kind("v1", "secrets", "Secret", true, true),
                kind("v1", "pods", "Pod", true, true),
                kind("v1", "nodes", "Node", false, true),
                kind("v1", "serviceaccounts", "ServiceAccount", true, true),
            ],
            "storage.k8s.io" => vec![kind("v1", "storageclasses", "StorageClass", false, true)],
            "velero.io" => vec![kind("v1", "backups", "Backup", true, true)],
            "shop.example" => {
                vec![kind("v1", "tools", "Tool", true, true), kind("v1alpha1", "tools", "Tool", true, false)]
            }
            _ => Vec::new(),
        }
    }

    async fn get(&self, asker: &Asker, object: &ClusterAddress) -> Result<String, ClusterFailure> {
        self.record(asker, format!("get {} {object}", object.kind.version)).await;
        self.find(object)
    }

    async fn list(&self, asker: &Asker, query: &ClusterQuery) -> Result<ClusterPage, ClusterFailure> {
        let ClusterQuery { kind, namespace, label_selector, limit, after, .. } = query;
        let place = namespace.as_deref().unwrap_or("*");
        self.record(asker, format!("list {kind} {place} {label_selector:?} {limit} {after:?}")).await;
        let prefix =
            format!("{kind} {}", namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default());
        let items = self.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        Ok(ClusterPage {
            items: items.map(|(_, object)| object.to_string()).collect(),
            next: Some(String::new()),
        })
    }

    async fn create(
        &self,
        asker: &Asker,
        kind: &ClusterKind,
        namespace: Option<&str>,
        object: &str,
    ) -> Result<String, ClusterFailure> {
        let place = namespace.unwrap_or("*");
        self.record(asker, format!("create {} {kind} {place} {object}", kind.version)).await;
        Ok(object.to_owned())
    }

    async fn patch(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        self.record(asker, format!("patch {object} {patch:?} by {}", asker.field_manager)).await;
        self.find(object)
    }

    async fn patch_status(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        patch: &ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        self.record(asker, format!("patch-status {object} {patch:?}")).await;
        self.find(object)
    }

    async fn delete(
        &self,
        asker: &Asker,
        object: &ClusterAddress,
        options: &ClusterDelete,
    ) -> Result<(), ClusterFailure> {
        self.record(asker, format!("delete {object} {:?} {:?}", options.propagation, options.uid)).await;
        self.find(object).map(drop)
    }
}

/// A ConfigMap as a list has it: without apiVersion and kind.
pub(crate) fn configmap(name: &str, data: &str) -> Value {
    json!({ "metadata": { "name": name, "namespace": "app", "managedFields": [{}] }, "data": { "x": data } })
}

//! Objects of any kind on the API server, by its own knowledge of the kinds.
//!
//! A kind is named `apiVersion/Kind`, as in `v1/ConfigMap` and `velero.io/v1/Backup`. Objects are JSON values: tests look at what is
//! there, and a type would hide what it does not know.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{DynamicObject, GroupVersionKind};
use kube::discovery::{ApiCapabilities, ApiResource, Scope, pinned_kind};
use kube::{Api, Client, Config};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::wait::wait_for;

/// Who owns the fields that are applied.
const MANAGER: &str = "test-harness";

/// How long the API server may take to serve a kind that was just defined, and a namespace to go away: a second or two when idle.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// The API server, as somebody with a kubeconfig sees it.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    /// Kinds that were found: waits ask for the same ones again and again.
    kinds: Arc<Mutex<HashMap<String, (ApiResource, Scope)>>>,
}

impl Objects {
    /// Connects. The value belongs to the async runtime in which it was made.
    pub async fn connect(kubeconfig: &Path) -> Result<Self> {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).context("read the kubeconfig")?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.context("use the kubeconfig")?;
        // Whatever proxy this machine has, it does not lead to 127.0.0.1.
        config.proxy_url = None;
        Ok(Self { client: Client::try_from(config).context("make a client")?, kinds: Arc::default() })
    }

    /// For typed access.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Applies every document of a YAML text, in their order; custom kinds can be used by the documents after their definition.
    pub async fn apply(&self, yaml: &str) -> Result<Vec<Value>> {
        let mut applied = Vec::new();
        for document in serde_yaml_ng::Deserializer::from_str(yaml) {
            let object = Value::deserialize(document).context("read the YAML")?;
            if !object.is_null() {
                applied.push(self.apply_value(&object).await?);
            }
        }
        Ok(applied)
    }

    /// Applies one object.
    pub async fn apply_value(&self, object: &Value) -> Result<Value> {
        let kind = format!("{}/{}", text(object, "/apiVersion"), text(object, "/kind"));
        let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
        let what = || format!("apply {kind} {namespace}/{name}");
        let api = self.api(&kind, namespace).await?;
        let parameters = PatchParams::apply(MANAGER).force();
        let applied = api.patch(name, &parameters, &Patch::Apply(object)).await.with_context(what)?;
        if kind == "apiextensions.k8s.io/v1/CustomResourceDefinition" {
            self.await_definition(name).await?;
        }
        to_value(&applied)
    }

    /// One object, or none.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        let api = self.api(kind, namespace).await?;
        let found = api.get_opt(name).await.with_context(|| format!("get {kind} {namespace}/{name}"))?;
        found.as_ref().map(to_value).transpose()
    }

    /// All objects of a kind in a namespace.
    pub async fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>> {
        let api = self.api(kind, namespace).await?;
        let found =
            api.list(&ListParams::default()).await.with_context(|| format!("list {kind} in {namespace}"))?;
        found.items.iter().map(to_value).collect()
    }

    /// Whether the API server would not create an object, which is not created either way.
    pub async fn refuses(&self, object: &Value) -> Result<bool> {
        let kind = format!("{}/{}", text(object, "/apiVersion"), text(object, "/kind"));
        let api = self.api(&kind, text(object, "/metadata/namespace")).await?;
        let object = serde_json::from_value(object.clone()).context("read the object")?;
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        match api.create(&parameters, &object).await {
            Ok(_) => Ok(false),
            Err(kube::Error::Api(_)) => Ok(true),
            Err(error) => Err(error).with_context(|| format!("try to create {kind}")),
        }
    }

    /// Changes an object by a merge patch.
    pub async fn merge(&self, kind: &str, namespace: &str, name: &str, patch: &Value) -> Result<Value> {
        let api = self.api(kind, namespace).await?;
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        to_value(&patched.with_context(|| format!("patch {kind} {namespace}/{name}"))?)
    }

    /// Deletes an object that is there, and does not wait for its end.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<()> {
        let api = self.api(kind, namespace).await?;
        api.delete(name, &DeleteParams::default())
            .await
            .with_context(|| format!("delete {kind} {namespace}/{name}"))?;
        Ok(())
    }

    /// Deletes all objects of a kind in a namespace, and does not wait for their end.
    pub async fn delete_all(&self, kind: &str, namespace: &str) -> Result<()> {
        let api = self.api(kind, namespace).await?;
        api.delete_collection(&DeleteParams::default(), &ListParams::default())
            .await
            .with_context(|| format!("delete all {kind} in {namespace}"))?;
        Ok(())
    }

    /// Makes an empty namespace.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        self.apply_value(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }))
            .await?;
        Ok(())
    }

    /// Deletes a namespace and waits until it and all that was in it are gone.
    pub async fn delete_namespace(&self, name: &str) -> Result<()> {
        self.delete("v1/Namespace", "", name).await?;
        wait_for(&format!("the end of namespace {name}"), LIMIT, async || {
            Ok(self.get("v1/Namespace", "", name).await?.is_none().then_some(()))
        })
        .await
    }

    /// Waits until the API server serves the kind of a definition.
    pub(crate) async fn await_definition(&self, name: &str) -> Result<()> {
        let kind = "apiextensions.k8s.io/v1/CustomResourceDefinition";
        wait_for(&format!("the definition {name} to be established"), LIMIT, async || {
            let found = self.get(kind, "", name).await?.unwrap_or_default();
            let conditions = found.pointer("/status/conditions").and_then(Value::as_array).cloned();
            let is_established =
                |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
            if !conditions.unwrap_or_default().iter().any(is_established) {
                return Ok(None);
            }
            let (group, version) = (text(&found, "/spec/group"), text(&found, "/spec/versions/0/name"));
            // Established and listed are two things; the second follows within moments.
            self.kind(&format!("{group}/{version}/{}", text(&found, "/spec/names/kind")))
                .await
                .map(|_| Some(()))
        })
        .await
    }

    async fn kind(&self, kind: &str) -> Result<(ApiResource, ApiCapabilities)> {
        let (api_version, name) =
            kind.rsplit_once('/').with_context(|| format!("{kind} is no apiVersion/Kind"))?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = GroupVersionKind::gvk(group, version, name);
        pinned_kind(&self.client, &kind).await.with_context(|| format!("find the kind {api_version}/{name}"))
    }

    async fn api(&self, kind: &str, namespace: &str) -> Result<Api<DynamicObject>> {
        let known = self.known().get(kind).cloned();
        let (resource, scope) = match known {
            Some(known) => known,
            None => {
                let (resource, capabilities) = self.kind(kind).await?;
                self.known().insert(kind.to_owned(), (resource.clone(), capabilities.scope.clone()));
                (resource, capabilities.scope)
            }
        };
        Ok(match scope {
            Scope::Namespaced if !namespace.is_empty() => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            Scope::Namespaced | Scope::Cluster => Api::all_with(self.client.clone(), &resource),
        })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (ApiResource, Scope)>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_value(object: &DynamicObject) -> Result<Value> {
    serde_json::to_value(object).context("turn an object into JSON")
}

/// The text at a JSON pointer, empty without one.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

//! What all controllers share: the client, the settings, the loaded actions, and who this process is.

use std::path::PathBuf;
use std::sync::Arc;

use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Client, ResourceExt};
use lateen_actions::ActionRegistry;
use lateen_api::GoDuration;
use lateen_core::backup::collection::ALL_VERSIONS_FEATURE;
use lateen_core::backup::request::Defaults;
use lateen_core::journal::line::Format;
use lateen_store::StoreEnvironment;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Settings of the server that controllers obey.
#[derive(Debug, Clone)]
pub struct Options {
    /// Defaults of Backups.
    pub backup_defaults: Defaults,
    /// `--default-item-operation-timeout`.
    pub item_operation_timeout: GoDuration,
    /// `--item-operation-sync-frequency`.
    pub item_operation_sync_frequency: std::time::Duration,
    /// `--resource-timeout`.
    pub resource_timeout: std::time::Duration,
    /// `--terminating-resource-timeout`.
    pub terminating_timeout: std::time::Duration,
    /// `--store-validation-frequency`.
    pub store_validation_frequency: GoDuration,
    /// `--client-page-size`.
    pub page_size: u32,
    /// `--item-block-worker-count`: blocks of items that a backup processes side by side; 0 for as many as there are processors.
    pub item_block_workers: usize,
    /// `--restore-resource-priorities`, as given.
    pub restore_priorities: Option<String>,
    /// `--schedule-skip-immediately`.
    pub schedule_skip_immediately: bool,
    /// `--features`.
    pub features: Vec<String>,
    /// `--log-format`, for the logs of runs.
    pub log_format: Format,
    /// Directory for what a run keeps on disk while it lasts.
    pub scratch: PathBuf,
}

impl Options {
    /// Whether backups hold every version that the API server has of a kind, and not only the preferred one.
    pub fn all_versions(&self) -> bool {
        self.features.iter().any(|feature| feature == ALL_VERSIONS_FEATURE)
    }
}

/// Handed to every controller.
#[derive(Clone)]
pub struct Context {
    /// To the API server.
    pub client: Client,
    /// The namespace that is worked on.
    pub namespace: String,
    /// Settings.
    pub options: Arc<Options>,
    /// The item actions, as far as their ConfigMaps have been seen.
    pub actions: Arc<ActionRegistry>,
    /// What stores may use of this process.
    pub stores: Arc<StoreEnvironment>,
    /// The CA of the download endpoint, published in `file` locations.
    pub download_ca: Option<Arc<str>>,
    /// Counters of runs.
    pub metrics: Metrics,
    /// Unique for the life of this process: written into the record of every run that it starts.
    pub leader: Arc<str>,
    /// Version that the server tells the CLI.
    pub server_version: Arc<str>,
    /// Cancelled when the server shuts down.
    pub shutdown: CancellationToken,
}

impl Context {
    /// Typed access to a kind in the server's namespace.
    pub fn api<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        kube::Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects of a kind in the server's namespace that a label selector (its text form, empty for all) matches. One that does not
    /// decode is told in the log and left out: it must not stop what concerns the others.
    pub async fn list<K>(&self, labels: &str) -> Result<Vec<K>, kube::Error>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let params = ListParams::default().labels(labels);
        let listed = self.api::<DeserializeGuard<K>>().list(&params).await?;
        let decoded = listed.items.into_iter().filter_map(|object| {
            let name = object.name_any();
            object.0.inspect_err(|error| tracing::warn!(kind = %K::kind(&()), name, %error, "object does not decode and is left alone")).ok()
        });
        Ok(decoded.collect())
    }
}

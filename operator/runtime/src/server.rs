//! `lateen server`: what it needs is checked first, then everything starts, and everything ends together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use lateen_actions::manifest::{Ceiling, ClusterCeiling};
use lateen_actions::{ActionHost, ActionRegistry, HostOptions};
use lateen_api::GoDuration;
use lateen_api::v1::BackupStorageLocation;
use lateen_cluster::client::{ClientOptions, connect};
use lateen_cluster::discovery;
use lateen_controllers::metrics::Metrics;
use lateen_controllers::{self as controllers, Context, Options};
use lateen_core::backup::request::Defaults;
use lateen_core::catalog::Catalog;
use lateen_core::journal::line::Format;
use lateen_core::kind::GroupResource;
use lateen_core::restore::order::Priorities;
use lateen_store::{BackupStore, FileSigner, StoreEnvironment};
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::action_cache;
use crate::admin::{self, Readiness};
use crate::args::{LogFormat, ServerArgs};
use crate::download::{DownloadServer, DownloadState, Locations};
use crate::telemetry;

/// The version that the CLI is told. It compares major and minor with its own, so this leads with the Velero release whose behaviour the
/// server has.
const SERVER_VERSION: &str = concat!("v1.18.3-lateen.", env!("CARGO_PKG_VERSION"));

/// How long a shutdown waits for what is under way: less than the 30 s that Kubernetes gives a pod by default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// How long connections that are open may finish after that.
const PORTS_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn serve(args: ServerArgs) -> anyhow::Result<()> {
    telemetry::init(args.log_level, args.log_format);
    // Two libraries of the tree could choose a provider; one choice, made here.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
    tracing::info!(version = SERVER_VERSION, namespace = args.namespace, "lateen server starts");
    for flag in args.without_effect() {
        tracing::warn!(flag, "the flag is accepted and has no effect");
    }
    if let Some(priorities) = &args.restore_resource_priorities {
        priorities.parse::<Priorities>().context("--restore-resource-priorities")?;
    }

    let shutdown = CancellationToken::new();
    let mut registry = Registry::default();
    let metrics = Metrics::register(registry.sub_registry_with_prefix("velero"));
    let loaded = Arc::new(OnceLock::new());
    controllers::item_actions::metrics::register(
        registry.sub_registry_with_prefix("lateen"),
        Arc::clone(&loaded),
    );
    let readiness = Readiness::default();
    let admin = admin::start(args.metrics_address, registry, readiness.clone(), shutdown.clone()).await?;

    let client = connect(args.kubeconfig.as_deref(), &ClientOptions::default())
        .await
        .context("cannot reach the cluster")?;
    check_cluster(&client, &args.namespace).await?;
    let scratch = scratch(args.scratch_dir.as_deref())?;
    let locations = Arc::new(OpenLocations::default());
    let (stores, downloads) = stores(&args, Arc::clone(&locations), &shutdown).await?;
    let compile = action_cache::compile_options(&client, &args, shutdown.clone()).await;
    let host = ActionHost::new(HostOptions { compile, ..action_host(&args) })
        .context("cannot start the host of item actions")?;
    let actions =
        Arc::clone(loaded.get_or_init(|| Arc::new(ActionRegistry::new(host, lateen_embedded::library()))));
    let context = Context {
        client,
        namespace: args.namespace.clone(),
        options: Arc::new(options(&args, scratch)),
        actions,
        stores: Arc::new(stores),
        download_ca: downloads.as_ref().map(|server| server.ca_pem().into()),
        metrics,
        leader: uuid::Uuid::new_v4().to_string().into(),
        server_version: SERVER_VERSION.into(),
        shutdown: shutdown.clone(),
    };

    if locations.0.set(context.clone()).is_err() {
        bail!("the download endpoint was wired twice");
    }

    let mut tasks = start_controllers(&context).await;
    readiness.set();
    tracing::info!(leader = &*context.leader, "ready");
    let first = tokio::select! {
        name = signalled() => { tracing::info!(signal = name?, "shutting down"); None }
        ended = tasks.join_next() => ended,
    };
    shutdown.cancel();
    let rest = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, rest).await.is_err() {
        tracing::warn!("not everything ended in time; what is left in the middle is ended at the next start");
    }
    let ports = async {
        let _ = admin.await;
        if let Some(server) = downloads
            && let Err(error) = server.stopped().await
        {
            tracing::warn!(error = format!("{error:#}"), "the download endpoint did not end well");
        }
    };
    if tokio::time::timeout(PORTS_TIMEOUT, ports).await.is_err() {
        tracing::debug!("open connections were cut");
    }
    match first {
        None => Ok(()),
        // Controllers end with the shutdown only, so this is one that broke off.
        Some(ended) => bail!("a controller ended unexpectedly: {ended:?}"),
    }
}

async fn signalled() -> anyhow::Result<&'static str> {
    let mut term = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    })
}

/// Item actions are loaded before any run can begin.
async fn start_controllers(context: &Context) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (loaded, first_load) = tokio::sync::oneshot::channel();
    tasks.spawn(controllers::item_actions::control(context.clone(), loaded));
    // An error means that the task has ended, which the caller notices.
    let _ = first_load.await;
    tasks.spawn(controllers::backup_storage_location::control(context.clone()));
    tasks.spawn(controllers::backup::control(context.clone()));
    tasks.spawn(controllers::backup::operations::control(context.clone()));
    tasks.spawn(controllers::restore::control(context.clone()));
    tasks.spawn(controllers::schedule::control(context.clone()));
    tasks.spawn(controllers::download_request::control(context.clone()));
    tasks.spawn(controllers::server_status_request::control(context.clone()));
    tasks
}

/// The namespace and all our kinds must be there: a server without them would wait silently for objects that cannot exist.
async fn check_cluster(client: &Client, namespace: &str) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces
        .get_opt(namespace)
        .await
        .with_context(|| format!("cannot look for namespace {namespace}"))?;
    if found.is_none() {
        bail!("namespace {namespace} does not exist; create it, or name another one with --namespace");
    }
    let discovered = discovery::discover(client).await.context("cannot ask the API server for its kinds")?;
    let missing = missing_kinds(&discovered.catalog);
    if !missing.is_empty() {
        bail!(
            "these kinds are not installed: {}; install them with `lateen crds | kubectl apply --server-side -f -`",
            missing.join(", ")
        );
    }
    Ok(())
}

fn missing_kinds(catalog: &Catalog) -> Vec<String> {
    let ours =
        lateen_api::crds().into_iter().map(|crd| GroupResource::new(crd.spec.group, crd.spec.names.plural));
    ours.filter(|kind| catalog.get(kind).is_none()).map(|kind| kind.to_string()).collect()
}

fn scratch(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    let scratch = asked.map_or_else(std::env::temp_dir, Path::to_path_buf);
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("cannot use {} as scratch directory", scratch.display()))?;
    tempfile::tempfile_in(&scratch)
        .with_context(|| format!("cannot write to the scratch directory {}", scratch.display()))?;
    Ok(scratch)
}

/// What stores may use, and the download endpoint where there can be `file` locations.
async fn stores(
    args: &ServerArgs,
    locations: Arc<OpenLocations>,
    shutdown: &CancellationToken,
) -> anyhow::Result<(StoreEnvironment, Option<DownloadServer>)> {
    let shared_credentials =
        match &args.aws_shared_credentials_file {
            Some(file) => {
                let read = std::fs::read_to_string(file);
                Some(read.with_context(|| {
                    format!("cannot read {} (AWS_SHARED_CREDENTIALS_FILE)", file.display())
                })?)
            }
            None => None,
        };
    let variables: BTreeMap<String, String> =
        std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).collect();
    let mut environment = StoreEnvironment { shared_credentials, variables, ..StoreEnvironment::default() };
    let Some(root) = &args.file_store_root else { return Ok((environment, None)) };
    std::fs::create_dir_all(root)
        .with_context(|| format!("cannot make {} (--file-store-root)", root.display()))?;
    let signer = Arc::new(FileSigner::generate().context("cannot make the key that signs download URLs")?);
    let state = DownloadState { signer, locations };
    let server =
        DownloadServer::start(args.download_address, args.download_url.clone(), state, shutdown.clone())
            .await?;
    tracing::info!(address = %server.address(), "download endpoint of `file` locations");
    environment.file_root = Some(root.clone());
    environment.downloads = Some(server.downloads());
    Ok((environment, Some(server)))
}

/// Opens locations for the download endpoint. The endpoint is there before the context is, because stores must know its address; until
/// then it has no locations.
#[derive(Default)]
struct OpenLocations(OnceLock<Context>);

#[async_trait::async_trait]
impl Locations for OpenLocations {
    async fn store(&self, location: &str) -> anyhow::Result<Option<BackupStore>> {
        let Some(context) = self.0.get() else { return Ok(None) };
        let Some(location) = context.api::<BackupStorageLocation>().get_opt(location).await? else {
            return Ok(None);
        };
        Ok(Some(controllers::location::open(context, &location).await?))
    }
}

fn action_host(args: &ServerArgs) -> HostOptions {
    let cluster = ClusterCeiling {
        rules: args.action_cluster_access.iter().cloned().collect(),
        service_account: args.action_service_account.clone(),
    };
    HostOptions {
        ceiling: Ceiling { memory: args.action_memory_ceiling.0, time: args.action_time_ceiling },
        memory: args.action_total_memory.0,
        cluster: Arc::new(cluster),
        ..HostOptions::default()
    }
}

fn options(args: &ServerArgs, scratch: PathBuf) -> Options {
    Options {
        backup_defaults: Defaults {
            storage_location: args.default_backup_storage_location.clone(),
            ttl: args.default_backup_ttl.into(),
            item_operation_timeout: args.default_item_operation_timeout.into(),
            resource_timeout: args.resource_timeout.into(),
            volume_group_label: args.volume_group_snapshot_label_key.clone(),
            snapshot_locations: args.default_volume_snapshot_locations.clone(),
            volumes_to_fs_backup: args.default_volumes_to_fs_backup,
            snapshot_move_data: args.default_snapshot_move_data,
        },
        item_operation_timeout: args.default_item_operation_timeout.into(),
        item_operation_sync_frequency: args.item_operation_sync_frequency,
        resource_timeout: args.resource_timeout,
        terminating_timeout: args.terminating_resource_timeout,
        store_validation_frequency: GoDuration::from(args.store_validation_frequency),
        page_size: args.client_page_size,
        item_block_workers: args.item_block_worker_count,
        restore_priorities: args.restore_resource_priorities.clone(),
        schedule_skip_immediately: args.schedule_skip_immediately,
        features: args.features.iter().filter(|f| !f.is_empty()).cloned().collect(),
        log_format: match args.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        },
        scratch,
    }
}

//! The engine of restores in this process: with the user's own client, and with the item actions of the cluster.

use std::sync::Arc;

use lateen_actions::{ActionHost, ActionRegistry, HostOptions, ITEM_ACTION_LABEL};
use lateen_api::labels::{PLUGIN_CONFIG, SCHEDULE_NAME};
use lateen_api::v1::{Backup, Restore};
use lateen_api::{GoDuration, names};
use lateen_cluster::client::{ClientOptions, connect};
use lateen_cluster::configmap;
use lateen_controllers::metrics::Metrics;
use lateen_controllers::restore::preview;
use lateen_controllers::{Context, Options};
use lateen_core::backup::request::Defaults;
use lateen_core::journal::line::Format;
use lateen_core::restore::preview::Preview;
use lateen_kit::screen::{Screen, line};
use lateen_kit::{code_cache, every_request};
use lateen_store::StoreEnvironment;
use tokio_util::sync::CancellationToken;

use crate::PlanError;
use crate::args::{ConnectionArgs, PlanArgs};
use crate::files::{self, Files};
use crate::request;

/// Makes the preview.
pub(crate) async fn preview(
    args: &PlanArgs,
    mut restore: Restore,
    screen: &mut Screen<'_>,
) -> Result<Preview, PlanError> {
    let context = context(&args.connection).await?;
    if args.spec.allow_partially_failed == Some(true) && !restore.spec.schedule_name.is_empty() {
        choose_backup(&context, &mut restore).await?;
    }
    let wanted = preview::validate(&context, restore).await?;
    let files = Files::fetch(&context, wanted.backup(), wanted.location(), &args.connection).await?;
    load_actions(&context, screen).await?;
    Ok(preview::preview(&context, wanted, &files.store).await?)
}

/// A server's settings, as far as they are known here; what has none of them is not done in a preview.
async fn context(args: &ConnectionArgs) -> Result<Context, PlanError> {
    let options = ClientOptions { context: args.kubecontext.clone(), ..ClientOptions::default() };
    let client = connect(args.kubeconfig.as_deref(), &options).await?;
    // Who compiles is the user, and the manifest of an action decides what it may ask: the cluster knows the user's rights.
    let host = ActionHost::new(HostOptions {
        compile: code_cache::options(args.cache_dir.as_deref()),
        cluster: Arc::new(every_request()),
        ..HostOptions::default()
    })?;
    let timeout = GoDuration::from(std::time::Duration::from_hours(4));
    let options = Options {
        backup_defaults: Defaults::default(),
        item_operation_timeout: timeout,
        item_operation_sync_frequency: std::time::Duration::ZERO,
        resource_timeout: std::time::Duration::ZERO,
        terminating_timeout: std::time::Duration::ZERO,
        store_validation_frequency: GoDuration::ZERO,
        page_size: configmap::PAGE_SIZE,
        item_block_workers: 0,
        restore_priorities: args.restore_resource_priorities.clone(),
        schedule_skip_immediately: false,
        features: args.features.clone(),
        log_format: Format::Text,
        scratch: files::scratch(args),
    };
    Ok(Context {
        client,
        namespace: args.namespace.clone(),
        options: Arc::new(options),
        actions: Arc::new(ActionRegistry::new(host, lateen_embedded::library())),
        stores: Arc::new(StoreEnvironment::default()),
        download_ca: None,
        metrics: Metrics::default(),
        leader: "preview".into(),
        server_version: concat!("v", env!("CARGO_PKG_VERSION")).into(),
        shutdown: CancellationToken::new(),
    })
}

/// The backup that the velero CLI would name.
async fn choose_backup(context: &Context, restore: &mut Restore) -> Result<(), PlanError> {
    let schedule = std::mem::take(&mut restore.spec.schedule_name);
    let selector = format!("{SCHEDULE_NAME}={}", names::valid_name(&schedule));
    let backups = context.list::<Backup>(&selector).await.map_err(|source| PlanError::Backups {
        namespace: context.namespace.clone(),
        source: source.into(),
    })?;
    let newest = request::newest_usable(&backups).ok_or_else(|| {
        PlanError::Usage(format!("schedule {schedule} has no backup that can be restored from"))
    })?;
    restore.spec.backup_name = newest;
    Ok(())
}

/// The actions of the cluster beside those that this program carries. One that cannot be used is told, and fails what it is for, as it
/// would in a server.
async fn load_actions(context: &Context, screen: &mut Screen<'_>) -> Result<(), PlanError> {
    let mut maps = configmap::list(&context.client, &context.namespace, ITEM_ACTION_LABEL).await?;
    let configs = configmap::list(&context.client, &context.namespace, PLUGIN_CONFIG).await?;
    let seen: std::collections::HashSet<_> = maps.iter().map(|map| map.metadata.name.clone()).collect();
    maps.extend(configs.into_iter().filter(|map| !seen.contains(&map.metadata.name)));
    for report in context.actions.load(&maps).await {
        if let Err(problem) = &report.outcome {
            let text = format!("item action {}: {}", line(&report.source), line(&problem.reason));
            screen.remark(&format!("{} {text}", screen.paint.yellow("note")))?;
        }
    }
    Ok(())
}

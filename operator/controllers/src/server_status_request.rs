//! ServerStatusRequests: answered with the version and the loaded actions, and removed a minute later.
//!
//! The status has what Velero's CLI knows how to show; an annotation has all that is known of the actions.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::DeleteParams;
use lateen_actions::{ActionSet, Role};
use lateen_api::item_actions::{self, ItemActionEntry};
use lateen_api::labels::annotations::ITEM_ACTIONS;
use lateen_api::v1::{PluginInfo, ServerStatusRequest, ServerStatusRequestPhase};
use lateen_cluster::resource::patch_checked;
use lateen_cluster::watch::{Watched, watch};

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;

/// How long an answered request stays.
const KEPT_FOR: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// How often old requests are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// The object stores that the server has built in, in the words of Velero's plugin list.
const STORES: [&str; 2] = ["lateen.dev/file", "velero.io/aws"];

/// Answers requests until the server shuts down.
pub async fn control(context: Context) {
    let mut events =
        std::pin::pin!(watch::<ServerStatusRequest>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<ServerStatusRequest>::default();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            Some(told) = events.next() => {
                if let Watched::Applied(request) = &told && *request.phase() == ServerStatusRequestPhase::New {
                    answer(&context, request).await;
                }
                known.take_in(told);
            }
            _ = look.tick() => {
                for request in known.all().filter(|request| is_old(request, Timestamp::now())) {
                    remove(&context, request).await;
                }
            }
        }
    }
}

async fn remove(context: &Context, request: &ServerStatusRequest) {
    let api = context.api::<ServerStatusRequest>();
    if let Err(error) = api.delete(&request.name_any(), &DeleteParams::default()).await {
        tracing::debug!(
            request = request.name_any(),
            error = error_chain(&error),
            "an old request was not removed"
        );
    }
}

fn is_old(request: &ServerStatusRequest, now: Timestamp) -> bool {
    let processed = request.status.as_ref().and_then(|s| s.processed_timestamp.as_ref());
    processed.is_some_and(|at| at.0.checked_add(KEPT_FOR).is_ok_and(|end| end <= now))
}

async fn answer(context: &Context, request: &ServerStatusRequest) {
    let mut changed = request.clone();
    let status = changed.status.get_or_insert_default();
    status.phase = Some(ServerStatusRequestPhase::Processed);
    status.processed_timestamp = Some(Time(Timestamp::now()));
    status.server_version = context.server_version.to_string();
    let set = context.actions.snapshot();
    status.plugins = plugins(&set);
    changed.annotations_mut().insert(ITEM_ACTIONS.to_owned(), actions(&set));
    if let Err(error) = patch_checked(&context.api(), request, &changed).await {
        tracing::debug!(
            request = request.name_any(),
            error = error_chain(&error),
            "the answer was not written"
        );
    }
}

fn actions(set: &ActionSet) -> String {
    item_actions::write(set.describe().into_iter().map(|action| ItemActionEntry {
        name: action.name,
        on: action.roles.iter().map(ToString::to_string).collect(),
        source: action.source,
        digest: if action.digest.is_empty() { String::new() } else { format!("sha256:{}", action.digest) },
        built_in: action.built_in,
        problem: action.problem,
        calls: action.stats.calls,
        failures: action.stats.failures,
        seconds: action.stats.time.as_secs_f64(),
    }))
}

fn plugins(set: &ActionSet) -> Vec<PluginInfo> {
    let stores =
        STORES.iter().map(|name| PluginInfo { name: (*name).to_owned(), kind: "ObjectStore".into() });
    let actions = set.describe().into_iter().flat_map(|action| {
        let kinds = action.roles.into_iter().map(|role| match role {
            Role::Backup => "BackupItemActionV2",
            Role::Restore => "RestoreItemActionV2",
            Role::Delete => "DeleteItemAction",
            Role::RelatedItems => "ItemBlockAction",
        });
        kinds.map(|kind| PluginInfo { name: action.name.clone(), kind: kind.into() }).collect::<Vec<_>>()
    });
    stores.chain(actions).collect()
}

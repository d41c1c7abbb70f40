//! DownloadRequests: each gets a signed URL for the file that it names, and is removed when that has expired.
//!
//! Whether the file exists is not asked: the URL then answers 404, which is what clients expect.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::DeleteParams;
use lateen_api::v1::{
    Backup, BackupStorageLocation, DownloadRequest, DownloadRequestPhase, DownloadTarget, Restore,
};
use lateen_cluster::resource::patch_checked;
use lateen_cluster::watch::watch;
use lateen_store::{DownloadKind, SIGNED_URL_TTL};

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;
use crate::location;

/// How often expired requests are looked for, and those tried again that could not be answered.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Answers requests until the server shuts down.
pub async fn control(context: Context) {
    let mut events = std::pin::pin!(watch::<DownloadRequest>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<DownloadRequest>::default();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            Some(told) = events.next() => {
                if let lateen_cluster::watch::Watched::Applied(request) = &told {
                    answer(&context, request).await;
                }
                known.take_in(told);
            }
            _ = look.tick() => {
                for request in known.all() {
                    if is_expired(request, Timestamp::now()) {
                        remove(&context, request).await;
                    } else {
                        answer(&context, request).await;
                    }
                }
            }
        }
    }
}

fn is_expired(request: &DownloadRequest, now: Timestamp) -> bool {
    let expiration = request.status.as_ref().and_then(|s| s.expiration.as_ref()).map(|t| t.0);
    // A request that could never be answered has no expiration of its own.
    let ttl = jiff::SignedDuration::try_from(SIGNED_URL_TTL).unwrap_or_default();
    let created = request.creation_timestamp().and_then(|t| t.0.checked_add(ttl).ok());
    expiration.or(created).is_some_and(|end| end <= now)
}

async fn remove(context: &Context, request: &DownloadRequest) {
    if let Err(error) =
        context.api::<DownloadRequest>().delete(&request.name_any(), &DeleteParams::default()).await
    {
        tracing::debug!(
            request = request.name_any(),
            error = error_chain(&error),
            "an expired request was not removed"
        );
    }
}

/// Observe, decide, report. A request that cannot be answered stays as it is and is told in the log.
async fn answer(context: &Context, request: &DownloadRequest) {
    if *request.phase() != DownloadRequestPhase::New {
        return;
    }
    let url = match sign(context, &request.spec.target).await {
        Ok(url) => url,
        Err(error) => {
            tracing::warn!(request = request.name_any(), error, "the download request cannot be answered");
            return;
        }
    };
    let mut changed = request.clone();
    let status = changed.status.get_or_insert_default();
    status.phase = Some(DownloadRequestPhase::Processed);
    status.download_url = url;
    status.expiration = Timestamp::now().checked_add(SIGNED_URL_TTL).ok().map(Time);
    if let Err(error) = patch_checked(&context.api(), request, &changed).await {
        tracing::debug!(
            request = request.name_any(),
            error = error_chain(&error),
            "the answer was not written"
        );
    }
}

async fn sign(context: &Context, target: &DownloadTarget) -> Result<String, String> {
    let told = |error: &dyn std::error::Error| error_chain(error);
    let kind: DownloadKind = target.kind.to_string().parse().map_err(|error| told(&error))?;
    let backup = if target.kind.is_of_restore() {
        context.api::<Restore>().get(&target.name).await.map_err(|e| told(&e))?.spec.backup_name
    } else {
        target.name.clone()
    };
    let backup = context.api::<Backup>().get(&backup).await.map_err(|e| told(&e))?;
    let location = &backup.spec.storage_location;
    let location = context.api::<BackupStorageLocation>().get(location).await.map_err(|e| told(&e))?;
    let store = location::open(context, &location).await.map_err(|e| told(&e))?;
    let key = kind.key(&target.name).map_err(|e| told(&e))?;
    Ok(store.signed_url(&key, SIGNED_URL_TTL).await.map_err(|e| told(&e))?.into())
}

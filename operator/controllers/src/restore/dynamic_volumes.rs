//! Volumes that were made anew for restored claims get the labels and the reclaim policy that the old ones had: a volume that was kept
//! when its claim went should be kept again.
//!
//! All claims are looked at in rounds, a few side by side, with growing pauses between rounds; together they have the timeout of resources.
//! A claim that waits for a pod is left alone once the scheduler has had time to see the pod, and one whose class does not exist is an error after a while. Runs when a restore's items are through;
//! running it again changes nothing that is as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use kube::Client;
use lateen_cluster::object::{self, WriteOptions};
use lateen_core::backup::volumes::PvInfo;
use lateen_core::kind::ObjectName;
use lateen_core::restore::volumes::{
    ClaimLook, VolumeLook, VolumeRecords, look_at_claim, look_at_volume, waits_for_consumer,
};

use super::volumes::{Watch, claim_in_cluster, class_of, volume_in_cluster, volumes_kind};
use crate::context::Context;

/// Claims looked at side by side: Velero's number.
const SIDE_BY_SIDE: usize = 3;

/// How long a claim whose class waits for a pod may be without a node: a scheduler takes seconds for a burst of pods.
const CONSUMER_GRACE: Duration = Duration::from_secs(10);

/// How long a claim may be unbound whose class does not exist: somebody may have volumes of that class ready, which takes seconds to find.
const CLASSLESS_GRACE: Duration = Duration::from_mins(1);

/// A restored claim, and what its volume is to get.
struct Renewal<'a> {
    claim: ObjectName,
    volume: &'a PvInfo,
}

/// What a look at a claim comes to.
enum Look {
    /// It is as it should be, or nobody can make it so now.
    Done,
    /// Not yet, and why; the volume's name where it has one.
    Wait { why: String, volume: String },
    /// It cannot become so.
    Failed { why: String, volume: String },
}

/// Patches the volumes of the claims that a restore has created, which are given by namespace and name in the cluster; `records` are its
/// backup's. Gives back what went wrong, each with the claim's namespace. None: the server shuts down, and the next one has to do it again.
pub(super) async fn patch(
    context: &Context,
    records: &VolumeRecords,
    namespace_mapping: &BTreeMap<String, String>,
    created: &BTreeSet<ObjectName>,
) -> Option<Vec<(String, String)>> {
    let watch = Watch::of(context, context.options.resource_timeout);
    rounds(watch, renewals(records, namespace_mapping, created)).await
}

fn renewals<'a>(
    records: &'a VolumeRecords,
    namespace_mapping: &BTreeMap<String, String>,
    created: &BTreeSet<ObjectName>,
) -> Vec<Renewal<'a>> {
    let renewals = records.renewals().filter_map(|(claim, volume)| {
        let namespace = claim.namespace.as_deref()?;
        let mapped = namespace_mapping.get(namespace).map_or(namespace, String::as_str);
        let claim = ObjectName::new(Some(mapped), &claim.name);
        created.contains(&claim).then_some(Renewal { claim, volume })
    });
    renewals.collect()
}

async fn rounds(mut watch: Watch, mut renewals: Vec<Renewal<'_>>) -> Option<Vec<(String, String)>> {
    let mut failures = Vec::new();
    while !renewals.is_empty() {
        let over = watch.is_over();
        let looks = watch.shutdown.run_until_cancelled(round(&watch, renewals)).await?;
        renewals = Vec::new();
        for (renewal, look) in looks {
            match look {
                Look::Done => {}
                Look::Wait { .. } if !over => renewals.push(renewal),
                Look::Wait { why, volume } => {
                    let why = format!("{why} after {:?}", watch.limit);
                    failures.push(failure(&renewal.claim, &volume, &why));
                }
                Look::Failed { why, volume } => failures.push(failure(&renewal.claim, &volume, &why)),
            }
        }
        if !renewals.is_empty() {
            watch.pause().await?;
        }
    }
    Some(failures)
}

/// Looks at all claims once.
async fn round<'a>(watch: &Watch, renewals: Vec<Renewal<'a>>) -> Vec<(Renewal<'a>, Look)> {
    let waited = watch.elapsed();
    let looks: Vec<_> =
        renewals.into_iter().map(|renewal| looked(watch.client.clone(), renewal, waited)).collect();
    stream::iter(looks).buffered(SIDE_BY_SIDE).collect().await
}

/// Boxed, because the compiler cannot see elsewhere that the work may move between threads.
fn looked(client: Client, renewal: Renewal<'_>, waited: Duration) -> BoxFuture<'_, (Renewal<'_>, Look)> {
    async move {
        let look = look(&client, &renewal, waited).await;
        (renewal, look)
    }
    .boxed()
}

fn failure(claim: &ObjectName, volume: &str, why: &str) -> (String, String) {
    let message = format!("fail to patch dynamic PV, err: {why}, PVC: {}, PV: {volume}", claim.name);
    (claim.namespace.clone().unwrap_or_default(), message)
}

async fn look(client: &Client, renewal: &Renewal<'_>, waited: Duration) -> Look {
    let no_volume = |why: String| Look::Wait { why, volume: String::new() };
    let claim = match claim_in_cluster(client, &renewal.claim).await {
        Ok(Some(claim)) => claim,
        Ok(None) => return no_volume("the claim is not there".into()),
        Err(error) => return Look::Failed { why: error.to_string(), volume: String::new() },
    };
    let volume = match look_at_claim(&claim) {
        ClaimLook::Bound(volume) => volume,
        ClaimLook::Unbound { phase, class, scheduled } => {
            if let (Some(class), false) = (class, scheduled)
                && waited >= CONSUMER_GRACE
                && let Some(look) = look_at_class(client, &renewal.claim, &class, waited).await
            {
                return look;
            }
            return no_volume(format!("the claim is not bound (phase {phase:?})"));
        }
    };
    let found = match volume_in_cluster(client, &volume).await {
        Ok(Some(found)) => found,
        Ok(None) => return Look::Wait { why: "the volume is not there".into(), volume },
        Err(error) => return Look::Failed { why: error.to_string(), volume },
    };
    match look_at_volume(&found, &renewal.claim, renewal.volume) {
        VolumeLook::Same => Look::Done,
        VolumeLook::Unbound => Look::Wait { why: "the volume is not bound".into(), volume },
        VolumeLook::OfAnother(other) => {
            Look::Failed { why: format!("the volume is bound to claim {other}"), volume }
        }
        VolumeLook::Patch(patch) => {
            let name = ObjectName::new(None, &volume);
            let options = WriteOptions::default();
            match object::merge_patch(client, &volumes_kind(), &name, patch.to_string(), options).await {
                Ok(_) => Look::Done,
                Err(error) => Look::Failed { why: error.line(), volume },
            }
        }
    }
}

/// Why a claim of this class does not become bound by waiting, if it does not. A class that cannot be read is asked about again in the next
/// round.
async fn look_at_class(client: &Client, claim: &ObjectName, class: &str, waited: Duration) -> Option<Look> {
    match class_of(client, class).await {
        Ok(Some(found)) if waits_for_consumer(&found) => {
            tracing::info!(%claim, class, "no pod uses the claim, so that its volume will be as its class makes it");
            Some(Look::Done)
        }
        Ok(None) if waited >= CLASSLESS_GRACE => {
            let why = format!("the claim's storage class {class} does not exist");
            Some(Look::Failed { why, volume: String::new() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

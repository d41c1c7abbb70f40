//! Volumes, claims and what belongs to them, asked of the cluster; and the pauses between two looks.

use std::time::Duration;

use kube::Client;
use lateen_cluster::object::{self, ObjectError};
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_core::restore::volumes::{Standing, standing, stays};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// The first pause: an idle cluster has bound a claim or removed a volume by then.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest: what takes minutes is looked at often enough every few seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why the cluster cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {kind} {object}: {reason}")]
pub(in crate::restore) struct LookError {
    kind: String,
    object: ObjectName,
    reason: String,
}

/// A cluster to look at, for a limited time and until the server shuts down.
#[derive(Clone)]
pub(in crate::restore) struct Watch {
    pub(in crate::restore) client: Client,
    pub(in crate::restore) shutdown: CancellationToken,
    /// In all.
    pub(in crate::restore) limit: Duration,
    begun: Instant,
    pause: Duration,
}

impl Watch {
    /// Begins now.
    pub(in crate::restore) fn new(client: Client, shutdown: CancellationToken, limit: Duration) -> Self {
        Self { client, shutdown, limit, begun: Instant::now(), pause: FIRST_PAUSE }
    }

    /// Begins now, with what a context has.
    pub(in crate::restore) fn of(context: &Context, limit: Duration) -> Self {
        Self::new(context.client.clone(), context.shutdown.clone(), limit)
    }

    /// How long it lasts already.
    pub(in crate::restore) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether its time is over.
    pub(in crate::restore) fn is_over(&self) -> bool {
        self.elapsed() >= self.limit
    }

    /// Waits a little, each time longer, but not beyond its end. None: the server shuts down.
    pub(in crate::restore) async fn pause(&mut self) -> Option<()> {
        let until = (self.begun + self.limit).min(Instant::now() + self.pause);
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        self.shutdown.run_until_cancelled(tokio::time::sleep_until(until)).await
    }
}

/// What the cluster has of a volume's name.
pub(super) enum Found {
    /// Nothing.
    Absent,
    /// What this restore has made.
    Ours,
    /// A volume that stays.
    Stays,
    /// A volume that has lost its claim or is being deleted.
    Leaving,
}

/// Looks for a volume.
pub(super) async fn find(client: &Client, name: &str, restore: &str) -> Result<Found, LookError> {
    let Some(volume) = volume_in_cluster(client, name).await? else { return Ok(Found::Absent) };
    Ok(match standing(&volume, restore) {
        Standing::Ours => Found::Ours,
        Standing::Leaving => Found::Leaving,
        Standing::Unclaimed => Found::Stays,
        Standing::Of(claim) => {
            let namespace = ObjectName::new(None, claim.namespace.as_deref().unwrap_or_default());
            let stay = stays(claim_in_cluster(client, &claim).await?.as_ref())
                && stays(
                    read(client, &builtin("", "namespaces", "Namespace", false), &namespace).await?.as_ref(),
                );
            if stay { Found::Stays } else { Found::Leaving }
        }
    })
}

/// A PersistentVolume of the cluster.
pub(in crate::restore) async fn volume_in_cluster(
    client: &Client,
    name: &str,
) -> Result<Option<Value>, LookError> {
    read(client, &volumes_kind(), &ObjectName::new(None, name)).await
}

/// A claim of the cluster.
pub(in crate::restore) async fn claim_in_cluster(
    client: &Client,
    claim: &ObjectName,
) -> Result<Option<Value>, LookError> {
    read(client, &builtin("", "persistentvolumeclaims", "PersistentVolumeClaim", true), claim).await
}

/// A pod of the cluster.
pub(super) async fn pod_in_cluster(client: &Client, pod: &ObjectName) -> Result<Option<Value>, LookError> {
    read(client, &builtin("", "pods", "Pod", true), pod).await
}

/// A storage class of the cluster.
pub(in crate::restore) async fn class_of(client: &Client, name: &str) -> Result<Option<Value>, LookError> {
    let kind = builtin("storage.k8s.io", "storageclasses", "StorageClass", false);
    read(client, &kind, &ObjectName::new(None, name)).await
}

/// The kind of volumes.
pub(in crate::restore) fn volumes_kind() -> ServedKind {
    builtin("", "persistentvolumes", "PersistentVolume", false)
}

async fn read(client: &Client, kind: &ServedKind, name: &ObjectName) -> Result<Option<Value>, LookError> {
    let failed = |reason: String| LookError { kind: kind.kind.clone(), object: name.clone(), reason };
    let text = object::get(client, kind, name).await.map_err(|error: ObjectError| failed(error.line()))?;
    text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| failed(error.to_string()))
}

/// Every API server has these in version v1.
fn builtin(group: &str, resource: &str, kind: &str, namespaced: bool) -> ServedKind {
    ServedKind {
        group_resource: GroupResource::new(group, resource),
        version: "v1".into(),
        kind: kind.into(),
        singular: kind.to_lowercase(),
        short_names: Vec::new(),
        namespaced,
        verbs: Vec::new(),
    }
}

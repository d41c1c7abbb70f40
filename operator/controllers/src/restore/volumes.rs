//! What becomes of volumes, claims and what uses them in one restore: decided by what the backup holds of their data, and by what the
//! cluster has already.
//!
//! The decisions are pure ([`lateen_core::restore::volumes`]); here the lists are read, the cluster is asked where a decision depends on it,
//! and volumes that are not restored are remembered, so that their claims lose the reference. A restore that is begun again comes to the
//! same decisions: what it has created itself is recognised by its label.

mod cluster;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use kube::Client;
use lateen_api::{labels, names};
use lateen_core::kind::ObjectName;
use lateen_core::restore::request::RestoreRequest;
use lateen_core::restore::reset::reset_binding;
use lateen_core::restore::volumes::{
    ClaimDecision, DataState, IfAbsent, PodLack, VolumeDecision, VolumeRecords, VolumeWishes, await_claim,
    claim_of, decide_claim, decide_pod, decide_volume, release_claim, template_claims, volume_of,
};
use lateen_store::{BackupDir, BackupStore};
use serde_json::Value;

use self::cluster::Found;
pub(super) use self::cluster::{Watch, claim_in_cluster, class_of, volume_in_cluster, volumes_kind};
pub(super) use self::lists::{VolumeListsError, read_records};
use crate::context::Context;

/// What a restore knows about the data of volumes.
pub(super) struct Volumes {
    records: VolumeRecords,
    wishes: VolumeWishes,
    namespace_mapping: BTreeMap<String, String>,
    /// Name of the Restore.
    restore: String,
    /// Volumes that are not restored, whose claims get new ones.
    released: Mutex<BTreeSet<String>>,
}

/// What becomes of a volume.
pub(super) enum VolumeStep {
    /// This is restored, like any other object.
    Restore(Value),
    /// It is not restored, and nothing is missing.
    Skip {
        /// For the log.
        reason: String,
    },
    /// It is not restored: an error of the item.
    Refuse {
        /// With the item in it.
        message: String,
    },
}

/// What becomes of a claim.
pub(super) enum ClaimStep {
    /// It is restored, like any other object.
    Restore {
        /// What its owner should know, with the item in it.
        warning: Option<String>,
    },
    /// It is not restored: an error of the item.
    Refuse {
        /// With the item in it.
        message: String,
    },
}

impl Volumes {
    /// For a restore of this backup, of which it reads the lists.
    pub(super) async fn read(
        store: &BackupStore,
        backup: &BackupDir,
        request: &RestoreRequest,
    ) -> Result<Self, VolumeListsError> {
        Ok(Self::new(read_records(store, backup).await?, request))
    }

    /// For a restore of the backup that the records are of.
    pub(super) fn new(records: VolumeRecords, request: &RestoreRequest) -> Self {
        Self {
            records,
            wishes: VolumeWishes {
                restore_volumes: request.restore_volumes,
                allow_empty: request.allow_empty_volumes,
            },
            namespace_mapping: request.namespace_mapping.clone(),
            restore: request.name.clone(),
            released: Mutex::default(),
        }
    }

    /// Decides about a volume, given as it is in the backup. Waits, up to the timeout for what is going away, where one of its name has lost
    /// its claim and it could be restored as it is.
    pub(super) async fn volume(&self, context: &Context, volume: &Value) -> VolumeStep {
        self.decided(Watch::of(context, context.options.terminating_timeout), volume).await
    }

    async fn decided(&self, watch: Watch, volume: &Value) -> VolumeStep {
        match decide_volume(volume, &self.records, self.wishes) {
            VolumeDecision::Restore => self.as_it_is(volume),
            VolumeDecision::Provision { reason } => self.provision(volume, reason),
            VolumeDecision::Native(if_absent) => self.native(watch, volume, if_absent).await,
        }
    }

    async fn native(&self, mut watch: Watch, volume: &Value, if_absent: IfAbsent) -> VolumeStep {
        let id = volume_id(volume);
        let mapped = claim_of(volume).and_then(|claim| claim.namespace);
        let mapped = mapped.is_some_and(|namespace| self.namespace_mapping.contains_key(&namespace));
        loop {
            let found = match cluster::find(&watch.client, name_of(volume), &self.restore).await {
                Ok(found) => found,
                Err(error) => {
                    let message = format!("error restoring {id}: {error}");
                    return VolumeStep::Refuse { message };
                }
            };
            match (found, &if_absent) {
                (Found::Ours, _) | (Found::Absent, IfAbsent::Restore) => return self.as_it_is(volume),
                (Found::Stays, _) if !mapped => return self.as_it_is(volume),
                (_, IfAbsent::Provision { reason }) => return self.provision(volume, reason.clone()),
                (_, IfAbsent::Refuse { message }) => {
                    return VolumeStep::Refuse { message: format!("error restoring {id}: {message}") };
                }
                (Found::Leaving, IfAbsent::Restore) if !mapped => {}
                (Found::Stays | Found::Leaving, IfAbsent::Restore) => {
                    let message = format!(
                        "error restoring {id}: the cluster has a volume of this name, and a second one would point at the same storage; restore the claim into its own namespace, or delete the volume first"
                    );
                    return VolumeStep::Refuse { message };
                }
            }
            if watch.is_over() || watch.pause().await.is_none() {
                let message = format!(
                    "error restoring {id}: error waiting on in-cluster persistentvolume {}: it has lost its claim or is being deleted; delete it, or restore its claim first",
                    name_of(volume)
                );
                return VolumeStep::Refuse { message };
            }
        }
    }

    fn as_it_is(&self, volume: &Value) -> VolumeStep {
        let mut volume = volume.clone();
        await_claim(&mut volume, &self.namespace_mapping);
        VolumeStep::Restore(volume)
    }

    fn provision(&self, volume: &Value, reason: String) -> VolumeStep {
        self.released().insert(name_of(volume).to_owned());
        VolumeStep::Skip { reason }
    }

    fn released(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about a claim, given as it is in the backup, before actions see it. One that the cluster has is compared and neither emptied
    /// nor refused.
    pub(super) async fn claim(&self, context: &Context, claim: &Value) -> ClaimStep {
        self.decided_claim(&context.client, claim).await
    }

    async fn decided_claim(&self, client: &Client, claim: &Value) -> ClaimStep {
        let decision = decide_claim(claim, &self.records, self.wishes);
        if decision == (ClaimDecision::Restore { warning: None }) {
            return ClaimStep::Restore { warning: None };
        }
        let target = self.in_cluster(text(claim, "/metadata/namespace"), name_of(claim));
        let id = format!("persistentvolumeclaims/{target}");
        let found = cluster::claim_in_cluster(client, &target).await;
        match (decision, found) {
            (ClaimDecision::Restore { warning: Some(warning) }, Ok(found))
                if found.as_ref().is_none_or(|found| self.is_ours(found)) =>
            {
                ClaimStep::Restore { warning: Some(format!("{id}: {warning}")) }
            }
            (ClaimDecision::Refuse { message }, Ok(None)) => {
                ClaimStep::Refuse { message: format!("error restoring {id}: {message}") }
            }
            (_, Ok(_)) => ClaimStep::Restore { warning: None },
            (_, Err(error)) => ClaimStep::Refuse { message: format!("error restoring {id}: {error}") },
        }
    }

    /// Takes the marks of the old binding off a claim, and its volume where that is not restored. Its namespace is still the one in the
    /// backup.
    pub(super) fn bind(&self, claim: &mut Value) {
        let Some(volume) = volume_of(claim) else { return };
        let data = self.records.of_claim(claim);
        let elsewhere = data.is_some_and(|data| data.state >= DataState::Empty && !data.is_native());
        let release = elsewhere || self.released().contains(volume);
        reset_binding(claim);
        if release {
            release_claim(claim);
        }
    }

    /// Data of a pod, given as it is in the backup, that has no claim and is not brought back. The pod is restored all the same; one that the
    /// cluster has keeps what is in its volumes.
    pub(super) async fn pod(&self, context: &Context, pod: &Value) -> Option<PodLack> {
        self.lack_of_pod(&context.client, pod).await
    }

    async fn lack_of_pod(&self, client: &Client, pod: &Value) -> Option<PodLack> {
        let lack = decide_pod(pod, &self.records, self.wishes)?;
        let target = self.in_cluster(text(pod, "/metadata/namespace"), name_of(pod));
        let found = cluster::pod_in_cluster(client, &target).await;
        // Where the cluster does not answer, creating the pod says so.
        let kept = found.is_ok_and(|found| found.is_some_and(|found| !self.is_ours(&found)));
        (!kept).then(|| PodLack { message: format!("pods/{target}: {}", lack.message), ..lack })
    }

    /// Why a stateful set must not be created: its controller would make claims with empty volumes in the place of data. It is given as it
    /// would be created, with its namespace in the backup.
    pub(super) async fn stateful_set(
        &self,
        context: &Context,
        namespace: &str,
        set: &Value,
    ) -> Option<String> {
        self.lack_of_set(&context.client, namespace, set).await
    }

    async fn lack_of_set(&self, client: &Client, namespace: &str, set: &Value) -> Option<String> {
        for claim in template_claims(set, namespace, &self.records, self.wishes) {
            let target = self.in_cluster(namespace, &claim.name);
            let lack = match cluster::claim_in_cluster(client, &target).await {
                Ok(Some(_)) => continue,
                Ok(None) => claim.message,
                Err(error) => error.to_string(),
            };
            let id = self.in_cluster(namespace, name_of(set));
            return Some(format!("error restoring statefulsets.apps/{id}: {lack}"));
        }
        None
    }

    fn in_cluster(&self, namespace: &str, name: &str) -> ObjectName {
        let mapped = self.namespace_mapping.get(namespace).map_or(namespace, String::as_str);
        ObjectName::new(Some(mapped), name)
    }

    fn is_ours(&self, object: &Value) -> bool {
        let made_by = object.pointer("/metadata/labels").and_then(|all| all.get(labels::RESTORE_NAME));
        made_by.and_then(Value::as_str) == Some(names::valid_name(&self.restore).as_str())
    }
}

fn volume_id(volume: &Value) -> String {
    format!("persistentvolumes/{}", name_of(volume))
}

fn name_of(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;

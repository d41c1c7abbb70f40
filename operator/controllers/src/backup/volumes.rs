//! What becomes of the data of volumes in one run: the decisions of [`lateen_core::backup::volumes`] with what they want to know looked up,
//! and the report at the end.
//!
//! One for each run, shared by all its workers. Pods, claims and volumes may come in any order; the report is the same. Asks the API server
//! only for what a decision depends on: without resource policies and CSI that is the list of pods of a namespace, once, for the
//! volumes that are claimed in it. It reads and never writes.

mod lookup;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::Client;
use lateen_core::backup::filter::ResourceFilter;
use lateen_core::backup::request::BackupRequest;
use lateen_core::backup::volumes::{
    Approach, Claim, ClaimUsers, Decision, Found, Pod, SkippedVolumes, Volume, VolumeFault, VolumeInfo,
    VolumeRules, claims_of_interest, decide_claim, decide_pod, decide_volume, depends_on_claim,
    depends_on_pods, needs_volume, volume_infos,
};
use lateen_core::journal::{Entry, Journal};
use lateen_core::kind::{ObjectName, ServedKind};
use serde_json::Value;

use self::lookup::{LookupError, Lookups};
use crate::context::Context;

/// The feature of the server that lets CSI drivers take snapshots.
const CSI_FEATURE: &str = "EnableCSI";

/// The decisions of one run.
pub struct VolumeDecisions {
    rules: VolumeRules,
    lookups: Lookups,
    journal: Journal,
    state: Mutex<State>,
}

/// What was decided so far. Grows with the number of claims and PersistentVolumes, some 1 KiB for both.
#[derive(Default)]
struct State {
    skipped: SkippedVolumes,
    users: ClaimUsers,
    /// Claims of the backup, with their volumes.
    claims: BTreeMap<ObjectName, String>,
    /// PersistentVolumes of the backup.
    volumes: BTreeMap<String, VolumeInfo>,
}

/// What became of the data of volumes.
pub struct VolumeReport {
    /// The content of `<backup>-volumeinfo.json.gz`.
    pub infos: Vec<VolumeInfo>,
    /// The line that ends the log's part about volumes.
    pub skipped_summary: String,
}

impl VolumeDecisions {
    /// For a run whose items are filtered by `resources`.
    pub(super) fn new(
        context: &Context,
        request: &BackupRequest,
        journal: &Journal,
        resources: &ResourceFilter,
    ) -> Self {
        let options = &context.options;
        let csi = options.features.iter().any(|feature| feature == CSI_FEATURE);
        let rules = VolumeRules::of(request, csi, resources.excludes(&lookup::claims()));
        Self::with(context.client.clone(), options.page_size, rules, journal.clone())
    }

    fn with(client: Client, page_size: u32, rules: VolumeRules, journal: Journal) -> Self {
        let lookups = Lookups::new(client, page_size);
        Self { rules, lookups, journal, state: Mutex::default() }
    }

    /// Notes an item that its label keeps out of the backup.
    pub fn left_out(&self, kind: &ServedKind, item: &Value) {
        let volume = match storage_kind(kind) {
            Some(StorageKind::Claim) => Claim::read(item).volume,
            Some(StorageKind::Volume) => Volume::read(item).name,
            Some(StorageKind::Pod) | None => return,
        };
        self.state().skipped.add_labelled(&volume);
    }

    /// Decides about an item as its actions left it. An item with a fault does not belong into the archive; warnings go to the journal.
    pub async fn decide(&self, kind: &ServedKind, item: &Value) -> Vec<VolumeFault> {
        let decided = match storage_kind(kind) {
            Some(StorageKind::Pod) => Ok(self.decide_pod(Pod::new(item)).await),
            Some(StorageKind::Claim) => self.decide_claim(Claim::read(item)).await,
            Some(StorageKind::Volume) => self.decide_volume(Volume::read(item)).await,
            None => return Vec::new(),
        };
        let decision = match decided {
            Ok(decision) => decision,
            Err(error) => return vec![VolumeFault::Unknown(error.to_string())],
        };
        let text = |pointer| item.pointer(pointer).and_then(Value::as_str);
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name").unwrap_or_default());
        for warning in decision.warnings {
            self.journal.write(Entry::warning(warning).about(&kind.group_resource, namespace, name));
        }
        let mut state = self.state();
        for skip in decision.skips {
            state.skipped.add(&skip.volume, skip.approach, skip.reason);
        }
        decision.faults
    }

    async fn decide_pod(&self, pod: Pod<'_>) -> Decision {
        let mut found = BTreeMap::new();
        for claim in claims_of_interest(&self.rules, pod) {
            let name = ObjectName::new(Some(pod.namespace()), claim);
            found.insert(claim, self.find(&name).await);
        }
        let decided = decide_pod(&self.rules, pod, &found);
        let mut state = self.state();
        for (claim, picked) in decided.claims {
            let claim = ObjectName::new(Some(pod.namespace()), &claim);
            if picked {
                state.users.picked(claim);
            } else {
                state.users.left_out(claim, pod.name());
            }
        }
        decided.decision
    }

    async fn find(&self, claim: &ObjectName) -> Found {
        let found = async {
            let Some(claim) = self.lookups.claim(claim).await? else { return Ok(Found::Missing) };
            let volume = self.lookups.volume(&claim.volume).await?;
            Ok(Found::Claim(claim, volume))
        };
        found.await.unwrap_or_else(|error: LookupError| Found::Unknown(error.to_string()))
    }

    async fn decide_claim(&self, claim: Claim) -> Result<Decision, LookupError> {
        self.state().claims.insert(claim.object.clone(), claim.volume.clone());
        if !needs_volume(&self.rules, &claim) {
            return Ok(decide_claim(&self.rules, &claim, None, false));
        }
        let volume = self.lookups.volume(&claim.volume).await?;
        let facts = volume.as_ref().map(|volume| volume.facts.clone()).unwrap_or_default();
        let by_pods = self.rules.csi && depends_on_pods(&self.rules, &facts.with_claim(&claim.facts));
        let copied = by_pods && self.lookups.copied(&self.rules, &claim.object).await?;
        Ok(decide_claim(&self.rules, &claim, volume.as_deref(), copied))
    }

    async fn decide_volume(&self, volume: Volume) -> Result<Decision, LookupError> {
        self.state().volumes.insert(volume.name.clone(), VolumeInfo::of(&volume));
        let copied = match &volume.claim {
            Some(claim) if depends_on_pods(&self.rules, &volume.facts) => {
                self.lookups.copied(&self.rules, claim).await?
            }
            _ => false,
        };
        let claim = match &volume.claim {
            Some(claim) if depends_on_claim(&self.rules, &volume) => self.lookups.claim(claim).await?,
            _ => None,
        };
        Ok(decide_volume(&self.rules, &volume, claim.as_deref(), copied))
    }

    /// The report, when all items are through.
    pub fn finish(&self) -> VolumeReport {
        let mut state = self.state();
        let State { skipped, users, claims, volumes } = &mut *state;
        for (claim, volume) in claims {
            if let Some(reason) = users.reason(claim) {
                skipped.add(volume, Approach::PodVolume, reason);
            }
        }
        VolumeReport { infos: volume_infos(skipped, volumes), skipped_summary: skipped.summary() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Entries are whole before the lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum StorageKind {
    Pod,
    Claim,
    Volume,
}

fn storage_kind(kind: &ServedKind) -> Option<StorageKind> {
    let name = &kind.group_resource;
    match name.resource.as_str() {
        "pods" if name.group.is_empty() => Some(StorageKind::Pod),
        "persistentvolumeclaims" if name.group.is_empty() => Some(StorageKind::Claim),
        "persistentvolumes" if name.group.is_empty() => Some(StorageKind::Volume),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

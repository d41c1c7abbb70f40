//! Which volumes of a pod have their files copied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lateen_api::labels::annotations::BACKUP_VOLUMES;

use super::super::policies::{ActionType, VolumeFacts};
use super::fault::{FileAsker, VolumeFault};
use super::pod::{Pod, PodVolume};
use super::skipped::Approach;
use super::storage::{Claim, Volume};
use super::{Decision, VolumeRules};

/// A claim that was looked up for a pod.
#[derive(Debug, Clone)]
pub enum Found {
    /// With its volume, where it is bound and the volume is there.
    Claim(Arc<Claim>, Option<Arc<Volume>>),
    /// There is no such claim.
    Missing,
    /// Nobody can tell, and why.
    Unknown(String),
}

/// What was decided about a pod.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PodDecision {
    /// About its volumes.
    pub decision: Decision,
    /// Every claim that the pod uses, and whether its files were to be copied.
    pub claims: BTreeMap<String, bool>,
}

/// Claims that [`decide_pod`] wants to know: with policies all whose files could be copied, else those whose files are asked for.
pub fn claims_of_interest<'a>(rules: &VolumeRules, pod: Pod<'a>) -> BTreeSet<&'a str> {
    let candidates = pod.volumes().filter(|volume| volume.may_be_copied(rules.claims_excluded));
    let wanted = candidates.filter(|volume| {
        rules.policies.is_some() || pod.asker(volume.name, rules.copy_files_by_default).is_some()
    });
    wanted.filter_map(|volume| volume.claim).collect()
}

/// Claims whose files are copied through this pod as far as annotations and the spec say: no snapshot is taken of their volumes.
pub fn copied_claims<'a>(rules: &VolumeRules, pod: Pod<'a>) -> impl Iterator<Item = &'a str> {
    let by_default = rules.copy_files_by_default;
    pod.volumes().filter(move |volume| pod.asker(volume.name, by_default).is_some()).filter_map(|v| v.claim)
}

/// Decides about a pod's volumes. `found` has what was found for each of [`claims_of_interest`].
pub fn decide_pod(rules: &VolumeRules, pod: Pod<'_>, found: &BTreeMap<&str, Found>) -> PodDecision {
    let mut decided = PodDecision::default();
    let mut asked: BTreeMap<FileAsker, Vec<PodVolume<'_>>> = BTreeMap::new();
    for volume in pod.volumes() {
        let asker = file_asker(rules, pod, volume, found, &mut decided.decision);
        if let Some(claim) = volume.claim {
            *decided.claims.entry(claim.to_owned()).or_default() |= asker.is_some();
        }
        if let Some(asker) = asker {
            asked.entry(asker).or_default().push(volume);
        }
    }
    if !rules.copy_files_by_default {
        let warnings = pod.names_without_volume().map(|name| {
            format!("the annotation {BACKUP_VOLUMES} names volume {name:?}, which the pod does not have")
        });
        decided.decision.warnings.extend(warnings);
    }
    let stopped = pod.not_running();
    for (asker, volumes) in asked {
        match &stopped {
            Some(reason) => skip_all(pod, &volumes, found, reason, &mut decided.decision),
            None => answer(pod, asker, &volumes, found, &mut decided.decision),
        }
    }
    decided
}

/// Who asks for a copy of the files of one volume.
fn file_asker(
    rules: &VolumeRules,
    pod: Pod<'_>,
    volume: PodVolume<'_>,
    found: &BTreeMap<&str, Found>,
    decision: &mut Decision,
) -> Option<FileAsker> {
    if !volume.may_be_copied(rules.claims_excluded) {
        return None;
    }
    let facts = match volume.claim.map(|claim| (claim, found.get(claim))) {
        None => VolumeFacts::of_source(volume.source),
        Some((_, Some(Found::Claim(claim, of)))) => {
            let facts = of.as_ref().map(|volume| volume.facts.clone()).unwrap_or_default();
            facts.with_claim(&claim.facts)
        }
        Some((_, None | Some(Found::Missing))) => VolumeFacts::default(),
        Some((_, Some(Found::Unknown(reason)))) => {
            decision.faults.push(VolumeFault::Unknown(reason.clone()));
            return None;
        }
    };
    match rules.policy(&facts) {
        Some(ActionType::FsBackup) => Some(FileAsker::Policy),
        Some(_) => None,
        None => pod.asker(volume.name, rules.copy_files_by_default),
    }
}

/// A pod that does not run: nothing can be read through it, and nothing is an error.
fn skip_all(
    pod: Pod<'_>,
    volumes: &[PodVolume<'_>],
    found: &BTreeMap<&str, Found>,
    reason: &str,
    decision: &mut Decision,
) {
    for volume in volumes {
        decision.skip(volume_of(*volume, found), Approach::PodVolume, problem(pod, reason));
    }
}

/// A running pod: what cannot be copied by anybody is skipped with a warning, the rest is a fault.
fn answer(
    pod: Pod<'_>,
    by: FileAsker,
    volumes: &[PodVolume<'_>],
    found: &BTreeMap<&str, Found>,
    decision: &mut Decision,
) {
    let mut lacking = Vec::new();
    for volume in volumes {
        if let (Some(claim), Some(Found::Missing)) = (volume.claim, volume.claim.and_then(|c| found.get(c))) {
            let fault = VolumeFault::ClaimGone { volume: volume.name.to_owned(), claim: claim.to_owned() };
            decision.faults.push(fault);
        } else if let Some(obstacle) = pod.obstacle(volume.name, on_host_path(*volume, found)) {
            let text = format!("volume {} of the pod {obstacle}, so its files are not copied", volume.name);
            decision.skip(volume_of(*volume, found), Approach::PodVolume, text.clone());
            decision.warnings.push(text);
        } else {
            lacking.push(*volume);
        }
    }
    let names: Vec<&str> = lacking.iter().map(|volume| volume.name).collect();
    let volumes = match names[..] {
        [] => return,
        [one] => format!("volume {one}"),
        _ => format!("volumes {}", names.join(", ")),
    };
    let fault = VolumeFault::Files { volumes, by };
    for volume in lacking {
        let reason = problem(pod, &fault.to_string());
        decision.skip(volume_of(volume, found), Approach::PodVolume, reason);
    }
    decision.faults.push(fault);
}

/// The reason for the report, as tools know it.
fn problem(pod: Pod<'_>, reason: &str) -> String {
    let (namespace, name) = (pod.namespace(), pod.name());
    format!("encountered a problem with backing up the PVC of pod {namespace}/{name}: {reason}")
}

/// Name of the PersistentVolume; empty where there is none.
fn volume_of<'a>(volume: PodVolume<'_>, found: &'a BTreeMap<&str, Found>) -> &'a str {
    match volume.claim.and_then(|claim| found.get(claim)) {
        Some(Found::Claim(claim, _)) => &claim.volume,
        _ => "",
    }
}

fn on_host_path(volume: PodVolume<'_>, found: &BTreeMap<&str, Found>) -> bool {
    match volume.claim.and_then(|claim| found.get(claim)) {
        Some(Found::Claim(_, Some(of))) => of.facts.volume_type == "hostPath",
        _ => false,
    }
}

//! `velero.io/pvc`: a claim forgets how it was bound, placed and backed up, and the volume that it was bound to is restored before it.

use std::collections::BTreeMap;

use lateen_action::{NoParams, Outcome, Value, context, json};
use serde::Deserialize;

/// What binder, provisioner, scheduler and volume backups noted on the claim.
const NOTED: [&str; 7] = [
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "velero.io/volume-snapshot-name",
    "velero.io/data-upload-name",
];

/// What matters of a claim.
#[derive(Deserialize)]
pub(crate) struct Claim {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    annotations: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    volume_name: Option<String>,
}

/// What matters of the claim in the backup, whose status the item has lost.
#[derive(Deserialize)]
struct Archived {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    phase: Option<String>,
}

/// The notes go; the name of the volume stays as a wish.
pub(crate) fn restore(claim: &Claim, _: &NoParams) -> Result<Outcome, String> {
    execute(claim, context::item_from_backup)
}

pub(super) fn execute(claim: &Claim, archived: impl Fn() -> Option<String>) -> Result<Outcome, String> {
    let annotations = claim.metadata.annotations.as_ref();
    let noted = NOTED.into_iter().filter(|key| annotations.is_some_and(|all| all.contains_key(*key)));
    let removed: Value = noted.map(|key| (key, Value::Null)).collect();
    let outcome = if removed == json!({}) {
        Outcome::unchanged()
    } else {
        Outcome::merge(&json!({ "metadata": { "annotations": removed } }))
    };
    // Without a volume it was not bound, and nobody has to look into the backup.
    let volume = if named(&claim.spec).is_some() { volume(archived)? } else { None };
    Ok(match volume {
        Some(volume) => outcome.also("", "persistentvolumes", None, &volume),
        None => outcome,
    })
}

/// The volume that the claim was bound to.
fn volume(archived: impl Fn() -> Option<String>) -> Result<Option<String>, String> {
    let Some(text) = archived() else { return Ok(None) };
    let archived: Archived = lateen_action::parse(&text)
        .map_err(|error| format!("cannot read the claim in the backup: {error}"))?;
    let bound = archived.status.phase.as_deref() == Some("Bound");
    Ok(named(&archived.spec).filter(|_| bound).map(ToOwned::to_owned))
}

fn named(spec: &Spec) -> Option<&str> {
    spec.volume_name.as_deref().filter(|name| !name.is_empty())
}

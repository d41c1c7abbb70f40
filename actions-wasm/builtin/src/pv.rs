//! `velero.io/pv`, called for claims: a bound claim brings its volume along, and loses what would keep it from being bound to that volume on restore.

use std::collections::BTreeMap;

use lateen_action::{NoParams, Outcome, Value, context, json};
use serde::{Deserialize, de::IgnoredAny};

/// What matters of a claim.
#[derive(Deserialize)]
pub(crate) struct Claim {
    /// Its name, its namespace and its labels.
    pub(crate) metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

/// Of a claim.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// Of the claim.
    pub(crate) name: String,
    /// Of the claim.
    pub(crate) namespace: Option<String>,
    /// Of the claim.
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    volume_name: Option<String>,
    storage_class_name: Option<String>,
    data_source: Option<IgnoredAny>,
    data_source_ref: Option<IgnoredAny>,
    selector: Option<Selector>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    phase: Option<String>,
}

impl Claim {
    /// The volume, if the claim is bound to one.
    pub(crate) fn volume(&self) -> Option<&str> {
        let bound = self.status.phase.as_deref() == Some("Bound");
        self.spec.volume_name.as_deref().filter(|name| bound && !name.is_empty())
    }
}

/// Backed up with a claim.
pub(crate) fn backup(claim: &Claim, _: &NoParams) -> Result<Outcome, String> {
    Ok(execute(claim, || context::this_run().name))
}

fn execute(claim: &Claim, backup: impl Fn() -> String) -> Outcome {
    let Some(volume) = claim.volume() else {
        return Outcome::unchanged();
    };
    let patch = patch(claim, backup);
    let outcome = if patch == json!({}) { Outcome::unchanged() } else { Outcome::merge(&patch) };
    outcome.also("", "persistentvolumes", None, volume)
}

/// A merge patch that takes away what is there and should not be; `{}` when there is nothing.
fn patch(claim: &Claim, backup: impl Fn() -> String) -> Value {
    let mut patch = json!({});
    let spec = &claim.spec;
    if spec.data_source.is_some() {
        patch["spec"]["dataSource"] = Value::Null;
    }
    if spec.data_source_ref.is_some() {
        patch["spec"]["dataSourceRef"] = Value::Null;
    }
    if let Some(selector) = &spec.selector {
        // An empty class means: no provisioner, the volume is found by its labels.
        if spec.storage_class_name.as_deref() == Some("") {
            for key in selector.match_labels.iter().flatten().map(|(key, _)| key) {
                if key.starts_with("velero.io/") {
                    patch["spec"]["selector"]["matchLabels"][key] = Value::Null;
                }
            }
        } else {
            patch["spec"]["selector"] = Value::Null;
        }
    }
    for (key, value) in claim.metadata.labels.iter().flatten() {
        let stale = match key.as_str() {
            "velero.io/restore-name"
            | "velero.io/volume-snapshot-name"
            | "backup.velero.io/must-include-additional-items" => true,
            "velero.io/backup-name" => *value != backup(),
            _ => false,
        };
        if stale {
            patch["metadata"]["labels"][key] = Value::Null;
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use lateen_action::Change;

    use super::*;

    /// The change as text, and the volume that comes along.
    fn outcome(claim: Value) -> (Option<Value>, Option<String>) {
        let claim = Claim::deserialize(claim).expect("a claim");
        let Outcome { change, mut related, .. } = execute(&claim, || "nightly".to_owned());
        let patch = match change {
            Change::Unchanged => None,
            Change::MergePatch(text) => Some(text.parse().expect("JSON")),
            other => panic!("{other:?}"),
        };
        (patch, related.pop().map(|object| object.name))
    }

    fn bound(spec: Value, labels: Value) -> Value {
        let mut spec = spec;
        spec["volumeName"] = "pv-1".into();
        let metadata = json!({ "name": "data", "namespace": "app", "labels": labels });
        json!({ "metadata": metadata, "spec": spec, "status": { "phase": "Bound" } })
    }

    #[test]
    fn only_a_bound_claim_has_a_volume() {
        let mut claim = bound(json!({ "dataSource": {} }), Value::Null);
        claim["status"]["phase"] = "Pending".into();
        assert_eq!(outcome(claim), (None, None));
        let mut claim = bound(json!({ "dataSource": {} }), Value::Null);
        claim["spec"]["volumeName"] = "".into();
        assert_eq!(outcome(claim), (None, None));
        assert_eq!(outcome(json!({ "metadata": { "name": "new" } })), (None, None));
    }

    #[test]
    fn a_plain_claim_stays_as_it_is() {
        let claim =
            bound(json!({ "storageClassName": "fast" }), json!({ "velero.io/backup-name": "nightly" }));
        assert_eq!(outcome(claim), (None, Some("pv-1".into())));
    }

    #[test]
    fn where_its_data_came_from_and_stale_labels_are_taken_away() {
        let spec = json!({
            "dataSource": { "kind": "VolumeSnapshot", "name": "old" },
            "dataSourceRef": { "kind": "VolumeSnapshot", "name": "old" },
            "selector": { "matchLabels": { "tier": "db" } },
        });
        let labels = json!({
            "app": "db",
            "velero.io/backup-name": "weekly",
            "velero.io/restore-name": "r",
            "velero.io/volume-snapshot-name": "s",
            "backup.velero.io/must-include-additional-items": "true",
        });
        let patch = json!({
            "spec": { "dataSource": null, "dataSourceRef": null, "selector": null },
            "metadata": { "labels": {
                "velero.io/backup-name": null,
                "velero.io/restore-name": null,
                "velero.io/volume-snapshot-name": null,
                "backup.velero.io/must-include-additional-items": null,
            } },
        });
        assert_eq!(outcome(bound(spec, labels)), (Some(patch), Some("pv-1".into())));
    }

    #[test]
    fn without_a_class_the_selector_stays_but_for_labels_of_a_restore() {
        let labels = json!({ "tier": "db", "velero.io/dynamic-pv-restore": "x" });
        let spec = json!({ "storageClassName": "", "selector": { "matchLabels": labels } });
        let patch =
            json!({ "spec": { "selector": { "matchLabels": { "velero.io/dynamic-pv-restore": null } } } });
        assert_eq!(outcome(bound(spec, Value::Null)), (Some(patch), Some("pv-1".into())));
    }
}

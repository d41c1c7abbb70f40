//! `velero.io/job`: a job forgets the uid by which the old cluster tied pods to it. The new cluster gives another one.

use std::collections::BTreeMap;

use lateen_action::{NoParams, Outcome, Value, json};
use serde::Deserialize;

/// Labels with the uid.
const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

type Labels = Option<BTreeMap<String, Value>>;

/// What matters of a Job.
#[derive(Deserialize)]
pub(crate) struct Job {
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    selector: Option<Selector>,
    template: Option<Template>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    match_labels: Labels,
}

#[derive(Deserialize)]
struct Template {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    labels: Labels,
}

/// The labels go from the selector and from the pods to be.
pub(crate) fn restore(job: &Job, _: &NoParams) -> Result<Outcome, String> {
    let mut patch = json!({});
    if let Some(removed) = job.spec.selector.as_ref().and_then(|selector| removal(&selector.match_labels)) {
        patch["spec"]["selector"]["matchLabels"] = removed;
    }
    let metadata = job.spec.template.as_ref().and_then(|template| template.metadata.as_ref());
    if let Some(removed) = metadata.and_then(|metadata| removal(&metadata.labels)) {
        patch["spec"]["template"]["metadata"]["labels"] = removed;
    }
    Ok(if patch == json!({}) { Outcome::unchanged() } else { Outcome::merge(&patch) })
}

/// A merge patch that takes the labels away that are there; none where there are none.
fn removal(labels: &Labels) -> Option<Value> {
    let labels = labels.as_ref()?;
    let there: Vec<&str> = UID_LABELS.into_iter().filter(|label| labels.contains_key(*label)).collect();
    (!there.is_empty()).then(|| there.into_iter().map(|label| (label, Value::Null)).collect())
}

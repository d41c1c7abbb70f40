//! An example: marks what passes through a run, and scales workloads on the way back in.
//!
//! On backup the item gets the annotation `demo.lateen.dev/backed-up-by` with the name of the Backup; on restore it gets `demo.lateen.dev/restored-by`
//! with the name of the Restore, and with the parameter `replicas` everything that has `spec.replicas` is created with that number. The parameter
//! `annotations` adds more of them in both directions.

use std::collections::BTreeMap;

use lateen_action::{Outcome, Value, context, info, item_action, json};
use serde::Deserialize;

/// `params` of the manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Scale to this number on restore.
    replicas: Option<u32>,
    /// Added to every item.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

fn backup(_item: &Value, params: &Params) -> Result<Outcome, String> {
    Ok(Outcome::merge(&annotations(params, "demo.lateen.dev/backed-up-by")))
}

fn restore(item: &Value, params: &Params) -> Result<Outcome, String> {
    let mut patch = annotations(params, "demo.lateen.dev/restored-by");
    if let (Some(wanted), Some(archived)) = (params.replicas, item["spec"]["replicas"].as_u64()) {
        info(&format!("scaled from {archived} to {wanted} replicas"));
        patch["spec"] = json!({ "replicas": wanted });
    }
    Ok(Outcome::merge(&patch))
}

/// A merge patch with the parameters' annotations and the mark of the run.
fn annotations(params: &Params, mark: &str) -> Value {
    let mut annotations = params.annotations.clone();
    annotations.insert(mark.to_owned(), context::this_run().name);
    json!({ "metadata": { "annotations": annotations } })
}

item_action!(Params, backup: backup, restore: restore);

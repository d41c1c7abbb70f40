//! `velero.io/admission-webhook-configuration`: the API version v1 demands webhooks that say they do nothing else; those of older clusters say nothing, or
//! something that v1 does not know.

use lateen_action::{NoParams, Outcome};
use serde::Deserialize;

use super::patch::Patch;

/// What matters of a configuration of webhooks, of either kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    #[serde(default)]
    api_version: String,
    webhooks: Option<Vec<Webhook>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    side_effects: Option<String>,
}

/// What v1 does not take becomes `None`.
pub(crate) fn restore(configuration: &Configuration, _: &NoParams) -> Result<Outcome, String> {
    let mut patch = Patch::default();
    if configuration.api_version == "admissionregistration.k8s.io/v1" {
        for (place, webhook) in configuration.webhooks.iter().flatten().enumerate() {
            if !matches!(webhook.side_effects.as_deref(), Some("None" | "NoneOnDryRun")) {
                patch.add(&format!("/webhooks/{place}/sideEffects"), "None");
            }
        }
    }
    Ok(patch.outcome())
}

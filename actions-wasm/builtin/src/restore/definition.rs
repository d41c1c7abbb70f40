//! `velero.io/crd-preserve-fields`: the API version v1 refuses a definition with `preserveUnknownFields: true`; the same is said at the root of each schema
//! instead.

use lateen_action::{NoParams, Outcome};
use serde::{Deserialize, de::IgnoredAny};

use super::patch::Patch;

/// What matters of a CustomResourceDefinition.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Definition {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    preserve_unknown_fields: Option<bool>,
    versions: Option<Vec<Version>>,
}

#[derive(Deserialize)]
struct Version {
    schema: Option<Schema>,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(rename = "openAPIV3Schema")]
    open_api: Option<IgnoredAny>,
}

/// Definitions of v1 only: v1beta1 means what it says.
pub(crate) fn restore(definition: &Definition, _: &NoParams) -> Result<Outcome, String> {
    let Definition { api_version, spec } = definition;
    let mut patch = Patch::default();
    if api_version == "apiextensions.k8s.io/v1" && spec.preserve_unknown_fields == Some(true) {
        patch.add("/spec/preserveUnknownFields", false);
        for (place, version) in spec.versions.iter().flatten().enumerate() {
            if version.schema.as_ref().is_some_and(|schema| schema.open_api.is_some()) {
                let root = format!("/spec/versions/{place}/schema/openAPIV3Schema");
                patch.add(&format!("{root}/x-kubernetes-preserve-unknown-fields"), true);
            }
        }
    }
    Ok(patch.outcome())
}

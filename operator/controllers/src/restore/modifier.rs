//! Looks up the resource modifier that a Restore names, as a part of its validation.
//!
//! Reads ConfigMaps of the server's namespace and nothing else; what is wrong with one is a finding about the Restore, not a failure.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use lateen_actions::{MANIFEST_KEY, Modifier};
use lateen_api::{labels, names};

use crate::context::Context;

/// The modifier in this ConfigMap. The inner error is for the Restore's validation errors; the outer one is an API server that does not answer, and worth
/// another try.
pub(super) async fn load(
    context: &Context,
    name: &str,
) -> Result<Result<Arc<Modifier>, String>, kube::Error> {
    let configmaps = context.api::<ConfigMap>();
    let found = if name.is_empty() { None } else { configmaps.get_opt(name).await? };
    let Some(configmap) = found else {
        let namespace = &context.namespace;
        return Ok(Err(format!("failed to get resource modifiers configmap {namespace}/{name}")));
    };
    let chunks = if configmap.data.as_ref().is_some_and(|data| data.contains_key(MANIFEST_KEY)) {
        let of = format!("{}={}", labels::ITEM_ACTION_CHUNK, names::valid_name(name));
        configmaps.list(&ListParams::default().labels(&of)).await?.items
    } else {
        Vec::new()
    };
    Ok(context.actions.modifier(&configmap, &chunks).await)
}

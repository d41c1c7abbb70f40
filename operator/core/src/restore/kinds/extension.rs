//! What extends an API server: definitions, webhooks, API services; and the records of data movement.

use serde_json::{Value, json};

use super::{KindContext, KindError, KindOutcome, list, text};

/// The API server makes the API services of its own kinds and of custom ones by itself.
pub(super) fn api_service(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    let labels = object.pointer("/metadata/labels");
    let automatic =
        labels.is_some_and(|labels| labels.get("kube-aggregator.kubernetes.io/automanaged").is_some());
    Ok(if automatic {
        KindOutcome::skip("the API server makes it by itself")
    } else {
        KindOutcome::default()
    })
}

/// `preserveUnknownFields: true` is refused in version `v1`; the same is said at the root of each schema instead.
pub(super) fn definition(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    let preserves = object.pointer("/spec/preserveUnknownFields") == Some(&Value::Bool(true));
    if preserves && text(object, "/apiVersion") == "apiextensions.k8s.io/v1" {
        object["spec"]["preserveUnknownFields"] = json!(false);
        for version in list(object, "/spec/versions") {
            if let Some(schema) =
                version.pointer_mut("/schema/openAPIV3Schema").and_then(Value::as_object_mut)
            {
                schema.insert("x-kubernetes-preserve-unknown-fields".into(), json!(true));
            }
        }
    }
    Ok(KindOutcome::default())
}

/// Version `v1` demands webhooks without side effects on dry runs; older clusters let them say nothing.
pub(super) fn webhooks(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    if text(object, "/apiVersion") == "admissionregistration.k8s.io/v1" {
        for webhook in list(object, "/webhooks").filter(|webhook| webhook.is_object()) {
            if !matches!(text(webhook, "/sideEffects"), "None" | "NoneOnDryRun") {
                webhook["sideEffects"] = json!("None");
            }
        }
    }
    Ok(KindOutcome::default())
}

/// The record of a finished upload would start another one.
pub(super) fn data_upload(_: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    Ok(KindOutcome::skip("the record of a data upload is no object to restore"))
}

//! Who may do what: accounts, their tokens and the bindings of roles.

use serde_json::Value;

use super::{KindContext, KindError, KindOutcome, list, text};

/// The reference to a token that the old cluster made for the account goes: the new cluster makes its own.
pub(super) fn service_account(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    let prefix = format!("{}-token-", text(object, "/metadata/name"));
    if let Some(secrets) = object.get_mut("secrets").and_then(Value::as_array_mut)
        && let Some(last) = secrets.iter().rposition(|secret| text(secret, "/name").starts_with(&prefix))
    {
        secrets.remove(last);
    }
    Ok(KindOutcome::default())
}

/// A token that a cluster made by itself is not restored; one that somebody asked for is, without its content, which the new cluster
/// fills in.
pub(super) fn secret(object: &mut Value, _: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    if text(object, "/type") != "kubernetes.io/service-account-token" {
        return Ok(KindOutcome::default());
    }
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    let account = annotations.and_then(|annotations| {
        annotations.remove("kubernetes.io/service-account.uid");
        annotations.get("kubernetes.io/service-account.name").and_then(Value::as_str).map(str::to_owned)
    });
    let made = account
        .is_some_and(|account| text(object, "/metadata/name").starts_with(&format!("{account}-token-")));
    if made {
        return Ok(KindOutcome::skip("the token was made for its service account by the old cluster"));
    }
    if let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) {
        data.remove("token");
        data.remove("ca.crt");
    }
    Ok(KindOutcome::default())
}

/// Subjects follow their namespaces to other names. For bindings of both scopes.
pub(super) fn role_binding(object: &mut Value, context: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    for subject in list(object, "/subjects") {
        if let Some(namespace) = subject.get_mut("namespace")
            && let Some(mapped) = namespace.as_str().and_then(|name| context.namespace_mapping.get(name))
        {
            *namespace = Value::from(mapped.as_str());
        }
    }
    Ok(KindOutcome::default())
}

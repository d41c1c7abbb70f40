//! What it means that the API server refuses a dry run: some refusals would come again when the server restores, others are about who asks
//! and when.

use lateen_cluster::object::ObjectError;

/// Whom or what a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The object: the restore would be refused as well.
    Object,
    /// Whoever asks may not do that; the server may.
    Rights,
    /// The namespace does not exist.
    Namespace,
    /// The namespace is going away.
    Terminating,
    /// Something between cannot do dry runs.
    DryRun,
    /// There was no answer.
    Silence,
}

impl Refusal {
    pub(super) fn of(error: &ObjectError) -> Self {
        let Some(status) = error.status() else { return Self::Silence };
        let message = status.message.as_str();
        match error {
            // Quotas, webhooks and the standards for pods refuse with the same code, and are not about the account.
            ObjectError::Forbidden(_)
                if message.contains("is forbidden: User \"") && message.contains(" cannot ") =>
            {
                Self::Rights
            }
            ObjectError::Forbidden(_) if message.contains("because it is being terminated") => {
                Self::Terminating
            }
            ObjectError::NotFound(status)
                if status.details.as_ref().is_some_and(|details| details.kind == "namespaces") =>
            {
                Self::Namespace
            }
            _ if message.contains("does not support dry run") => Self::DryRun,
            _ => Self::Object,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use lateen_cluster::request::RequestError;
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let of = |code: u16, reason: &str, message: &str, kind: &str| {
            let status: Status = serde_json::from_value(json!({
                "status": "Failure", "code": code, "reason": reason, "message": message, "details": {"kind": kind},
            }))
            .unwrap();
            Refusal::of(&ObjectError::from(RequestError::Status(Box::new(status))))
        };
        let user = r#"configmaps is forbidden: User "dev" cannot create resource "configmaps" in API group "" in the namespace "app""#;
        assert_eq!(of(403, "Forbidden", user, "configmaps"), Refusal::Rights);
        let pod = r#"pods "web" is forbidden: violates PodSecurity "restricted:latest": privileged"#;
        assert_eq!(of(403, "Forbidden", pod, "pods"), Refusal::Object);
        let quota = r#"pods "web" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1"#;
        assert_eq!(of(403, "Forbidden", quota, "pods"), Refusal::Object);
        let going = r#"configmaps "a" is forbidden: unable to create new content in namespace app because it is being terminated"#;
        assert_eq!(of(403, "Forbidden", going, "configmaps"), Refusal::Terminating);
        let no_namespace = r#"namespaces "app" not found"#;
        assert_eq!(of(404, "NotFound", no_namespace, "namespaces"), Refusal::Namespace);
        assert_eq!(of(404, "NotFound", "the server could not find it", ""), Refusal::Object);
        let webhook = r#"admission webhook "a.example" does not support dry run"#;
        assert_eq!(of(400, "BadRequest", webhook, ""), Refusal::DryRun);
        assert_eq!(of(422, "Invalid", "Invalid value", "services"), Refusal::Object);
    }
}

//! Requests that are made for item actions: in another name than the server's where that is wanted, with answers that have a limit, as dry runs
//! where nothing may come of them.
//!
//! In another name means impersonation: the API server checks that the server may act as that service account, and then looks only at what the service
//! account may do. Its groups are added by the API server itself. Requests are retried as all others are ([`crate::client::retry`]).
//!
//! Whether an action may make a request is not asked here.

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use kube::Client;
use lateen_core::kind::{ObjectName, ServedKind};
use serde_json::json;

use crate::list::Page;
use crate::request::{self, Path, RequestError};

/// The header that names who a request is made for.
const IMPERSONATE_USER: &str = "impersonate-user";

/// How requests are made.
#[derive(Clone)]
pub struct ActionRequests {
    /// To the API server, as the server.
    pub client: Client,
    /// The service account to act as, namespace and name; None to act as the server itself.
    pub service_account: Option<(String, String)>,
    /// Who has written fields.
    pub field_manager: String,
    /// Nothing is stored.
    pub dry_run: bool,
    /// Bytes that are read of an answer.
    pub answer_limit: usize,
}

/// Which objects of a kind.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// None: everywhere, or a cluster-scoped kind.
    pub namespace: Option<String>,
    /// Label selector; empty for all.
    pub labels: String,
    /// Field selector; empty for all.
    pub fields: String,
    /// Objects per page.
    pub limit: u32,
    /// The continue token of the page before; empty for the first.
    pub after: String,
}

/// The form of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchForm {
    /// RFC 7396.
    Merge,
    /// RFC 6902.
    Json,
    /// Server-side apply without force.
    Apply,
}

impl PatchForm {
    fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

impl ActionRequests {
    /// An object as JSON.
    pub async fn get(&self, kind: &ServedKind, object: &ObjectName) -> Result<String, RequestError> {
        self.send(request::get(&path_of(kind, object, None)?)?).await
    }

    /// A page of a list.
    pub async fn list(&self, kind: &ServedKind, selection: &Selection) -> Result<Page, RequestError> {
        let Selection { namespace, labels, fields, limit, after } = selection;
        let path = Path::of(kind, namespace.as_deref(), &[])?
            .with("labelSelector", labels)
            .with("fieldSelector", fields)
            .with("limit", &limit.to_string())
            .with("continue", after);
        let text = self.send(request::get(&path)?).await?;
        Page::read(text, kind).map_err(|source| RequestError::Unexpected { expected: "a list", source })
    }

    /// Creates an object.
    pub async fn create(
        &self,
        kind: &ServedKind,
        namespace: Option<&str>,
        object: impl Into<Bytes>,
    ) -> Result<String, RequestError> {
        self.write(Method::POST, Path::of(kind, namespace, &[])?, "application/json", object.into()).await
    }

    /// Changes an object, or its status only.
    pub async fn patch(
        &self,
        kind: &ServedKind,
        object: &ObjectName,
        status: bool,
        form: PatchForm,
        patch: impl Into<Bytes>,
    ) -> Result<String, RequestError> {
        let path = path_of(kind, object, status.then_some("status"))?;
        self.write(Method::PATCH, path, form.content_type(), patch.into()).await
    }

    /// Deletes an object, if it has that uid. `propagation` is the API server's word: `Background`, `Foreground`, `Orphan`.
    pub async fn delete(
        &self,
        kind: &ServedKind,
        object: &ObjectName,
        propagation: &str,
        uid: Option<&str>,
    ) -> Result<(), RequestError> {
        let mut options =
            json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation });
        if let Some(uid) = uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        // Where there is a body, the API server does not look at the query.
        if self.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        let path = path_of(kind, object, None)?;
        let body = Bytes::from(options.to_string());
        self.send(request::send(Method::DELETE, &path, Some("application/json"), body)?).await.map(drop)
    }

    async fn write(
        &self,
        method: Method,
        path: Path,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<String, RequestError> {
        let path = path.with("dryRun", self.dry_run()).with("fieldManager", &self.field_manager);
        self.send(request::send(method, &path, Some(content_type), body)?).await
    }

    fn dry_run(&self) -> &'static str {
        if self.dry_run { "All" } else { "" }
    }

    async fn send(&self, mut request: Request<Bytes>) -> Result<String, RequestError> {
        if let Some((namespace, name)) = &self.service_account {
            let user = format!("system:serviceaccount:{namespace}:{name}");
            let user = HeaderValue::from_str(&user).map_err(|_| RequestError::Name(name.clone()))?;
            request.headers_mut().insert(IMPERSONATE_USER, user);
        }
        request::text(&self.client, &request, self.answer_limit).await
    }
}

fn path_of(
    kind: &ServedKind,
    object: &ObjectName,
    subresource: Option<&'static str>,
) -> Result<Path, RequestError> {
    let rest: Vec<&str> = std::iter::once(object.name.as_str()).chain(subresource).collect();
    Path::of(kind, object.namespace.as_deref(), &rest)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::mock::{Answer, configmaps, serve};

    fn requests(client: Client, dry_run: bool) -> ActionRequests {
        ActionRequests {
            client,
            service_account: None,
            field_manager: "lateen/a.example/b".into(),
            dry_run,
            answer_limit: 64,
        }
    }

    #[tokio::test]
    async fn requests_say_what_was_asked() {
        let settings = ObjectName::new(Some("app"), "settings");
        let path = "/api/v1/namespaces/app/configmaps";
        let (client, server) = serve(vec![
            (
                format!("GET {path}?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&limit=2&continue=t"),
                Answer::text(200, r#"{"metadata":{"continue":"u"},"items":[{"a":1},{"a":2}]}"#),
            ),
            (format!("POST {path}?dryRun=All&fieldManager=lateen%2Fa.example%2Fb"), Answer::text(201, "{}")),
            (
                format!("PATCH {path}/settings/status?dryRun=All&fieldManager=lateen%2Fa.example%2Fb"),
                Answer::text(200, "{}"),
            ),
            (format!("DELETE {path}/settings"), Answer::text(200, "{}")),
        ]);
        let requests = requests(client, true);
        let selection = Selection {
            namespace: Some("app".into()),
            labels: "a=b".into(),
            fields: "metadata.name=x".into(),
            limit: 2,
            after: "t".into(),
        };
        let page = requests.list(&configmaps(), &selection).await.unwrap();
        assert_eq!((page.len(), page.continue_token()), (2, "u"));
        requests.create(&configmaps(), Some("app"), "{}").await.unwrap();
        requests.patch(&configmaps(), &settings, true, PatchForm::Apply, "{}").await.unwrap();
        requests.delete(&configmaps(), &settings, "Orphan", Some("1")).await.unwrap();
        server.done().await;
    }

    #[tokio::test]
    async fn long_answers_are_not_read_to_their_end() {
        let settings = ObjectName::new(Some("app"), "settings");
        let (client, server) = serve(vec![(
            "GET /api/v1/namespaces/app/configmaps/settings".into(),
            Answer::text(200, &" ".repeat(65)),
        )]);
        let error = requests(client, false).get(&configmaps(), &settings).await.unwrap_err();
        assert!(matches!(error, RequestError::TooLarge { limit: 64 }), "{error}");
        server.done().await;
    }
}

//! Single objects of any served kind, as JSON in and JSON out.
//!
//! Nothing of an object is interpreted. Errors keep the API server's Status, so that its message can be shown in its own words. Writes are
//! sent again only where the server cannot have seen them ([`crate::client::retry`]): a create whose answer was lost is an error, and
//! the object may exist.

use bytes::Bytes;
use http::Method;
use kube::Client;
use kube::core::Status;
use lateen_core::kind::{ObjectName, ServedKind};

use crate::request::{self, Path, RequestError};

/// The largest object in bytes. etcd takes 1.5 MiB by default, in its own encoding; JSON with base64 and managed fields makes some 4 MiB
/// of that, and some clusters have raised their limit.
pub const OBJECT_LIMIT: usize = 16 << 20;

/// Why an object was not read or written, by what a caller can do about it. The text is the API server's message.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Something of that name exists.
    #[error("{}", .0.message)]
    AlreadyExists(Box<Status>),
    /// The object was changed by somebody else in the meantime.
    #[error("{}", .0.message)]
    Conflict(Box<Status>),
    /// No such object, namespace or kind.
    #[error("{}", .0.message)]
    NotFound(Box<Status>),
    /// We may not do that.
    #[error("{}", .0.message)]
    Forbidden(Box<Status>),
    /// The object breaks the rules of its kind; the Status has the causes.
    #[error("{}", .0.message)]
    Invalid(Box<Status>),
    /// Any other refusal, or no answer.
    #[error(transparent)]
    Other(RequestError),
}

impl ObjectError {
    /// What the API server said, if it said something.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::AlreadyExists(status)
            | Self::Conflict(status)
            | Self::NotFound(status)
            | Self::Forbidden(status)
            | Self::Invalid(status) => Some(status),
            Self::Other(error) => error.status(),
        }
    }

    /// The error and its causes in one line; for a refusal exactly the API server's message.
    pub fn line(&self) -> String {
        match self {
            Self::Other(error) => error.line(),
            refusal => refusal.to_string(),
        }
    }

    /// The messages of the Status's causes.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        let details = self.status().and_then(|status| status.details.as_ref());
        details.into_iter().flat_map(|details| &details.causes).map(|cause| cause.message.as_str())
    }
}

impl From<RequestError> for ObjectError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Status(status) if status.is_already_exists() => Self::AlreadyExists(status),
            RequestError::Status(status) if status.is_conflict() => Self::Conflict(status),
            RequestError::Status(status) if status.is_not_found() => Self::NotFound(status),
            RequestError::Status(status) if status.is_forbidden() => Self::Forbidden(status),
            RequestError::Status(status) if status.is_invalid() => Self::Invalid(status),
            other => Self::Other(other),
        }
    }
}

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// Ask the server what would happen: admission and validation run, nothing is stored.
    pub dry_run: bool,
    /// In whose name the fields are set; empty for this program's own.
    pub field_manager: &'a str,
}

/// Reads an object. None if there is no such object, namespace or kind.
pub async fn get(
    client: &Client,
    kind: &ServedKind,
    object: &ObjectName,
) -> Result<Option<String>, ObjectError> {
    let request = request::get(&path_of(kind, object, &[])?)?;
    match request::text(client, &request, OBJECT_LIMIT).await.map_err(ObjectError::from) {
        Ok(text) => Ok(Some(text)),
        Err(ObjectError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates an object and returns it as the server stored it. The namespace counts for namespaced kinds only.
pub async fn create(
    client: &Client,
    kind: &ServedKind,
    namespace: Option<&str>,
    body: impl Into<Bytes>,
    options: WriteOptions<'_>,
) -> Result<String, ObjectError> {
    let path = Path::of(kind, namespace, &[])?;
    write(client, Method::POST, path, "application/json", body.into(), options).await
}

/// Changes an object by a JSON merge patch and returns it as the server stored it.
pub async fn merge_patch(
    client: &Client,
    kind: &ServedKind,
    object: &ObjectName,
    patch: impl Into<Bytes>,
    options: WriteOptions<'_>,
) -> Result<String, ObjectError> {
    let url = path_of(kind, object, &[])?;
    write(client, Method::PATCH, url, "application/merge-patch+json", patch.into(), options).await
}

/// Changes an object's status subresource by a JSON merge patch (the whole object's shape, of which only the status counts).
pub async fn merge_patch_status(
    client: &Client,
    kind: &ServedKind,
    object: &ObjectName,
    patch: impl Into<Bytes>,
    options: WriteOptions<'_>,
) -> Result<String, ObjectError> {
    let url = path_of(kind, object, &["status"])?;
    write(client, Method::PATCH, url, "application/merge-patch+json", patch.into(), options).await
}

/// Replaces an object's status subresource. The body is the whole object, with the resource version that it was read with.
pub async fn replace_status(
    client: &Client,
    kind: &ServedKind,
    object: &ObjectName,
    body: impl Into<Bytes>,
    options: WriteOptions<'_>,
) -> Result<String, ObjectError> {
    let path = path_of(kind, object, &["status"])?;
    write(client, Method::PUT, path, "application/json", body.into(), options).await
}

/// Asks for the deletion of an object; what it owns is deleted after it. With finalizers it stays until they are gone.
pub async fn delete(
    client: &Client,
    kind: &ServedKind,
    object: &ObjectName,
    options: WriteOptions<'_>,
) -> Result<(), ObjectError> {
    // Some kinds (jobs) leave what they own behind unless told otherwise. Where there is a body, the API server does not look at the query.
    let body = if options.dry_run {
        r#"{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background","dryRun":["All"]}"#
    } else {
        r#"{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background"}"#
    };
    let body = Bytes::from_static(body.as_bytes());
    let path = path_of(kind, object, &[])?;
    write(client, Method::DELETE, path, "application/json", body, options).await.map(drop)
}

fn path_of(kind: &ServedKind, object: &ObjectName, subresource: &[&str]) -> Result<Path, RequestError> {
    let rest: Vec<&str> = std::iter::once(object.name.as_str()).chain(subresource.iter().copied()).collect();
    Path::of(kind, object.namespace.as_deref(), &rest)
}

async fn write(
    client: &Client,
    method: Method,
    path: Path,
    content_type: &'static str,
    body: Bytes,
    options: WriteOptions<'_>,
) -> Result<String, ObjectError> {
    let path = path.with("dryRun", if options.dry_run { "All" } else { "" });
    let path = path.with("fieldManager", options.field_manager);
    let request = request::send(method, &path, Some(content_type), body)?;
    Ok(request::text(client, &request, OBJECT_LIMIT).await?)
}

#[cfg(test)]
mod tests {
    use lateen_core::kind::GroupResource;
    use serde_json::json;
    use tokio::time::{Duration, Instant};

    use super::*;
    use crate::mock::{Answer, serve};

    fn services() -> ServedKind {
        ServedKind {
            group_resource: GroupResource::parse("services"),
            version: "v1".into(),
            kind: "Service".into(),
            singular: "service".into(),
            short_names: vec!["svc".into()],
            namespaced: true,
            verbs: vec![],
        }
    }

    const CREATE: &str = "POST /api/v1/namespaces/app/services";
    const GET: &str = "GET /api/v1/namespaces/app/services/web";

    async fn create_web(script: Vec<(String, Answer)>) -> Result<String, ObjectError> {
        let (client, server) = serve(script);
        let created = create(&client, &services(), Some("app"), "{}", WriteOptions::default()).await;
        server.done().await;
        created
    }

    fn refusal(code: u16, reason: &str, message: &str) -> Answer {
        let causes = json!([{"reason": "FieldValueInvalid", "message": "Invalid value: 1: provided port is already allocated"}]);
        Answer::json(
            code,
            &json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "code": code, "reason": reason, "message": message, "details": {"causes": causes},
            }),
        )
    }

    #[tokio::test]
    async fn refusals_are_told_apart_in_the_servers_words() {
        for (code, reason) in [
            (409, "AlreadyExists"),
            (409, "Conflict"),
            (404, "NotFound"),
            (403, "Forbidden"),
            (422, "Invalid"),
            (400, "BadRequest"),
        ] {
            let error =
                create_web(vec![(CREATE.into(), refusal(code, reason, "no, because"))]).await.unwrap_err();
            assert_eq!(error.line(), "no, because");
            let debug = format!("{error:?}");
            let expected = if reason == "BadRequest" { "Other" } else { reason };
            assert!(debug.starts_with(expected), "{debug}");
            assert_eq!(error.causes().count(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_too_busy_names_the_time_to_come_back() {
        let busy = Answer::text(429, "too many requests").with("retry-after", "7");
        let begin = Instant::now();
        let created =
            create_web(vec![(CREATE.into(), busy), (CREATE.into(), Answer::text(201, "{\"a\":1}"))]).await;
        assert_eq!(created.unwrap(), "{\"a\":1}");
        assert_eq!(begin.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn creates_that_may_have_been_done_are_not_sent_again() {
        for code in [500, 503, 504] {
            let answer = Answer::text(code, "try later").with("retry-after", "1");
            let error = create_web(vec![(CREATE.into(), answer)]).await.unwrap_err();
            assert_eq!(error.status().unwrap().code, code);
        }
        let error = create_web(vec![(CREATE.into(), Answer::lost())]).await.unwrap_err();
        assert!(error.status().is_none());
        assert_eq!(
            error.line(),
            "could not get an answer from the API server: ServiceError: connection lost"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_sent_again_until_there_is_no_hope() {
        let web = ObjectName::new(Some("app"), "web");
        let (client, server) = serve(vec![
            (GET.into(), Answer::lost()),
            (GET.into(), Answer::text(503, "starting")),
            (GET.into(), Answer::text(200, "{}")),
        ]);
        assert_eq!(get(&client, &services(), &web).await.unwrap().as_deref(), Some("{}"));
        server.done().await;

        let tries = usize::try_from(crate::client::retry::MAX_RETRIES).unwrap() + 1;
        let (client, server) = serve(vec![(GET.into(), Answer::text(503, "starting")); tries]);
        let begin = Instant::now();
        assert_eq!(get(&client, &services(), &web).await.unwrap_err().line(), "starting");
        assert!(begin.elapsed() > Duration::from_secs(15) && begin.elapsed() < Duration::from_secs(30));
        server.done().await;
    }

    #[tokio::test]
    async fn requests_are_what_the_api_asks_for() {
        let web = ObjectName::new(Some("app"), "web");
        let ok = || Answer::text(200, "{}");
        let (client, server) = serve(vec![
            (GET.into(), refusal(404, "NotFound", "services \"web\" not found")),
            ("PATCH /api/v1/namespaces/app/services/web?dryRun=All".into(), ok()),
            ("PATCH /api/v1/namespaces/app/services/web/status".into(), ok()),
            ("PUT /api/v1/namespaces/app/services/web/status".into(), ok()),
            ("DELETE /api/v1/namespaces/app/services/web".into(), ok()),
        ]);
        let (kind, write) = (services(), WriteOptions::default());
        assert!(get(&client, &kind, &web).await.unwrap().is_none());
        merge_patch(&client, &kind, &web, "{}", WriteOptions { dry_run: true, ..WriteOptions::default() })
            .await
            .unwrap();
        merge_patch_status(&client, &kind, &web, "{}", write).await.unwrap();
        replace_status(&client, &kind, &web, "{}", write).await.unwrap();
        delete(&client, &kind, &web, write).await.unwrap();
        server.done().await;
    }
}

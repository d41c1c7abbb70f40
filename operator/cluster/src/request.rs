//! One request and its whole answer as text: paths that only name what they were given, answers with a limit, errors with the API
//! server's own words.
//!
//! Names come from archives, and whoever wrote an archive may hope that `../../secrets` is put into a path: a segment that a path cannot
//! carry is refused before anything is sent.

use std::error::Error as _;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use kube::core::response::reason;
use lateen_core::kind::ServedKind;
use url::{Position, Url};

/// Times that a read is sent again when its answer breaks off. Each try moves up to a page of [`crate::list::PAGE_LIMIT`] bytes.
pub const MAX_BROKEN_ANSWERS: u32 = 2;

/// The most that is read of an answer that reports an error. A Status has some hundred bytes, one with many causes some KiB.
const STATUS_LIMIT: usize = 256 << 10;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The API server refused; its words are the message.
    #[error("{}", .0.message)]
    Status(Box<Status>),
    /// No answer, or half of one, in spite of retries.
    #[error("could not get an answer from the API server")]
    Transport(#[source] Box<kube::Error>),
    /// The answer is larger than what we are ready to hold.
    #[error("the answer of the API server has more than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The answer is not text.
    #[error("the answer of the API server is not text")]
    NotText(#[source] std::string::FromUtf8Error),
    /// The answer is not what was asked for.
    #[error("the answer of the API server is not {expected}")]
    Unexpected {
        /// What was asked for.
        expected: &'static str,
        /// Where it differs.
        #[source]
        source: serde_json::Error,
    },
    /// A name, namespace or plural that cannot be part of a path.
    #[error("{0:?} cannot be the name of an object")]
    Name(String),
    /// The request cannot be written down.
    #[error("could not form the request")]
    Form(#[source] http::Error),
}

impl RequestError {
    /// What the API server said, if it said something.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The error and its causes in one line, for logs and results: for a refusal exactly the API server's message.
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        if self.status().is_none() {
            let mut cause = self.source();
            while let Some(error) = cause {
                let text = error.to_string();
                // Many errors repeat their cause in their own text.
                if !line.contains(&text) {
                    line = format!("{line}: {text}");
                }
                cause = error.source();
            }
        }
        line
    }
}

impl From<kube::Error> for RequestError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Status(Box::new(complete(*status, 0))),
            kube::Error::SerdeError(source) => {
                Self::Unexpected { expected: "the object that was asked for", source }
            }
            other => Self::Transport(Box::new(other)),
        }
    }
}

/// A Status that says something in words and by reason, whatever the server left out.
fn complete(mut status: Status, code: u16) -> Status {
    if status.code == 0 {
        status.code = code;
    }
    // kube's predicates go by the reason alone, and its client gives an answer that is no Status a reason of its own.
    let known = match status.code {
        403 => Some(reason::FORBIDDEN),
        404 => Some(reason::NOT_FOUND),
        409 => Some(reason::CONFLICT),
        410 => Some(reason::EXPIRED),
        422 => Some(reason::INVALID),
        _ => None,
    };
    if let Some(known) = known.filter(|_| !reason::is_known(&status.reason)) {
        known.clone_into(&mut status.reason);
    }
    if status.message.is_empty() {
        status.message = format!("the API server answered with code {}", status.code);
    }
    status
}

/// A path with its query, made of segments that cannot escape.
pub(crate) struct Path(Url);

impl Path {
    /// From the segments that come before the query.
    pub(crate) fn new<'a>(segments: impl IntoIterator<Item = &'a str>) -> Result<Self, RequestError> {
        let mut url = Url::parse("http://api/").expect("a constant that is a URL");
        {
            let mut path = url.path_segments_mut().expect("http URLs have paths");
            path.clear();
            for segment in segments {
                if matches!(segment, "" | "." | "..") || segment.contains(['/', '%', '\\']) {
                    return Err(RequestError::Name(segment.to_owned()));
                }
                path.push(segment);
            }
        }
        Ok(Self(url))
    }

    /// Of a kind, in a namespace if it is namespaced and one is given. A namespace given to a cluster-scoped kind does not count.
    pub(crate) fn of(
        kind: &ServedKind,
        namespace: Option<&str>,
        rest: &[&str],
    ) -> Result<Self, RequestError> {
        let group = kind.group_resource.group.as_str();
        let mut segments = if group.is_empty() { vec!["api"] } else { vec!["apis", group] };
        segments.push(&kind.version);
        if let (true, Some(namespace)) = (kind.namespaced, namespace) {
            segments.extend(["namespaces", namespace]);
        }
        segments.push(&kind.group_resource.resource);
        segments.extend(rest);
        Self::new(segments)
    }

    /// With one more parameter; an empty value is left out.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.query_pairs_mut().append_pair(key, value);
        }
        self
    }

    fn as_str(&self) -> &str {
        &self.0[Position::BeforePath..Position::AfterQuery]
    }
}

/// A request for JSON.
pub(crate) fn get(path: &Path) -> Result<Request<Bytes>, RequestError> {
    send(Method::GET, path, None, Bytes::new())
}

/// A request with a body of that type.
pub(crate) fn send(
    method: Method,
    path: &Path,
    content_type: Option<&'static str>,
    body: Bytes,
) -> Result<Request<Bytes>, RequestError> {
    let mut request = Request::builder().method(method).uri(path.as_str()).header(ACCEPT, "application/json");
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    request.body(body).map_err(RequestError::Form)
}

/// Sends and reads the whole answer, at most `limit` bytes of it.
pub(crate) async fn text(
    client: &Client,
    request: &Request<Bytes>,
    limit: usize,
) -> Result<String, RequestError> {
    let mut broken = 0;
    loop {
        match once(client, request, limit).await {
            Err(Broken::InTheMiddle(_)) if broken < MAX_BROKEN_ANSWERS && request.method() == Method::GET => {
                broken += 1;
            }
            Err(Broken::InTheMiddle(error)) => return Err(RequestError::Transport(Box::new(error))),
            Err(Broken::Otherwise(error)) => return Err(error),
            Ok(text) => return Ok(text),
        }
    }
}

enum Broken {
    /// The answer broke off: the retry layer has not seen that.
    InTheMiddle(kube::Error),
    Otherwise(RequestError),
}

async fn once(client: &Client, request: &Request<Bytes>, limit: usize) -> Result<String, Broken> {
    let response =
        client.send(request.clone().map(Body::from)).await.map_err(|e| Broken::Otherwise(e.into()))?;
    let code = response.status();
    if code.is_success() {
        let bytes = read(response.into_body(), limit).await?;
        return String::from_utf8(bytes).map_err(|e| Broken::Otherwise(RequestError::NotText(e)));
    }
    let status = match read(response.into_body(), STATUS_LIMIT).await {
        Ok(bytes) => status(code.as_u16(), &bytes),
        // The refusal is known by its code, whatever became of its words.
        Err(_) => status(code.as_u16(), b""),
    };
    Err(Broken::Otherwise(RequestError::Status(Box::new(status))))
}

async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Broken::InTheMiddle)?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Broken::Otherwise(RequestError::TooLarge { limit }));
        }
        bytes.extend_from_slice(data);
    }
    // It has grown by doubling, and pages wait in memory.
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// The Status of an answer, or one made of its text where something else than an API server answered.
fn status(code: u16, body: &[u8]) -> Status {
    let read = serde_json::from_slice(body);
    let text = || Status { message: String::from_utf8_lossy(body).trim().to_owned(), ..Status::default() };
    complete(read.unwrap_or_else(|_| text()), code)
}

#[cfg(test)]
mod tests {
    use lateen_core::kind::GroupResource;

    use super::*;

    fn roles() -> ServedKind {
        ServedKind {
            group_resource: GroupResource::parse("roles.rbac.authorization.k8s.io"),
            version: "v1".into(),
            kind: "Role".into(),
            singular: "role".into(),
            short_names: vec![],
            namespaced: true,
            verbs: vec![],
        }
    }

    #[test]
    fn paths_say_what_they_were_given() {
        let path = Path::of(&roles(), Some("app"), &["system:a b", "status"]).unwrap().with("limit", "5");
        let wanted = "/apis/rbac.authorization.k8s.io/v1/namespaces/app/roles/system:a%20b/status?limit=5";
        assert_eq!(path.as_str(), wanted);
        assert_eq!(Path::new(["api"]).unwrap().with("continue", "").as_str(), "/api");
    }

    #[test]
    fn names_that_would_leave_their_path_are_refused() {
        for name in ["..", ".", "", "a/b", "../../secrets", "%2e%2e", "a\\b"] {
            assert!(matches!(Path::of(&roles(), Some("app"), &[name]), Err(RequestError::Name(_))), "{name}");
            assert!(Path::of(&roles(), Some(name), &[]).is_err(), "{name}");
        }
        let path = Path::of(&roles(), Some("app"), &["x?dryRun=All#y"]).unwrap();
        assert!(path.as_str().ends_with("/roles/x%3FdryRun=All%23y"), "{}", path.as_str());
    }

    #[test]
    fn answers_of_others_than_api_servers_are_kept() {
        let status = status(502, b"<html>bad gateway</html>\n");
        assert_eq!((status.code, status.message.as_str()), (502, "<html>bad gateway</html>"));
        let status = super::status(404, b"");
        assert!(status.is_not_found());
        assert_eq!(status.message, "the API server answered with code 404");
    }
}

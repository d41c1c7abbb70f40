//! An API server that follows a script, below the limit and the retry rules that every real client has.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use kube::Client;
use kube::client::Body;
use lateen_core::kind::{GroupResource, ServedKind};
use tokio::task::JoinHandle;
use tower::retry::RetryLayer;
use tower::{BoxError, ServiceBuilder};
use tower_test::mock;

use crate::client::concurrency::ConcurrencyLayer;
use crate::client::retry::RetryRules;

type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// How long the end of a script is waited for once the client is through: it only has to be noticed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kind that every API server serves.
pub(crate) fn configmaps() -> ServedKind {
    ServedKind {
        group_resource: GroupResource::parse("configmaps"),
        version: "v1".into(),
        kind: "ConfigMap".into(),
        singular: "configmap".into(),
        short_names: vec!["cm".into()],
        namespaced: true,
        verbs: vec![],
    }
}

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Answer {
    Whole { code: u16, header: Option<(&'static str, &'static str)>, body: String },
    Broken,
    Lost,
}

impl Answer {
    pub(crate) fn text(code: u16, body: &str) -> Self {
        Self::Whole { code, header: None, body: body.to_owned() }
    }

    pub(crate) fn json(code: u16, body: &serde_json::Value) -> Self {
        Self::text(code, &body.to_string())
    }

    /// With a header.
    pub(crate) fn with(self, key: &'static str, value: &'static str) -> Self {
        match self {
            Self::Whole { code, body, .. } => Self::Whole { code, header: Some((key, value)), body },
            other => other,
        }
    }

    /// An answer that breaks off in the middle.
    pub(crate) fn broken() -> Self {
        Self::Broken
    }

    /// No answer: the connection breaks.
    pub(crate) fn lost() -> Self {
        Self::Lost
    }
}

/// The server's task.
pub(crate) struct Server(JoinHandle<()>);

impl Server {
    /// Waits for the end of the script; panics if a request was not as written or did not come.
    pub(crate) async fn done(self) {
        tokio::time::timeout(PATIENCE, self.0).await.expect("a request of the script did not come").unwrap();
    }
}

/// A client of a server that expects these requests (`METHOD /path?query`) in this order.
pub(crate) fn serve(script: Vec<(String, Answer)>) -> (Client, Server) {
    let (service, mut handle) = mock::pair::<Request<Body>, Response<AnswerBody>>();
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryRules::default()))
        .layer(ConcurrencyLayer::default())
        .service(service);
    let server = tokio::spawn(async move {
        for (expected, answer) in script {
            let (request, reply) = handle.next_request().await.expect("a further request");
            assert_eq!(format!("{} {}", request.method(), request.uri()), expected);
            match answer {
                Answer::Whole { code, header, body } => reply.send_response(whole(code, header, body)),
                Answer::Broken => reply.send_response(broken()),
                Answer::Lost => reply.send_error("connection lost"),
            }
        }
        // Whoever asks for more than the script has gets an error and no silence.
        drop(handle);
    });
    (Client::new(service, "default"), Server(server))
}

fn whole(code: u16, header: Option<(&'static str, &'static str)>, body: String) -> Response<AnswerBody> {
    let body = http_body_util::Full::new(Bytes::from(body)).map_err(|e: Infallible| match e {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    if let Some((key, value)) = header {
        response.headers_mut().insert(HeaderName::from_static(key), HeaderValue::from_static(value));
    }
    response
}

fn broken() -> Response<AnswerBody> {
    let begin = futures::stream::iter([Ok(http_body::Frame::data(Bytes::from_static(b"{\"items\":[")))]);
    let end = futures::stream::iter([Err(BoxError::from("unexpected end"))]);
    Response::new(StreamBody::new(begin.chain(end)).boxed_unsync())
}

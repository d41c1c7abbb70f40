//! An S3 server in this process, which can be told to fail.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) const ACCESS_KEY: &str = "lateen";
pub(crate) const SECRET_KEY: &str = "lateen-secret";

/// What a server does wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers 503 and does nothing.
    Busy,
    /// Does it and answers 500.
    AnswerLost,
    /// Answers 501 and does nothing.
    NotImplemented,
    /// Answers 403 and does nothing.
    Forbidden,
}

/// Which requests fail, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) fault: Fault,
    pub(crate) applies: fn(&http::request::Parts) -> bool,
    pub(crate) times: usize,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) url: String,
    plan: Arc<Mutex<Option<Plan>>>,
    _server: JoinSet<()>,
}

impl Bucket {
    /// Serves the directories below `root` as buckets on a free port.
    pub(crate) async fn serve(root: &Path) -> Self {
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let plan: Arc<Mutex<Option<Plan>>> = Arc::default();
        let mut server = JoinSet::new();
        server.spawn(accept(listener, service, plan.clone()));
        Self { url, plan, _server: server }
    }

    /// Makes the next requests that a plan applies to fail.
    pub(crate) fn fail(&self, plan: Plan) {
        *self.plan.lock().unwrap() = Some(plan);
    }

    /// How many failures are still to come.
    pub(crate) fn failures_left(&self) -> usize {
        self.plan.lock().unwrap().map_or(0, |plan| plan.times)
    }
}

async fn accept(listener: TcpListener, service: S3Service, plan: Arc<Mutex<Option<Plan>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (service, plan) = (service.clone(), plan.clone());
        connections.spawn(async move {
            let answer = move |request| answer(service.clone(), plan.clone(), request);
            let service = hyper::service::service_fn(answer);
            let builder = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is its own business.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    service: S3Service,
    plan: Arc<Mutex<Option<Plan>>>,
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<s3s::Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let fault =
        plan.lock().unwrap().as_mut().filter(|plan| plan.times > 0 && (plan.applies)(&parts)).map(|plan| {
            plan.times -= 1;
            plan.fault
        });
    let serve = || hyper::service::Service::call(&service, http::Request::from_parts(parts, body));
    let refuse = |status| Ok(http::Response::builder().status(status).body(s3s::Body::empty()).unwrap());
    match fault {
        Some(Fault::Busy) => refuse(503),
        Some(Fault::NotImplemented) => refuse(501),
        Some(Fault::Forbidden) => refuse(403),
        Some(Fault::AnswerLost) => {
            serve().await.unwrap();
            refuse(500)
        }
        None => Ok(serve().await.unwrap()),
    }
}

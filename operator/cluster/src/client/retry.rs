//! When a request is sent again, and after how long.
//!
//! The promise: nothing is done twice. What the API server refused before it looked at it (429) and what never left this machine is sent
//! again whatever it was; what may have been done is sent again only if it was a read.
//!
//! Patience is bounded twice: at most [`MAX_RETRIES`] times, some 20 s in all when the server names no time, which is longer than a restart
//! of an API server takes; and nothing is sent again [`PATIENCE`] after it was sent first. A server that is too busy answers quickly
//! that it is, so for it only the second bound counts: a refused list would be a hole in a backup.
//!
//! Only the beginning of an answer is looked at here. An answer that breaks off in the middle is [`crate::request`]'s business.

use std::time::Duration;

use http::header::{RETRY_AFTER, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use tokio::time::{Instant, Sleep};
use tower::BoxError;
use tower::retry::Policy;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use tower::util::rng::HasherRng;

/// Times that one request is sent again: waits of 0.1, 0.2, 0.4 ... 5, 5 s, 16 s in all and up to half of it more by chance.
pub const MAX_RETRIES: u32 = 8;

/// The first wait.
pub const MIN_WAIT: Duration = Duration::from_millis(100);

/// The longest wait that we choose ourselves.
pub const MAX_WAIT: Duration = Duration::from_secs(5);

/// The longest wait that a server can ask for. Flow control asks for 1 s; whoever asks for more than this gets the request early.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Times that a read is sent again after a 500 without advice. Some are over in a moment (etcd changes its leader), others last (a
/// conversion webhook is down), and a run asks for many kinds: 0.3 s for each is bearable, 16 s is not.
pub const MAX_RETRIES_INTERNAL: u32 = 2;

/// How long after its first sending a request may be sent again. A server that holds every try for [`super::RESPONSE_TIMEOUT`] is asked
/// twice; one that refuses for lack of room, and asks for a second each time, a hundred times.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// What came of sending a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// An answer began, perhaps with the advice to come back after some time.
    Answered(StatusCode, Option<Duration>),
    /// There was no connection to send it on: the server has seen nothing.
    Not,
    /// The connection broke or the time was up: the server may have done it.
    Lost,
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// That is the answer.
    Keep,
    /// Send it again after the usual wait.
    Again,
    /// Send it again after that time.
    AgainAfter(Duration),
}

/// Decides about a request that was sent again `retries` times so far, for the first time `since` ago.
pub fn decide(method: &Method, sent: Sent, retries: u32, since: Duration) -> Decision {
    let read = matches!(*method, Method::GET | Method::HEAD);
    let again = match sent {
        Sent::Answered(StatusCode::TOO_MANY_REQUESTS, _) => true,
        _ if retries >= MAX_RETRIES => false,
        Sent::Not => true,
        Sent::Answered(StatusCode::INTERNAL_SERVER_ERROR, None) => read && retries < MAX_RETRIES_INTERNAL,
        Sent::Lost
        | Sent::Answered(
            StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT,
            _,
        ) => read,
        Sent::Answered(..) => false,
    };
    match sent {
        _ if !again || since >= PATIENCE => Decision::Keep,
        Sent::Answered(_, Some(advice)) => Decision::AgainAfter(advice.min(MAX_RETRY_AFTER)),
        _ => Decision::Again,
    }
}

/// When a request was sent first; it travels with its copies.
#[derive(Debug, Clone, Copy)]
struct FirstSent(Instant);

/// [`decide`] as a policy of tower's retry layer, with the state of one request.
#[derive(Clone)]
pub struct RetryRules {
    backoff: ExponentialBackoff,
    retries: u32,
}

impl Default for RetryRules {
    fn default() -> Self {
        // Half of each wait is added by chance, so that workers that were refused together do not come back together.
        let backoff = ExponentialBackoffMaker::new(MIN_WAIT, MAX_WAIT, 0.5, HasherRng::new())
            .expect("the shortest wait is above zero and below the longest")
            .make_backoff();
        Self { backoff, retries: 0 }
    }
}

impl<B> Policy<Request<Body>, Response<B>, BoxError> for RetryRules {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        result: &mut Result<Response<B>, BoxError>,
    ) -> Option<Self::Future> {
        let since = request.extensions().get::<FirstSent>().map_or(Duration::ZERO, |first| first.0.elapsed());
        let decision = decide(effect(request), sent(result), self.retries, since);
        self.retries += 1;
        match decision {
            Decision::Keep => None,
            Decision::Again => Some(self.backoff.next_backoff()),
            Decision::AgainAfter(wait) => Some(tokio::time::sleep(wait)),
        }
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut again = Request::new(request.body().try_clone()?);
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.version_mut() = request.version();
        *again.headers_mut() = request.headers().clone();
        *again.extensions_mut() = request.extensions().clone();
        again.extensions_mut().get_or_insert_with(|| FirstSent(Instant::now()));
        Some(again)
    }
}

/// The method by what a request does: one that asks for a WebSocket begins a command in a container, GET or not.
fn effect(request: &Request<Body>) -> &Method {
    if request.headers().contains_key(UPGRADE) { &Method::POST } else { request.method() }
}

fn sent<B>(result: &Result<Response<B>, BoxError>) -> Sent {
    match result {
        Ok(response) => Sent::Answered(response.status(), retry_after(response)),
        Err(error) if never_connected(error) => Sent::Not,
        Err(_) => Sent::Lost,
    }
}

/// The header's number of seconds. Its other form, a date, is not used by API servers and would need a clock that both agree on.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn never_connected(error: &BoxError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use kube::Config;
    use kube::client::ClientBuilder;
    use tower::buffer::BufferLayer;
    use tower::timeout::TimeoutLayer;

    use super::*;

    #[test]
    fn nothing_is_done_twice() {
        let second = Some(Duration::from_secs(1));
        let answered = |code: u16, advice| Sent::Answered(StatusCode::from_u16(code).unwrap(), advice);
        // What came of it, whether a read is sent again, whether a write is.
        for (sent, read, write) in [
            (Sent::Not, true, true),
            (answered(429, None), true, true),
            (answered(429, second), true, true),
            (Sent::Lost, true, false),
            (answered(500, None), true, false),
            (answered(500, second), true, false),
            (answered(502, None), true, false),
            (answered(503, second), true, false),
            (answered(504, None), true, false),
            (answered(501, second), false, false),
            (answered(409, second), false, false),
            (answered(410, None), false, false),
            (answered(201, None), false, false),
        ] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(
                    decide(&method, sent, 0, Duration::ZERO) != Decision::Keep,
                    read,
                    "{method} {sent:?}"
                );
            }
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(
                    decide(&method, sent, 0, Duration::ZERO) != Decision::Keep,
                    write,
                    "{method} {sent:?}"
                );
            }
        }
    }

    #[test]
    fn patience_has_limits() {
        let busy = Sent::Answered(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_hours(1)));
        let soon = PATIENCE.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(decide(&Method::POST, busy, MAX_RETRIES, soon), Decision::AgainAfter(MAX_RETRY_AFTER));
        assert_eq!(decide(&Method::POST, busy, 1, PATIENCE), Decision::Keep);
        let broken = Sent::Answered(StatusCode::BAD_GATEWAY, None);
        assert_eq!(decide(&Method::GET, broken, MAX_RETRIES - 1, soon), Decision::Again);
        assert_eq!(decide(&Method::GET, broken, MAX_RETRIES, soon), Decision::Keep);
        assert_eq!(decide(&Method::GET, Sent::Lost, 1, PATIENCE), Decision::Keep);
        let internal = Sent::Answered(StatusCode::INTERNAL_SERVER_ERROR, None);
        assert_eq!(decide(&Method::GET, internal, MAX_RETRIES_INTERNAL - 1, soon), Decision::Again);
        assert_eq!(decide(&Method::GET, internal, MAX_RETRIES_INTERNAL, soon), Decision::Keep);
    }

    #[tokio::test]
    async fn a_refused_connection_is_told_from_a_lost_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config::new(url.parse().unwrap());
        config.default_retry = false;
        let client = ClientBuilder::try_from(config)
            .unwrap()
            .with_layer(&BufferLayer::new(1))
            .with_layer(&TimeoutLayer::new(Duration::from_mins(1)))
            .build();
        let ask = async || -> BoxError {
            let request = Request::get("/version").body(Body::empty()).unwrap();
            client.send(request).await.err().unwrap().into()
        };

        let (lost, ()) = tokio::join!(ask(), async { drop(listener.accept().await.unwrap()) });
        assert!(!never_connected(&lost), "{lost:?}");
        drop(listener);
        let refused = ask().await;
        assert!(never_connected(&refused), "{refused:?}");
    }
}

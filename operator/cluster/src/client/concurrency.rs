//! How many requests may be on their way at once: as many as the API server bears, found out while running.
//!
//! There is no rate that fits all clusters, so there is none here. The API server has its own flow control (priority and fairness), which
//! queues and then refuses; we follow it: every full round of good answers allows one request more, a refusal (429) or a read that
//! took suspiciously long allows half as many. Half is taken once for a burst of bad news, not once for every request that was on its way.
//!
//! One limit holds for all that goes through a client, so a backup, a restore and the status updates of both share it; who waits is served
//! in the order of asking. Watches do not count: their request is over in a moment, for flow control too. The limit is on waiting for
//! the beginning of an answer: who reads the rest slowly keeps nobody from asking.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceExt};

/// Requests at once in the beginning: enough to keep both ends busy, few for any API server.
pub const START: usize = 8;

/// Requests at once that are always allowed: one that reads and one that writes the status.
pub const LEAST: usize = 2;

/// Requests at once at most. Each has a connection of its own (HTTP/1.1), and flow control gives all clients that it knows nothing about
/// some 240 places between them.
pub const MOST: usize = 64;

/// A read that took so long has stood in a queue of flow control, which gives up after 15 s by default. Writes may wait for webhooks that
/// have nothing to do with load.
pub const SLOW_READ: Duration = Duration::from_secs(5);

/// What an answer says about the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Bearable,
    TooMuch,
    Unknown,
}

/// The limit, and what led to it.
#[derive(Debug)]
struct Window {
    limit: usize,
    /// Good answers since the limit was changed, of requests that used the limit up.
    good: usize,
    /// Permits that are out and must not come back.
    surplus: usize,
    cut: Option<Instant>,
}

impl Window {
    /// Whether one more is allowed after this answer.
    fn grow(&mut self) -> bool {
        if self.limit >= MOST {
            return false;
        }
        self.good += 1;
        if self.good < self.limit {
            return false;
        }
        self.good = 0;
        self.limit += 1;
        true
    }

    /// How many fewer are allowed after this answer to a request that was sent at `sent`.
    fn shrink(&mut self, sent: Instant, now: Instant) -> usize {
        if self.cut.is_some_and(|cut| sent < cut) {
            // It was on its way when the limit was cut: the same news again.
            return 0;
        }
        let before = self.limit;
        self.limit = (before / 2).max(LEAST);
        (self.good, self.cut) = (0, Some(now));
        before - self.limit
    }
}

struct Shared {
    permits: Arc<Semaphore>,
    window: Mutex<Window>,
}

impl Shared {
    async fn begin(self: &Arc<Self>) -> Turn {
        // Whether more would be asked at once if it were allowed: a limit that nobody comes near says nothing about what the server bears.
        let full = self.permits.available_permits() <= 1;
        let permit = self.permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        Turn { shared: self.clone(), permit: Some(permit), full, sent: Instant::now(), load: Load::Unknown }
    }

    /// A lock that is held for a few additions; no panic can leave them half done.
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request on its way. It ends when it is dropped, also if nobody waits for the answer any more.
struct Turn {
    shared: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
    full: bool,
    sent: Instant,
    load: Load,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut window = self.shared.window();
        match self.load {
            Load::Bearable if self.full && window.grow() => match window.surplus.checked_sub(1) {
                Some(surplus) => window.surplus = surplus,
                None => self.shared.permits.add_permits(1),
            },
            Load::TooMuch => {
                let fewer = window.shrink(self.sent, Instant::now());
                window.surplus += fewer - self.shared.permits.forget_permits(fewer);
            }
            Load::Bearable | Load::Unknown => {}
        }
        if let Some(surplus) = window.surplus.checked_sub(1) {
            window.surplus = surplus;
            self.permit.take().expect("taken here only").forget();
        }
    }
}

/// Puts one limit on all that goes through the service and its clones.
#[derive(Clone)]
pub struct ConcurrencyLayer(Arc<Shared>);

impl Default for ConcurrencyLayer {
    fn default() -> Self {
        let window = Window { limit: START, good: 0, surplus: 0, cut: None };
        Self(Arc::new(Shared { permits: Arc::new(Semaphore::new(START)), window: Mutex::new(window) }))
    }
}

impl ConcurrencyLayer {
    /// Requests that are allowed at once now.
    pub fn limit(&self) -> usize {
        self.0.window().limit
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Concurrency<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Concurrency { inner, shared: self.0.clone() }
    }
}

/// A service under the limit.
#[derive(Clone)]
pub struct Concurrency<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B> Service<Request<Body>> for Concurrency<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Readiness of the inner service is waited for when it is the request's turn.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, shared) = (self.inner.clone(), self.shared.clone());
        Box::pin(async move {
            if is_watch(&request) {
                return inner.oneshot(request).await;
            }
            let read = *request.method() == Method::GET;
            let mut turn = shared.begin().await;
            let answer = inner.oneshot(request).await;
            turn.load = load(read, &answer, turn.sent.elapsed());
            answer
        })
    }
}

fn load<B>(read: bool, answer: &Result<Response<B>, BoxError>, took: Duration) -> Load {
    match answer {
        Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => Load::TooMuch,
        _ if read && took >= SLOW_READ => Load::TooMuch,
        Ok(answer) if answer.status().is_server_error() => Load::Unknown,
        Ok(_) => Load::Bearable,
        Err(_) => Load::Unknown,
    }
}

fn is_watch(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1" | "follow=true"))
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tower::service_fn;

    use super::*;

    /// A server that answers every request after a second, and refuses those above its capacity at once.
    async fn run(layer: &ConcurrencyLayer, capacity: usize, requests: usize) -> (usize, usize) {
        let (busy, worst, refused) =
            (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let (now, most, refusals) = (busy.clone(), worst.clone(), refused.clone());
        let service = layer.layer(service_fn(move |_: Request<Body>| {
            let (busy, worst, refused) = (busy.clone(), worst.clone(), refused.clone());
            async move {
                *busy.lock().unwrap() += 1;
                let at_once = *busy.lock().unwrap();
                let mut answer = Response::new(());
                if at_once > capacity {
                    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    *refused.lock().unwrap() += 1;
                } else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                let mut worst = worst.lock().unwrap();
                *worst = at_once.max(*worst);
                *busy.lock().unwrap() -= 1;
                Ok::<_, BoxError>(answer)
            }
        }));
        let request = || Request::get("/api/v1/pods").body(Body::empty()).unwrap();
        for answer in join_all((0..requests).map(|_| service.clone().oneshot(request()))).await {
            answer.unwrap();
        }
        assert_eq!(*now.lock().unwrap(), 0);
        (*most.lock().unwrap(), *refusals.lock().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn good_answers_allow_more_up_to_the_most() {
        let layer = ConcurrencyLayer::default();
        assert_eq!(run(&layer, usize::MAX, START).await.0, START);
        run(&layer, usize::MAX, 10_000).await;
        assert_eq!(layer.limit(), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_hold_the_limit_near_what_the_server_bears() {
        let layer = ConcurrencyLayer::default();
        let (worst, refused) = run(&layer, 20, 5_000).await;
        assert!(worst <= 22, "{worst} at once");
        assert!((1..100).contains(&refused), "{refused} were refused");
        assert!((10..=21).contains(&layer.limit()), "{}", layer.limit());
        assert_eq!(layer.0.permits.available_permits(), layer.limit(), "no permit is lost or made up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_refusals_is_one_piece_of_news() {
        let layer = ConcurrencyLayer::default();
        let refusing = layer.layer(service_fn(async |_: Request<Body>| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut answer = Response::new(());
            *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok::<_, BoxError>(answer)
        }));
        let request = || Request::post("/api/v1/pods").body(Body::empty()).unwrap();
        join_all((0..START).map(|_| refusing.clone().oneshot(request()))).await;
        assert_eq!(layer.limit(), START / 2);
        join_all((0..100).map(|_| refusing.clone().oneshot(request()))).await;
        assert_eq!(layer.limit(), LEAST);
        assert_eq!(layer.0.permits.available_permits(), LEAST);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reads_count_and_slow_writes_and_watches_do_not() {
        let layer = ConcurrencyLayer::default();
        let slow = layer.layer(service_fn(async |_: Request<Body>| {
            tokio::time::sleep(SLOW_READ).await;
            Ok::<_, BoxError>(Response::new(()))
        }));
        for (request, limit) in [
            (Request::post("/api/v1/pods"), START),
            (Request::get("/api/v1/pods?resourceVersion=1&watch=true"), START),
            (Request::get("/api/v1/pods?limit=500"), START / 2),
        ] {
            slow.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(layer.limit(), limit);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_are_given_up_leave_their_place() {
        let layer = ConcurrencyLayer::default();
        let never = layer.layer(service_fn(|_: Request<Body>| {
            futures::future::pending::<Result<Response<()>, BoxError>>()
        }));
        let request = || Request::get("/api/v1/pods").body(Body::empty()).unwrap();
        let all = join_all((0..3 * START).map(|_| never.clone().oneshot(request())));
        assert!(tokio::time::timeout(Duration::from_secs(1), all).await.is_err());
        assert_eq!(layer.0.permits.available_permits(), START);
    }
}

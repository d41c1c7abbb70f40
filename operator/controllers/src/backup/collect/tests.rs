//! The collector on an API server that is a function: what is handed out, in which order, how far it runs ahead, and by which requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use kube::client::Body;
use lateen_core::kind::GroupResource;
use tokio::time::timeout;
use tower::BoxError;

use super::*;

/// Longer than any wait of these tests, on a clock that jumps when everybody waits.
const LIMIT: Duration = Duration::from_mins(1);

/// An API server with so many objects of each kind in each namespace, all of one size.
#[derive(Clone)]
struct Cluster {
    objects: BTreeMap<(&'static str, &'static str), usize>,
    bytes: usize,
    everywhere: bool,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Cluster {
    fn new(objects: impl IntoIterator<Item = ((&'static str, &'static str), usize)>) -> Self {
        let objects = objects.into_iter().collect();
        Self { objects, bytes: 10, everywhere: true, asked: Arc::default() }
    }

    fn client(&self) -> Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move { Ok::<_, BoxError>(this.answer(request.uri().clone()).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, uri: Uri) -> Response<Full<Bytes>> {
        self.asked.lock().unwrap().push(uri.to_string());
        let path: Vec<&str> = uri.path().split('/').skip(3).collect();
        let (namespace, kind) = match path[..] {
            ["namespaces", namespace, kind] => (Some(namespace), kind),
            [kind] => (None, kind),
            _ => panic!("{path:?}"),
        };
        assert_ne!(kind, "faults", "a fault of this program");
        if kind == "slow" {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        if namespace.is_none() && !self.everywhere {
            let mut answer =
                Response::new(Full::from(r#"{"kind":"Status","code":403,"reason":"Forbidden"}"#));
            *answer.status_mut() = StatusCode::FORBIDDEN;
            return answer;
        }
        Response::new(Full::from(self.page(kind, namespace, uri.query().unwrap_or_default())))
    }

    fn page(&self, kind: &str, namespace: Option<&str>, query: &str) -> String {
        let number = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map_or(0, |(_, value)| value.parse::<usize>().unwrap())
        };
        let (from, limit) = (number("continue"), number("limit"));
        let text = "x".repeat(self.bytes);
        let of = self
            .objects
            .iter()
            .filter(|((of, place), _)| *of == kind && namespace.is_none_or(|n| n == *place));
        let all: Vec<String> = of
            .flat_map(|((_, place), count)| (0..*count).map(move |number| format!("{place}/{number}")))
            .collect();
        let items: Vec<String> = all
            .iter()
            .skip(from)
            .take(limit)
            .map(|name| format!(r#"{{"n":"{name}","t":"{text}"}}"#))
            .collect();
        let left = all.len().saturating_sub(from + limit);
        let next = if left == 0 { String::new() } else { (from + limit).to_string() };
        format!(
            r#"{{"kind":"List","metadata":{{"continue":"{next}","remainingItemCount":{left}}},"items":[{}]}}"#,
            items.join(",")
        )
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn plan(kind: &str, places: Places) -> KindPlan {
    let kind = ServedKind {
        group_resource: GroupResource::parse(kind),
        version: "v1".into(),
        kind: kind.to_uppercase(),
        singular: String::new(),
        short_names: vec![],
        namespaced: true,
        verbs: vec![],
    };
    KindPlan { kind, places, query: String::new() }
}

/// All that comes, a line for each object, and a line for each error.
async fn collect(mut collector: Collector) -> Vec<String> {
    let mut told = Vec::new();
    while let Some((list, page)) = timeout(LIMIT, collector.next()).await.unwrap() {
        match page {
            Ok(page) => told.extend(page.items().map(|item| {
                let item: serde_json::Value = serde_json::from_str(item).unwrap();
                format!("{} {}", list.kind.group_resource, item["n"].as_str().unwrap())
            })),
            Err(error) => told.push(format!("{}: {error}", list.kind.group_resource)),
        }
    }
    told
}

#[tokio::test(start_paused = true)]
async fn pages_come_in_the_order_of_the_plan() {
    let cluster = Cluster::new([(("slow", "a"), 3), (("fast", "a"), 3), (("none", "a"), 0)]);
    let kinds = ["slow", "none", "fast"].map(|kind| plan(kind, Places::Everywhere));
    let told = collect(Collector::new(cluster.client(), 2, kinds)).await;
    assert_eq!(told, ["slow a/0", "slow a/1", "slow a/2", "fast a/0", "fast a/1", "fast a/2"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_in_bytes_and_nothing_is_lost() {
    const PAGE: usize = 1 << 20;
    let kinds = ["a", "b", "c", "d", "e", "f"];
    let mut cluster = Cluster::new(kinds.map(|kind| ((kind, "n"), 40)));
    cluster.bytes = PAGE;
    let mut collector = Collector::new(cluster.client(), 1, kinds.map(|kind| plan(kind, Places::Everywhere)));
    let (_, page) = timeout(LIMIT, collector.next()).await.unwrap().unwrap();
    assert_eq!(page.unwrap().len(), 1);
    // Time goes on only when nobody can do anything any more.
    tokio::time::sleep(LIMIT).await;
    let most = (AHEAD_BYTES + HEAD_BYTES) / PAGE + KINDS_AHEAD;
    assert!(cluster.asked() > KINDS_AHEAD && cluster.asked() <= most, "{} pages were read", cluster.asked());
    assert_eq!(collect(collector).await.len(), kinds.len() * 40 - 1);
}

#[tokio::test(start_paused = true)]
async fn many_namespaces_are_listed_at_once_where_that_is_cheaper() {
    let names = || (0..100).map(|number| format!("n{number:02}")).collect::<Vec<_>>();
    let few = Cluster::new([(("a", "n07"), 3), (("a", "other"), 1500)]);
    let told = collect(Collector::new(few.client(), 500, [plan("a", Places::LookFirst(names()))])).await;
    assert_eq!((told.len(), few.asked()), (1503, 4), "the reader leaves out what is not wanted");

    let many = Cluster::new([(("a", "n07"), 3), (("a", "other"), 100_000)]);
    let told = collect(Collector::new(many.client(), 500, [plan("a", Places::LookFirst(names()))])).await;
    assert_eq!(told, ["a n07/0", "a n07/1", "a n07/2"]);
    assert_eq!(many.asked(), 101);

    let mut forbidden = Cluster::new([(("a", "n07"), 3)]);
    forbidden.everywhere = false;
    let told =
        collect(Collector::new(forbidden.client(), 500, [plan("a", Places::LookFirst(names()))])).await;
    assert_eq!((told.len(), forbidden.asked()), (3, 101));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_down_is_an_error_and_the_others_go_on() {
    let mut cluster = Cluster::new([(("a", "n"), 1), (("b", "n"), 1)]);
    let kinds = ["faults", "a"].map(|kind| plan(kind, Places::Everywhere));
    let told = collect(Collector::new(cluster.client(), 5, kinds)).await;
    assert_eq!(told, [format!("faults: {}", ListError::Abandoned), "a n/0".into()]);

    cluster.everywhere = false;
    let plans = [plan("a", Places::Everywhere), plan("b", Places::Each(vec!["n".into()]))];
    let told = collect(Collector::new(cluster.client(), 5, plans)).await;
    assert_eq!(told, ["a: the API server answered with code 403", "b n/0"]);
}

#[tokio::test(start_paused = true)]
async fn lists_end_with_their_collector() {
    let cluster = Cluster::new([(("slow", "n"), 1000)]);
    let mut collector = Collector::new(cluster.client(), 1, [plan("slow", Places::Everywhere)]);
    timeout(LIMIT, collector.next()).await.unwrap().unwrap().1.unwrap();
    drop(collector);
    let asked = cluster.asked();
    tokio::time::sleep(LIMIT).await;
    assert_eq!(cluster.asked(), asked);
}

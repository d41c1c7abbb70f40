//! All objects of a kind, page by page, as the API server wrote them.
//!
//! A list is read at one revision as long as the server keeps it. When a continue token expires in the middle, the list goes on at the
//! newer revision that the server offers, or starts again from the beginning where it offers none; either way the pages say so
//! ([`Page::spans_revisions`]) and nothing is left out: what was there all the time is in at least one page. An object can then be in two
//! pages; whoever must not see it twice claims keys.
//!
//! Memory is bounded by one page of at most [`PAGE_LIMIT`] bytes. A page that is larger is asked for again with fewer objects, and large
//! objects make the pages after them shorter ([`PAGE_TARGET`]). The next page is requested when the stream is polled, not before.

mod cursor;
pub mod page;

use bytes::Bytes;
use futures::Stream;
use http::Request;
use kube::Client;
use kube::core::Status;
use lateen_core::kind::ServedKind;

use self::cursor::Cursor;
pub use self::page::Page;
use crate::object::OBJECT_LIMIT;
use crate::request::{self, Path, RequestError};

/// The largest page in bytes. 500 objects, Velero's page, of 16 KiB each fit, and most are far smaller.
pub const PAGE_LIMIT: usize = 8 << 20;

/// The largest page of a single object: the object with the list around it.
pub const SINGLE_LIMIT: usize = OBJECT_LIMIT + (64 << 10);

/// The size of a page in bytes that is aimed at when objects turn out to be large: a quarter of the limit, because neighbours differ.
/// Pages of 500 objects of 4 KiB have it.
pub const PAGE_TARGET: usize = 2 << 20;

/// The page size that a list falls back to that should come in one piece and is too large for it.
pub const FALLBACK_PAGE_SIZE: u32 = 500;

/// Expired tokens in a row without a page between them. A server that offers a new token serves at least the page of that token.
pub const MAX_EXPIRED: u32 = 3;

/// Times that a list starts from the beginning because its token expired and the server offers no other. Tokens live for minutes; whoever
/// needs longer every time has no hope.
pub const MAX_RESTARTS: u32 = 2;

/// Pages without objects in a row. Servers that filter after they have cut the page send some of them.
pub const MAX_EMPTY_PAGES: u32 = 1000;

/// Why a list ended before its end. Pages that came before are good.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The server does not know the kind (any more).
    #[error("{}", .0.message)]
    NotFound(Box<Status>),
    /// We may not list it.
    #[error("{}", .0.message)]
    Forbidden(Box<Status>),
    /// Tokens expire faster than pages can be read.
    #[error("{}", .0.message)]
    Expired(Box<Status>),
    /// The server sends us in circles, or on and on without an object.
    #[error("the API server continues the list for ever and it gets no further")]
    Circle,
    /// Whoever read the list broke down; what came of it is not all there is.
    #[error("the list was given up in the middle by a fault of this program")]
    Abandoned,
    /// Anything else.
    #[error(transparent)]
    Other(RequestError),
}

impl ListError {
    /// The error and its causes in one line; for a refusal exactly the API server's message.
    pub fn line(&self) -> String {
        match self {
            Self::Other(error) => error.line(),
            other => other.to_string(),
        }
    }
}

/// Lists a kind in one namespace, or everywhere without one. `label_query` is the text form of a label selector, empty for everything;
/// `page_size` is the number of objects to ask for at a time, 0 for all at once. The stream ends after the last page or the first error.
pub fn pages(
    client: &Client,
    kind: &ServedKind,
    namespace: Option<&str>,
    label_query: &str,
    page_size: u32,
) -> impl Stream<Item = Result<Page, ListError>> + Send + use<> {
    let list = List {
        client: client.clone(),
        kind: kind.clone(),
        namespace: namespace.map(str::to_owned),
        label_query: label_query.to_owned(),
        cursor: Cursor::new(page_size),
    };
    futures::stream::try_unfold(list, async |mut list| Ok(list.next().await?.map(|page| (page, list))))
}

struct List {
    client: Client,
    kind: ServedKind,
    namespace: Option<String>,
    label_query: String,
    cursor: Cursor,
}

impl List {
    async fn next(&mut self) -> Result<Option<Page>, ListError> {
        while !self.cursor.done {
            let request = self.request().map_err(ListError::Other)?;
            let answer = request::text(&self.client, &request, self.cursor.limit()).await;
            if let Some(page) = self.cursor.take(answer, &self.kind)? {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    fn request(&self) -> Result<Request<Bytes>, RequestError> {
        let limit =
            if self.cursor.page_size == 0 { String::new() } else { self.cursor.page_size.to_string() };
        let path = Path::of(&self.kind, self.namespace.as_deref(), &[])?
            .with("labelSelector", &self.label_query)
            .with("limit", &limit)
            .with("continue", &self.cursor.token);
        request::get(&path)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;
    use crate::client::retry::PATIENCE;
    use crate::mock::{Answer, configmaps, serve};

    fn page(name: &str, token: &str) -> Answer {
        Answer::json(
            200,
            &json!({
                "kind": "ConfigMapList", "apiVersion": "v1",
                "metadata": {"continue": token, "resourceVersion": "7"},
                "items": [{"metadata": {"name": name}}],
            }),
        )
    }

    fn expired(token: &str) -> Answer {
        Answer::json(
            410,
            &json!({
                "kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old",
                "metadata": {"continue": token},
            }),
        )
    }

    const FIRST: &str = "GET /api/v1/namespaces/app/configmaps?limit=2";

    fn next(token: &str) -> String {
        format!("{FIRST}&continue={token}")
    }

    /// Lists with a page size of two and tells what came, page by page.
    async fn list(script: Vec<(String, Answer)>) -> Vec<String> {
        let (client, server) = serve(script);
        let told = pages(&client, &configmaps(), Some("app"), "", 2)
            .map(|page| match page {
                Ok(page) => {
                    let items: Vec<_> = page.items().collect();
                    format!("{}{}", items.join(","), if page.spans_revisions { " spans" } else { "" })
                }
                Err(error) => error.line(),
            })
            .collect()
            .await;
        server.done().await;
        told
    }

    fn item(name: &str) -> String {
        format!(r#"{{"metadata":{{"name":"{name}"}}}}"#)
    }

    #[tokio::test]
    async fn an_expired_token_goes_on_at_the_revision_that_is_offered() {
        let told = list(vec![
            (FIRST.into(), page("a", "one")),
            (next("one"), expired("fresh")),
            (next("fresh"), page("b", "two")),
            (next("two"), page("c", "")),
        ])
        .await;
        assert_eq!(told, [item("a"), item("b") + " spans", item("c") + " spans"]);
    }

    #[tokio::test]
    async fn without_an_offer_the_list_starts_again() {
        let told = list(vec![
            (FIRST.into(), page("a", "one")),
            (next("one"), expired("")),
            (FIRST.into(), page("a", "one")),
            (next("one"), page("b", "")),
        ])
        .await;
        assert_eq!(told, [item("a"), item("a") + " spans", item("b") + " spans"]);
    }

    #[tokio::test]
    async fn a_list_that_always_expires_is_given_up() {
        let round = [(FIRST.to_owned(), page("a", "one")), (next("one"), expired(""))];
        let rounds = usize::try_from(MAX_RESTARTS).unwrap() + 1;
        let told = list(round.iter().cloned().cycle().take(2 * rounds).collect()).await;
        assert_eq!(told.last().unwrap(), "too old");
        assert_eq!(told.len(), rounds + 1);
    }

    #[tokio::test]
    async fn offers_that_lead_nowhere_end_the_list() {
        let told = list(vec![
            (FIRST.into(), page("a", "one")),
            (next("one"), expired("two")),
            (next("two"), expired("three")),
            (next("three"), expired("four")),
            (next("four"), expired("five")),
        ])
        .await;
        assert_eq!(told, [item("a"), "too old".into()]);
    }

    #[tokio::test]
    async fn a_list_does_not_run_in_circles() {
        let told = list(vec![(FIRST.into(), page("a", "one")), (next("one"), page("b", "one"))]).await;
        assert_eq!(told[1], ListError::Circle.to_string());
    }

    #[tokio::test]
    async fn a_kind_that_vanished_is_told_apart() {
        let (client, server) = serve(vec![(FIRST.into(), Answer::text(404, "404 page not found\n"))]);
        let listed: Vec<_> = pages(&client, &configmaps(), Some("app"), "", 2).collect().await;
        assert!(matches!(&listed[..], [Err(ListError::NotFound(_))]), "{listed:?}");
        server.done().await;
    }

    #[tokio::test]
    async fn a_page_that_breaks_off_is_asked_for_again() {
        let told = list(vec![(FIRST.into(), Answer::broken()), (FIRST.into(), page("a", ""))]).await;
        assert_eq!(told, [item("a")]);
    }

    #[tokio::test]
    async fn a_page_that_is_too_large_is_asked_for_in_parts() {
        let one = "GET /api/v1/namespaces/app/configmaps?limit=1";
        let large = Answer::text(200, &" ".repeat(PAGE_LIMIT + 1));
        let told =
            list(vec![(FIRST.into(), large), (one.into(), page("a", "one")), (next("one"), page("b", ""))])
                .await;
        assert_eq!(told, [item("a"), item("b")]);
    }

    #[tokio::test]
    async fn a_page_that_ends_too_early_is_asked_for_again_and_not_for_ever() {
        let torn = Answer::text(200, r#"{"kind":"ConfigMapList","metadata":{},"items":[{"metadata":{"na"#);
        let told = list(vec![(FIRST.into(), torn.clone()), (FIRST.into(), page("a", ""))]).await;
        assert_eq!(told, [item("a")]);
        let told = list(vec![(FIRST.into(), torn); 3]).await;
        assert!(told[0].starts_with("the answer of the API server is not a list: EOF"), "{told:?}");
    }

    #[tokio::test]
    async fn what_is_not_a_list_is_an_error_and_no_empty_list() {
        for other in [r#"{"kind":"Status","status":"Failure"}"#, "<html>", "[]", r#"{"items":{}}"#] {
            let told = list(vec![(FIRST.into(), Answer::text(200, other))]).await;
            assert!(told[0].starts_with("the answer of the API server is not a list: "), "{told:?}");
        }
    }

    #[tokio::test]
    async fn items_without_metadata_are_handed_on_as_they_are() {
        let odd = r#"{"items":[null,7,{},{"metadata":{"name":"a"}}]}"#;
        assert_eq!(
            list(vec![(FIRST.into(), Answer::text(200, odd))]).await,
            ["null,7,{},".to_owned() + &item("a")]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_names_the_time_to_come_back_for_as_long_as_it_is_busy() {
        let busy = Answer::text(429, "too many requests").with("retry-after", "1");
        let mut script = vec![(FIRST.to_owned(), busy.clone()); 30];
        script.push((FIRST.into(), page("a", "")));
        let begin = tokio::time::Instant::now();
        assert_eq!(list(script).await, [item("a")]);
        assert_eq!(begin.elapsed().as_secs(), 30);

        let seconds = usize::try_from(PATIENCE.as_secs()).unwrap();
        assert_eq!(list(vec![(FIRST.into(), busy); seconds + 1]).await, ["too many requests"]);
    }
}

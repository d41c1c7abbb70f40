//! All objects of a kind, page by page, as the API server wrote them.
//!
//! A list is read at one revision as long as the server keeps it. When a continue token expires in the middle, the list goes on at the
//! newer revision that the server offers, or starts again from the beginning where it offers none; either way the pages say so
//! ([`Page::spans_revisions`]) and nothing is left out: what was there all the time is in at least one page. An object can then be in two
//! pages; whoever must not see it twice claims keys.
//!
//! Memory is bounded by one page of at most [`PAGE_LIMIT`] bytes. A page that is larger is asked for again with fewer objects. The next
//! page is requested when the stream is polled, not before.

pub mod page;

use bytes::Bytes;
use futures::Stream;
use http::Request;
use kube::Client;
use kube::core::Status;
use lateen_core::kind::ServedKind;

pub use self::page::Page;
use crate::request::{self, Path, RequestError};

/// The largest page in bytes. 500 objects, Velero's page, of 100 KiB each are 50 MB, and such objects are rare; etcd's limit of 1.5 MiB for
/// one object, in JSON and with base64 some 4 MiB, lets 16 of the largest into a page.
pub const PAGE_LIMIT: usize = 64 << 20;

/// The page size that a list falls back to that should come in one piece and is too large for it.
pub const FALLBACK_PAGE_SIZE: u32 = 500;

/// By what a page is made smaller that was too large: from 500 objects it takes three more tries to get to the 16 that always fit.
const SHRINK: u32 = 4;

/// Expired tokens in a row without a page between them. A server that offers a new token serves at least the page of that token.
pub const MAX_EXPIRED: u32 = 3;

/// Times that a list starts from the beginning because its token expired and the server offers no other.
pub const MAX_RESTARTS: u32 = 1;

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
    /// The server sends us in circles.
    #[error("the API server continues the list at a place that it was at before")]
    Circle,
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
            let answer = request::text(&self.client, &request, PAGE_LIMIT).await.and_then(|text| {
                Page::read(text, &self.kind)
                    .map_err(|source| RequestError::Unexpected { expected: "a list", source })
            });
            match answer {
                Ok(page) => return self.cursor.turn(page).map(Some),
                Err(error) => self.cursor.recover(error)?,
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

/// Where a list stands.
#[derive(Debug)]
struct Cursor {
    token: String,
    page_size: u32,
    spans_revisions: bool,
    expired: u32,
    restarts: u32,
    done: bool,
}

impl Cursor {
    fn new(page_size: u32) -> Self {
        Self { token: String::new(), page_size, spans_revisions: false, expired: 0, restarts: 0, done: false }
    }

    /// After a page.
    fn turn(&mut self, mut page: Page) -> Result<Page, ListError> {
        let next = std::mem::take(&mut page.continue_token);
        if !next.is_empty() && next == self.token {
            return Err(ListError::Circle);
        }
        self.done = next.is_empty();
        self.token = next;
        self.expired = 0;
        page.spans_revisions = self.spans_revisions;
        Ok(page)
    }

    /// After an error: where to go on, if there is a way.
    fn recover(&mut self, error: RequestError) -> Result<(), ListError> {
        match error {
            RequestError::TooLarge { .. } if self.page_size != 1 => {
                self.page_size = match self.page_size {
                    0 => FALLBACK_PAGE_SIZE,
                    size => (size / SHRINK).max(1),
                };
                Ok(())
            }
            RequestError::Status(status) => self.refused(status),
            other => Err(ListError::Other(other)),
        }
    }

    fn refused(&mut self, status: Box<Status>) -> Result<(), ListError> {
        if status.is_not_found() {
            return Err(ListError::NotFound(status));
        }
        if status.is_forbidden() {
            return Err(ListError::Forbidden(status));
        }
        if status.code != 410 {
            return Err(ListError::Other(RequestError::Status(status)));
        }
        self.expired += 1;
        if self.token.is_empty() || self.expired > MAX_EXPIRED {
            return Err(ListError::Expired(status));
        }
        let offered = status.metadata.as_ref().and_then(|metadata| metadata.continue_.clone());
        match offered.filter(|token| !token.is_empty()) {
            Some(token) => self.token = token,
            None if self.restarts < MAX_RESTARTS => {
                self.restarts += 1;
                self.token.clear();
                // All at once: what is not paged cannot expire.
                self.page_size = 0;
            }
            None => return Err(ListError::Expired(status)),
        }
        self.spans_revisions = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;
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
    async fn without_an_offer_the_list_starts_again_in_one_piece() {
        let all = "GET /api/v1/namespaces/app/configmaps";
        let told = list(vec![
            (FIRST.into(), page("a", "one")),
            (next("one"), expired("")),
            (all.into(), page("b", "")),
        ])
        .await;
        assert_eq!(told, [item("a"), item("b") + " spans"]);
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
        let told = list(vec![
            (FIRST.into(), large),
            (one.into(), page("a", "one")),
            (format!("{one}&continue=one"), page("b", "")),
        ])
        .await;
        assert_eq!(told, [item("a"), item("b")]);
    }

    #[test]
    fn pages_that_are_too_large_shrink_until_one_object_is_left() {
        let mut cursor = Cursor::new(0);
        let mut sizes = vec![];
        while cursor.recover(RequestError::TooLarge { limit: 1 }).is_ok() {
            sizes.push(cursor.page_size);
        }
        assert_eq!(sizes, [500, 125, 31, 7, 1]);
    }
}

//! Where a list stands, and where it goes on after an answer that is no page: pure.
//!
//! Whatever a server answers, a list ends: at its last page, or with an error when it gets no further. To notice that, one token of the
//! past is kept and moved ahead at growing distances (Brent's way of finding a circle), so a circle of any length is found at the cost of
//! one token.

use lateen_core::kind::ServedKind;

use super::page::Page;
use super::{
    FALLBACK_PAGE_SIZE, ListError, MAX_EMPTY_PAGES, MAX_EXPIRED, MAX_RESTARTS, PAGE_LIMIT, PAGE_TARGET,
    SINGLE_LIMIT,
};
use crate::request::{MAX_BROKEN_ANSWERS, RequestError};

/// By what a page is made smaller that was too large: from 500 objects it takes four more tries to get to a single one.
const SHRINK: u32 = 4;

/// Where a list stands.
#[derive(Debug)]
pub(super) struct Cursor {
    /// What to continue with; empty at the beginning.
    pub(super) token: String,
    /// Objects to ask for; 0 for all.
    pub(super) page_size: u32,
    /// After the last page.
    pub(super) done: bool,
    /// Objects on a page at most, as the caller wants it.
    wanted: u32,
    trail: Trail,
    spans_revisions: bool,
    empty: u32,
    expired: u32,
    restarts: u32,
    torn: u32,
}

impl Cursor {
    pub(super) fn new(page_size: u32) -> Self {
        Self {
            token: String::new(),
            page_size,
            done: false,
            wanted: page_size,
            trail: Trail::default(),
            spans_revisions: false,
            empty: 0,
            expired: 0,
            restarts: 0,
            torn: 0,
        }
    }

    /// The largest answer to take, in bytes. A single object may be larger than any page should be.
    pub(super) fn limit(&self) -> usize {
        if self.page_size == 1 { SINGLE_LIMIT } else { PAGE_LIMIT }
    }

    /// After an answer: the page in it, or none where the list goes on in another way.
    pub(super) fn take(
        &mut self,
        answer: Result<String, RequestError>,
        kind: &ServedKind,
    ) -> Result<Option<Page>, ListError> {
        match answer.map(|text| Page::read(text, kind)) {
            Ok(Ok(page)) => self.turn(page).map(Some),
            Ok(Err(error)) if error.is_eof() && self.torn < MAX_BROKEN_ANSWERS => {
                // Somebody between us and the server cut it off and closed it properly.
                self.torn += 1;
                Ok(None)
            }
            Ok(Err(source)) => Err(ListError::Other(RequestError::Unexpected { expected: "a list", source })),
            Err(error) => self.recover(error).map(|()| None),
        }
    }

    fn turn(&mut self, mut page: Page) -> Result<Page, ListError> {
        let next = page.continue_token.clone();
        self.empty = if page.is_empty() { self.empty + 1 } else { 0 };
        if !next.is_empty() && (self.trail.was_at(&next) || self.empty > MAX_EMPTY_PAGES) {
            return Err(ListError::Circle);
        }
        self.done = next.is_empty();
        self.token = next;
        (self.expired, self.torn) = (0, 0);
        self.fit(&page);
        page.spans_revisions = self.spans_revisions;
        Ok(page)
    }

    /// Asks for as many objects as make a page of the right size, if they are as large as those of the page before.
    fn fit(&mut self, page: &Page) {
        if self.page_size == 0 || page.is_empty() {
            return;
        }
        let fitting = PAGE_TARGET / (page.bytes() / page.len()).max(1);
        let fitting = u32::try_from(fitting).unwrap_or(u32::MAX).min(self.wanted);
        // Growing slowly: large objects often have neighbours.
        self.page_size = fitting.min(self.page_size.saturating_mul(2)).max(1);
    }

    fn recover(&mut self, error: RequestError) -> Result<(), ListError> {
        match error {
            RequestError::TooLarge { .. } if self.page_size != 1 => {
                self.wanted = if self.wanted == 0 { FALLBACK_PAGE_SIZE } else { self.wanted };
                self.page_size = match self.page_size {
                    0 => self.wanted,
                    size => (size / SHRINK).max(1),
                };
                Ok(())
            }
            RequestError::Status(status) if status.is_not_found() => Err(ListError::NotFound(status)),
            RequestError::Status(status) if status.is_forbidden() => Err(ListError::Forbidden(status)),
            RequestError::Status(status) if status.code == 410 => {
                let offered = status.metadata.as_ref().and_then(|metadata| metadata.continue_.clone());
                if self.go_on(offered.unwrap_or_default()) { Ok(()) } else { Err(ListError::Expired(status)) }
            }
            other => Err(ListError::Other(other)),
        }
    }

    /// After an expired token: with the one that the server offers or, without an offer, from the beginning. False if it has no use.
    fn go_on(&mut self, offered: String) -> bool {
        self.expired += 1;
        if self.token.is_empty() || self.expired > MAX_EXPIRED {
            return false;
        }
        if offered.is_empty() {
            self.restarts += 1;
            self.trail = Trail::default();
        }
        self.token = offered;
        self.spans_revisions = true;
        self.restarts <= MAX_RESTARTS
    }
}

/// One token of the past.
#[derive(Debug, Default)]
struct Trail {
    mark: String,
    steps: u64,
    distance: u64,
}

impl Trail {
    /// Whether the mark is met again; else the step is counted and the mark perhaps moved here.
    fn was_at(&mut self, token: &str) -> bool {
        if self.mark == token {
            return true;
        }
        self.steps += 1;
        if self.steps > self.distance {
            self.distance = self.steps * 2;
            self.steps = 0;
            token.clone_into(&mut self.mark);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::configmaps;

    fn page(items: &[String], next: &str) -> Result<String, RequestError> {
        let items = items.join(",");
        Ok(format!(r#"{{"kind":"ConfigMapList","metadata":{{"continue":"{next}"}},"items":[{items}]}}"#))
    }

    #[test]
    fn circles_of_any_length_are_noticed() {
        for (start, length) in [(0, 1), (0, 2), (3, 1), (10, 7), (1, 1000)] {
            let mut cursor = Cursor::new(2);
            let at = |step: u64| if step < start { step } else { start + (step - start) % length };
            let ended = (0..10_000).find(|step| {
                cursor.take(page(&["{}".into()], &format!("t{}", at(*step))), &configmaps()).is_err()
            });
            assert!(ended.unwrap() <= 4 * (start + length) + 4, "{start} {length} {ended:?}");
        }
        let mut trail = Trail::default();
        assert!((0..100_000).all(|step| !trail.was_at(&step.to_string())), "new tokens are no circle");
    }

    #[test]
    fn empty_pages_without_end_end_the_list() {
        let mut cursor = Cursor::new(2);
        let empty =
            (0..10_000).find(|step| cursor.take(page(&[], &format!("t{step}")), &configmaps()).is_err());
        assert_eq!(empty, Some(u64::from(MAX_EMPTY_PAGES)));
    }

    #[test]
    fn pages_that_are_too_large_shrink_until_one_object_is_left() {
        let mut cursor = Cursor::new(0);
        let mut sizes = vec![];
        while cursor.recover(RequestError::TooLarge { limit: 1 }).is_ok() {
            sizes.push((cursor.page_size, cursor.limit()));
        }
        let expected = [500, 125, 31, 7].map(|size| (size, PAGE_LIMIT));
        assert_eq!(sizes, expected.into_iter().chain([(1, SINGLE_LIMIT)]).collect::<Vec<_>>());
    }

    #[test]
    fn the_size_of_pages_follows_the_size_of_objects() {
        let object = |bytes: usize| format!("{:?}", "x".repeat(bytes));
        let mut cursor = Cursor::new(500);
        let mut sizes = vec![];
        for (step, bytes) in [1_000, 20_000, 500_000, 3_000_000, 10, 10, 10, 10].into_iter().enumerate() {
            let items = vec![object(bytes); 4];
            cursor.take(page(&items, &step.to_string()), &configmaps()).unwrap();
            sizes.push(cursor.page_size);
        }
        assert_eq!(sizes, [500, 104, 4, 1, 2, 4, 8, 16]);
    }

    #[test]
    fn a_list_in_one_piece_stays_in_one_piece() {
        let mut cursor = Cursor::new(0);
        cursor.take(page(&["{}".into()], ""), &configmaps()).unwrap();
        assert_eq!((cursor.page_size, cursor.done), (0, true));
    }
}

//! Lists that run ahead of the archive.
//!
//! A few lists run side by side, each a few pages ahead; pages are handed out in the order of the plan, so the order of the archive does
//! not depend on which answer came first. What is in flight is bounded by [`LISTS_AHEAD`] times [`PAGES_AHEAD`] pages.

use std::collections::VecDeque;

use futures::StreamExt;
use kube::Client;
use lateen_cluster::list::{ListError, Page, pages};
use lateen_core::kind::ServedKind;
use tokio::sync::mpsc;

/// Lists under way at once. Two keep two cores busy between them; a third hides the first page's latency of short lists.
const LISTS_AHEAD: usize = 3;

/// Pages that a list may be ahead. A page of 500 objects of 3 KB is 1.5 MB, so at most 3 x (2 + 1) pages, some 14 MB, wait.
const PAGES_AHEAD: usize = 2;

/// One list to make: a kind, where, and by which label query.
#[derive(Debug, Clone)]
pub(super) struct ListPlan {
    /// What.
    pub kind: ServedKind,
    /// Where; none for everywhere.
    pub namespace: Option<String>,
    /// Label selector text, empty for all.
    pub query: String,
}

struct Running {
    plan: ListPlan,
    pages: mpsc::Receiver<Result<Page, ListError>>,
}

/// Hands out pages in order.
pub(super) struct Collector {
    client: Client,
    page_size: u32,
    planned: VecDeque<ListPlan>,
    running: VecDeque<Running>,
}

impl Collector {
    /// For these lists, in this order.
    pub(super) fn new(client: Client, page_size: u32, plans: impl IntoIterator<Item = ListPlan>) -> Self {
        Self { client, page_size, planned: plans.into_iter().collect(), running: VecDeque::new() }
    }

    /// The next page, or why a list cannot go on (the list is over then), or none when all lists are done.
    pub(super) async fn next(&mut self) -> Option<(ListPlan, Result<Page, ListError>)> {
        loop {
            while self.running.len() < LISTS_AHEAD {
                let Some(plan) = self.planned.pop_front() else { break };
                self.running.push_back(self.start(plan));
            }
            let first = self.running.front_mut()?;
            match first.pages.recv().await {
                Some(page) => return Some((first.plan.clone(), page)),
                None => drop(self.running.pop_front()),
            }
        }
    }

    fn start(&self, plan: ListPlan) -> Running {
        let (sender, pages_ahead) = mpsc::channel(PAGES_AHEAD);
        let (client, list, page_size) = (self.client.clone(), plan.clone(), self.page_size);
        tokio::spawn(async move {
            let mut stream =
                std::pin::pin!(pages(&client, &list.kind, list.namespace.as_deref(), &list.query, page_size));
            while let Some(page) = stream.next().await {
                let over = page.is_err();
                // Nobody listens any more when the run was given up.
                if sender.send(page).await.is_err() || over {
                    break;
                }
            }
        });
        Running { plan, pages: pages_ahead }
    }
}

//! Lists that run ahead of the archive.
//!
//! A few kinds are listed side by side; pages are handed out in the order of the plan, so the order of the archive does not depend on which
//! answer came first. What waits is bounded in bytes, not in pages, so many small lists (a namespace each, an object each) run far ahead
//! and large ones do not: at most [`AHEAD_BYTES`] and [`HEAD_BYTES`] in pages that wait, and one page in the hand of each of
//! [`KINDS_AHEAD`] tasks. With pages of 500 objects of 3 KB (1.5 MB) that is 18 MB whatever the size of the cluster; with the largest
//! pages there are (8 MiB) 44 MiB. A page is in the count until the next one is asked for.
//!
//! Dropping the collector ends its tasks.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use kube::Client;
use lateen_cluster::list::{ListError, Page, pages};
use lateen_core::backup::places::{Places, look_pays};
use lateen_core::kind::ServedKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Kinds under way at once. Two lists keep two cores busy between them; more hide the latency of kinds with hardly an object, of which
/// every cluster has dozens.
const KINDS_AHEAD: usize = 4;

/// Bytes of pages that may wait, whatever kind they are of.
const AHEAD_BYTES: usize = 8 << 20;

/// Bytes of pages of the kind whose turn it is that may wait besides: the others may have taken all of [`AHEAD_BYTES`].
const HEAD_BYTES: usize = 4 << 20;

/// Pages of a kind that may wait. Only for pages of a few objects it is this limit that counts.
const PAGES_AHEAD: usize = 256;

/// One list: a kind, where, and by which label query. It names where a page comes from.
#[derive(Debug, Clone)]
pub(super) struct ListPlan {
    /// What.
    pub kind: ServedKind,
    /// Where; none for everywhere.
    pub namespace: Option<String>,
    /// Label selector text, empty for all.
    pub query: String,
}

/// The lists of a kind by one label query.
#[derive(Debug, Clone)]
pub(super) struct KindPlan {
    /// What.
    pub kind: ServedKind,
    /// Where.
    pub places: Places,
    /// Label selector text, empty for all.
    pub query: String,
}

impl From<ListPlan> for KindPlan {
    fn from(list: ListPlan) -> Self {
        let places = list.namespace.map_or(Places::Everywhere, |namespace| Places::Each(vec![namespace]));
        Self { kind: list.kind, places, query: list.query }
    }
}

/// A page, or why a list cannot go on, and the list that it is of.
type Listed = (ListPlan, Result<Page, ListError>);

/// A page that waits, with the room that it takes.
struct Waiting {
    listed: Listed,
    room: Option<OwnedSemaphorePermit>,
}

/// Hands out pages in order.
pub(super) struct Collector {
    client: Client,
    page_size: u32,
    planned: VecDeque<KindPlan>,
    running: VecDeque<(KindPlan, mpsc::Receiver<Option<Waiting>>)>,
    tasks: JoinSet<()>,
    ahead: Arc<Semaphore>,
    head: Arc<Semaphore>,
    /// The number of the kind whose turn it is.
    turn: watch::Sender<usize>,
    started: usize,
    /// The room of the page that was handed out last.
    in_hand: Option<OwnedSemaphorePermit>,
}

impl Collector {
    /// For these lists, in this order.
    pub(super) fn new<P: Into<KindPlan>>(
        client: Client,
        page_size: u32,
        plans: impl IntoIterator<Item = P>,
    ) -> Self {
        Self {
            client,
            page_size,
            planned: plans.into_iter().map(Into::into).collect(),
            running: VecDeque::new(),
            tasks: JoinSet::new(),
            ahead: Arc::new(Semaphore::new(AHEAD_BYTES)),
            head: Arc::new(Semaphore::new(HEAD_BYTES)),
            turn: watch::Sender::new(0),
            started: 0,
            in_hand: None,
        }
    }

    /// The next page, or why a list cannot go on (that list is over then), or none when all lists are done. Pages without objects are
    /// left out. The page that was handed out before must not be kept any longer: its room is given to another one.
    pub(super) async fn next(&mut self) -> Option<Listed> {
        self.in_hand = None;
        loop {
            while self.running.len() < KINDS_AHEAD {
                let Some(plan) = self.planned.pop_front() else { break };
                self.start(plan);
            }
            let (_, waiting) = self.running.front_mut()?;
            match waiting.recv().await {
                Some(Some(Waiting { listed, room })) => {
                    self.in_hand = room;
                    return Some(listed);
                }
                Some(None) => self.end_turn(),
                None => {
                    // A task that breaks down must not look like a kind without objects.
                    let KindPlan { kind, query, .. } = self.end_turn()?;
                    return Some((ListPlan { kind, namespace: None, query }, Err(ListError::Abandoned)));
                }
            };
        }
    }

    /// The kind whose turn it was.
    fn end_turn(&mut self) -> Option<KindPlan> {
        while self.tasks.try_join_next().is_some() {}
        self.turn.send_modify(|turn| *turn += 1);
        self.running.pop_front().map(|(plan, _)| plan)
    }

    fn start(&mut self, plan: KindPlan) {
        let (sender, waiting) = mpsc::channel(PAGES_AHEAD);
        let task = KindTask {
            client: self.client.clone(),
            page_size: self.page_size,
            kind: plan.kind.clone(),
            query: plan.query.clone(),
            ahead: self.ahead.clone(),
            head: self.head.clone(),
            turn: self.turn.subscribe(),
            number: self.started,
            sender,
        };
        self.started += 1;
        self.tasks.spawn(task.run(plan.places.clone()));
        self.running.push_back((plan, waiting));
    }
}

/// Nobody listens any more.
struct Closed;

/// Reads the lists of one kind, one after the other.
struct KindTask {
    client: Client,
    page_size: u32,
    kind: ServedKind,
    query: String,
    ahead: Arc<Semaphore>,
    head: Arc<Semaphore>,
    turn: watch::Receiver<usize>,
    number: usize,
    sender: mpsc::Sender<Option<Waiting>>,
}

impl KindTask {
    async fn run(mut self, places: Places) {
        let through = match places {
            Places::Everywhere => self.list(None, None).await.map(drop),
            Places::Each(names) => self.each(&names).await,
            Places::LookFirst(names) => self.look_first(&names).await,
        };
        if let Ok(()) = through {
            // The last word: whoever does not hear it knows that the task broke down.
            let _ = self.sender.send(None).await;
        }
    }

    async fn each(&mut self, names: &[String]) -> Result<(), Closed> {
        for name in names {
            self.list(Some(name), None).await?;
        }
        Ok(())
    }

    async fn look_first(&mut self, names: &[String]) -> Result<(), Closed> {
        // A list in one piece cannot be looked at.
        if self.page_size == 0 || !self.list(None, Some(names.len())).await? {
            self.each(names).await?;
        }
        Ok(())
    }

    /// Hands a list on to its end. With a number of namespaces that could be listed instead, it ends after a look at the first page
    /// where that is the better way, or the only one that is allowed: false, and nothing was handed on.
    async fn list(&mut self, namespace: Option<&str>, instead: Option<usize>) -> Result<bool, Closed> {
        let (client, kind, query) = (self.client.clone(), self.kind.clone(), self.query.clone());
        let mut list = pin!(pages(&client, &kind, namespace, &query, self.page_size));
        let mut first = true;
        while let Some(page) = list.next().await {
            if let (true, Some(namespaces)) = (first, instead)
                && !goes_on(namespaces, &page)
            {
                return Ok(false);
            }
            first = false;
            let over = page.is_err();
            self.hand_on(namespace, page).await?;
            if over {
                break;
            }
        }
        Ok(true)
    }

    async fn hand_on(
        &mut self,
        namespace: Option<&str>,
        page: Result<Page, ListError>,
    ) -> Result<(), Closed> {
        if page.as_ref().is_ok_and(|page| page.is_empty() && !page.spans_revisions) {
            return Ok(());
        }
        let room = self.room(page.as_ref().map_or(0, Page::bytes)).await?;
        let (kind, query) = (self.kind.clone(), self.query.clone());
        let list = ListPlan { kind, namespace: namespace.map(str::to_owned), query };
        self.sender.send(Some(Waiting { listed: (list, page), room })).await.map_err(|_| Closed)
    }

    /// Waits for room: any that is free or, when it is this kind's turn, also what is kept for that.
    async fn room(&mut self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Closed> {
        let ahead = self.ahead.clone().acquire_many_owned(bytes.min(AHEAD_BYTES) as u32);
        let (head, turn, number) = (self.head.clone(), &mut self.turn, self.number);
        let kept = async {
            turn.wait_for(|turn| *turn >= number).await.map_err(|_| Closed)?;
            head.acquire_many_owned(bytes.min(HEAD_BYTES) as u32).await.map_err(|_| Closed)
        };
        tokio::select! {
            biased;
            room = ahead => room.map(Some).map_err(|_| Closed),
            room = kept => room.map(Some),
        }
    }
}

/// Whether the list of the whole cluster that begins like this is read to its end.
fn goes_on(namespaces: usize, first: &Result<Page, ListError>) -> bool {
    match first {
        Ok(page) => page.continue_token().is_empty() || look_pays(namespaces, page.len(), page.remaining),
        // Whoever may list in some namespaces only may do so still.
        Err(ListError::Forbidden(_)) => false,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests;

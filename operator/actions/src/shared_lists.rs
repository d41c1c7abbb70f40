//! Lists that the instances of one action in one run share: eight workers that look for the same Pods ask once.
//!
//! A list is good for half a minute, or until the action writes to that kind. While one instance asks, others with the same question wait for it; if
//! it gives up, the next one asks. Failures are nobody else's: who comes later asks anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{sync::OnceCell, time::Instant};

use crate::{
    cluster_access::{ClusterFailure, ClusterKind, ClusterQuery},
    limits,
};

/// A page as guests get it.
#[derive(Debug)]
pub(crate) struct SharedPage {
    pub(crate) items: Vec<String>,
    pub(crate) next: Option<String>,
    pub(crate) bytes: usize,
}

type Cell = Arc<OnceCell<Arc<SharedPage>>>;

#[derive(Debug)]
struct Entry {
    query: ClusterQuery,
    began: Instant,
    cell: Cell,
}

/// What one action has listed in one run, oldest first.
#[derive(Debug, Default)]
pub(crate) struct SharedLists(Mutex<Vec<Entry>>);

impl SharedLists {
    /// The page, from another instance or by asking.
    pub(crate) async fn page<F: Future<Output = Result<SharedPage, ClusterFailure>>>(
        &self,
        query: &ClusterQuery,
        ask: impl FnOnce() -> F,
    ) -> Result<Arc<SharedPage>, ClusterFailure> {
        let cell = self.cell(query);
        let page = cell.get_or_try_init(|| async { ask().await.map(Arc::new) }).await.map(Arc::clone);
        self.shrink();
        page
    }

    /// A write to that kind has been tried: what was listed before may be wrong.
    pub(crate) fn forget(&self, kind: &ClusterKind) {
        let same = |entry: &Entry| {
            entry.query.kind.group == kind.group && entry.query.kind.resource == kind.resource
        };
        self.entries().retain(|entry| !same(entry));
    }

    fn cell(&self, query: &ClusterQuery) -> Cell {
        let mut entries = self.entries();
        entries.retain(|entry| entry.began.elapsed() < limits::CLUSTER_LIST_AGE);
        if let Some(entry) = entries.iter().find(|entry| entry.query == *query) {
            return Arc::clone(&entry.cell);
        }
        if entries.len() >= limits::CLUSTER_QUERIES {
            entries.remove(0);
        }
        let cell = Cell::default();
        entries.push(Entry { query: query.clone(), began: Instant::now(), cell: Arc::clone(&cell) });
        cell
    }

    /// Gives up the oldest until the rest is not too much.
    fn shrink(&self) {
        let mut entries = self.entries();
        let bytes = |entry: &Entry| entry.cell.get().map_or(0, |page| page.bytes);
        let mut total: usize = entries.iter().map(bytes).sum();
        while total > limits::CLUSTER_LISTS {
            total -= bytes(&entries.remove(0));
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

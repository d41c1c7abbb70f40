//! The items that somebody is working on right now, so that whoever needs one of them waits until it is there.
//!
//! Work on an item and on everything that it needs is one chain, and a chain waits for one other at a time. Two items that need each other,
//! over however many others, must not stop the run: whoever would close the circle does not wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lateen_core::restore::outcome::ItemKey;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The work on one item of the plan, with the items that it brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Chain(u64);

impl Chain {
    /// A new one.
    pub(super) fn next() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self(NUMBER.fetch_add(1, Ordering::Relaxed))
    }
}

/// Who works on what.
#[derive(Default)]
pub(super) struct InHand {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    items: HashMap<ItemKey, Chain>,
    /// Which chain waits for which.
    waiting: HashMap<Chain, Chain>,
}

impl State {
    /// Whether `from` waits for `to`, over however many others. There is no circle to get lost in, because none is ever closed.
    fn leads_to(&self, from: Chain, to: Chain) -> bool {
        let mut at = Some(from);
        while let Some(chain) = at {
            if chain == to {
                return true;
            }
            at = self.waiting.get(&chain).copied();
        }
        false
    }
}

impl InHand {
    /// Takes an item in hand.
    pub(super) fn take(&self, key: &ItemKey, chain: Chain) {
        self.state().items.insert(key.clone(), chain);
    }

    /// Puts an item down: whoever waits for it goes on.
    pub(super) fn put_down(&self, key: &ItemKey) {
        self.state().items.remove(key);
        self.ended.notify_waiters();
    }

    /// Waits until nobody has the item in hand any more; returns at once where that would never be, and when the run stops.
    pub(super) async fn wait(&self, key: &ItemKey, chain: Chain, stop: &CancellationToken) {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            // From here on no end is missed.
            ended.as_mut().enable();
            if !self.begin_waiting(key, chain) {
                return;
            }
            let stopped = stop.run_until_cancelled(ended).await.is_none();
            self.state().waiting.remove(&chain);
            if stopped {
                return;
            }
        }
    }

    /// Whether there is something to wait for; the chain counts as waiting then.
    fn begin_waiting(&self, key: &ItemKey, chain: Chain) -> bool {
        let mut state = self.state();
        let Some(owner) = state.items.get(key).copied() else { return false };
        if state.leads_to(owner, chain) {
            return false;
        }
        state.waiting.insert(chain, owner);
        true
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Whoever panicked with the lock held has not left a half-made change: each is a single step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lateen_core::kind::ObjectName;

    use super::*;

    fn key(name: &str) -> ItemKey {
        ItemKey { resource_key: "v1/Pod".into(), object: ObjectName::new(Some("app"), name) }
    }

    #[tokio::test]
    async fn whoever_needs_an_item_waits_for_it_and_no_circle_is_closed() {
        let in_hand = Arc::new(InHand::default());
        let (one, two, stop) = (Chain::next(), Chain::next(), CancellationToken::new());
        in_hand.take(&key("a"), one);
        in_hand.take(&key("b"), two);
        in_hand.wait(&key("a"), one, &stop).await;
        in_hand.wait(&key("free"), one, &stop).await;

        let waiting = tokio::spawn({
            let (in_hand, stop) = (Arc::clone(&in_hand), stop.clone());
            async move { in_hand.wait(&key("b"), one, &stop).await }
        });
        while in_hand.state().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        // The other way round nobody waits: both would for ever.
        in_hand.wait(&key("a"), two, &stop).await;
        assert!(!waiting.is_finished());
        in_hand.put_down(&key("b"));
        waiting.await.unwrap();
        assert!(in_hand.state().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_run_that_stops_waits_for_nothing() {
        let in_hand = InHand::default();
        let stop = CancellationToken::new();
        in_hand.take(&key("a"), Chain::next());
        stop.cancel();
        in_hand.wait(&key("a"), Chain::next(), &stop).await;
    }
}
